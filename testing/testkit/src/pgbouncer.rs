//! A private PgBouncer.

use std::ops::Deref;
use std::os::unix::fs::chown;

use crate::port::Port;
use crate::programs::find;
use crate::server::{Launch, PROBE_DEADLINE, Server, write_settings};
use crate::spawn::{User, unprivileged_user};
use crate::{Database, KitError, Postgres, TempFolder, pgwire};

/// Connections to each database, so few that clients must share them.
const SERVER_CONNECTIONS: u32 = 3;

/// A PgBouncer of our own before a [`Postgres`], in transaction mode: 127.0.0.1 and a unix socket,
/// and each transaction on another connection of the server than the one before it.
///
/// It refuses to run as root; then it runs as user `postgres` or `nobody`.
#[derive(Debug)]
pub struct PgBouncer {
    server: Server,
}

impl PgBouncer {
    /// Starts one before that server; returns when a query comes through.
    ///
    /// # Errors
    /// When PgBouncer is missing, or does not start.
    pub fn before(postgres: &Postgres) -> Result<Self, KitError> {
        find("pgbouncer")?;
        let user = unprivileged_user()?;
        let folder = TempFolder::new()?;
        if let Some(user) = user {
            chown(folder.path(), Some(user.uid), Some(user.gid))
                .map_err(|error| KitError::io("give a temp folder to pgbouncer", &error))?;
        }
        let upstream = postgres.port();
        let server = Server::start("pgbouncer", folder, |folder| plan(folder, upstream, user))?;
        Ok(Self { server })
    }

    /// A database of the server behind it, as user `postgres` over TCP through it.
    #[must_use]
    pub fn url(&self, database: &Database) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{}", self.port(), database.name())
    }
}

impl Deref for PgBouncer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn plan(folder: &TempFolder, upstream: u16, user: Option<User>) -> Result<Launch, KitError> {
    let port = Port::hold()?;
    let socket = folder.socket(&format!(".s.PGSQL.{}", port.number()))?;
    let settings = folder.file("pgbouncer.ini");
    let text = format!(
        "[databases]\n* = host=127.0.0.1 port={upstream} user=postgres\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir = {}\n\
         auth_type = any\npool_mode = transaction\nserver_round_robin = 1\n\
         default_pool_size = {SERVER_CONNECTIONS}\nmax_client_conn = 500\n",
        port.number(),
        folder.path().display(),
    );
    write_settings(&settings, &text)?;
    Ok(Launch {
        program: find("pgbouncer")?,
        arguments: vec![settings.display().to_string()],
        user,
        ports: vec![port],
        answers: Box::new(move || pgwire::run(&socket, "select 1", PROBE_DEADLINE)),
        polite_signal: libc::SIGTERM,
        quick_signal: libc::SIGKILL,
    })
}
