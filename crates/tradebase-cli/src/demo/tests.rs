//! What holds for whole days.

use std::collections::{BTreeMap, BTreeSet};

use tradebase::{Decimal, Put, Record, Value, json};

use super::book::Trades;
use super::chart;
use super::curve::curves;
use super::desk::Desk;
use super::exact::{ONE, units};
use super::market::{DAY, Market};
use super::model::{Bot, Fill, OrderStatus, Side, Tick};
use super::report::Report;

/// A day: its bots and all they traded.
fn day(seed: u64, ticks: u32, chunk: usize) -> (Vec<Bot>, Trades) {
    let mut market = Market::new(DAY, seed, ticks);
    let mut desk = Desk::new(DAY, seed);
    let mut all = Trades::default();
    let mut add = |trades: Trades| {
        all.orders.extend(trades.orders);
        all.fills.extend(trades.fills);
    };
    loop {
        let ticks = market.chunk(chunk);
        if ticks.is_empty() {
            break;
        }
        add(desk.on_ticks(&ticks));
    }
    add(desk.close());
    (desk.bots().to_vec(), all)
}

/// What a fill moved: the quantity and the money, both signed.
fn flow(fill: &Fill) -> (i128, Decimal) {
    let worth = fill.price * fill.quantity;
    match fill.side {
        Side::Buy => (units(fill.quantity), -worth - fill.fee),
        Side::Sell => (-units(fill.quantity), worth - fill.fee),
    }
}

#[test]
fn the_same_seed_gives_the_same_day_in_chunks_of_any_size() {
    let (bots, trades) = day(42, 20_000, 20_000);
    for chunk in [1, 777] {
        let again = day(42, 20_000, chunk);
        assert_eq!(again.0, bots);
        assert_eq!(again.1.orders, trades.orders);
        assert_eq!(again.1.fills, trades.fills);
    }
    assert_ne!(day(43, 20_000, 20_000).1.fills, trades.fills);
}

/// A sum over the text of rows, by FNV-1a.
fn fingerprint<T: Put>(rows: &[T]) -> u64 {
    let mut text = Vec::new();
    for row in rows {
        json::write(row, &mut text).unwrap();
    }
    text.iter().fold(0xCBF2_9CE4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[test]
fn the_day_of_a_seed_stays_what_it_is_on_every_machine() {
    let ticks: Vec<Tick> = Market::new(DAY, 42, 5_000).collect();
    let (bots, trades) = day(42, 5_000, 5_000);
    let found = [fingerprint(&ticks), fingerprint(&trades.orders), fingerprint(&trades.fills)];
    assert_eq!(
        found,
        [17_436_851_057_575_630_435, 5_525_814_022_202_442_236, 9_083_603_017_688_283_961]
    );
    let report = Report::new(DAY, &bots, &trades.fills);
    assert_eq!(report.total.pnl.to_string(), "-2483.54244962");
}

#[test]
fn profits_add_up_to_the_cash_flows_of_all_fills() {
    for seed in 0..12 {
        let (_, trades) = day(seed, 10_000, 4_096);
        assert!(trades.fills.len() > 100, "{}", trades.fills.len());
        let mut sums = BTreeMap::<_, (i128, Decimal, Decimal)>::new();
        for fill in &trades.fills {
            let (quantity, cash) = flow(fill);
            let sum = sums.entry((fill.bot, &fill.symbol)).or_default();
            sum.0 += quantity;
            sum.1 += cash;
            sum.2 += fill.pnl.unwrap_or_default();
        }
        for (whose, (quantity, cash, pnl)) in sums {
            assert_eq!(quantity, 0, "{whose:?} holds something after the day");
            assert_eq!(cash, pnl, "{whose:?}");
        }
    }
}

#[test]
fn the_totals_of_the_report_are_the_sums_of_its_bots() {
    let (bots, trades) = day(7, 20_000, 5_000);
    let report = Report::new(DAY, &bots, &trades.fills);
    let flows: Decimal = trades.fills.iter().map(|fill| flow(fill).1).sum();
    assert_eq!(report.total.pnl, flows);
    assert_eq!(report.bots.iter().map(|bot| bot.pnl).sum::<Decimal>(), flows);
    assert_eq!(report.bots.iter().map(|bot| bot.fees).sum::<Decimal>(), report.total.fees);
    assert_eq!(report.bots.iter().map(|bot| bot.fills).sum::<usize>(), trades.fills.len());
}

#[test]
fn every_order_is_written_once_with_its_fills() {
    let (bots, trades) = day(3, 20_000, 1_000);
    let mut done = BTreeMap::<_, Decimal>::new();
    for fill in &trades.fills {
        *done.entry(fill.order).or_default() += fill.quantity;
    }
    for order in &trades.orders {
        assert_eq!(done.remove(&order.id).unwrap_or_default(), order.filled, "{order:?}");
        assert!(order.filled <= order.quantity && order.placed_at <= order.ended_at);
        assert_eq!(order.status == OrderStatus::Filled, order.filled == order.quantity);
        assert!(bots.iter().any(|bot| bot.id == order.bot));
    }
    assert!(done.is_empty(), "fills without their orders: {done:?}");
    let ids: BTreeSet<_> = trades.fills.iter().map(|fill| fill.id.0).collect();
    let orders: BTreeSet<_> = trades.orders.iter().map(|order| order.id.0).collect();
    assert_eq!(ids.union(&orders).count(), trades.fills.len() + trades.orders.len());
}

#[test]
fn fills_of_an_order_never_come_in_an_earlier_batch_than_the_order() {
    let mut desk = Desk::new(DAY, 5);
    let ticks: Vec<Tick> = Market::new(DAY, 5, 10_000).collect();
    for chunk in ticks.chunks(50) {
        let trades = desk.on_ticks(chunk);
        let orders: BTreeSet<_> = trades.orders.iter().map(|order| order.id).collect();
        assert!(trades.fills.iter().all(|fill| orders.contains(&fill.order)));
    }
}

#[test]
fn market_orders_are_filled_at_the_quote_and_limit_orders_at_their_limit() {
    let ticks: Vec<Tick> = Market::new(DAY, 11, 10_000).collect();
    let quotes: BTreeMap<_, _> = ticks.iter().map(|tick| (tick.at, tick)).collect();
    let (_, trades) = day(11, 10_000, 10_000);
    let orders: BTreeMap<_, _> = trades.orders.iter().map(|order| (order.id, order)).collect();
    let mut parts = BTreeSet::new();
    let mut in_parts = 0;
    for fill in &trades.fills {
        let quote = quotes[&fill.executed_at];
        assert_eq!(quote.symbol, fill.symbol);
        match (orders[&fill.order].limit_price, fill.side) {
            (None, Side::Buy) => assert_eq!(fill.price, quote.ask),
            (None, Side::Sell) => assert_eq!(fill.price, quote.bid),
            (Some(limit), Side::Buy) => assert!(fill.price == limit && quote.ask <= limit),
            (Some(limit), Side::Sell) => assert!(fill.price == limit && quote.bid >= limit),
        }
        in_parts += usize::from(!parts.insert(fill.order));
    }
    assert!(in_parts > 10, "{in_parts}");
}

#[test]
fn every_row_is_one_that_the_stores_take() {
    fn check<T: Record>(rows: &[T]) {
        assert!(!rows.is_empty());
        for row in rows {
            Value::row(row).unwrap();
        }
    }
    let (bots, trades) = day(42, 10_000, 10_000);
    check(&bots);
    check(&trades.orders);
    check(&trades.fills);
    check(&Market::new(DAY, 42, 1_000).collect::<Vec<_>>());
}

#[test]
fn a_day_has_thousands_of_fills_winners_and_losers() {
    let (bots, trades) = day(42, 200_000, 10_000);
    let report = Report::new(DAY, &bots, &trades.fills);
    assert!((3_000..=10_000).contains(&trades.fills.len()), "{}", trades.fills.len());
    assert!(report.bots.iter().any(|bot| bot.pnl > Decimal::ZERO));
    assert!(report.bots.iter().any(|bot| bot.pnl < Decimal::ZERO));
    let capital = units(bots[0].capital);
    assert!(report.bots.iter().all(|bot| units(bot.pnl).abs() < capital / 10), "{report:?}");
    assert!(report.bots.iter().all(|bot| units(bot.fees) > ONE));
    let lines = curves(&bots, &trades.fills);
    let svg = chart::equity(DAY, "seed 42", &lines);
    assert_eq!(svg.matches("<polyline").count(), bots.len() + 1);
}
