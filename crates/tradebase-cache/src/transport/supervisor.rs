//! One connection that all calls share: made when first needed, made again when lost.
//!
//! A connection that breaks is seen at once, by the task that drives it, and made again by the
//! next call, which waits for it. When that fails Redis is known to be away: calls fail at once,
//! and one of them tries again each time a growing pause is over.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result, id};

use super::options::{Address, Target};
use crate::error::{self, Phase};
use crate::store::closed;

/// The pause after the first failed attempt; it doubles with each further one.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// So many calls in a row without an answer, and the connection is given up.
const TIMEOUTS_MAX: u32 = 3;
/// Commands that wait to be sent; further callers wait for room, within their deadline.
const QUEUE_MAX: usize = 1024;

const NO_CONNECTION: &str = "no connection was made";
/// What the driver says of a db that it could not select.
const DB_REFUSED: &str = "Redis server refused to switch database";

type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Keeps one connection up.
pub(super) struct Supervisor {
    pub(super) target: Arc<Target>,
    state: Mutex<State>,
    /// Calls in a row that ended without an answer.
    timeouts: AtomicU32,
    /// Held by the call that connects.
    connecting: tokio::sync::Mutex<()>,
    /// For the tasks, which must not keep it alive.
    this: Weak<Supervisor>,
}

struct State {
    stand: Stand,
    /// Counts connections, so that the end of an old one is not taken for that of its successor.
    epoch: u64,
}

/// The state, held.
struct Held<'a>(MutexGuard<'a, State>);

impl Held<'_> {
    fn is_up(&self, epoch: u64) -> bool {
        self.epoch == epoch && matches!(self.stand, Stand::Up(_))
    }

    /// Changes the stand and lets go: what ends with the old one, and what is logged next, may
    /// come back here.
    fn change(mut self, stand: Stand) {
        let ended = std::mem::replace(&mut self.stand, stand);
        drop(self);
        drop(ended);
    }
}

impl Deref for Held<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.0
    }
}

enum Stand {
    /// Not connected, and nothing speaks against it.
    Idle,
    Up(Link),
    Down {
        code: Code,
        text: String,
        attempts: u32,
        since: Tick,
        pause: Duration,
    },
    /// For ever.
    Closed,
}

/// A connection. The last clone ends its task.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) connection: MultiplexedConnection,
    epoch: u64,
    _task: Arc<Task>,
}

impl Link {
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }
}

struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Reports the end of a connection's task, also when its runtime ends it.
struct Ending {
    supervisor: Weak<Supervisor>,
    epoch: u64,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(supervisor) = self.supervisor.upgrade() {
            supervisor.lost(self.epoch);
        }
    }
}

/// What a call finds.
enum Seen {
    Up(Link),
    /// Nobody is known to have failed: all wait for the connection.
    Idle,
    /// The pause is over: one call tries, with this error for the others.
    Due(Error),
    Down(Error),
    Closed,
}

impl Supervisor {
    pub(super) fn new(target: Target) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            target: Arc::new(target),
            state: Mutex::new(State { stand: Stand::Idle, epoch: 0 }),
            timeouts: AtomicU32::new(0),
            connecting: tokio::sync::Mutex::default(),
            this: this.clone(),
        })
    }

    /// The connection, made if there is none, within the deadline of the call that began then.
    pub(super) async fn link(&self, start: Tick) -> Result<Link> {
        let _held = match self.look() {
            Seen::Up(link) => return Ok(link),
            Seen::Down(error) => return Err(error),
            Seen::Closed => return Err(closed()),
            Seen::Due(error) => self.connecting.try_lock().map_err(|_| error)?,
            Seen::Idle => match timeout(self.left(start), self.connecting.lock()).await {
                Ok(held) => held,
                Err(_) => return Err(self.late(NO_CONNECTION, self.target.call_deadline)),
            },
        };
        // Another call may have tried in between.
        match self.look() {
            Seen::Up(link) => Ok(link),
            Seen::Down(error) => Err(error),
            Seen::Closed => Err(closed()),
            Seen::Idle | Seen::Due(_) => self.make(self.left(start)).await,
        }
    }

    /// Connects if there is no connection, also while a pause is not over.
    pub(super) async fn connect(&self) -> Result<()> {
        let (start, limit) = (Tick::now(), self.target.connect_deadline);
        let Ok(_held) = timeout(limit, self.connecting.lock()).await else {
            return Err(self.late(NO_CONNECTION, limit));
        };
        match self.look() {
            Seen::Up(_) => Ok(()),
            Seen::Closed => Err(closed()),
            Seen::Idle | Seen::Due(_) | Seen::Down(_) => {
                self.make(limit.saturating_sub(start.elapsed())).await.map(drop)
            }
        }
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.state().stand, Stand::Up(_))
    }

    /// Lets the connection go, and makes no other.
    pub(super) fn close(&self) {
        self.state().change(Stand::Closed);
    }

    /// What is left of the deadline of a call that began then.
    pub(super) fn left(&self, start: Tick) -> Duration {
        self.target.call_deadline.saturating_sub(start.elapsed())
    }

    /// Notes that a call got an answer.
    pub(super) fn answered(&self) {
        // Looked at first: writing what others read on each call would slow them all.
        if self.timeouts.load(Ordering::Relaxed) != 0 {
            self.timeouts.store(0, Ordering::Relaxed);
        }
    }

    /// Notes that a call got no answer in time, and gives its error.
    pub(super) fn unanswered(&self, link: &Link) -> Error {
        let what = "no answer came, whether it took effect is not known";
        let error = self.late(what, self.target.call_deadline);
        let before = self.timeouts.fetch_add(1, Ordering::Relaxed);
        let state = self.state();
        if before + 1 >= TIMEOUTS_MAX && state.is_up(link.epoch) {
            self.go_down(state, Code::TimedOut, "it does not answer".to_owned());
        }
        error
    }

    /// Notes that a connection ended; the next call makes another.
    pub(super) fn lost(&self, epoch: u64) {
        let state = self.state();
        if state.is_up(epoch) {
            state.change(Stand::Idle);
            tracing::debug!(store = "redis", epoch, "the connection ended");
        }
    }

    pub(super) fn error(&self, error: &RedisError, phase: Phase) -> Error {
        error::of(error, phase, &self.target.address.to_string())
    }

    async fn make(&self, left: Duration) -> Result<Link> {
        let limit = left.min(self.target.connect_deadline);
        let runtime = self.target.runtime.clone().unwrap_or_else(Handle::current);
        let target = Arc::clone(&self.target);
        let opening = runtime.spawn(async move { open(&target).await });
        // A call that is dropped takes its attempt with it.
        let _ends = Task(opening.abort_handle());
        let (code, text) = match timeout(limit, opening).await {
            Ok(Ok(Ok((connection, driver)))) => return self.go_up(&runtime, connection, driver),
            Ok(Ok(Err(error))) => self.refusal(&error),
            Ok(Err(_)) => (Code::Config, "the runtime of its connection has ended".to_owned()),
            Err(_) => (Code::TimedOut, "no connection was made in time".to_owned()),
        };
        let error = self.away(code, &text);
        self.go_down(self.state(), code, text);
        Err(error)
    }

    /// Why no connection was made, with what to do about it.
    #[cold]
    fn refusal(&self, error: &RedisError) -> (Code, String) {
        if !error.to_string().starts_with(DB_REFUSED) {
            return error::told(error, Phase::Connecting);
        }
        let (db, said) = (self.target.sign_in.db(), error.detail().unwrap_or_default());
        let remedy = "the server's setting databases says how many it has";
        (Code::Config, format!("db {db} cannot be selected, {remedy}: {said}"))
    }

    fn go_up(
        &self,
        runtime: &Handle,
        connection: MultiplexedConnection,
        driver: Driver,
    ) -> Result<Link> {
        let mut state = self.state();
        if matches!(state.stand, Stand::Closed) {
            return Err(closed());
        }
        state.epoch += 1;
        self.timeouts.store(0, Ordering::Relaxed);
        let epoch = state.epoch;
        let ending = Ending { supervisor: self.this.clone(), epoch };
        let task = runtime.spawn(async move {
            driver.await;
            drop(ending);
        });
        let link = Link { connection, epoch, _task: Arc::new(Task(task.abort_handle())) };
        let was_down = matches!(state.stand, Stand::Down { .. });
        state.change(Stand::Up(link.clone()));
        let address = &self.target;
        if was_down {
            tracing::info!(store = "redis", %address, "redis is back");
        } else if epoch == 1 {
            tracing::info!(store = "redis", %address, "connected");
        } else {
            tracing::debug!(store = "redis", %address, epoch, "connected again");
        }
        Ok(link)
    }

    fn go_down(&self, state: Held<'_>, code: Code, text: String) {
        let attempts = match state.stand {
            Stand::Down { attempts, .. } => attempts.saturating_add(1),
            Stand::Idle | Stand::Up(_) => 0,
            Stand::Closed => return,
        };
        self.timeouts.store(0, Ordering::Relaxed);
        let (since, pause, shown) = (Tick::now(), pause(attempts), text.clone());
        state.change(Stand::Down { code, text, attempts, since, pause });
        // One line when it goes away, not one for each attempt.
        let address = &self.target;
        if attempts == 0 {
            tracing::warn!(store = "redis", %address, %code, "redis is away: {shown}");
        } else {
            tracing::debug!(store = "redis", %address, %code, attempts, "redis is away");
        }
    }

    fn look(&self) -> Seen {
        match &self.state().stand {
            Stand::Idle => Seen::Idle,
            Stand::Up(link) => Seen::Up(link.clone()),
            Stand::Closed => Seen::Closed,
            Stand::Down { code, text, since, pause, .. } => {
                let error = self.away(*code, text);
                if since.elapsed() < *pause { Seen::Down(error) } else { Seen::Due(error) }
            }
        }
    }

    #[cold]
    fn away(&self, code: Code, text: &str) -> Error {
        Error::new(code, format!("redis at {}: {text}", self.target.address))
    }

    #[cold]
    fn late(&self, what: &str, deadline: Duration) -> Error {
        let message = format!("redis at {}: {what} within {deadline:?}", self.target.address);
        Error::new(Code::TimedOut, message)
    }

    /// A panic elsewhere leaves no half-written state.
    fn state(&self) -> Held<'_> {
        Held(self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn open(target: &Target) -> Result<(MultiplexedConnection, Driver), RedisError> {
    // Deadlines are ours, since they cover the wait for a connection too.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE_MAX);
    match &target.address {
        Address::Tcp(host, port) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            // Off by default in the driver, which costs a third of the throughput on a network.
            stream.set_nodelay(true)?;
            let (connection, driver) =
                MultiplexedConnection::new_with_config(&target.sign_in, stream, config).await?;
            Ok((connection, Box::pin(driver)))
        }
        Address::Unix(path) => {
            let stream = UnixStream::connect(path).await?;
            let (connection, driver) =
                MultiplexedConnection::new_with_config(&target.sign_in, stream, config).await?;
            Ok((connection, Box::pin(driver)))
        }
    }
}

/// The pause after so many failed attempts: doubled each time, and between half and all of it,
/// so that processes do not come back in step.
fn pause(attempts: u32) -> Duration {
    let doubled = PAUSE_FIRST.saturating_mul(1_u32.checked_shl(attempts.min(16)).unwrap_or(1));
    let half = doubled.min(PAUSE_MAX) / 2;
    let [.., random] = id::new().into_bytes();
    half + half * u32::from(random) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_to_redis_grow_up_to_a_bound_and_differ() {
        for (attempts, most) in [(0, 50), (1, 100), (3, 400), (6, 2000), (u32::MAX, 2000)] {
            let most = Duration::from_millis(most);
            let pauses: Vec<_> = (0..50).map(|_| pause(attempts)).collect();
            assert!(pauses.iter().all(|p| (most / 2..=most).contains(p)), "{pauses:?}");
            assert!(pauses.iter().any(|p| *p != pauses[0]));
        }
    }
}
