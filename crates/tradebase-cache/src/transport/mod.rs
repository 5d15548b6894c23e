//! The way to Redis: the few commands a cache needs, and the door for all others, each under a
//! deadline.
//!
//! The only place that knows the driver, beside the table of its errors.

mod command;
mod door;
mod options;
mod refusal;
mod supervisor;
mod value;

use std::sync::Arc;

use redis::{Cmd, FromRedisValue, Pipeline, cmd};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result};

pub use command::{RedisArg, RedisCommand, RedisPipeline};
pub(crate) use door::without_redis;
pub use options::RedisOptions;
pub use value::RedisValue;

use supervisor::Supervisor;

use crate::Ttl;
use crate::error::Phase;

/// A store of bytes in Redis.
pub(crate) struct Transport {
    supervisor: Arc<Supervisor>,
}

/// What is sent.
pub(crate) enum Request {
    One(Cmd),
    Several(Pipeline),
}

impl Request {
    /// To write an entry that lives so many milliseconds, or for ever.
    pub(crate) fn set(key: &str, bytes: &[u8], life_ms: Option<u64>) -> Self {
        let mut set = cmd("SET");
        set.arg(key).arg(bytes);
        if let Some(life_ms) = life_ms {
            set.arg("PX").arg(life_ms);
        }
        Request::One(set)
    }
}

/// Whether a call whose connection broke may be sent a second time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    /// It only reads.
    Once,
    /// It may have taken effect, and somebody else may have written since.
    Never,
}

/// The answer of Redis for a key that never expires, and for one that is not there.
const PTTL_NEVER: i64 = -1;

impl Transport {
    pub(crate) fn new(options: RedisOptions) -> Result<Self> {
        Ok(Self { supervisor: Supervisor::new(options.settle()?) })
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.supervisor.target.prefix
    }

    /// Where it is with its db, for people.
    pub(crate) fn address(&self) -> String {
        self.supervisor.target.to_string()
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.supervisor.is_up()
    }

    /// Connects, also while Redis is known to be away, and asks whether it answers: a sign-in that
    /// is missing shows with the first command only.
    pub(crate) async fn connect(&self) -> Result<()> {
        need_runtime()?;
        self.supervisor.connect().await?;
        self.ping().await
    }

    pub(crate) async fn ping(&self) -> Result<()> {
        match self.call(Request::One(cmd("PING")), Again::Once).await {
            // A user who may not ask has signed in, and has an answer.
            Err(error) if error.code() == Code::AccessDenied => Ok(()),
            answer => answer,
        }
    }

    /// Lets the connection go, for ever.
    pub(crate) fn close(&self) {
        self.supervisor.close();
    }

    pub(crate) async fn set(&self, set: Request) -> Result<()> {
        self.call(set, Again::Never).await
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.call(Request::One(one("GET", key)), Again::Once).await
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<bool> {
        // The memory of a large value is freed off the server's one thread.
        self.call(Request::One(one("UNLINK", key)), Again::Never).await
    }

    pub(crate) async fn exists(&self, key: &str) -> Result<bool> {
        self.call(Request::One(one("EXISTS", key)), Again::Once).await
    }

    pub(crate) async fn expire(&self, key: &str, life_ms: Option<u64>) -> Result<bool> {
        let Some(life_ms) = life_ms else { return self.persist(key).await };
        let mut expire = one("PEXPIRE", key);
        expire.arg(life_ms);
        self.call(Request::One(expire), Again::Never).await
    }

    /// `PERSIST` alone does not tell an entry that never expires from one that is not there.
    async fn persist(&self, key: &str) -> Result<bool> {
        let mut both = redis::pipe();
        both.add_command(one("PERSIST", key)).ignore().add_command(one("EXISTS", key));
        let (there,) = self.call(Request::Several(both), Again::Never).await?;
        Ok(there)
    }

    pub(crate) async fn ttl(&self, key: &str) -> Result<Option<Ttl>> {
        let left: i64 = self.call(Request::One(one("PTTL", key)), Again::Once).await?;
        Ok(match u64::try_from(left) {
            Ok(millis) => Some(Ttl::millis(millis)),
            Err(_) if left == PTTL_NEVER => Some(Ttl::Never),
            Err(_) => None,
        })
    }

    async fn call<V: FromRedisValue>(&self, request: Request, again: Again) -> Result<V> {
        need_runtime()?;
        let start = Tick::now();
        let mut sent_again = false;
        loop {
            let mut link = self.supervisor.link(start).await?;
            let answer = async {
                match &request {
                    Request::One(one) => one.query_async(&mut link.connection).await,
                    Request::Several(all) => all.query_async(&mut link.connection).await,
                }
            };
            let error = match timeout(self.supervisor.left(start), answer).await {
                Err(_) => return Err(self.supervisor.unanswered(&link)),
                Ok(answer) => {
                    self.supervisor.answered();
                    match answer {
                        Ok(value) => return Ok(value),
                        Err(error) => error,
                    }
                }
            };
            if !error.is_unrecoverable_error() {
                return Err(self.supervisor.error(&error, Phase::Asking));
            }
            self.supervisor.lost(link.epoch());
            if again == Again::Never || sent_again {
                return Err(self.supervisor.error(&error, Phase::Asking));
            }
            sent_again = true;
        }
    }
}

fn need_runtime() -> Result<()> {
    match Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::new(Code::Config, "a cache in Redis needs a runtime of tokio")),
    }
}

fn one(name: &str, key: &str) -> Cmd {
    let mut command = cmd(name);
    command.arg(key);
    command
}
