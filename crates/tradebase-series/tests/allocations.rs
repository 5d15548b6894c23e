//! Writing a record into a warm buffer takes nothing from the heap.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::*;
use tradebase_core::TimestampNs;
use tradebase_series::codec::{Decoder, Encoder};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it came; the count is a plain cell of the
// thread, which allocates nothing and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

#[test]
fn influx_lines_are_written_without_an_allocation() {
    let trades: Vec<_> = (0..100).map(trade).collect();
    let mut encoder = Encoder::new::<Trade>().unwrap();
    let mut out = Vec::new();
    let mut write = || {
        out.clear();
        trades.iter().for_each(|row| encoder.write(row, &mut out).unwrap());
    };
    write();
    assert_eq!(allocations(write), 0);
    // Every kind, JSON among them: it is written and quoted in place.
    let rows = [smallest(1, TimestampNs::MIN), largest(2, TimestampNs::MAX)];
    let mut encoder = Encoder::new::<Everything>().unwrap();
    let mut out = Vec::new();
    let mut write = || {
        out.clear();
        rows.iter().for_each(|row| encoder.write(row, &mut out).unwrap());
    };
    write();
    assert_eq!(allocations(write), 0);
}

#[test]
fn influx_rows_are_read_with_one_allocation_for_each_owned_text() {
    let names = [
        "time",
        "id",
        "bot_id",
        "symbol",
        "side",
        "order_type",
        "quantity",
        "price",
        "executed_price",
        "fee",
        "pnl",
        "status",
    ]
    .map(str::to_owned);
    let decoder = Decoder::new::<Trade>(&names).unwrap();
    let row = concat!(
        r#"[1795176000000000000,"01975f2a-7c1e-7000-8000-000000000003","#,
        r#""00000000-0000-0000-0000-000000000007","BTC/USDT","sell","limit","0.0000000004","#,
        r#""96000.5300000000","96000.5123456810","-0.0003000000","0.3000000000","filled"]"#,
    )
    .as_bytes();
    let mut cells = Vec::new();
    let read = |cells: &mut Vec<_>| decoder.read::<Trade>(row, cells).unwrap();
    assert_eq!(read(&mut cells).symbol, "BTC/USDT");
    let count = allocations(|| {
        let found = read(&mut cells);
        assert_eq!(found.status, "filled");
    });
    assert_eq!(count, 3, "symbol, order type and status");
}
