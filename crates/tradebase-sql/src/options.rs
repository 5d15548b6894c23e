//! How a relational store is opened.

use std::time::Duration;

use tokio::runtime::Handle;
use tradebase_core::clock::Clock;
use tradebase_core::watch::Watch;
use tradebase_core::{Code, Error, Result, Secret, Table};

/// Connections to PostgreSQL that are kept; each is opened when it is first needed.
pub const POOL_CONNECTIONS: usize = 20;
/// Connections beyond these that are opened when all are in use, and closed when they are not
/// needed any more.
pub const POOL_OVERFLOW: usize = 30;
/// How long a call waits for a free connection. The opening of one has its own wait.
pub const POOL_WAIT: Duration = Duration::from_secs(30);
/// The age at which a connection to PostgreSQL is replaced, between two calls; some go up to an
/// eighth earlier, so that they do not go together.
pub const POOL_RECYCLE: Duration = Duration::from_secs(60 * 60);
/// How long opening a connection to PostgreSQL may take.
pub const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// How long a write to SQLite waits while another process, or another call, writes.
pub const BUSY_WAIT: Duration = Duration::from_secs(5);
/// The longest of these waits: SQLite counts milliseconds in 31 bits, which is some hours more.
pub const BUSY_WAIT_MAX: Duration = Duration::from_secs(24 * 24 * 60 * 60);
/// What each connection to SQLite keeps of the file in memory, in bytes.
pub const CACHE_BYTES: usize = 10 * 1024 * 1024;
/// How much of a SQLite file is read as memory, in bytes: nothing. An error of the disk would come
/// as a signal that ends the process, not as an error of the call.
pub const MMAP_BYTES: usize = 0;
/// Connections that read a SQLite file at most; each is opened when it is first needed.
pub const READERS: usize = 4;
/// Prepared statements kept per connection at most; the least used goes first.
pub const STATEMENTS_MAX: usize = 128;
/// The shortest key of cursors, in bytes: what is shorter can be guessed.
pub const CURSOR_KEY_BYTES_MIN: usize = 16;
/// What takes longer is a slow call: a warning in the log, and an entry of
/// [`Sql::slow_calls`](crate::Sql::slow_calls).
pub const SLOW_AFTER: Duration = Duration::from_millis(100);
/// A ledger does not lose what it has acknowledged.
pub const DURABILITY: Durability = Durability::Full;

/// What survives when the power fails. Both survive the end of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Every write that was answered: it is on the disk before the answer.
    Full,
    /// A consistent state, perhaps without the last writes.
    Relaxed,
}

/// The options of [`Sql::open_with`](crate::Sql::open_with) and
/// [`Sql::later`](crate::Sql::later).
///
/// ```
/// use tradebase_sql::{Durability, SqlOptions};
///
/// let options = SqlOptions::new("sqlite:ticks.db").durability(Durability::Relaxed).readers(2);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SqlOptions {
    pub(crate) url: Secret,
    pub(crate) pool_connections: usize,
    pub(crate) pool_overflow: usize,
    pub(crate) pool_wait: Duration,
    pub(crate) pool_recycle: Option<Duration>,
    pub(crate) connect_wait: Duration,
    pub(crate) statement_wait: Option<Duration>,
    pub(crate) lock_wait: Option<Duration>,
    pub(crate) idle_in_transaction_wait: Option<Duration>,
    pub(crate) pgbouncer: bool,
    pub(crate) busy_wait: Duration,
    pub(crate) cache_bytes: usize,
    pub(crate) mmap_bytes: usize,
    pub(crate) readers: usize,
    pub(crate) statements_max: usize,
    pub(crate) durability: Durability,
    pub(crate) slow_after: Duration,
    pub(crate) runtime: Option<Handle>,
    pub(crate) watch: Watch,
    pub(crate) clock: Clock,
    pub(crate) tables: Vec<&'static Table>,
    pub(crate) cursor_key: Option<Secret>,
    #[cfg(feature = "guest")]
    pub(crate) guest_url: Option<Secret>,
}

impl SqlOptions {
    /// The defaults for that address, which may hold a password.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Secret::new(url),
            pool_connections: POOL_CONNECTIONS,
            pool_overflow: POOL_OVERFLOW,
            pool_wait: POOL_WAIT,
            pool_recycle: Some(POOL_RECYCLE),
            connect_wait: CONNECT_WAIT,
            statement_wait: None,
            lock_wait: None,
            idle_in_transaction_wait: None,
            pgbouncer: false,
            busy_wait: BUSY_WAIT,
            cache_bytes: CACHE_BYTES,
            mmap_bytes: MMAP_BYTES,
            readers: READERS,
            statements_max: STATEMENTS_MAX,
            durability: DURABILITY,
            slow_after: SLOW_AFTER,
            runtime: None,
            watch: Watch::default(),
            clock: Clock::system(),
            tables: Vec::new(),
            cursor_key: None,
            #[cfg(feature = "guest")]
            guest_url: None,
        }
    }

    /// Refuses what no store can be opened with.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.cursor_key {
            Some(key) if key.expose().len() < CURSOR_KEY_BYTES_MIN => {
                let message = format!(
                    "the key of cursors can be guessed: give one of at least \
                     {CURSOR_KEY_BYTES_MIN} bytes, better 32 random ones as text, or none, has {}",
                    key.expose().len()
                );
                Err(Error::new(Code::Config, message))
            }
            _ => Ok(()),
        }
    }

    /// Connections to PostgreSQL that are kept, at least one. See [`POOL_CONNECTIONS`].
    pub fn pool_connections(mut self, count: usize) -> Self {
        self.pool_connections = count.max(1);
        self
    }

    /// Connections beyond these that may be opened, perhaps none. See [`POOL_OVERFLOW`].
    pub fn pool_overflow(mut self, count: usize) -> Self {
        self.pool_overflow = count;
        self
    }

    /// How long a call waits for a free connection. See [`POOL_WAIT`].
    pub fn pool_wait(mut self, wait: Duration) -> Self {
        self.pool_wait = wait;
        self
    }

    /// The age at which a connection to PostgreSQL is replaced, or that none is. See
    /// [`POOL_RECYCLE`].
    pub fn pool_recycle(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.pool_recycle = age.into();
        self
    }

    /// How long opening a connection to PostgreSQL may take. See [`CONNECT_WAIT`].
    pub fn connect_wait(mut self, wait: Duration) -> Self {
        self.connect_wait = wait;
        self
    }

    /// How long PostgreSQL works on one statement before it gives it up, which is an error of the
    /// code [`Code::TimedOut`](tradebase_core::Code::TimedOut).
    ///
    /// Unless told, the server decides: a limit from here would overrule the one that its
    /// operator has given to the user or the database, and no single one suits both a lookup and
    /// a bulk load. A call that must not last longer is dropped, which cancels its statement. What
    /// the address says in `options` wins over this.
    ///
    /// So nothing of this crate bounds a single call once it has its connection: it waits as long
    /// as the server works. Only the end of a transaction has bounds: [`TRANSACTION_WAIT`] for its
    /// closure, then a minute for its COMMIT. A server that is gone without a word is noticed after
    /// a minute by TCP's keep-alive, and by then the call is an error of the code
    /// [`Code::ConnectionLost`](tradebase_core::Code::ConnectionLost); while there is something on
    /// the way to it, by the time-out of the operating system, a quarter of an hour on Linux, or
    /// `tcp_user_timeout` in the address.
    ///
    /// [`TRANSACTION_WAIT`]: crate::TRANSACTION_WAIT
    pub fn statement_wait(mut self, wait: Duration) -> Self {
        self.statement_wait = Some(wait);
        self
    }

    /// How long a statement waits for a lock before it gives up, which is an error of the code
    /// [`Code::Locked`](tradebase_core::Code::Locked). On SQLite it is the same as
    /// [`busy_wait`](SqlOptions::busy_wait); on PostgreSQL, unless told, the server decides, as
    /// for [`statement_wait`](SqlOptions::statement_wait).
    pub fn lock_wait(mut self, wait: Duration) -> Self {
        self.lock_wait = Some(wait);
        self.busy_wait(wait)
    }

    /// How long a transaction on PostgreSQL may stand open with nothing to do before the server
    /// ends its connection, so that a program that hangs holds no locks. Unless told, the server
    /// decides, as for [`statement_wait`](SqlOptions::statement_wait).
    pub fn idle_in_transaction_wait(mut self, wait: Duration) -> Self {
        self.idle_in_transaction_wait = Some(wait);
        self
    }

    /// Says that PgBouncer stands before PostgreSQL and hands out its connections transaction by
    /// transaction. The parameter `pgbouncer=true` of the address says the same.
    ///
    /// No statement is prepared then: each goes along with its parameters, in one message. Rows
    /// go as arrays and not by COPY, SQL of your own is an error of the code
    /// [`Code::Unsupported`](tradebase_core::Code::Unsupported), and settings of a session are
    /// one of the code [`Code::Config`](tradebase_core::Code::Config). PgBouncer 1.21 or later
    /// with `max_prepared_statements` can do without this, and is faster.
    pub fn pgbouncer(mut self, before: bool) -> Self {
        self.pgbouncer = before;
        self
    }

    /// How long a write to SQLite waits for another writer, at most [`BUSY_WAIT_MAX`]. See
    /// [`BUSY_WAIT`].
    pub fn busy_wait(mut self, wait: Duration) -> Self {
        self.busy_wait = wait.min(BUSY_WAIT_MAX);
        self
    }

    /// What each connection to SQLite keeps of the file in memory. See [`CACHE_BYTES`].
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// How much of a SQLite file is read as memory, which some long reads are quicker by. See
    /// [`MMAP_BYTES`].
    pub fn mmap_bytes(mut self, bytes: usize) -> Self {
        self.mmap_bytes = bytes;
        self
    }

    /// Connections that read a SQLite file at most, at least one. See [`READERS`].
    pub fn readers(mut self, count: usize) -> Self {
        self.readers = count.max(1);
        self
    }

    /// Prepared statements kept per connection at most, at least one. See [`STATEMENTS_MAX`].
    pub fn statements_max(mut self, count: usize) -> Self {
        self.statements_max = count.max(1);
        self
    }

    /// What survives when the power fails, on SQLite. PostgreSQL keeps to its own settings.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How long a call takes before it counts as slow. See [`SLOW_AFTER`].
    pub fn slow_after(mut self, wait: Duration) -> Self {
        self.slow_after = wait;
        self
    }

    /// The runtime that connections to PostgreSQL and threads for SQLite belong to, so that a
    /// store outlives the runtime of the call that first uses it. Unless told, it is the runtime
    /// of each call.
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// What watches the operations of the store.
    pub fn watch(mut self, watch: Watch) -> Self {
        self.watch = watch;
        self
    }

    /// The clock by which the layer says when rows were made and written.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Tables that are created with those they point to when the store is connected, if they are
    /// missing. A table that is there is never altered.
    pub fn create_tables(mut self, tables: impl IntoIterator<Item = &'static Table>) -> Self {
        self.tables.extend(tables);
        self
    }

    /// What a [`Cursor`](crate::Cursor) is sealed with, so that nobody else can make one: for
    /// cursors that go to clients. 32 random bytes, as text, are enough; a key of fewer than
    /// [`CURSOR_KEY_BYTES_MIN`] is refused when the store is opened, as one that can be guessed.
    /// Cursors of another key are refused.
    pub fn cursor_key(mut self, key: Secret) -> Self {
        self.cursor_key = Some(key);
        self
    }

    /// The address at which guests sign in to PostgreSQL, by a role that can do nothing but read
    /// the tables of guests. See [`Sql::guest_role`](crate::Sql::guest_role).
    #[cfg(feature = "guest")]
    pub fn guest_url(mut self, url: Secret) -> Self {
        self.guest_url = Some(url);
        self
    }
}
