//! The day on the stores: everything is written as it happens, and read back at its end.

use std::time::Duration;

use indicatif::ProgressBar;
use serde::Serialize;
use tradebase::clock::Tick as Stopwatch;
use tradebase::{Code, Decimal, Error, Result, Tradebase, Value};

use super::book::Trades;
use super::desk::Desk;
use super::market::{DAY, Market};
use super::model::{Bot, Fill, LastPrice, Order, Tick};
use super::report::text;
use crate::progress;

/// Ticks that are written at once.
const CHUNK: usize = 10_000;

/// Digits after the point of money in the demo.
const SCALE: u8 = 8;

/// What came of the day.
pub(crate) struct Outcome {
    pub(crate) bots: Vec<Bot>,
    /// As the relational store gives them back, in order of time.
    pub(crate) fills: Vec<Fill>,
    pub(crate) orders: usize,
    pub(crate) stores: Stores,
    pub(crate) pnl: Sums,
}

/// The profit of the day, summed by two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Sums {
    #[serde(serialize_with = "text")]
    pub(crate) sql: Decimal,
    #[serde(serialize_with = "text")]
    pub(crate) analytics: Decimal,
}

/// What each store did.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Stores {
    pub(crate) sql: Figures,
    pub(crate) cache: Figures,
    pub(crate) analytics: Figures,
    pub(crate) series: Figures,
}

/// Rows of a store, and how fast they went.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) engine: &'static str,
    pub(crate) written: usize,
    pub(crate) read: usize,
    pub(crate) written_per_second: Option<u64>,
    pub(crate) read_per_second: Option<u64>,
    #[serde(skip)]
    writing: Duration,
    #[serde(skip)]
    reading: Duration,
}

impl Figures {
    fn of(engine: &'static str) -> Self {
        let (writing, reading) = (Duration::ZERO, Duration::ZERO);
        let (written_per_second, read_per_second) = (None, None);
        Self { engine, written: 0, read: 0, written_per_second, read_per_second, writing, reading }
    }

    /// Does work that writes so many rows.
    async fn write(&mut self, rows: usize, work: impl Future<Output = Result<()>>) -> Result<()> {
        if rows == 0 {
            return Ok(());
        }
        let start = Stopwatch::now();
        work.await?;
        self.writing += start.elapsed();
        self.written += rows;
        Ok(())
    }

    /// Does work that reads rows.
    async fn read<T>(
        &mut self,
        work: impl Future<Output = Result<T>>,
        rows: impl FnOnce(&T) -> usize,
    ) -> Result<T> {
        let start = Stopwatch::now();
        let done = work.await?;
        self.reading += start.elapsed();
        self.read += rows(&done);
        Ok(done)
    }

    fn close(&mut self) {
        self.written_per_second = rate(self.written, self.writing);
        self.read_per_second = rate(self.read, self.reading);
    }
}

fn rate(rows: usize, time: Duration) -> Option<u64> {
    let micros = u64::try_from(time.as_micros()).ok().filter(|micros| *micros > 0)?;
    u64::try_from(rows).ok()?.checked_mul(1_000_000)?.checked_div(micros)
}

/// Trades the day, from that seed, with so many ticks.
pub(crate) async fn trade(db: &Tradebase, seed: u64, ticks: u32, quiet: bool) -> Result<Outcome> {
    for room in db.connect_all().await {
        room.error.map_or(Ok(()), Err)?;
    }
    clean(db).await?;
    let engine = |room: &str| {
        let rooms = db.info().rooms;
        rooms.iter().find(|one| one.room == room).map_or("", |one| one.engine)
    };
    let mut stores = Stores {
        sql: Figures::of(engine("sql")),
        cache: Figures::of(engine("cache")),
        analytics: Figures::of(engine("analytics")),
        series: Figures::of(engine("series")),
    };
    let bar = progress::bar("trading", ticks.into(), quiet);
    let bots = write(db, seed, ticks, &mut stores, &bar).await?;
    bar.finish_and_clear();
    let spinner = progress::spinner("reading back", quiet);
    let (fills, orders) = read(db, &mut stores).await?;
    let pnl = sum(db, &mut stores).await?;
    spinner.finish_and_clear();
    for figures in [&mut stores.sql, &mut stores.cache, &mut stores.analytics, &mut stores.series] {
        figures.close();
    }
    Ok(Outcome { bots, fills, orders, stores, pnl })
}

/// Takes away what an earlier demo left, and nothing else.
async fn clean(db: &Tradebase) -> Result<()> {
    db.sql().drop_table::<Fill>().await?;
    db.sql().drop_table::<Order>().await?;
    db.sql().drop_table::<Bot>().await?;
    // The tables of the records that it points to are made first.
    db.sql().create_table::<Fill>().await?;
    db.analytics().drop_table::<Fill>().await?;
    db.analytics().drop_table::<Tick>().await?;
    db.analytics().create_table::<Fill>().await?;
    db.analytics().create_table::<Tick>().await?;
    db.series().create::<Tick>().await?;
    db.series().drop_series::<Tick>().await?;
    db.series().create::<Tick>().await
}

async fn write(
    db: &Tradebase,
    seed: u64,
    ticks: u32,
    stores: &mut Stores,
    bar: &ProgressBar,
) -> Result<Vec<Bot>> {
    let (mut market, mut desk) = (Market::new(DAY, seed, ticks), Desk::new(DAY, seed));
    let bots = desk.bots().to_vec();
    let inserted = async { db.sql().insert_many(&bots).await.map(drop) };
    stores.sql.write(bots.len(), inserted).await?;
    loop {
        let ticks = market.chunk(CHUNK);
        if ticks.is_empty() {
            break;
        }
        let written = async { db.series().write(&ticks).await.map(drop) };
        stores.series.write(ticks.len(), written).await?;
        let appended = async { db.analytics().append(&ticks).await.map(drop) };
        stores.analytics.write(ticks.len(), appended).await?;
        write_prices(db, &ticks, stores).await?;
        write_trades(db, desk.on_ticks(&ticks), stores).await?;
        bar.inc(u64::try_from(ticks.len()).unwrap_or_default());
    }
    write_trades(db, desk.close(), stores).await?;
    Ok(bots)
}

/// Orders before their fills.
async fn write_trades(db: &Tradebase, trades: Trades, stores: &mut Stores) -> Result<()> {
    let Trades { orders, fills } = trades;
    let inserted = async {
        db.sql().insert_many(&orders).await?;
        db.sql().insert_many(&fills).await.map(drop)
    };
    stores.sql.write(orders.len() + fills.len(), inserted).await?;
    let appended = async { db.analytics().append(&fills).await.map(drop) };
    stores.analytics.write(fills.len(), appended).await
}

/// The newest tick of each symbol.
async fn write_prices(db: &Tradebase, ticks: &[Tick], stores: &mut Stores) -> Result<()> {
    let cache = db.cache::<LastPrice>();
    let mut newest: Vec<LastPrice> = Vec::new();
    for tick in ticks {
        match newest.iter_mut().find(|price| price.symbol == tick.symbol) {
            Some(price) => *price = tick.into(),
            None => newest.push(tick.into()),
        }
    }
    let set = async {
        for price in &newest {
            cache.set(price).await?;
        }
        Ok(())
    };
    stores.cache.write(newest.len(), set).await
}

/// Reads everything back, and fails if a row is missing.
async fn read(db: &Tradebase, stores: &mut Stores) -> Result<(Vec<Fill>, usize)> {
    let found = db.sql().find::<Fill>().order_by(Fill::EXECUTED_AT.asc()).all();
    let fills = stores.sql.read(found, Vec::len).await?;
    let orders = stores.sql.read(db.sql().all::<Order>(), Vec::len).await?.len();
    let bots = stores.sql.read(db.sql().all::<Bot>(), Vec::len).await?.len();
    same("sql", stores.sql.written, fills.len() + orders + bots)?;

    let ticks = stores.series.read(db.series().read::<Tick>(..), Vec::len).await?;
    same("series", stores.series.written, ticks.len())?;
    let appended = stores.analytics.read(db.analytics().all::<Tick>(), Vec::len).await?;
    same("analytics", ticks.len(), appended.len())?;

    let cache = db.cache::<LastPrice>();
    for price in newest(&ticks) {
        let work = async {
            let found = cache.get(&price.symbol).await?;
            found.filter(|found| *found == price).ok_or_else(|| {
                let message = format!("the cache has another last price of {}", price.symbol);
                Error::new(Code::Internal, message)
            })
        };
        stores.cache.read(work, |_| 1).await?;
    }
    Ok((fills, orders))
}

/// The last price of each symbol, from ticks in order of time.
fn newest(ticks: &[Tick]) -> Vec<LastPrice> {
    let mut newest: Vec<LastPrice> = Vec::new();
    for tick in ticks.iter().rev() {
        if !newest.iter().any(|price| price.symbol == tick.symbol) {
            newest.push(tick.into());
        }
    }
    newest
}

fn same(store: &str, written: usize, read: usize) -> Result<()> {
    if written == read {
        return Ok(());
    }
    let message = format!("{store} gave back other rows than were written: {read} of {written}");
    Err(Error::new(Code::Internal, message))
}

/// The profit, summed by each of two engines in its own arithmetic.
async fn sum(db: &Tradebase, stores: &mut Stores) -> Result<Sums> {
    const SUM: &str = "SELECT SUM(pnl) FROM demo_fills";
    let sql = stores.sql.read(db.sql().query_values(SUM, &[]), |rows| rows.rows.len()).await?;
    let analytics = db.analytics().query_values(SUM, &[]);
    let analytics = stores.analytics.read(analytics, |rows| rows.rows.len()).await?;
    Ok(Sums { sql: money(sql.rows)?, analytics: money(analytics.rows)? })
}

/// The one value of an answer. SQLite sums the scaled integers that it stores.
fn money(rows: Vec<Vec<Value>>) -> Result<Decimal> {
    let value = rows.into_iter().flatten().next();
    let (units, scale) = match value {
        Some(Value::Null) => (0, SCALE),
        Some(Value::Int(units)) => (units.into(), SCALE),
        Some(Value::Decimal(units, scale)) => (units, scale),
        other => {
            return Err(Error::new(Code::Internal, format!("a sum is no decimal: {other:?}")));
        }
    };
    let mut sum = Decimal::try_from_i128_with_scale(units, scale.into())
        .map_err(|e| Error::new(Code::Internal, "a sum is beyond 28 digits").because(e))?;
    sum.rescale(SCALE.into());
    Ok(sum)
}
