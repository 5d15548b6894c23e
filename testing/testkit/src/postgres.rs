//! A private PostgreSQL.

use std::fs;
use std::ops::Deref;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::port::Port;
use crate::programs::{command, find, find_postgres};
use crate::server::{self, Launch, PROBE_DEADLINE, Server, unique, write_settings};
use crate::spawn::{User, unprivileged_user};
use crate::{KitError, Proxy, TempFolder, http, pgwire};

/// How long `initdb` may take; half a second is usual.
const INITDB_DEADLINE: Duration = Duration::from_secs(120);
/// How long making a database may take: it waits for a checkpoint.
const CREATE_DEADLINE: Duration = Duration::from_secs(30);
/// How long dropping a database may take; a stopped server is not waited for.
const DROP_DEADLINE: Duration = Duration::from_secs(5);
/// Twice that of a default server: pools of several tests share one.
const CONNECTIONS_MAX: u32 = 200;
/// Neither UTC nor a whole number of hours away from it.
const TIME_ZONE: &str = "Asia/Kolkata";

/// A PostgreSQL of our own: 127.0.0.1 and a unix socket, user `postgres` without a password, an
/// ICU locale (`a` sorts before `B`) and a server time zone other than UTC.
///
/// PostgreSQL refuses to run as root; then it runs as user `postgres` or `nobody`.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    socket: PathBuf,
    fsync: bool,
}

/// How a [`Postgres`] is to be started.
#[derive(Clone, Debug, Default)]
pub struct PostgresOptions {
    fsync: bool,
    settings: Vec<(String, String)>,
    tls: Option<(String, String)>,
    access: Option<String>,
}

impl PostgresOptions {
    /// Whether commits reach the disk before they are answered. Off by default, for speed: what
    /// was committed still survives [`Server::kill`], but benches and crash proofs turn it on.
    #[must_use]
    pub fn fsync(mut self, on: bool) -> Self {
        self.fsync = on;
        self
    }

    /// A line of `postgresql.conf`, over the settings of this crate.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A certificate and its key, as PEM, with which the server encrypts for those who ask for it.
    #[must_use]
    pub fn tls(mut self, certificate: &str, key: &str) -> Self {
        self.tls = Some((certificate.to_owned(), key.to_owned()));
        self.setting("ssl", "on")
    }

    /// The lines of `pg_hba.conf` for TCP, instead of one that trusts everybody.
    #[must_use]
    pub fn access(mut self, lines: &str) -> Self {
        self.access = Some(lines.to_owned());
        self
    }

    /// Makes a data folder and starts the server on it; returns when it answers a query.
    ///
    /// # Errors
    /// When PostgreSQL 15 or later is missing, or does not start.
    pub fn start(&self) -> Result<Postgres, KitError> {
        find("postgres")?;
        let user = unprivileged_user()?;
        let folder = TempFolder::new()?;
        if let Some(user) = user {
            chown(folder.path(), Some(user.uid), Some(user.gid))
                .map_err(|error| KitError::io("give a temp folder to postgres", &error))?;
        }
        initdb(&folder, user)?;
        self.write_secrets(&folder, user)?;
        let server = Server::start("postgres", folder, |folder| self.plan(folder, user))?;
        let socket = socket(server.folder(), server.port())?;
        Ok(Postgres { server, socket, fsync: self.fsync })
    }

    fn write_secrets(&self, folder: &TempFolder, user: Option<User>) -> Result<(), KitError> {
        if let Some(lines) = &self.access {
            let lines = format!("local all all trust\n{lines}\n");
            write_settings(&folder.file("data/pg_hba.conf"), &lines)?;
        }
        let Some((certificate, key)) = &self.tls else { return Ok(()) };
        for (name, text) in [("data/server.crt", certificate), ("data/server.key", key)] {
            let path = folder.file(name);
            write_settings(&path, text)?;
            let given = fs::set_permissions(&path, fs::Permissions::from_mode(0o600));
            // A key that others could read is refused by the server.
            let given = given.and_then(|()| match user {
                Some(user) => chown(&path, Some(user.uid), Some(user.gid)),
                None => Ok(()),
            });
            given.map_err(|error| KitError::io("give a key to postgres", &error))?;
        }
        Ok(())
    }

    fn plan(&self, folder: &TempFolder, user: Option<User>) -> Result<Launch, KitError> {
        let port = Port::hold()?;
        let socket = socket(folder, port.number())?;
        let data = folder.file("data");
        write_settings(&data.join("kit.conf"), &self.kit_settings(folder, &port))?;
        Ok(Launch {
            program: find_postgres("postgres")?,
            arguments: vec!["-D".to_owned(), data.display().to_string()],
            user,
            ports: vec![port],
            answers: Box::new(move || pgwire::run(&socket, "select 1", PROBE_DEADLINE)),
            polite_signal: libc::SIGINT,
            // Not SIGKILL: the postmaster would leave its backends and its shared memory behind.
            quick_signal: libc::SIGQUIT,
        })
    }

    /// They stand in a file and not on the command line, so that `alter system` overrules them.
    fn kit_settings(&self, folder: &TempFolder, port: &Port) -> String {
        let ours = [
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("port", port.number().to_string()),
            ("unix_socket_directories", folder.path().display().to_string()),
            ("max_connections", CONNECTIONS_MAX.to_string()),
            ("timezone", TIME_ZONE.to_owned()),
            ("fsync", if self.fsync { "on" } else { "off" }.to_owned()),
            // In the data folder: segments in /dev/shm would outlive a killed server.
            ("dynamic_shared_memory_type", "mmap".to_owned()),
        ];
        let ours = ours.iter().map(|(name, value)| (*name, value.as_str()));
        let theirs = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        ours.chain(theirs)
            .map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''")))
            .collect()
    }
}

impl Postgres {
    /// Starts one with the default options.
    ///
    /// # Errors
    /// When PostgreSQL 15 or later is missing, or does not start.
    pub fn start() -> Result<Self, KitError> {
        Self::options().start()
    }

    /// The options, to be changed and then started.
    #[must_use]
    pub fn options() -> PostgresOptions {
        PostgresOptions::default()
    }

    /// The one that all tests of this process share, with the default options.
    ///
    /// # Panics
    /// When it cannot start, with a message that says what is missing.
    #[track_caller]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<Postgres, KitError>> = OnceLock::new();
        server::shared(&SHARED, Self::start)
    }

    /// A fresh, empty database, dropped with the value.
    ///
    /// # Panics
    /// When the server does not make it.
    #[track_caller]
    #[must_use]
    pub fn database(&self) -> Database {
        let (pid, number) = unique();
        let name = format!("kit_{pid}_{number}");
        // Template0, because nobody can be connected to it. Copied as files it takes half the
        // time, but for the two checkpoints that such a copy waits for when fsync is on.
        let strategy = if self.fsync { "wal_log" } else { "file_copy" };
        let sql = format!("create database {name} template template0 strategy {strategy}");
        pgwire::run(&self.socket, &sql, CREATE_DEADLINE)
            .unwrap_or_else(|error| panic!("cannot make a database: {error}"));
        Database { name, port: self.port(), socket: self.socket.clone() }
    }

    /// The maintenance database, as user `postgres` over TCP.
    #[must_use]
    pub fn url(&self) -> String {
        tcp_url(&format!("127.0.0.1:{}", self.port()), "postgres")
    }
}

impl Deref for Postgres {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Drop for Postgres {
    /// A killed server could not give its shared memory back, and its next start, which would
    /// have done that, does not come.
    fn drop(&mut self) {
        if !self.is_running() {
            remove_shared_memory(&self.server.folder().file("data"));
        }
    }
}

/// A database of one test, dropped with this value, connections or not.
#[derive(Debug)]
pub struct Database {
    name: String,
    port: u16,
    socket: PathBuf,
}

impl Database {
    /// Its name, which no other database on this machine has.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As user `postgres` over TCP.
    #[must_use]
    pub fn url(&self) -> String {
        tcp_url(&format!("127.0.0.1:{}", self.port), &self.name)
    }

    /// As user `postgres` through a proxy that stands before the server.
    #[must_use]
    pub fn url_through(&self, proxy: &Proxy) -> String {
        tcp_url(&proxy.address().to_string(), &self.name)
    }

    /// As user `postgres` over the unix socket.
    #[must_use]
    pub fn socket_url(&self) -> String {
        let folder = self.socket.parent().unwrap_or(Path::new("/")).display().to_string();
        let host = http::encode(&folder);
        format!("postgres://postgres@{host}:{}/{}", self.port, self.name)
    }
}

impl Drop for Database {
    /// Best effort: the server may be killed, stopped or gone by now.
    fn drop(&mut self) {
        let sql = format!("drop database if exists {} with (force)", self.name);
        _ = pgwire::run(&self.socket, &sql, DROP_DEADLINE);
    }
}

fn initdb(folder: &TempFolder, user: Option<User>) -> Result<(), KitError> {
    let mut initdb = command(&find_postgres("initdb")?);
    initdb.arg("--pgdata").arg(folder.file("data")).current_dir(folder.path());
    initdb.args(["--username=postgres", "--auth=trust", "--no-sync", "--no-instructions"]);
    initdb.args(["--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US"]);
    if let Some(user) = user {
        initdb.uid(user.uid).gid(user.gid);
    }
    crate::command::output("initdb", initdb, "", INITDB_DEADLINE)?;
    let settings = folder.file("data/postgresql.conf");
    let text = fs::read_to_string(&settings)
        .map_err(|error| KitError::io("read postgresql.conf", &error))?;
    write_settings(&settings, &format!("{text}\ninclude 'kit.conf'\n"))
}

fn socket(folder: &TempFolder, port: u16) -> Result<PathBuf, KitError> {
    folder.socket(&format!(".s.PGSQL.{port}"))
}

fn tcp_url(address: &str, database: &str) -> String {
    format!("postgres://postgres@{address}/{database}")
}

/// Removes the System V segment that a dead server's `postmaster.pid` names in its seventh line,
/// key and id, unless somebody else has it by now.
fn remove_shared_memory(data: &Path) -> Option<()> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let mut fields = text.lines().nth(6)?.split_ascii_whitespace();
    let key: u32 = fields.next()?.parse().ok()?;
    let id: libc::c_int = fields.next()?.parse().ok()?;
    // SAFETY: an all-zero shmid_ds is valid, and IPC_STAT fills exactly one.
    let (found, segment) = unsafe {
        let mut segment: libc::shmid_ds = std::mem::zeroed();
        (libc::shmctl(id, libc::IPC_STAT, &raw mut segment), segment)
    };
    if found == 0 && segment.shm_perm.__key.cast_unsigned() == key && segment.shm_nattch == 0 {
        // SAFETY: IPC_RMID takes no buffer; nobody is attached.
        unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
    }
    Some(())
}
