//! What guests may do, and how much of it.

use std::time::Duration;

use tradebase_core::Table;

/// Rows of an answer at most; further ones are left out.
pub const GUEST_ROWS_MAX: usize = 10_000;
/// Bytes of all values of an answer at most; the rows from there on are left out.
pub const GUEST_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a query may take.
pub const GUEST_WAIT: Duration = Duration::from_secs(10);
/// Bytes of a query's text at most.
pub const GUEST_SQL_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one value or row at most, on SQLite. Some of its functions take the square of that in
/// steps, hundreds of them may stand in a query, and none can be ended in between.
pub const GUEST_VALUE_BYTES_MAX: usize = 16 * 1024;
/// Columns of an answer at most, or as many as the widest table has.
pub(crate) const COLUMNS_MAX: usize = 200;
/// Queries of guests that run on a store at the same time; others wait as long as
/// [`SqlOptions::pool_wait`](crate::SqlOptions::pool_wait) says.
pub const GUESTS_AT_ONCE: usize = 4;

/// The options of [`Sql::guest`](crate::Sql::guest).
#[derive(Clone, Debug)]
#[must_use]
pub struct GuestOptions {
    /// None for those that the store was opened with.
    pub(crate) tables: Option<Vec<&'static Table>>,
    pub(crate) functions: Vec<&'static str>,
    pub(crate) recursion: bool,
    pub(crate) rows_max: usize,
    pub(crate) bytes_max: usize,
    pub(crate) wait: Duration,
    pub(crate) unparsed: bool,
}

impl Default for GuestOptions {
    fn default() -> Self {
        Self {
            tables: None,
            functions: Vec::new(),
            recursion: false,
            rows_max: GUEST_ROWS_MAX,
            bytes_max: GUEST_BYTES_MAX,
            wait: GUEST_WAIT,
            unparsed: false,
        }
    }
}

impl GuestOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tables that may be read, on SQLite with their readable views. Unless told, those of
    /// [`SqlOptions::create_tables`](crate::SqlOptions::create_tables) with the ones they point
    /// to.
    pub fn tables(mut self, tables: impl IntoIterator<Item = &'static Table>) -> Self {
        self.tables = Some(tables.into_iter().collect());
        self
    }

    /// Functions that may be called beyond the usual ones for numbers, texts, times, groups and
    /// windows, by their names in small letters. Nothing keeps a function from what it can do but
    /// the engine's wall.
    pub fn functions(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.functions.extend(names);
        self
    }

    /// Whether a query may begin with WITH RECURSIVE, which it can keep busy without end. No,
    /// unless told.
    pub fn recursion(mut self, allowed: bool) -> Self {
        self.recursion = allowed;
        self
    }

    /// Rows of an answer at most. See [`GUEST_ROWS_MAX`].
    pub fn rows_max(mut self, count: usize) -> Self {
        self.rows_max = count;
        self
    }

    /// Bytes of an answer at most. See [`GUEST_BYTES_MAX`].
    pub fn bytes_max(mut self, bytes: usize) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// How long a query may take. See [`GUEST_WAIT`].
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Leaves the text as it is, so that tests see what the engine's wall does alone.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn unparsed(mut self) -> Self {
        self.unparsed = true;
        self
    }
}
