//! The servers start for root and for a user who is nobody.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use tradebase_testkit::{Influx, KitError, Postgres, Redis, TempFolder, influx, psql, redis_cli};

const NOBODY: u32 = 65_534;
const INSIDE: &str = "KIT_TEST_AS_NOBODY";

#[test]
fn works_as_another_user() -> Result<(), KitError> {
    // SAFETY: geteuid has no preconditions and cannot fail.
    let user = unsafe { libc::geteuid() };
    if user != 0 {
        assert!(env::var_os(INSIDE).is_none() || user == NOBODY);
        return all_three_work();
    }
    // Another user may not enter the build folder, so the test goes where everybody may.
    let folder = TempFolder::new()?;
    let copy = folder.file("test");
    fs::copy(env::current_exe().unwrap(), &copy).unwrap();
    for path in [folder.path(), &copy] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    let mut test = Command::new(copy);
    test.args(["--exact", "works_as_another_user"]).env(INSIDE, "1").current_dir("/");
    let output = test.uid(NOBODY).gid(NOBODY).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    Ok(())
}

#[test]
fn all_three_work_as_this_user() -> Result<(), KitError> {
    all_three_work()
}

fn all_three_work() -> Result<(), KitError> {
    let (postgres, redis, influxd) = (Postgres::start()?, Redis::start()?, Influx::start()?);
    let database = postgres.database();
    assert_eq!(psql(&database.url(), "select 1")?, "1");
    assert_eq!(redis_cli(redis.port(), ["PING"])?, "PONG");
    let name = influxd.database();
    assert!(influx(influxd.port(), &name, "show databases")?.contains(&name));
    for server in [&*postgres, &*redis, &*influxd] {
        server.kill()?;
        server.restart()?;
    }
    assert_eq!(psql(&database.url(), "select 1")?, "1");
    Ok(())
}
