//! Where the server is, from what stands behind `postgres:`.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tradebase_core::{Code, Error, Result};

/// What the server's own lists show of us, unless the address says otherwise.
const APPLICATION: &str = "tradebase";
/// Where a server listens, unless the address says otherwise.
const PORT: u16 = 5432;

/// Reads `//user:password@host:port/database?host=/path`. Nothing of it is shown in errors: any
/// part may be a password that stands in the wrong place.
pub(super) fn parse(rest: &str, connect_wait: Duration) -> Result<Config> {
    let mut config = Config::from_str(&format!("postgres:{rest}")).map_err(|_| {
        let message = "the address of PostgreSQL cannot be read; it is written as \
                       postgres://user:password@host:port/database, with %-escapes for special \
                       characters of a password";
        Error::new(Code::Config, message)
    })?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(Error::new(Code::Config, "the address of PostgreSQL names no host"));
    }
    if config.get_ssl_mode() == SslMode::Require {
        return Err(plain("TLS is asked for"));
    }
    let near = config.get_hosts().iter().all(is_near)
        && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    if !near {
        return Err(plain("the server is on another machine"));
    }
    if config.get_application_name().is_none() {
        config.application_name(APPLICATION);
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(connect_wait);
    }
    Ok(config)
}

/// Host, port and database, for people: `localhost:5432/ledger`.
pub(super) fn shown(config: &Config) -> String {
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) if name.contains(':') => format!("[{name}]"),
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let mut hosts: Vec<_> = hosts.collect();
    if hosts.is_empty() {
        hosts = config.get_hostaddrs().iter().map(ToString::to_string).collect();
    }
    let ports = config.get_ports();
    let places = hosts.into_iter().enumerate().map(|(i, host)| {
        // One port stands for all hosts.
        let port = ports.get(i).or(ports.first()).copied().unwrap_or(PORT);
        format!("{host}:{port}")
    });
    let places = places.collect::<Vec<_>>().join(",");
    format!("{places}/{}", config.get_dbname().or(config.get_user()).unwrap_or_default())
}

fn is_near(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || IpAddr::from_str(name).is_ok_and(|ip| ip.is_loopback())
        }
    }
}

fn plain(why: &str) -> Error {
    let message = format!(
        "{why}, and connections are not encrypted yet: only a server on this machine can be used, \
         through its loopback address or a unix socket"
    );
    Error::new(Code::Unsupported, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rest: &str) -> Result<Config> {
        parse(rest, Duration::from_secs(1))
    }

    #[test]
    fn addresses_on_this_machine_are_taken() {
        for rest in [
            "//me:secret@localhost/ledger",
            "//me@127.0.0.1:5433/ledger",
            "//me@[::1]/ledger",
            "//me@%2Fvar%2Frun%2Fpostgresql/ledger",
            "///ledger?host=/var/run/postgresql&user=me",
            "//localhost/ledger?sslmode=prefer&application_name=bot",
        ] {
            assert!(read(rest).is_ok(), "{rest}");
        }
        assert_eq!(read("//localhost/a").unwrap().get_application_name(), Some(APPLICATION));
    }

    #[test]
    fn addresses_are_shown_without_their_secrets() {
        for (rest, shown_as) in [
            ("//me:hunter2@localhost/ledger", "localhost:5432/ledger"),
            ("//me:hunter2@127.0.0.1:5433/ledger", "127.0.0.1:5433/ledger"),
            ("//me:hunter2@localhost:1,127.0.0.1:2/ledger", "localhost:1,127.0.0.1:2/ledger"),
            ("//me:hunter2@localhost", "localhost:5432/me"),
            ("///ledger?host=/run/pg&user=me&password=hunter2", "/run/pg:5432/ledger"),
        ] {
            assert_eq!(shown(&read(rest).unwrap()), shown_as);
        }
    }

    #[test]
    fn other_machines_are_refused_until_there_is_encryption() {
        for rest in [
            "//me:hunter2@db.example.org/ledger",
            "//me:hunter2@10.0.0.7/ledger",
            "//me:hunter2@localhost,db.example.org/ledger",
            "//me:hunter2@localhost/ledger?hostaddr=10.0.0.7",
            "//me:hunter2@localhost/ledger?sslmode=require",
        ] {
            let error = read(rest).unwrap_err();
            assert_eq!(error.code(), Code::Unsupported, "{rest}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_showing_it() {
        for rest in ["//", "///ledger", "//me@localhost:hunter2/a", "//localhost/a?hunter2=1"] {
            let error = read(rest).unwrap_err();
            assert_eq!(error.code(), Code::Config, "{rest}");
            assert!(!error.to_string().contains("ter2"), "{error}");
        }
    }
}
