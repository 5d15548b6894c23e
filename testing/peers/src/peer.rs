//! What every layer is asked to do, and how long it takes.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::{Decimal, Timestamp, Uuid};

use crate::trades::trades;

/// Threads of the runtime.
const THREADS: usize = 2;
/// Rows of the table that is read, and of the one that is inserted at once.
const ROWS: usize = 100_000;
/// Rows of all bots, in which each has about a thousand.
const SPAN: usize = 20_000;
/// Rows that are updated at once.
const UPDATES: usize = 10_000;
/// Tasks that work at the same time, where they are many.
const TASKS: usize = 64;
/// Connections that a pool on PostgreSQL has.
pub const POOL: u32 = 16;
/// Rows of one statement with a list of VALUES.
pub const VALUES: usize = 1000;

/// A layer. Whatever fails ends the bench.
pub trait Peer: Clone + Send + Sync + 'static {
    /// As the report names it.
    const NAME: &'static str;
    /// How the table is made on SQLite.
    const SQLITE: &'static str = SQLITE;

    /// Opens the database and makes the table anew, durable as ours is by default.
    fn open(place: &Place) -> impl Future<Output = Self>;
    /// The row of a key.
    fn get(&self, id: TradeId) -> impl Future<Output = Option<Trade>> + Send;
    /// Inserts a row.
    fn create(&self, row: &Trade) -> impl Future<Output = ()> + Send;
    /// Inserts all rows, all or none.
    fn bulk_insert(&self, rows: &[Trade]) -> impl Future<Output = ()> + Send;
    /// Every row, in the order of the key.
    fn read_all(&self) -> impl Future<Output = Vec<Trade>> + Send;
    /// The trades of a bot from one moment until before another.
    fn filter(&self, range: Range) -> impl Future<Output = Vec<Trade>> + Send;
    /// Sets the executed price, fee, profit and status of all rows, by their keys, all or none.
    fn bulk_update(&self, rows: &[Trade]) -> impl Future<Output = ()> + Send;
}

/// A bot, and a range of time.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    pub bot: Uuid,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// Decimals as exact text, since these layers know no better: else the table that ours has.
pub const SQLITE: &str = "CREATE TABLE trades (id BLOB NOT NULL PRIMARY KEY, \
    bot_id BLOB NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, order_type TEXT NOT NULL, \
    quantity TEXT NOT NULL, price TEXT NOT NULL, executed_price TEXT NOT NULL, \
    fee TEXT NOT NULL, pnl TEXT, status TEXT NOT NULL, timestamp INTEGER NOT NULL) \
    STRICT, WITHOUT ROWID";
/// The table that ours has.
pub const POSTGRES: &str = "CREATE TABLE trades (id uuid NOT NULL PRIMARY KEY, \
    bot_id uuid NOT NULL, symbol text COLLATE \"C\" NOT NULL, side text COLLATE \"C\" NOT NULL, \
    order_type text COLLATE \"C\" NOT NULL, quantity numeric(28, 10) NOT NULL, \
    price numeric(28, 10) NOT NULL, executed_price numeric(28, 10) NOT NULL, \
    fee numeric(28, 10) NOT NULL, pnl numeric(28, 10), status text COLLATE \"C\" NOT NULL, \
    timestamp timestamptz NOT NULL)";
/// On both engines.
pub const INDEX: &str = "CREATE INDEX trades_bot ON trades (bot_id, timestamp)";
/// On PostgreSQL, where a layer finds the table of the one before.
pub const DROP: &str = "DROP TABLE IF EXISTS trades";

/// Where a layer works.
#[derive(Debug)]
pub struct Place {
    url: String,
    peer: &'static str,
    opened: AtomicUsize,
}

impl Place {
    /// `sqlite:` with a path, or `postgres:`.
    pub fn new(url: &str, peer: &'static str) -> Self {
        Self { url: url.to_owned(), peer, opened: AtomicUsize::new(0) }
    }

    /// The address, and on SQLite the path of a file that has not been there before: a name that
    /// is used again may meet the end of the last connection to the old file.
    pub fn url(&self) -> String {
        match self.file() {
            Some(path) => format!("sqlite:{path}"),
            None => self.url.clone(),
        }
    }

    /// The next file on SQLite.
    pub fn file(&self) -> Option<String> {
        let path = self.url.strip_prefix("sqlite:")?;
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        Some(format!("{path}.{}.{number}", self.peer))
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// Inserts 100,000 rows at once.
    BulkInsert,
    /// Reads so many rows by their keys, with so many tasks.
    Get { count: usize, tasks: usize },
    /// Inserts so many rows one by one, with so many tasks.
    Create { count: usize, tasks: usize },
    /// Reads the whole table.
    ReadAll,
    /// Finds about a thousand rows by bot and range of time, so many times.
    Filter { count: usize },
    /// Updates 10,000 rows by their keys.
    BulkUpdate,
}

impl Work {
    /// The work that the bench calls so.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "bulk_insert" => Work::BulkInsert,
            "point_get_1" => Work::Get { count: 5_000, tasks: 1 },
            "point_get_64" => Work::Get { count: 20_000, tasks: TASKS },
            "create_1" => Work::Create { count: 1_000, tasks: 1 },
            "create_64" => Work::Create { count: 5_000, tasks: TASKS },
            "read_all" => Work::ReadAll,
            "filter_1000" => Work::Filter { count: 200 },
            "bulk_update" => Work::BulkUpdate,
            _ => return None,
        })
    }
}

/// Nanoseconds per row or call: the median of the rounds.
pub fn measure<P: Peer>(work: Work, place: &Place, rounds: usize) -> f64 {
    let runtime = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .expect("a runtime");
    let rows = Arc::new(trades(ROWS));
    let mut figures: Vec<_> =
        (0..rounds.max(1)).map(|_| round::<P>(&runtime, work, place, &rows)).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn round<P: Peer>(runtime: &Runtime, work: Work, place: &Place, rows: &Arc<Vec<Trade>>) -> f64 {
    let peer = runtime.block_on(P::open(place));
    let writes = matches!(work, Work::BulkInsert | Work::Create { .. });
    if !writes {
        runtime.block_on(peer.bulk_insert(rows));
    }
    let (mine, all) = (peer.clone(), rows.clone());
    let (count, took) = match work {
        Work::BulkInsert => (ROWS, alone(runtime, async move { mine.bulk_insert(&all).await })),
        Work::Get { count, tasks } => (count, gets(runtime, &peer, rows, count, tasks)),
        Work::Create { count, tasks } => (count, creates(runtime, &peer, rows, count, tasks)),
        Work::ReadAll => (ROWS, alone(runtime, async move { mine.read_all().await })),
        Work::Filter { count } => (count, filters(runtime, &peer, rows, count)),
        Work::BulkUpdate => {
            let rows = changed(rows);
            (UPDATES, alone(runtime, async move { mine.bulk_update(&rows).await }))
        }
    };
    check(runtime, &peer, work, rows);
    took.as_secs_f64() * 1e9 / count as f64
}

/// What is stored afterwards is what was asked for.
fn check<P: Peer>(runtime: &Runtime, peer: &P, work: Work, rows: &[Trade]) {
    let stored = runtime.block_on(peer.read_all());
    let mut want = rows.to_vec();
    match work {
        Work::Create { count, .. } => want.truncate(count),
        Work::BulkUpdate => {
            for (old, new) in want.iter_mut().step_by(ROWS / UPDATES).zip(changed(rows)) {
                *old = new;
            }
        }
        _ => {}
    }
    want.sort_by_key(|row| row.id);
    assert!(
        stored == want,
        "{} stores every row once, {} of {}",
        P::NAME,
        stored.len(),
        want.len()
    );
}

fn changed(rows: &[Trade]) -> Vec<Trade> {
    let rows = rows.iter().step_by(ROWS / UPDATES).cloned();
    rows.map(|row| Trade {
        executed_price: row.executed_price + Decimal::ONE,
        fee: row.fee + Decimal::ONE,
        pnl: Some(row.quantity),
        status: "settled".into(),
        ..row
    })
    .collect()
}

fn gets<P: Peer>(
    runtime: &Runtime,
    peer: &P,
    rows: &[Trade],
    count: usize,
    tasks: usize,
) -> Duration {
    // A step that shares no divisor with the number of rows meets each of them.
    const STEP: usize = 61_803;
    let ids: Vec<_> = (0..count).map(|n| rows[n * STEP % rows.len()].id).collect();
    together(runtime, ids.chunks(count.div_ceil(tasks)).map(<[TradeId]>::to_vec), |ids| {
        let peer = peer.clone();
        async move {
            for id in ids {
                assert!(black_box(peer.get(id).await).is_some(), "every key is there");
            }
        }
    })
}

/// Ranges that begin all over the table, of each bot in turn.
fn filters<P: Peer>(runtime: &Runtime, peer: &P, rows: &[Trade], count: usize) -> Duration {
    // A step that shares no divisor with the number of places meets each of them.
    const STEP: usize = 61_803;
    let places = rows.len() - SPAN;
    let ranges = (0..count).map(|n| {
        let at = n * STEP % places;
        let (first, last) = (&rows[at], &rows[at + SPAN]);
        Range { bot: first.bot_id, from: first.timestamp, until: last.timestamp }
    });
    let ranges: Vec<_> = ranges.collect();
    let is_within = |row: &&Trade, range: &Range| {
        row.bot_id == range.bot && (range.from..range.until).contains(&row.timestamp)
    };
    for range in ranges.iter().step_by(count.div_ceil(4)) {
        let found = runtime.block_on(peer.filter(*range)).len();
        let want = rows.iter().filter(|row| is_within(row, range)).count();
        assert_eq!(found, want, "{} finds the rows of the range", P::NAME);
    }
    let peer = peer.clone();
    alone(runtime, async move {
        for range in ranges {
            assert!(!black_box(peer.filter(range).await).is_empty(), "there are rows");
        }
    })
}

fn creates<P: Peer>(
    runtime: &Runtime,
    peer: &P,
    rows: &Arc<Vec<Trade>>,
    count: usize,
    tasks: usize,
) -> Duration {
    together(runtime, 0..tasks, |task| {
        let (peer, rows) = (peer.clone(), rows.clone());
        async move {
            for at in (task..count).step_by(tasks) {
                peer.create(&rows[at]).await;
            }
        }
    })
}

fn together<S, F>(
    runtime: &Runtime,
    shares: impl Iterator<Item = S>,
    work: impl Fn(S) -> F,
) -> Duration
where
    F: Future<Output = ()> + Send + 'static,
{
    let works: Vec<_> = shares.map(work).collect();
    alone(runtime, async {
        let mut tasks = JoinSet::new();
        for work in works {
            tasks.spawn(work);
        }
        while let Some(ended) = tasks.join_next().await {
            ended.expect("the work ends");
        }
    })
}

fn alone<T: Send + 'static>(
    runtime: &Runtime,
    work: impl Future<Output = T> + Send + 'static,
) -> Duration {
    let work = async {
        let start = Instant::now();
        let done = black_box(work.await);
        (start.elapsed(), done)
    };
    let (took, _done) = runtime.block_on(runtime.spawn(work)).expect("the work ends");
    took
}
