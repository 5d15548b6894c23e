//! SQLite: ours against parameters bound and columns read by hand.

use std::hint::black_box;

use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::{Decimal, Put, Record, Row as _, Timestamp};
use tradebase_sql::codec::sqlite as ours;
use tradebase_sql::codec::sqlite::rusqlite::types::ValueRef;
use tradebase_sql::codec::sqlite::rusqlite::{self, Connection, Row, Statement};

use super::raw::{Broken, from_units, moment, plain, text, units, uuid};
use crate::measure::{Figures, compare};

fn database() -> Connection {
    let connection = Connection::open_in_memory().expect("a database in memory");
    let create = ours::create(Trade::TABLE).expect("a statement");
    connection.execute_batch(&create).expect("the table is made");
    connection
}

#[inline(never)]
fn write_ours(rows: &[Trade], statement: &mut Statement<'_>, scratch: &mut Vec<u8>) {
    for row in rows {
        row.write(&mut ours::BindSink::new(statement, scratch)).expect("the rows are valid");
    }
}

/// Hand-written code has one word for every error.
impl From<rusqlite::Error> for Broken {
    fn from(_: rusqlite::Error) -> Self {
        Broken
    }
}

/// Sixteen bytes that sort like the number.
#[inline(always)]
fn sortable(value: &Decimal) -> Result<[u8; 16], Broken> {
    Ok((units(value)? ^ i128::MIN).to_be_bytes())
}

fn bind_one(row: &Trade, s: &mut Statement<'_>) -> Result<(), Broken> {
    s.raw_bind_parameter(1, row.id.0.as_bytes().as_slice())?;
    s.raw_bind_parameter(2, row.bot_id.as_bytes().as_slice())?;
    s.raw_bind_parameter(3, plain(&row.symbol)?)?;
    s.raw_bind_parameter(4, plain(&row.side)?)?;
    s.raw_bind_parameter(5, plain(&row.order_type)?)?;
    s.raw_bind_parameter(6, sortable(&row.quantity)?.as_slice())?;
    s.raw_bind_parameter(7, sortable(&row.price)?.as_slice())?;
    s.raw_bind_parameter(8, sortable(&row.executed_price)?.as_slice())?;
    s.raw_bind_parameter(9, sortable(&row.fee)?.as_slice())?;
    match &row.pnl {
        Some(pnl) => s.raw_bind_parameter(10, sortable(pnl)?.as_slice())?,
        None => s.raw_bind_parameter(10, rusqlite::types::Null)?,
    }
    s.raw_bind_parameter(11, plain(&row.status)?)?;
    s.raw_bind_parameter(12, moment(row.timestamp)?)?;
    Ok(())
}

#[inline(never)]
fn write_raw(rows: &[Trade], statement: &mut Statement<'_>) {
    for row in rows {
        bind_one(row, statement).expect("the rows are valid");
    }
}

#[inline(never)]
fn read_ours(statement: &mut Statement<'_>, out: &mut Vec<Trade>) {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().expect("a row") {
        out.push(Trade::read(&mut ours::RowSource::new(row)).expect("we wrote it"));
    }
}

#[inline(always)]
fn blob<'a>(row: &'a Row<'_>, i: usize) -> Result<&'a [u8], Broken> {
    match row.get_ref(i)? {
        ValueRef::Blob(bytes) => Ok(bytes),
        _ => Err(Broken),
    }
}

#[inline(always)]
fn string(row: &Row<'_>, i: usize) -> Result<String, Broken> {
    match row.get_ref(i)? {
        ValueRef::Text(bytes) => text(bytes),
        _ => Err(Broken),
    }
}

#[inline(always)]
fn decimal(row: &Row<'_>, i: usize) -> Result<Decimal, Broken> {
    let bytes: [u8; 16] = blob(row, i)?.try_into().map_err(|_| Broken)?;
    from_units(i128::from_be_bytes(bytes) ^ i128::MIN)
}

fn read_one(row: &Row<'_>) -> Result<Trade, Broken> {
    let id = TradeId(uuid(blob(row, 0)?)?);
    let bot_id = uuid(blob(row, 1)?)?;
    let symbol = string(row, 2)?;
    let side = string(row, 3)?;
    let order_type = string(row, 4)?;
    let quantity = decimal(row, 5)?;
    let price = decimal(row, 6)?;
    let executed_price = decimal(row, 7)?;
    let fee = decimal(row, 8)?;
    let pnl = match row.get_ref(9)? {
        ValueRef::Null => None,
        _ => Some(decimal(row, 9)?),
    };
    let status = string(row, 10)?;
    let timestamp = match row.get_ref(11)? {
        ValueRef::Integer(micros) => Timestamp::from_micros(micros),
        _ => return Err(Broken),
    };
    Ok(Trade {
        id,
        bot_id,
        symbol,
        side,
        order_type,
        quantity,
        price,
        executed_price,
        fee,
        pnl,
        status,
        timestamp,
    })
}

#[inline(never)]
fn read_raw(statement: &mut Statement<'_>, out: &mut Vec<Trade>) {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().expect("a row") {
        out.push(read_one(row).expect("we wrote it"));
    }
}

/// Struct to bound parameters; the statement is not run.
pub fn write(rows: &[Trade]) -> Figures {
    let connection = database();
    let prepare = || connection.prepare(ours::insert(Trade::TABLE)).expect("a statement");
    let (mut a, mut b, mut scratch) = (prepare(), prepare(), Vec::new());
    compare(
        rows.len(),
        || write_ours(black_box(rows), &mut a, &mut scratch),
        || write_raw(black_box(rows), &mut b),
    )
}

/// Rows to structs, the steps of the statement included on both sides.
pub fn read(rows: &[Trade]) -> Figures {
    let connection = database();
    let mut insert = connection.prepare(ours::insert(Trade::TABLE)).expect("a statement");
    for row in rows {
        bind_one(row, &mut insert).expect("the rows are valid");
        insert.raw_execute().expect("the row is stored");
    }
    let prepare = || connection.prepare(ours::select(Trade::TABLE)).expect("a statement");
    let (mut a, mut b) = (prepare(), prepare());
    let mut sorted = rows.to_vec();
    sorted.sort_by_key(|row| row.id);
    super::compare_reads(&sorted, |out| read_ours(&mut a, out), |out| read_raw(&mut b, out))
}
