//! One DuckDB per file and process, with connections for whoever needs one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use duckdb::{AccessMode, Config, Connection};
use tradebase_core::{Code, Error, Result};

use crate::error;
use crate::file;
use crate::registry::{self, Claim};

/// The path of a database that lives in memory only.
pub const MEMORY: &str = ":memory:";

/// The most idle connections that an engine keeps.
pub const IDLE_CONNECTIONS_MAX: usize = 8;

/// How a database is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Opens an existing file for reading only, beside other readers.
    pub read_only: bool,
    /// The threads a query may use; as many as the machine has unless given.
    pub threads: Option<u16>,
    /// The bytes of memory DuckDB may use; four fifths of the machine's unless given.
    pub memory_bytes_max: Option<u64>,
}

impl OpenOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// See [`read_only`](Self::read_only).
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// See [`threads`](Self::threads).
    #[must_use]
    pub fn threads(mut self, threads: u16) -> Self {
        self.threads = Some(threads);
        self
    }

    /// See [`memory_bytes_max`](Self::memory_bytes_max).
    #[must_use]
    pub fn memory_bytes_max(mut self, bytes: u64) -> Self {
        self.memory_bytes_max = Some(bytes);
        self
    }

    fn config(&self) -> duckdb::Result<Config> {
        let mode = if self.read_only { AccessMode::ReadOnly } else { AccessMode::Automatic };
        let mut config = Config::default()
            .access_mode(mode)?
            // Nothing is downloaded because a statement names it.
            .enable_autoload_extension(false)?
            // UUIDs as 16 bytes instead of text, JSON marked as JSON.
            .with("arrow_lossless_conversion", "true")?;
        if let Some(threads) = self.threads {
            config = config.threads(threads.into())?;
        }
        if let Some(bytes) = self.memory_bytes_max {
            config = config.max_memory(&format!("{bytes}B"))?;
        }
        Ok(config)
    }
}

/// An open database. Handles are cheap to clone; the last one that goes closes the file.
///
/// ```
/// use tradebase_duckdb::{Engine, MEMORY, OpenOptions};
///
/// let engine = Engine::open(MEMORY, OpenOptions::new())?;
/// engine.raw(|connection| connection.execute_batch("CREATE TABLE prices (price DOUBLE)"))?;
/// assert!(engine.close()?);
/// # Ok::<(), tradebase_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Engine(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    /// The canonical path; none for a database in memory.
    path: Option<PathBuf>,
    options: OpenOptions,
    /// The connection that others are made from; none once closed.
    root: Mutex<Option<Connection>>,
    idle: Mutex<Vec<Connection>>,
    turn: Mutex<()>,
    /// Whether the file was made by this open.
    is_new: bool,
}

/// The right to write where writers must not meet; see [`Engine::turn`].
#[derive(Debug)]
#[must_use = "the turn ends when it is dropped"]
pub struct Turn<'a> {
    _guard: MutexGuard<'a, ()>,
}

impl Engine {
    /// Opens a file, or [`MEMORY`] for a new database in memory.
    ///
    /// A file that this process has open already is shared; it must be asked for with the same
    /// options. A file that another process holds is an error of the code
    /// [`FileLocked`](Code::FileLocked); a missing folder or a file that is no database is
    /// [`StorageFailed`](Code::StorageFailed). An open that fails leaves no new file behind.
    pub fn open(path: impl AsRef<Path>, options: OpenOptions) -> Result<Engine> {
        Self::try_open(path.as_ref(), options).map_err(|e| e.during("open"))
    }

    /// The same for a call that says itself what is being done.
    pub(crate) fn try_open(path: &Path, options: OpenOptions) -> Result<Engine> {
        if path == Path::new(MEMORY) || path.as_os_str().is_empty() {
            return Shared::connect(None, options).map(|shared| Engine(Arc::new(shared)));
        }
        let path = file::canonical(path)?;
        let reservation = match registry::claim(&path)? {
            Claim::Open(shared) if shared.options == options => return Ok(Engine(shared)),
            Claim::Open(_) => {
                let message = "the file is open in this process with other options";
                return Err(Error::new(Code::Config, format!("{message}: {}", path.display())));
            }
            Claim::Ours(reservation) => reservation,
        };
        let shared = Arc::new(Shared::connect(Some(path), options)?);
        reservation.settle(Arc::downgrade(&shared));
        Ok(Engine(shared))
    }

    /// The file; none for a database in memory.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// How it was opened.
    pub fn options(&self) -> &OpenOptions {
        &self.0.options
    }

    /// Works on a connection. It blocks: not for an async runtime's own threads.
    ///
    /// The connection is used again afterwards, unless the work failed: then it may stand in a
    /// transaction, and is closed, which rolls back.
    pub fn with<U>(&self, work: impl FnOnce(&Connection) -> Result<U>) -> Result<U> {
        let idle = self.0.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connection()?,
        };
        let done = work(&connection)?;
        let mut idle = self.0.idle();
        if idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push(connection);
        }
        Ok(done)
    }

    /// Works on a connection that is made for the work and closed after it: for statements of
    /// which is not known what they leave open or set.
    pub fn apart<U>(&self, work: impl FnOnce(&Connection) -> Result<U>) -> Result<U> {
        work(&self.connection()?)
    }

    /// THE RAW DOOR: a connection of the library beneath, for what is not wrapped here.
    ///
    /// The connection is made for the work and closed after it, so whatever it leaves open is
    /// rolled back. Nothing of it may be kept: a clone that outlives the engine keeps the file
    /// open behind the back of [`close`](Engine::close).
    pub fn raw<U>(&self, work: impl FnOnce(&Connection) -> duckdb::Result<U>) -> Result<U> {
        let connection = self.connection()?;
        work(&connection).map_err(|e| error::of(e).during("raw"))
    }

    /// A connection of its own. What it leaves open is rolled back when it is dropped. It must not
    /// outlive the engine: it would keep the file open behind the back of
    /// [`close`](Engine::close).
    pub fn connection(&self) -> Result<Connection> {
        let root = self.0.root.lock().unwrap_or_else(PoisonError::into_inner);
        match root.as_ref() {
            Some(root) => root.try_clone().map_err(error::of),
            None => Err(error::closed()),
        }
    }

    /// Waits until nobody else has the turn: for writers that would undo each other, on whatever
    /// handle of the file they are.
    pub fn turn(&self) -> Turn<'_> {
        // Nothing stands behind the lock that a panic could leave half done.
        Turn { _guard: self.0.turn.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// A typed error where the file is open for reading only.
    pub fn check_writable(&self) -> Result<()> {
        if self.0.options.read_only { Err(error::read_only()) } else { Ok(()) }
    }

    /// Closes the database if this is the last handle, and says whether it was.
    ///
    /// When it answers true, everything is in the file and another process may open it. Dropping
    /// the last handle closes it too, but cannot report an error.
    pub fn close(self) -> Result<bool> {
        let Some(shared) = Arc::into_inner(self.0) else { return Ok(false) };
        let mut result = Ok(true);
        // What they left open would keep the file from being written down.
        shared.idle().clear();
        if shared.path.is_some()
            && !shared.options.read_only
            && let Ok(Some(root)) = shared.root.lock().as_deref()
        {
            let checkpoint = root.execute_batch("CHECKPOINT");
            result = checkpoint.map(|()| true).map_err(|e| error::of(e).during("close"));
        }
        drop(shared);
        result
    }

    /// Closes the database and takes its file away, if this open made it, nobody else has it and
    /// nothing is in it.
    pub(crate) fn discard(self) {
        let Some(shared) = Arc::into_inner(self.0) else { return };
        if let Some(path) = &shared.path
            && shared.is_new
            && shared.is_empty()
        {
            // While it is locked, so that it cannot be anybody else's by now.
            file::take_back(path);
        }
    }
}

impl Shared {
    fn connect(path: Option<PathBuf>, options: OpenOptions) -> Result<Self> {
        let config = options.config().map_err(error::of)?;
        let (root, is_new) = match &path {
            Some(path) => Self::open_file(path, config)?,
            None => {
                let root = Connection::open_in_memory_with_flags(config).map_err(error::of)?;
                in_utc(&root)?;
                (root, false)
            }
        };
        let root = Mutex::new(Some(root));
        let (idle, turn) = (Mutex::default(), Mutex::default());
        Ok(Self { path, options, root, idle, turn, is_new })
    }

    /// Opens a file, and says whether it is new.
    fn open_file(path: &Path, config: Config) -> Result<(Connection, bool)> {
        let is_new = !path.exists();
        let opened = Connection::open_with_flags(path, config)
            .map_err(|e| file::refused(path, e))
            .and_then(|root| in_utc(&root).map(|()| root));
        if let Err(why) = &opened
            && is_new
        {
            file::clear_up(path, why);
        }
        opened.map(|root| (root, is_new))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is neither a table nor a view.
    fn is_empty(&self) -> bool {
        const SQL: &str = "SELECT (SELECT count(*) FROM duckdb_tables()) \
                           + (SELECT count(*) FROM duckdb_views() WHERE NOT internal)";
        let root = self.root.lock().unwrap_or_else(PoisonError::into_inner);
        let count = root.as_ref().map(|root| root.query_row(SQL, [], |row| row.get(0)));
        matches!(count, Some(Ok(0_i64)))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.idle.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        *self.root.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        if let Some(path) = &self.path {
            registry::release(path);
        }
    }
}

/// Makes `now()` and casts between time types independent of the machine's time zone, where the
/// library has time zones built in.
fn in_utc(connection: &Connection) -> Result<()> {
    match connection.execute_batch("SET GLOBAL TimeZone = 'UTC'") {
        Err(duckdb::Error::DuckDBFailure(_, Some(words))) if words.starts_with("Catalog Error") => {
            Ok(())
        }
        other => other.map_err(error::of),
    }
}
