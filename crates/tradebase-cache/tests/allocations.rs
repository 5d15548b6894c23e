//! Writing allocates nothing once the buffer is warm, reading one for each owned text.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tradebase_cache::codec;
use tradebase_core::{Decimal, Put, Record, Result, Timestamp, Uuid, json};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: hands every call to the system's allocator unchanged; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations<T>(run: impl FnOnce() -> T) -> (usize, T) {
    let before = COUNT.with(Cell::get);
    let value = run();
    (COUNT.with(Cell::get) - before, value)
}

/// The trade of the benches.
#[derive(Record, Debug, PartialEq)]
#[record(table = "trades")]
struct Trade {
    #[record(key)]
    id: Uuid,
    bot_id: Uuid,
    symbol: String,
    side: String,
    order_type: String,
    #[record(decimal(28, 10))]
    quantity: Decimal,
    #[record(decimal(28, 10))]
    price: Decimal,
    #[record(decimal(28, 10))]
    executed_price: Decimal,
    #[record(decimal(28, 10))]
    fee: Decimal,
    #[record(decimal(28, 10))]
    pnl: Option<Decimal>,
    status: String,
    timestamp: Timestamp,
}

fn trade() -> Trade {
    Trade {
        id: Uuid::from_u128(1),
        bot_id: Uuid::from_u128(2),
        symbol: "BTC/USDT".into(),
        side: "buy".into(),
        order_type: "limit".into(),
        quantity: "0.5".parse().unwrap(),
        price: "67000.25".parse().unwrap(),
        executed_price: "-99999999.9999999999".parse().unwrap(),
        fee: "0.00067".parse().unwrap(),
        pnl: None,
        status: "filled".into(),
        timestamp: Timestamp::from_micros(1_795_167_000_123_456),
    }
}

type Write = fn(&Trade, &mut Vec<u8>) -> Result<()>;
type Read = fn(&[u8]) -> Result<Trade>;

fn check(write: Write, read: Read) {
    let (row, mut out) = (trade(), Vec::new());
    write(&row, &mut out).unwrap();
    out.clear();
    let (count, done) = allocations(|| write(&row, &mut out));
    done.unwrap();
    assert_eq!(count, 0, "writing allocates nothing");
    let (count, found) = allocations(|| read(&out));
    assert_eq!(count, 4, "reading allocates the four texts");
    assert_eq!(found.unwrap(), row);
}

#[test]
fn memory_and_redis_entries_cost_no_more_allocations_than_they_must() {
    assert_eq!(Trade::COLUMNS.len(), 12);
    check(codec::encode, codec::decode);
    check(json::write, json::from_slice);
}
