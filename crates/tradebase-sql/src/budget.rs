//! What statements a piece of work runs, how often, and who asks for them.

mod caller;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task_local;
use tradebase_core::watch::Operation;

use crate::call::Call;
pub use caller::Caller;
use caller::Trace;

/// Different statements of which a scope keeps an account; calls of others are only counted.
pub const QUERIES_SEEN_MAX: usize = 1_000;
/// Calls of a statement whose callers are looked for: the first ones.
pub const QUERY_CALLERS_MAX: usize = 8;

/// Scopes that are open anywhere, so that calls outside of one pay a single look.
static SCOPES: AtomicUsize = AtomicUsize::new(0);

task_local! {
    static SCOPE: Arc<Scope>;
}

/// Runs a piece of work, and counts the statements that its task runs meanwhile.
///
/// A test that knows how many a piece of work needs notices the one that begins to ask for each
/// row by itself, and is told where:
///
/// ```
/// # use tradebase_core::{Record, Result};
/// # use tradebase_sql::{Sql, counted};
/// # #[derive(Record, Clone, Debug, PartialEq)]
/// # #[record(table = "bots")]
/// # struct Bot { #[record(key)] id: i64, name: String }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let sql = Sql::open("sqlite::memory:").await?;
/// # sql.create_table::<Bot>().await?;
/// let (bots, queries) = counted(async {
///     let mut bots = Vec::new();
///     for id in 1..=5 {
///         bots.extend(sql.get::<Bot>(&id).await?);
///     }
///     Ok::<_, tradebase_core::Error>(bots)
/// })
/// .await;
/// assert_eq!(bots?, []);
/// queries.at_most(5);
/// assert_eq!(queries.repeated(1)[0].calls, 5);
/// # Ok::<(), tradebase_core::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Counted is each call of a verb that sends a statement, on any store, also inside transactions;
/// not their BEGIN and COMMIT, nor what tasks do that are spawned meanwhile. A call that several
/// rows go through at once is one; a call that is dropped before it ends is none. In a scope
/// inside a scope, both count.
pub async fn counted<F: Future>(work: F) -> (F::Output, Queries) {
    let scope = Arc::new(Scope::open());
    let done = SCOPE.scope(scope.clone(), work).await;
    let queries = scope.queries();
    (done, queries)
}

/// The same of work without async, such as calls of a blocking form of the store.
pub fn counted_in_place<R>(work: impl FnOnce() -> R) -> (R, Queries) {
    let scope = Arc::new(Scope::open());
    let done = SCOPE.sync_scope(scope.clone(), work);
    let queries = scope.queries();
    (done, queries)
}

/// Notes a call that has ended.
#[inline]
pub(crate) fn note(call: &Call<'_>, took: Duration, rows: Option<usize>) {
    if SCOPES.load(Ordering::Relaxed) > 0 {
        note_in_scope(call, took, rows);
    }
}

#[cold]
fn note_in_scope(call: &Call<'_>, took: Duration, rows: Option<usize>) {
    let Some(statement) = call.text() else { return };
    _ = SCOPE.try_with(|scope| scope.note(call, statement, took, rows));
}

struct Scope {
    seen: Mutex<Seen>,
    /// The scope around it.
    outer: Option<Arc<Scope>>,
}

#[derive(Default)]
struct Seen {
    total: u64,
    queries: Vec<Query>,
    places: HashMap<String, usize>,
}

impl Scope {
    fn open() -> Self {
        SCOPES.fetch_add(1, Ordering::Relaxed);
        Self { seen: Mutex::default(), outer: SCOPE.try_with(Arc::clone).ok() }
    }

    fn note(&self, call: &Call<'_>, statement: &str, took: Duration, rows: Option<usize>) {
        let seen = &mut *self.seen();
        seen.total += 1;
        if let Some(query) = seen.query(call, statement) {
            query.calls += 1;
            query.rows += u64::try_from(rows.unwrap_or(0)).unwrap_or(u64::MAX);
            query.time += took;
            if query.traces.len() < QUERY_CALLERS_MAX {
                query.traces.push(Trace::here());
            }
        }
        if let Some(outer) = &self.outer {
            outer.note(call, statement, took, rows);
        }
    }

    fn queries(&self) -> Queries {
        let seen = self.seen();
        Queries { total: seen.total, queries: seen.queries.clone() }
    }

    /// A panic elsewhere cannot leave it half-changed in a way that matters.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        SCOPES.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Seen {
    fn query(&mut self, call: &Call<'_>, statement: &str) -> Option<&mut Query> {
        let at = match self.places.get(statement) {
            Some(&at) => at,
            None if self.queries.len() >= QUERIES_SEEN_MAX => return None,
            None => {
                let at = self.queries.len();
                self.places.insert(statement.to_owned(), at);
                self.queries.push(Query::new(call, statement));
                at
            }
        };
        self.queries.get_mut(at)
    }
}

/// The statements that a piece of work ran; see [`counted`].
#[derive(Clone, Debug)]
pub struct Queries {
    total: u64,
    queries: Vec<Query>,
}

/// A statement that a piece of work ran.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Query {
    /// Its text, with parameters in place of values; the first one, of a call that runs several.
    pub statement: String,
    /// The verb that ran it first.
    pub operation: Operation,
    /// The record it is about.
    pub record: Option<&'static str>,
    /// How often it ran.
    pub calls: u64,
    /// The rows that were read or written by all calls.
    pub rows: u64,
    /// The time that all calls took, waiting for a connection included.
    pub time: Duration,
    traces: Vec<Trace>,
}

impl Query {
    fn new(call: &Call<'_>, statement: &str) -> Self {
        Self {
            statement: statement.to_owned(),
            operation: call.operation,
            record: call.table.map(|table| table.record),
            calls: 0,
            rows: 0,
            time: Duration::ZERO,
            traces: Vec::new(),
        }
    }

    /// Who called it, of the first [`QUERY_CALLERS_MAX`] calls, each once. Slow: names are looked
    /// up in the program's debug information.
    pub fn callers(&self) -> Vec<Caller> {
        let mut callers: Vec<Caller> = Vec::new();
        for caller in self.traces.iter().map(Trace::caller) {
            if !callers.contains(&caller) {
                callers.push(caller);
            }
        }
        callers
    }
}

impl Queries {
    /// How many statements ran.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The statements, in the order in which they first ran.
    pub fn each(&self) -> &[Query] {
        &self.queries
    }

    /// Statements that ran more often than so many times, the most frequent first.
    pub fn repeated(&self, times: u64) -> Vec<&Query> {
        let mut repeated: Vec<_> = self.queries.iter().filter(|q| q.calls > times).collect();
        repeated.sort_by_key(|query| std::cmp::Reverse(query.calls));
        repeated
    }

    /// Asserts, in a test, that at most so many statements ran.
    ///
    /// # Panics
    ///
    /// If more ran: with each statement, how often it ran, and who called it.
    #[track_caller]
    pub fn at_most(&self, statements: u64) {
        assert!(
            self.total <= statements,
            "{} statements ran, at most {statements} may\n{self}",
            self.total
        );
    }
}

/// A paragraph for each statement, the most frequent first: how often, how many rows, how long,
/// and by whom.
impl fmt::Display for Queries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for query in self.repeated(0) {
            let Query { statement, calls, rows, time, .. } = query;
            writeln!(f, "{calls} times, {rows} rows, {time:.1?}: {statement}")?;
            for caller in query.callers() {
                writeln!(f, "    {caller}")?;
            }
        }
        Ok(())
    }
}
