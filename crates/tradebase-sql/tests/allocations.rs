//! Writing a record allocates nothing once the buffers have grown; reading one allocates its own
//! texts and bytes and nothing else.

#![cfg(feature = "postgres")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::PostgresStore;
use futures_util::TryStreamExt;
use tradebase_core::{Decimal, Put, Record, Row, Timestamp, Uuid};
use tradebase_sql::codec::postgres::{
    self, BindSink, CopySink, Scratch, Tuple, copy_end, read_tuple,
};
use tradebase_sql::codec::sqlite;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps to the contract of `dealloc`.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps to the contract of `realloc`.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "trades", index(bot_id, at))]
struct Trade {
    #[record(key)]
    id: Uuid,
    bot_id: Uuid,
    symbol: String,
    side: String,
    #[record(decimal(28, 10))]
    quantity: Decimal,
    #[record(decimal(18, 8))]
    price: Decimal,
    #[record(decimal(28, 10))]
    pnl: Option<Decimal>,
    note: Option<Vec<u8>>,
    #[record(json)]
    flags: Vec<u8>,
    at: Timestamp,
}

/// Owned values of a [`Trade`]: two texts, bytes, and the JSON's vector.
const OWNED: usize = 4;

fn trade(i: u128) -> Trade {
    Trade {
        id: Uuid::from_u128(i),
        bot_id: Uuid::from_u128(i % 7),
        symbol: "BTC/USDT".into(),
        side: "buy".into(),
        quantity: "123456789.0123456789".parse().unwrap(),
        price: "0.00000001".parse().unwrap(),
        pnl: Some("-12345678901234567.0123456789".parse().unwrap()),
        note: Some(vec![1, 2, 3]),
        flags: vec![1, 2],
        at: Timestamp::from_micros(5),
    }
}

fn trades() -> Vec<Trade> {
    (0..200).map(trade).collect()
}

#[test]
fn postgres_parameters_are_bound_without_allocating() {
    let (trades, mut scratch) = (trades(), Scratch::new());
    let bind = |scratch: &mut Scratch| {
        for trade in &trades {
            scratch.clear();
            trade.write(&mut BindSink::new(scratch)).unwrap();
        }
    };
    bind(&mut scratch);
    assert_eq!(allocations(|| bind(&mut scratch)), 0);
}

#[test]
fn postgres_copies_are_written_without_allocating_and_read_with_what_is_owned() {
    let (trades, mut bytes) = (trades(), Vec::new());
    let copy = |bytes: &mut Vec<u8>| {
        bytes.clear();
        for trade in &trades {
            trade.write(&mut CopySink::new(bytes, Trade::COLUMNS)).unwrap();
        }
    };
    copy(&mut bytes);
    assert_eq!(allocations(|| copy(&mut bytes)), 0);
    copy_end(&mut bytes);
    let mut found = Vec::with_capacity(trades.len());
    let count = allocations(|| {
        let mut rest = bytes.as_slice();
        while let Tuple::Of(mut source) = read_tuple(rest) {
            found.push(Trade::read(&mut source).unwrap());
            rest = source.rest().unwrap();
        }
    });
    assert_eq!(count, OWNED * trades.len());
    assert_eq!(found, trades);
}

#[test]
fn sqlite_parameters_are_bound_without_allocating_and_rows_read_with_what_is_owned() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch(&sqlite::create(Trade::TABLE).unwrap()).unwrap();
    let (trades, mut scratch) = (trades(), Vec::new());
    let mut insert = connection.prepare(sqlite::insert(Trade::TABLE)).unwrap();
    let mut bind = |scratch: &mut Vec<u8>| {
        for trade in &trades {
            trade.write(&mut sqlite::BindSink::new(&mut insert, scratch)).unwrap();
        }
    };
    bind(&mut scratch);
    assert_eq!(allocations(|| bind(&mut scratch)), 0);
    for trade in &trades {
        trade.write(&mut sqlite::BindSink::new(&mut insert, &mut scratch)).unwrap();
        insert.raw_execute().unwrap();
    }
    let mut select = connection.prepare(sqlite::select(Trade::TABLE)).unwrap();
    let mut found = Vec::with_capacity(trades.len());
    let count = allocations(|| {
        let mut rows = select.raw_query();
        while let Some(row) = rows.next().unwrap() {
            found.push(Trade::read(&mut sqlite::RowSource::new(row)).unwrap());
        }
    });
    assert_eq!(count, OWNED * trades.len());
    assert_eq!(found, trades);
}

#[tokio::test]
async fn postgres_rows_are_read_with_what_is_owned() {
    let store = PostgresStore::new().await;
    store.sql.create_table::<Trade>().await.unwrap();
    let trades = trades();
    store.sql.insert_many(&trades).await.unwrap();
    let plain = tokio_postgres::NoTls;
    let (client, wire) = tokio_postgres::connect(&store.url(), plain).await.unwrap();
    tokio::spawn(wire);
    let none: [i32; 0] = [];
    let statement = postgres::select(Trade::TABLE);
    let rows = client.query_raw(statement, none).await.unwrap();
    let rows: Vec<_> = rows.try_collect().await.unwrap();
    let mut found = Vec::with_capacity(rows.len());
    let count = allocations(|| {
        for row in &rows {
            found.push(Trade::read(&mut postgres::RowSource::new(row)).unwrap());
        }
    });
    assert_eq!(count, OWNED * trades.len());
    assert_eq!(found, trades);
}
