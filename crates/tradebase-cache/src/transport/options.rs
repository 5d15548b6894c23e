//! Where Redis is and how it is spoken to.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};
use tokio::runtime::Handle;
use tradebase_core::watch::Watch;
use tradebase_core::{Code, Error, Result, Secret};

/// Where Redis is and how it is spoken to.
///
/// ```
/// use std::time::Duration;
/// use tradebase_cache::RedisOptions;
///
/// let options = RedisOptions::new("redis://app:hunter2@10.0.0.7:6379/1")
///     .with_prefix("live")
///     .with_call_deadline(Duration::from_millis(200));
/// assert!(!format!("{options:?}").contains("hunter2"));
///
/// // From parts, where a name or a password may hold any character.
/// let parts = RedisOptions::tcp("10.0.0.7", 6379)
///     .with_username("app")
///     .with_password(tradebase_core::Secret::new("p@ss:w/rd?"))
///     .with_db(1);
/// ```
#[derive(Clone, Debug)]
pub struct RedisOptions {
    place: Place,
    username: Option<String>,
    password: Option<Secret>,
    db: Option<u32>,
    prefix: String,
    call_deadline: Duration,
    connect_deadline: Duration,
    runtime: Option<Handle>,
    watch: Watch,
}

#[derive(Clone, Debug)]
enum Place {
    /// May hold a password.
    Url(Secret),
    At(Address),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Tcp(String, u16),
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp(host, port) => write!(f, "{host}:{port}"),
            Address::Unix(path) => path.display().fmt(f),
        }
    }
}

impl RedisOptions {
    /// Within what time a call ends, unless told otherwise; waiting for a connection included.
    pub const CALL_DEADLINE: Duration = Duration::from_secs(1);
    /// Within what time a connection is made, unless told otherwise, sign-in included.
    pub const CONNECT_DEADLINE: Duration = Duration::from_secs(1);

    /// A server at `redis://[[user]:password@]host[:port][/db]`, or at
    /// `redis+unix:///path[?db=1&user=…&pass=…]`, also written `unix:`; `valkey` stands for
    /// `redis`. A URL that is wrong is an error of [`CacheStore::redis_with`].
    ///
    /// [`CacheStore::redis_with`]: crate::CacheStore::redis_with
    pub fn new(url: &str) -> Self {
        Self::at(Place::Url(Secret::new(url)))
    }

    /// A server at that host and port.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::at(Place::At(Address::Tcp(host.into(), port)))
    }

    /// A server on this machine, at that socket.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::at(Place::At(Address::Unix(path.into())))
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            username: None,
            password: None,
            db: None,
            prefix: String::new(),
            call_deadline: Self::CALL_DEADLINE,
            connect_deadline: Self::CONNECT_DEADLINE,
            runtime: None,
            watch: Watch::default(),
        }
    }

    /// The logical db; wins over the URL's. 0 where neither says one.
    #[must_use]
    pub fn with_db(mut self, db: u32) -> Self {
        self.db = Some(db);
        self
    }

    /// The user of Redis' access control; wins over the URL's. It needs a password, if only an
    /// empty one.
    #[must_use]
    pub fn with_username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The password, as it is; wins over the URL's.
    #[must_use]
    pub fn with_password(mut self, password: Secret) -> Self {
        self.password = Some(password);
        self
    }

    /// What all keys of the store begin with; a `:` at its end is tolerated.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Within what time a call ends, waiting for a connection included.
    #[must_use]
    pub fn with_call_deadline(mut self, deadline: Duration) -> Self {
        self.call_deadline = deadline;
        self
    }

    /// Within what time a connection is made, sign-in included. A call waits no longer than its
    /// own deadline.
    #[must_use]
    pub fn with_connect_deadline(mut self, deadline: Duration) -> Self {
        self.connect_deadline = deadline;
        self
    }

    /// The runtime that the connection lives on, so that it outlives the one of the call that
    /// made it. It must have threads of its own, since it runs while none of your calls does.
    /// Without, each connection lives on the runtime of the call that makes it.
    #[must_use]
    pub fn with_runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// What every operation passes through; a watch of its own without.
    #[must_use]
    pub fn with_watch(mut self, watch: Watch) -> Self {
        self.watch = watch;
        self
    }

    pub(crate) fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Everything settled, or what is wrong with the URL.
    pub(super) fn settle(self) -> Result<Target> {
        let (address, from_url) = match self.place {
            Place::At(address) => (address, RedisConnectionInfo::default()),
            Place::Url(url) => read(url.expose())?,
        };
        if matches!(&address, Address::Tcp(host, _) if host.is_empty()) {
            return Err(Error::new(Code::Config, "the host of redis must not be empty"));
        }
        let mut sign_in = from_url.set_lib_name("tradebase", env!("CARGO_PKG_VERSION"));
        if let Some(db) = self.db {
            sign_in = sign_in.set_db(db.into());
        }
        if let Some(username) = &self.username {
            sign_in = sign_in.set_username(username);
        }
        if let Some(password) = &self.password {
            sign_in = sign_in.set_password(password.expose());
        }
        if sign_in.username().is_some() && sign_in.password().is_none() {
            // The driver would sign in as nobody.
            let message = format!("redis at {address}: a username needs its password");
            return Err(Error::new(Code::Config, message));
        }
        Ok(Target {
            address,
            sign_in,
            prefix: self.prefix,
            call_deadline: self.call_deadline,
            connect_deadline: self.connect_deadline,
            runtime: self.runtime,
        })
    }
}

/// Options, settled. Not printed: it holds the password.
pub(super) struct Target {
    pub(super) address: Address,
    pub(super) sign_in: RedisConnectionInfo,
    pub(super) prefix: String,
    pub(super) call_deadline: Duration,
    pub(super) connect_deadline: Duration,
    pub(super) runtime: Option<Handle>,
}

/// Where it is with its db, for people.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (address, db) = (&self.address, self.sign_in.db());
        match address {
            Address::Tcp(..) => write!(f, "{address}/{db}"),
            Address::Unix(_) => write!(f, "{address}?db={db}"),
        }
    }
}

fn read(url: &str) -> Result<(Address, RedisConnectionInfo)> {
    let bad = |what: &str| Error::new(Code::Config, format!("not a URL of Redis: {what}"));
    let no_tls = || Error::new(Code::Unsupported, "TLS to Redis is not built in");
    if ["rediss:", "valkeys:"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(no_tls());
    }
    // The driver's texts name the part at fault and never repeat it.
    let info: ConnectionInfo = url.into_connection_info().map_err(|e| bad(&e.to_string()))?;
    let address = match info.addr().clone() {
        ConnectionAddr::Tcp(host, port) => Address::Tcp(host, port),
        ConnectionAddr::Unix(path) => Address::Unix(path),
        _ => return Err(no_tls()),
    };
    let sign_in = info.redis_settings().clone();
    if sign_in.db() < 0 {
        return Err(bad(&format!("the db must not be negative, is {}", sign_in.db())));
    }
    Ok((address, sign_in))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_urls_are_read() {
        for (url, address, db) in [
            ("redis://10.0.0.7", "10.0.0.7:6379", "/0"),
            ("redis://user:pass@db.example:7000/3", "db.example:7000", "/3"),
            ("valkey://[::1]:7000", "[::1]:7000", "/0"),
            ("redis+unix:///run/redis.sock?db=2", "/run/redis.sock", "?db=2"),
            ("unix:/run/redis.sock", "/run/redis.sock", "?db=0"),
            ("unix:///run/redis.sock?pass=a%26b", "/run/redis.sock", "?db=0"),
        ] {
            let target = RedisOptions::new(url).settle().unwrap();
            assert_eq!(target.address.to_string(), address);
            assert_eq!(target.to_string(), format!("{address}{db}"));
        }
    }

    #[test]
    fn a_wrong_url_of_redis_is_a_typed_error_without_its_secret() {
        for (url, code) in [
            ("", Code::Config),
            ("http://user:hunter2@host", Code::Config),
            ("redis://user:hunter2@", Code::Config),
            ("redis://user:hunter2@host:99999", Code::Config),
            ("redis://user:hunter2@host/one", Code::Config),
            ("redis://user:hunter2@host/-1", Code::Config),
            ("redis://user@host", Code::Config),
            ("rediss://user:hunter2@host", Code::Unsupported),
        ] {
            let error = RedisOptions::new(url).settle().err().unwrap();
            assert_eq!(error.code(), code, "{url}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn what_is_said_of_redis_in_code_wins_over_its_url() {
        let options = RedisOptions::new("redis://app:hunter2@host/1");
        let printed = format!("{options:?}");
        assert!(!printed.contains("hunter2"), "{printed}");
        let target = options.clone().settle().unwrap();
        assert_eq!(target.sign_in.password(), Some("hunter2"));
        let said = options.with_db(2).with_username("me").with_password(Secret::new("mine"));
        let target = said.settle().unwrap();
        assert_eq!(target.sign_in.db(), 2);
        assert_eq!(target.sign_in.username(), Some("me"));
        assert_eq!(target.sign_in.password(), Some("mine"));
    }
}
