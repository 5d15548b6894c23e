//! A private InfluxDB 1.x.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::port::Port;
use crate::programs::find;
use crate::server::{self, Launch, PROBE_DEADLINE, Server, unique, write_settings};
use crate::{KitError, TempFolder, http};

/// Ten years.
const SHARD: &str = "520w";

/// How long making a database may take.
const CREATE_DEADLINE: Duration = Duration::from_secs(30);
const NO_CONTENT: u16 = 204;
const OK: u16 = 200;

/// An InfluxDB 1.x of our own: 127.0.0.1, no password, reports to nobody, logs warnings only.
#[derive(Debug)]
pub struct Influx {
    server: Server,
    socket: PathBuf,
}

impl Influx {
    /// Starts the server; returns when it answers `/ping`.
    ///
    /// # Errors
    /// When InfluxDB is missing, or does not start.
    pub fn start() -> Result<Self, KitError> {
        let program = find("influxd")?;
        let folder = TempFolder::new()?;
        let socket = folder.socket("influx.sock")?;
        let server = Server::start("influxd", folder, |folder| plan(&program, folder))?;
        Ok(Self { server, socket })
    }

    /// The one that all tests of this process share.
    ///
    /// # Panics
    /// When it cannot start, with a message that says what is missing.
    #[track_caller]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<Influx, KitError>> = OnceLock::new();
        server::shared(&SHARED, Self::start)
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// The name of a fresh, empty database. It goes away with the server.
    ///
    /// Its shards span ten years instead of a week. Rows of tests lie all over the centuries, and
    /// with thousands of new shards InfluxDB 1.6.7 now and then accepts a point that no query
    /// shows before the server is started again.
    ///
    /// # Panics
    /// When the server does not make it.
    #[track_caller]
    #[must_use]
    pub fn database(&self) -> String {
        let (pid, number) = unique();
        let name = format!("kit_{pid}_{number}");
        let statement = format!("CREATE DATABASE {name} WITH SHARD DURATION {SHARD}");
        let path = format!("/query?q={}", http::encode(&statement));
        match http::ask(&self.socket, "POST", &path, CREATE_DEADLINE) {
            // A refusal is a field of an answer with status 200.
            Ok(answer) if answer.status == OK && !answer.body.contains("\"error\"") => name,
            Ok(answer) => panic!("cannot make a database: {} {}", answer.status, answer.body),
            Err(error) => panic!("cannot make a database: {error}"),
        }
    }
}

impl Deref for Influx {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn plan(program: &Path, folder: &TempFolder) -> Result<Launch, KitError> {
    let (port, backup_port) = (Port::hold()?, Port::hold()?);
    let socket = folder.socket("influx.sock")?;
    let settings = folder.file("influxdb.conf");
    write_settings(&settings, &kit_settings(folder, &socket, &port, &backup_port))?;
    Ok(Launch {
        program: program.to_owned(),
        arguments: vec!["run".into(), "-config".into(), settings.display().to_string()],
        user: None,
        ports: vec![port, backup_port],
        answers: Box::new(move || ping(&socket)),
        polite_signal: libc::SIGTERM,
        quick_signal: libc::SIGKILL,
    })
}

/// The port for backups is not used, yet cannot be turned off.
fn kit_settings(folder: &TempFolder, socket: &Path, port: &Port, backup_port: &Port) -> String {
    let quoted = |path: &Path| format!("{:?}", path.display().to_string());
    let (port, backup_port) = (port.number(), backup_port.number());
    let (meta, data, wal) = (folder.file("meta"), folder.file("data"), folder.file("wal"));
    let (meta, data, wal) = (quoted(&meta), quoted(&data), quoted(&wal));
    let socket = quoted(socket);
    format!(
        r#"reporting-enabled = false
bind-address = "127.0.0.1:{backup_port}"

[meta]
dir = {meta}
logging-enabled = false

[data]
dir = {data}
wal-dir = {wal}
query-log-enabled = false

[monitor]
store-enabled = false

[continuous_queries]
log-enabled = false

[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
unix-socket-enabled = true
bind-socket = {socket}

[logging]
level = "warn"
suppress-logo = true
"#
    )
}

fn ping(socket: &Path) -> Result<(), String> {
    match http::ask(socket, "GET", "/ping", PROBE_DEADLINE) {
        Ok(answer) if answer.status == NO_CONTENT => Ok(()),
        Ok(answer) => Err(format!("/ping was answered by: {}", answer.status)),
        Err(error) => Err(error.to_string()),
    }
}
