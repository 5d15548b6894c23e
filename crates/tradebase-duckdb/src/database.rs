//! A database that is opened when it is first needed, and closed for all its handles at once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use duckdb::Connection;
use tokio::runtime::Handle;
use tradebase_core::clock::Tick;
use tradebase_core::watch::{Operation, Watch};
use tradebase_core::{Code, Error, Result, Table};

use crate::append::transaction;
use crate::ddl::create_table_sql;
use crate::engine::{Engine, MEMORY, OpenOptions};
use crate::error;
use crate::job::Job;
use crate::locked::WhenLocked;

/// The longest that a close waits for work that is under way.
pub const CLOSE_WAIT_MAX: Duration = Duration::from_secs(10);

/// Where a [`Database`] is and how it is opened.
#[derive(Clone, Debug)]
#[must_use]
pub struct DatabaseOptions {
    pub(crate) store: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) open: OpenOptions,
    pub(crate) when_locked: WhenLocked,
    runtime: Option<Handle>,
    watch: Watch,
    tables: Vec<(&'static Table, String)>,
}

impl DatabaseOptions {
    /// The defaults for a file or `:memory:`; `store` is what logs call the engine.
    pub fn new(store: &'static str, path: impl Into<PathBuf>) -> Self {
        Self {
            store,
            path: path.into(),
            open: OpenOptions::new(),
            when_locked: WhenLocked::default(),
            runtime: None,
            watch: Watch::default(),
            tables: Vec::new(),
        }
    }

    /// How the engine is opened.
    pub fn open(mut self, open: OpenOptions) -> Self {
        self.open = open;
        self
    }

    /// What becomes of the open where another process holds the file.
    pub fn when_locked(mut self, when_locked: WhenLocked) -> Self {
        self.when_locked = when_locked;
        self
    }

    /// The runtime on whose threads the work is done, instead of the caller's.
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// What measures the attempts to open it.
    pub fn watch(mut self, watch: Watch) -> Self {
        self.watch = watch;
        self
    }

    /// Tables that are made when the database is opened, if they are missing.
    pub fn create_tables(
        mut self,
        tables: impl IntoIterator<Item = &'static Table>,
    ) -> Result<Self> {
        for table in tables {
            let sql = create_table_sql(table).map_err(|e| e.of(table))?;
            self.tables.push((table, sql));
        }
        Ok(self)
    }

    fn is_memory(&self) -> bool {
        self.path == Path::new(MEMORY)
    }

    fn check(&self) -> Result<()> {
        let config = |message: &str| Err(Error::new(Code::Config, message));
        if self.path.as_os_str().is_empty() {
            return config("the path of the database is empty, name a file or `:memory:`");
        }
        if self.is_memory() && self.open.read_only {
            return config("a database in memory is always new, it cannot be for reading only");
        }
        if self.open.threads == Some(0) {
            return config("a database needs at least one thread");
        }
        Ok(())
    }
}

/// A file or memory of DuckDB for async code. Clones are the same database.
///
/// The first call that needs it opens it. A failed open is an error of that call and of those that
/// waited for it, and the next one tries again. Work goes to threads that may block.
#[derive(Clone, Debug)]
pub struct Database(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) options: DatabaseOptions,
    state: Mutex<State>,
    /// Told when work ends.
    ended: Condvar,
    /// Held by the one call that opens it.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    engine: Option<Engine>,
    /// Whether the engine is in memory because the file was locked.
    fell_back: bool,
    is_closed: bool,
    /// The pieces of work that have the engine, or may open it.
    working: usize,
    /// The attempts to open it that failed.
    failures: u64,
    /// Why the last of them did.
    refused: Option<Error>,
}

/// The engine, kept open for a piece of work: a close waits until it is dropped.
#[derive(Debug)]
pub struct Held {
    // Dropped before the work is said to be over.
    engine: Engine,
    _work: Work,
}

/// A piece of work that a close waits for.
#[derive(Debug)]
pub(crate) struct Work(Arc<Inner>);

impl Held {
    pub(crate) fn new(engine: Engine, work: Work) -> Self {
        Self { engine, _work: work }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.state().working -= 1;
        self.0.ended.notify_all();
    }
}

impl Database {
    /// Checks the options; nothing is opened yet.
    pub fn later(options: DatabaseOptions) -> Result<Self> {
        options.check()?;
        Ok(Self(Arc::new(Inner {
            options,
            state: Mutex::default(),
            ended: Condvar::new(),
            opening: tokio::sync::Mutex::default(),
        })))
    }

    /// Opens it, if it is not open.
    pub async fn connect(&self) -> Result<()> {
        self.hold().await.map(drop)
    }

    /// Whether it is open.
    pub fn is_connected(&self) -> bool {
        self.0.state().engine.is_some()
    }

    /// Asks it something, opening it if need be.
    pub async fn ping(&self) -> Result<()> {
        self.with(|connection| connection.execute_batch("SELECT 1").map_err(error::of)).await
    }

    /// Where it is, for people: the path that was given, or `:memory:`.
    pub fn address(&self) -> String {
        if self.0.state().fell_back {
            return MEMORY.to_owned();
        }
        self.0.options.path.display().to_string()
    }

    /// Whether its rows end with the process.
    pub fn is_in_memory(&self) -> bool {
        self.0.options.is_memory() || self.0.state().fell_back
    }

    /// The file that was asked for, where it was locked and memory has taken its place.
    pub fn instead_of(&self) -> Option<PathBuf> {
        self.0.state().fell_back.then(|| self.0.options.path.clone())
    }

    /// Works on a connection that is used again; see [`Engine::with`].
    pub async fn with<U: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<U> + Send + 'static,
    ) -> Result<U> {
        self.start(|engine| engine.with(work)).await?.end().await
    }

    /// Starts work on the engine, on a thread that may block.
    pub async fn start<U: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<U> + Send + 'static,
    ) -> Result<Job<U>> {
        let held = self.hold().await?;
        self.run(move || work(held.engine()))
    }

    /// Starts work that needs no engine, or has one.
    pub fn run<U: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<U> + Send + 'static,
    ) -> Result<Job<U>> {
        Job::start(self.0.options.runtime.as_ref(), work)
    }

    /// The engine, opened if need be.
    ///
    /// One call at a time opens it. One that waited behind an attempt that failed takes its error,
    /// so that no caller waits for more than one.
    pub async fn hold(&self) -> Result<Held> {
        let failures = match self.0.held()? {
            Ok(held) => return Ok(held),
            Err(failures) => failures,
        };
        let came = Tick::now();
        let _only_one = self.0.opening.lock().await;
        match self.0.held()? {
            Ok(held) => return Ok(held),
            Err(now) if now != failures => self.0.refused()?,
            Err(_) => {}
        }
        let open = async {
            let (held, fell_back) = self.open(came).await?;
            self.0.settle(held.engine(), fell_back)?;
            let store = self.0.options.store;
            tracing::info!(store, operation = "connect", address = self.address(), "connected");
            Ok(held)
        };
        let opened = self.0.options.watch.run(Operation::Connect, |_| 0, open).await;
        opened.inspect_err(|e| self.0.note_refused(e))
    }

    /// Closes it for all its handles; what comes later is an error of the code
    /// [`Closed`](Code::Closed).
    ///
    /// It waits for work under way, at most [`CLOSE_WAIT_MAX`]. When it answers, everything is in
    /// the file and another process may open it, unless this process has opened the file apart
    /// from these handles too. After an error the file is closed when the work ends.
    pub async fn close(&self) -> Result<()> {
        // From here on nobody opens it, nor waits for it.
        self.0.state().is_closed = true;
        let inner = Arc::clone(&self.0);
        self.run(move || inner.close())?.end().await
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is made whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine if it is open, else how many attempts to open it have failed.
    fn held(self: &Arc<Self>) -> Result<Result<Held, u64>> {
        let mut state = self.state();
        if state.is_closed {
            return Err(error::closed());
        }
        let Some(engine) = state.engine.clone() else { return Ok(Err(state.failures)) };
        state.working += 1;
        Ok(Ok(Held::new(engine, Work(Arc::clone(self)))))
    }

    /// Work that has no engine yet.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<Work> {
        let mut state = self.state();
        if state.is_closed {
            return Err(error::closed());
        }
        state.working += 1;
        Ok(Work(Arc::clone(self)))
    }

    /// Keeps the engine, unless somebody has closed the database meanwhile.
    fn settle(&self, engine: &Engine, fell_back: bool) -> Result<()> {
        let mut state = self.state();
        if state.is_closed {
            return Err(error::closed());
        }
        state.engine = Some(engine.clone());
        state.fell_back = fell_back;
        state.refused = None;
        Ok(())
    }

    fn note_refused(&self, why: &Error) {
        let mut state = self.state();
        state.failures += 1;
        state.refused = Some(why.again());
    }

    /// The error of the last attempt to open it, if that failed.
    fn refused(&self) -> Result<()> {
        self.state().refused.as_ref().map_or(Ok(()), |why| Err(why.again()))
    }

    /// Makes the tables that are missing, all or none.
    pub(crate) fn make_tables(&self, engine: &Engine) -> Result<()> {
        if self.options.tables.is_empty() || engine.options().read_only {
            return Ok(());
        }
        let _turn = engine.turn();
        engine.with(|connection| {
            transaction(connection, || {
                self.options.tables.iter().try_for_each(|(table, sql)| {
                    connection.execute_batch(sql).map_err(|e| error::of(e).of(table))
                })
            })
        })
    }

    fn close(&self) -> Result<()> {
        let mut state = self.state();
        let engine = state.engine.take();
        let due = Tick::now().after(CLOSE_WAIT_MAX);
        while state.working > 0 {
            if due.is_past() {
                let path = self.options.path.display();
                let message = format!("work is still under way, the file closes after it: {path}");
                return Err(Error::new(Code::TimedOut, message));
            }
            state = match self.ended.wait_timeout(state, due.since(Tick::now())) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        drop(state);
        match engine {
            Some(engine) => engine.close().map(|_| ()),
            None => Ok(()),
        }
    }
}
