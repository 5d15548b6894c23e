//! What the contract allocates: writing nothing, reading one per owned text.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tradebase_conformance::models::Trade;
use tradebase_core::{Put, Record, Row, json};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; only a counter of the thread is
// touched besides, which allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are handed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are handed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often this thread allocates while the work runs.
fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

/// A trade like any other.
fn trade() -> Trade {
    let text = r#"{"id":"0199c1f6-3c00-7000-8000-000000000001",
        "bot_id":"0199c1f6-3c00-7000-8000-000000000002","symbol":"BTC/USDT","side":"buy",
        "order_type":"limit","quantity":1.5,"price":96000.25,"executed_price":96000.25,
        "fee":0.0001,"pnl":-12.5,"status":"filled","timestamp":"2026-11-20T09:30:00Z"}"#;
    json::from_slice(text.as_bytes()).expect("a trade")
}

/// The owned texts of a trade: symbol, side, order type and status.
const TEXTS: usize = 4;
const ROWS: usize = 100;

/// Writes once to warm the buffers up, then counts.
fn writing(mut write: impl FnMut(&Trade)) -> usize {
    let trade = trade();
    (0..ROWS).for_each(|_| write(&trade));
    allocations(|| (0..ROWS).for_each(|_| write(&trade)))
}

/// Reads once to see that it can be, then counts.
fn reading(mut read: impl FnMut() -> Trade) -> usize {
    assert_eq!(read(), trade());
    allocations(|| (0..ROWS).for_each(|_| drop(read())))
}

#[test]
fn json_is_written_without_allocating() {
    let mut out = Vec::new();
    let count = writing(|trade| {
        out.clear();
        json::write(trade, &mut out).expect("valid");
    });
    assert_eq!(count, 0);
    let text = json::to_string(&trade()).expect("valid");
    assert_eq!(reading(|| json::from_slice(text.as_bytes()).expect("ours")), ROWS * TEXTS);
}

#[test]
fn messagepack_is_written_without_allocating() {
    let mut out = Vec::new();
    let count = writing(|trade| {
        out.clear();
        tradebase_cache::codec::encode(trade, &mut out).expect("valid");
    });
    assert_eq!(count, 0);
    let read = || tradebase_cache::codec::decode(&out).expect("ours");
    assert_eq!(reading(read), ROWS * TEXTS);
}

#[test]
fn lines_are_written_without_allocating() {
    let mut encoder = tradebase_series::codec::Encoder::new::<Trade>().expect("a series");
    let mut out = Vec::new();
    let count = writing(|trade| {
        out.clear();
        encoder.write(trade, &mut out).expect("valid");
    });
    assert_eq!(count, 0);
}

#[test]
fn parameters_and_tuples_are_written_without_allocating() {
    use tradebase_sql::codec::postgres as pg;
    let mut scratch = pg::Scratch::new();
    let count = writing(|trade| {
        scratch.clear();
        trade.write(&mut pg::BindSink::new(&mut scratch)).expect("valid");
    });
    assert_eq!(count, 0);
    let mut out = Vec::new();
    let count = writing(|trade| {
        out.clear();
        trade.write(&mut pg::CopySink::new(&mut out, Trade::COLUMNS)).expect("valid");
    });
    assert_eq!(count, 0);
    let read = || match pg::read_tuple(&out) {
        pg::Tuple::Of(mut source) => Trade::read(&mut source).expect("ours"),
        other => panic!("a tuple was written, not {other:?}"),
    };
    assert_eq!(reading(read), ROWS * TEXTS);
}

#[test]
fn sqlite_is_bound_and_read_without_allocating() {
    use tradebase_sql::codec::sqlite as lite;
    let connection = rusqlite::Connection::open_in_memory().expect("a database");
    connection.execute_batch(&lite::create(Trade::TABLE).expect("a statement")).expect("made");
    let mut insert = connection.prepare(lite::insert(Trade::TABLE)).expect("a statement");
    let mut scratch = Vec::new();
    // SQLite itself copies texts, with its own allocator, which is not counted here.
    let count = writing(|trade| {
        trade.write(&mut lite::BindSink::new(&mut insert, &mut scratch)).expect("valid");
    });
    assert_eq!(count, 0);
    insert.raw_execute().expect("stored");
    let mut select = connection.prepare(lite::select(Trade::TABLE)).expect("a statement");
    let mut rows = select.raw_query();
    let row = rows.next().expect("stepped").expect("a row");
    let read = || Trade::read(&mut lite::RowSource::new(row)).expect("ours");
    assert_eq!(reading(read), ROWS * TEXTS);
}

#[test]
fn arrow_is_written_without_allocating_per_record() {
    let capacity = 4 * ROWS;
    let mut builder = tradebase_duckdb::BatchBuilder::<Trade>::with_capacity(capacity);
    // Texts have no known size: the first batch tells the builder how much they take.
    for _ in 0..capacity {
        builder.append(&trade()).expect("valid");
    }
    let batch = builder.finish().expect("a batch");
    let count = writing(|trade| builder.append(trade).expect("valid"));
    assert_eq!(count, 0);
    let mut out = Vec::<Trade>::with_capacity(capacity);
    tradebase_duckdb::read_all(&batch, &mut out).expect("ours");
    out.clear();
    let count = allocations(|| tradebase_duckdb::read_all(&batch, &mut out).expect("ours"));
    // Besides the texts there is what a batch costs once.
    const PER_BATCH: usize = 4;
    assert!((capacity * TEXTS..=capacity * TEXTS + PER_BATCH).contains(&count), "{count}");
}
