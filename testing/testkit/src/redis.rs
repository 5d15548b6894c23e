//! A private Redis.

use std::io::{Read, Write};
use std::ops::Deref;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::port::Port;
use crate::programs::find;
use crate::server::{self, Launch, PROBE_DEADLINE, Server, unique, write_settings};
use crate::{KitError, TempFolder};

/// A Redis of our own: 127.0.0.1 and a unix socket, no password, nothing kept unless asked for.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    socket: PathBuf,
}

/// How a [`Redis`] is to be started.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    append_only: bool,
    settings: Vec<(String, String)>,
}

impl RedisOptions {
    /// Whether every write is on disk before it is answered, so that a killed server comes back
    /// with its data. Off by default: it comes back empty.
    #[must_use]
    pub fn append_only(mut self, on: bool) -> Self {
        self.append_only = on;
        self
    }

    /// A line of `redis.conf`, over the settings of this crate, such as `maxmemory` and `1mb`. The
    /// value stands there as it is; one with blanks in it may need quotes.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the server; returns when it answers `PING`.
    ///
    /// # Errors
    /// When Redis is missing, or does not start.
    pub fn start(&self) -> Result<Redis, KitError> {
        let program = find("redis-server")?;
        let folder = TempFolder::new()?;
        let socket = folder.socket("redis.sock")?;
        let server = Server::start("redis-server", folder, |folder| self.plan(&program, folder))?;
        Ok(Redis { server, socket })
    }

    fn plan(&self, program: &Path, folder: &TempFolder) -> Result<Launch, KitError> {
        let port = Port::hold()?;
        let socket = folder.socket("redis.sock")?;
        let settings = folder.file("redis.conf");
        write_settings(&settings, &self.kit_settings(folder, &socket, &port))?;
        Ok(Launch {
            program: program.to_owned(),
            arguments: vec![settings.display().to_string()],
            user: None,
            ports: vec![port],
            answers: Box::new(move || ping(&socket)),
            polite_signal: libc::SIGTERM,
            quick_signal: libc::SIGKILL,
        })
    }

    fn kit_settings(&self, folder: &TempFolder, socket: &Path, port: &Port) -> String {
        let ours = [
            ("bind", "127.0.0.1".to_owned()),
            ("port", port.number().to_string()),
            ("unixsocket", quoted(&socket.display().to_string())),
            ("dir", quoted(&folder.path().display().to_string())),
            ("save", quoted("")),
            ("appendonly", if self.append_only { "yes" } else { "no" }.to_owned()),
            ("appendfsync", "always".to_owned()),
        ];
        let theirs = self.settings.iter().map(|(name, value)| (name.as_str(), value.clone()));
        ours.into_iter().chain(theirs).map(|(name, value)| format!("{name} {value}\n")).collect()
    }
}

impl Redis {
    /// Starts one with the default options.
    ///
    /// # Errors
    /// When Redis is missing, or does not start.
    pub fn start() -> Result<Self, KitError> {
        Self::options().start()
    }

    /// The options, to be changed and then started.
    #[must_use]
    pub fn options() -> RedisOptions {
        RedisOptions::default()
    }

    /// The one that all tests of this process share, with the default options.
    ///
    /// # Panics
    /// When it cannot start, with a message that says what is missing.
    #[track_caller]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<Redis, KitError>> = OnceLock::new();
        server::shared(&SHARED, Self::start)
    }

    /// Its address over TCP.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }

    /// Its unix socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// A beginning for keys that no other call gives, ending in a colon.
    #[must_use]
    pub fn prefix(&self) -> String {
        let (pid, number) = unique();
        format!("kit:{pid}:{number}:")
    }
}

impl Deref for Redis {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn ping(socket: &Path) -> Result<(), String> {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PROBE_DEADLINE))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = vec![0; 7];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    match ask() {
        Ok(answer) if answer == b"+PONG\r\n" => Ok(()),
        // While it loads its data it answers -LOADING.
        Ok(answer) => Err(format!("PING was answered by: {}", answer.escape_ascii())),
        Err(error) => Err(error.to_string()),
    }
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::net::TcpListener;

    #[test]
    fn a_port_lost_to_a_stranger_is_replaced() {
        let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
        let lost = stranger.local_addr().unwrap().port().to_string();
        let program = find("redis-server").unwrap();
        let starts = Cell::new(0);
        let plan = |folder: &TempFolder| {
            starts.set(starts.get() + 1);
            let options = Redis::options();
            let options = if starts.get() < 3 { options.setting("port", &lost) } else { options };
            options.plan(&program, folder)
        };
        let server = Server::start("redis-server", TempFolder::new().unwrap(), plan).unwrap();
        assert_eq!(starts.get(), 3);
        assert!(server.is_running());

        let error = Redis::options().setting("port", &lost).start().unwrap_err();
        assert!(error.to_string().contains("Address already in use"), "{error}");
    }
}
