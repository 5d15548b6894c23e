//! Where the server is, from what stands behind `postgres:`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tradebase_core::{Code, Error, Result};

use super::tls::{Tls, Verified};
use crate::escapes::decode;
use crate::options::SqlOptions;

/// What the server's own lists show of us, unless the address says otherwise.
const APPLICATION: &str = "tradebase";
/// The roots that this machine trusts, as a value of `sslrootcert`.
const SYSTEM: &str = "system";
/// How texts of statements are read, whatever the server, its databases and users are set up to:
/// else a `\` would end a text elsewhere than we see it, and placeholders would be found in it.
/// Where PgBouncer allows no settings, no statements of the user's own are run.
const STRINGS: &str = "-c standard_conforming_strings=on";
/// Where a server listens, unless the address says otherwise.
const PORT: u16 = 5432;

/// How long nothing comes from a server until it is asked whether it is still there. The driver's
/// own two hours are longer than any firewall keeps a connection in mind.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
/// How long it may take to answer until it is asked again.
const KEEPALIVE_PAUSE: Duration = Duration::from_secs(10);
/// How often it is asked until its connection counts as lost.
const KEEPALIVE_ATTEMPTS: u32 = 3;

/// A server, and how it is spoken to.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) tls: Tls,
    /// Whether PgBouncer stands before the server.
    pub(super) pgbouncer: bool,
}

/// Reads `//user:password@host:port/database?host=/path`. Nothing of it is shown in errors: any
/// part may be a password that stands in the wrong place.
pub(super) fn parse(rest: &str, options: &SqlOptions) -> Result<Address> {
    let (rest, ours) = take_ours(rest)?;
    let mut config = Config::from_str(&format!("postgres:{rest}")).map_err(|_| {
        let message = "the address of PostgreSQL cannot be read; it is written as \
                       postgres://user:password@host:port/database, with %-escapes for special \
                       characters of a password";
        Error::new(Code::Config, message)
    })?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(Error::new(Code::Config, "the address of PostgreSQL names no host"));
    }
    if config.get_application_name().is_none() {
        config.application_name(APPLICATION);
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(options.connect_wait);
    }
    keep_alive(&mut config, rest.contains("keepalives_idle="));
    let pgbouncer = ours.pgbouncer.unwrap_or(options.pgbouncer);
    settings(&mut config, options);
    let said = config.get_options().map(str::to_owned);
    if pgbouncer && said.is_some() {
        let message = "PgBouncer takes no settings of a session: set time-outs for the user, on \
                       the server";
        return Err(Error::new(Code::Config, message));
    }
    if !pgbouncer {
        // Behind all others, so that it wins.
        config.options(said.map_or_else(|| STRINGS.to_owned(), |said| format!("{said} {STRINGS}")));
    }
    let tls = encryption(&mut config, ours)?;
    Ok(Address { config, tls, pgbouncer })
}

/// What the address says of it wins.
fn keep_alive(config: &mut Config, is_told: bool) {
    if !is_told {
        config.keepalives_idle(KEEPALIVE_AFTER);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(KEEPALIVE_PAUSE);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(KEEPALIVE_ATTEMPTS);
    }
}

/// Sets the time-outs of the options where a session begins, which costs no round trip. What the
/// address says comes behind, and so wins.
fn settings(config: &mut Config, options: &SqlOptions) {
    let waits = [
        ("statement_timeout", options.statement_wait),
        ("lock_timeout", options.lock_wait),
        ("idle_in_transaction_session_timeout", options.idle_in_transaction_wait),
    ];
    let set = waits.iter().filter_map(|(name, wait)| {
        // Nothing would mean no limit.
        let millis = wait.as_ref()?.as_millis().max(1);
        Some(format!("-c {name}={}", i32::try_from(millis).unwrap_or(i32::MAX)))
    });
    let all: Vec<_> = set.chain(config.get_options().map(str::to_owned)).collect();
    if !all.is_empty() {
        config.options(all.join(" "));
    }
}

/// The parameters that the driver does not know, or not all values of.
#[derive(Debug, Default)]
struct Ours {
    mode: Option<Mode>,
    roots: Option<String>,
    pgbouncer: Option<bool>,
}

/// The values of `sslmode`, as PostgreSQL's own programs know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Takes our parameters out of the address.
fn take_ours(rest: &str) -> Result<(String, Ours)> {
    // A password may have a question mark too.
    let host = rest.find('@').unwrap_or_default();
    let Some(at) = rest.get(host..).and_then(|r| r.find('?')).map(|at| host + at) else {
        return Ok((rest.to_owned(), Ours::default()));
    };
    let (before, parameters) = rest.split_at(at);
    let mut ours = Ours::default();
    let mut theirs = Vec::new();
    for parameter in parameters.trim_start_matches('?').split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name {
            "sslmode" => ours.mode = Some(mode(value)?),
            "sslrootcert" => ours.roots = Some(decode(value).ok_or_else(bad_roots)?),
            "pgbouncer" => ours.pgbouncer = Some(flag(value)?),
            _ => theirs.push(parameter),
        }
    }
    let sign = if theirs.is_empty() { "" } else { "?" };
    Ok((format!("{before}{sign}{}", theirs.join("&")), ours))
}

fn flag(value: &str) -> Result<bool> {
    let message = "pgbouncer is true or false in the address of PostgreSQL";
    value.parse().map_err(|_| Error::new(Code::Config, message))
}

fn mode(value: &str) -> Result<Mode> {
    match value {
        "disable" => Ok(Mode::Disable),
        "prefer" => Ok(Mode::Prefer),
        "require" => Ok(Mode::Require),
        "verify-ca" => Ok(Mode::VerifyCa),
        "verify-full" => Ok(Mode::VerifyFull),
        _ => {
            let message = "sslmode is one of disable, prefer, require, verify-ca, verify-full";
            Err(Error::new(Code::Config, message))
        }
    }
}

/// What the address says of encryption. Unless it says something, all that leaves this machine is
/// encrypted, to a server that is verified.
fn encryption(config: &mut Config, ours: Ours) -> Result<Tls> {
    let near = config.get_hosts().iter().all(is_near)
        && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    let system = ours.roots.as_deref() == Some(SYSTEM);
    let roots = ours.roots.as_deref().filter(|_| !system).map(PathBuf::from);
    let mode = match ours.mode {
        // The certificate of anybody would do: half of the world stands behind these roots.
        Some(Mode::Prefer | Mode::Require | Mode::VerifyCa) if system => {
            let message = "sslrootcert=system goes with sslmode=verify-full alone";
            return Err(Error::new(Code::Config, message));
        }
        // As PostgreSQL's own programs have it.
        Some(Mode::Require) if roots.is_some() => Mode::VerifyCa,
        Some(mode) => mode,
        None if near && ours.roots.is_none() => Mode::Disable,
        None => Mode::VerifyFull,
    };
    let (verified, ssl_mode) = match mode {
        Mode::Disable => (None, SslMode::Disable),
        Mode::Prefer => (Some(Verified::Nothing), SslMode::Prefer),
        Mode::Require => (Some(Verified::Nothing), SslMode::Require),
        Mode::VerifyCa => (Some(Verified::Chain), SslMode::Require),
        Mode::VerifyFull => (Some(Verified::Host), SslMode::Require),
    };
    config.ssl_mode(ssl_mode);
    warn(mode, near, config);
    let Some(verified) = verified else { return Ok(Tls::default()) };
    if config.get_hosts().is_empty() {
        // The driver wants a name to verify, which an address can be.
        for address in config.get_hostaddrs().to_vec() {
            config.host(address.to_string());
        }
    }
    Ok(Tls::new(verified, roots))
}

/// Says what an address risks.
fn warn(mode: Mode, near: bool, config: &Config) {
    let risk = match mode {
        Mode::Disable if !near => "nothing is encrypted on the way to another machine",
        Mode::Prefer => "encryption is up to the server, which is not verified",
        Mode::Require => "the server is not verified: anybody in between can read and change all",
        Mode::Disable | Mode::VerifyCa | Mode::VerifyFull => return,
    };
    let remedy = "sslmode=verify-full";
    tracing::warn!(store = "postgres", address = shown(config), remedy, "{risk}");
}

#[cold]
fn bad_roots() -> Error {
    Error::new(Code::Config, "sslrootcert is no path with %-escapes")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rest: &str) -> Result<Config> {
        parse(rest, &SqlOptions::new("")).map(|address| address.config)
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
    fn a_server_that_is_gone_is_noticed_unless_the_address_says_when() {
        let config = read("//localhost/a").unwrap();
        assert_eq!(config.get_keepalives_idle(), KEEPALIVE_AFTER);
        assert_eq!(config.get_keepalives_interval(), Some(KEEPALIVE_PAUSE));
        assert_eq!(config.get_keepalives_retries(), Some(KEEPALIVE_ATTEMPTS));
        let told = "//localhost/a?keepalives_idle=7&keepalives_interval=8&keepalives_retries=9";
        let config = read(told).unwrap();
        assert_eq!(config.get_keepalives_idle(), Duration::from_secs(7));
        assert_eq!(config.get_keepalives_interval(), Some(Duration::from_secs(8)));
        assert_eq!(config.get_keepalives_retries(), Some(9));
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
    fn what_leaves_this_machine_is_encrypted_and_verified_unless_the_address_says_otherwise() {
        use {SslMode as M, Verified as V};
        for (rest, mode, verified) in [
            ("//me@localhost/a", M::Disable, None),
            ("//me@127.0.0.1/a?application_name=b", M::Disable, None),
            ("//me@%2Frun%2Fpg/a", M::Disable, None),
            ("//me@db.example.org/a", M::Require, Some(V::Host)),
            ("//me@10.0.0.7/a", M::Require, Some(V::Host)),
            ("//me@localhost,db.example.org/a", M::Require, Some(V::Host)),
            ("//me@localhost/a?hostaddr=10.0.0.7", M::Require, Some(V::Host)),
            ("///a?hostaddr=10.0.0.7&user=me", M::Require, Some(V::Host)),
            ("//me@localhost/a?sslrootcert=%2Froot.pem", M::Require, Some(V::Host)),
            ("//me@db.example.org/a?sslmode=disable", M::Disable, None),
            ("//me@db.example.org/a?sslmode=prefer", M::Prefer, Some(V::Nothing)),
            ("//me@localhost/a?sslmode=require", M::Require, Some(V::Nothing)),
            ("//me@h/a?sslmode=require&sslrootcert=/r.pem", M::Require, Some(V::Chain)),
            ("//me@h/a?sslmode=verify-ca&sslrootcert=/r.pem", M::Require, Some(V::Chain)),
            ("//me@h/a?sslrootcert=/r.pem&sslmode=verify-full", M::Require, Some(V::Host)),
            ("//me@h/a?sslrootcert=system", M::Require, Some(V::Host)),
            ("//me:who?@h/a?sslmode=verify-full&options=-c%20a%3Db", M::Require, Some(V::Host)),
        ] {
            let Address { config, tls, .. } = parse(rest, &SqlOptions::new("")).unwrap();
            assert_eq!((config.get_ssl_mode(), tls.verified()), (mode, verified), "{rest}");
            assert!(!config.get_hosts().is_empty(), "{rest}");
        }
        for rest in [
            "//me:hunter2@h/a?sslmode=hunter2",
            "//me@h/a?sslmode=allow",
            "//me@h/a?sslmode=require&sslrootcert=system",
            "//me@h/a?sslrootcert=%zz",
        ] {
            let error = read(rest).unwrap_err();
            assert_eq!(error.code(), Code::Config, "{rest}");
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
