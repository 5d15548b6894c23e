//! Nothing outlives the process that started it, however that ends.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use tradebase_testkit::{Influx, KitError, Postgres, Proxy, Redis, TempFolder, psql, redis_cli};

const PATIENCE: Duration = Duration::from_secs(30);
/// Names the file into which a process started by these tests writes its servers' pids.
const REPORT: &str = "KIT_TEST_REPORT";

/// One test of this binary as a process of its own.
struct Alone(Child);

impl Alone {
    fn run(test: &str, report: &Path) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", test]).env(REPORT, report).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn succeeds(mut self) -> bool {
        self.0.wait().unwrap().success()
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        _ = (self.0.kill(), self.0.wait());
    }
}

fn report() -> Option<PathBuf> {
    env::var_os(REPORT).map(PathBuf::from)
}

fn tell(report: &Path, pids: &[u32]) {
    let text: String = pids.iter().map(|pid| format!("{pid}\n")).collect();
    let draft = report.with_extension("draft");
    fs::write(&draft, text).unwrap();
    fs::rename(draft, report).unwrap();
}

fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        sleep(Duration::from_millis(5));
    }
}

fn pids_in(report: &Path) -> Vec<u32> {
    until("the report", || report.exists());
    let text = fs::read_to_string(report).unwrap();
    text.lines().map(|pid| pid.parse().unwrap()).collect()
}

fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// All servers, with an open connection to PostgreSQL, and their pids.
fn start_all() -> (Postgres, Redis, Influx, Vec<u32>) {
    let (postgres, redis) = (Postgres::start().unwrap(), Redis::start().unwrap());
    let influx = Influx::start().unwrap();
    let url = postgres.url();
    thread::spawn(move || psql(&url, "select pg_sleep(3600)"));
    let asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
    until("a connection", || psql(&postgres.url(), asleep).unwrap() == "1");
    // Without what comes and goes: the connection that asks, and workers of the autovacuum.
    let lasting = "select pid from pg_stat_activity where wait_event = 'PgSleep' or backend_type \
                   in ('checkpointer', 'background writer', 'walwriter', 'autovacuum launcher')";
    let backends = psql(&postgres.url(), lasting).unwrap();
    let mut pids: Vec<u32> = backends.lines().map(|pid| pid.parse().unwrap()).collect();
    let servers = [postgres.pid(), redis.pid(), influx.pid()];
    pids.extend(servers.map(Option::unwrap));
    assert_eq!(pids.len(), 8);
    (postgres, redis, influx, pids)
}

fn folders_of(pid: u32) -> Vec<PathBuf> {
    let prefix = format!("tradebase-kit-{pid}-");
    let entries = fs::read_dir(env::temp_dir()).unwrap().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
    ours.map(|entry| entry.path()).collect()
}

/// The first folder of any process sweeps; this process has made its first one, so others do it.
fn await_sweep(dead: u32) {
    let folder = TempFolder::new().unwrap();
    until("the sweep", || {
        let sweeper = Alone::run("folders_are_unique_and_removed", &folder.file("report"));
        assert!(sweeper.succeeds());
        folders_of(dead).is_empty()
    });
}

#[test]
fn children_die_when_the_parent_is_killed() -> Result<(), KitError> {
    if let Some(report) = report() {
        let (_postgres, _redis, _influx, pids) = start_all();
        tell(&report, &pids);
        sleep(PATIENCE);
        return Ok(());
    }
    let folder = TempFolder::new()?;
    let mut parent = Alone::run("children_die_when_the_parent_is_killed", &folder.file("report"));
    let pids = pids_in(&folder.file("report"));
    assert!(pids.iter().all(|&pid| runs(pid)), "{pids:?}");
    assert_eq!(folders_of(parent.0.id()).len(), 3);
    parent.kill();
    until("the children's end", || !pids.iter().any(|&pid| runs(pid)));
    await_sweep(parent.0.id());
    Ok(())
}

#[test]
fn stopped_children_die_too() -> Result<(), KitError> {
    if let Some(report) = report() {
        let (postgres, redis, influx, pids) = start_all();
        for server in [&*postgres, &*redis, &*influx] {
            server.stop()?;
        }
        tell(&report, &pids);
        sleep(PATIENCE);
        return Ok(());
    }
    let folder = TempFolder::new()?;
    let mut parent = Alone::run("stopped_children_die_too", &folder.file("report"));
    let pids = pids_in(&folder.file("report"));
    parent.kill();
    until("the children's end", || !pids.iter().any(|&pid| runs(pid)));
    await_sweep(parent.0.id());
    Ok(())
}

#[test]
fn shared_servers_end_with_the_tests() -> Result<(), KitError> {
    if let Some(report) = report() {
        let servers = [Postgres::shared().pid(), Redis::shared().pid(), Influx::shared().pid()];
        tell(&report, &servers.map(Option::unwrap));
        return Ok(());
    }
    let folder = TempFolder::new()?;
    let parent = Alone::run("shared_servers_end_with_the_tests", &folder.file("report"));
    let dead = parent.0.id();
    assert!(parent.succeeds());
    let pids = pids_in(&folder.file("report"));
    assert_eq!(pids.len(), 3);
    until("the children's end", || !pids.iter().any(|&pid| runs(pid)));
    await_sweep(dead);
    Ok(())
}

#[test]
fn folders_are_unique_and_removed() -> Result<(), KitError> {
    let first = TempFolder::new()?;
    let name = first.path().file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with(&format!("tradebase-kit-{}-", std::process::id())), "{name}");
    assert_eq!(fs::metadata(first.path()).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(first.path().is_absolute() && first.file("x.db").starts_with(first.path()));
    let (path, second) = (first.path().to_owned(), TempFolder::new()?);
    assert_ne!(path, second.path());
    fs::write(first.file("x.db"), "x").unwrap();
    drop(first);
    assert!(!path.exists() && second.path().exists());
    Ok(())
}

#[test]
fn servers_outlive_the_thread_that_started_them() -> Result<(), KitError> {
    let server = thread::spawn(Redis::start).join().unwrap()?;
    sleep(Duration::from_millis(100));
    assert_eq!(redis_cli(server.port(), ["PING"])?, "PONG");
    Ok(())
}

#[test]
fn dropped_servers_leave_no_process_and_no_folder() -> Result<(), KitError> {
    if let Some(report) = report() {
        let (postgres, redis, influx, pids) = start_all();
        let proxy = Proxy::before(&format!("127.0.0.1:{}", redis.port()))?;
        drop((postgres, redis, influx, proxy));
        assert!(!pids.iter().any(|&pid| runs(pid)), "{pids:?}");
        assert!(folders_of(std::process::id()).is_empty());
        tell(&report, &[]);
        return Ok(());
    }
    let folder = TempFolder::new()?;
    let test = "dropped_servers_leave_no_process_and_no_folder";
    assert!(Alone::run(test, &folder.file("report")).succeeds());
    assert!(folder.file("report").exists());
    Ok(())
}

#[test]
fn a_killed_postgres_that_is_dropped_leaves_no_shared_memory() -> Result<(), KitError> {
    let server = Postgres::start()?;
    let sql = "select pg_read_file('postmaster.pid')";
    let file = psql(&server.url(), sql)?;
    let id = file.lines().nth(6).unwrap().split_ascii_whitespace().nth(1).unwrap().to_owned();
    let exists = || {
        let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap();
        segments.lines().any(|line| line.split_ascii_whitespace().nth(1) == Some(&id))
    };
    server.kill()?;
    assert!(exists());
    drop(server);
    assert!(!exists());
    Ok(())
}
