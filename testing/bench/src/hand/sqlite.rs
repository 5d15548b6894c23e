//! Parameters of SQLite bound, and its columns read, by hand.

use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::{Decimal, Timestamp};
use tradebase_sql::codec::sqlite::rusqlite::types::{Null, ValueRef};
use tradebase_sql::codec::sqlite::rusqlite::{self, Row, Statement};

use crate::desks::{Desk, Fill};

use super::{Broken, from_units, moment, plain, text, units, uuid};

/// Hand-written code has one word for every error.
impl From<rusqlite::Error> for Broken {
    fn from(_: rusqlite::Error) -> Self {
        Broken
    }
}

/// Sixteen bytes that sort like the number.
#[inline(always)]
pub fn sortable(value: &Decimal) -> Result<[u8; 16], Broken> {
    Ok((units(value)? ^ i128::MIN).to_be_bytes())
}

/// Binds all columns, in their order.
#[inline(always)]
pub fn bind_one(row: &Trade, s: &mut Statement<'_>) -> Result<(), Broken> {
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
        None => s.raw_bind_parameter(10, Null)?,
    }
    s.raw_bind_parameter(11, plain(&row.status)?)?;
    s.raw_bind_parameter(12, moment(row.timestamp)?)?;
    Ok(())
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

#[inline(always)]
fn integer(row: &Row<'_>, i: usize) -> Result<i64, Broken> {
    match row.get_ref(i)? {
        ValueRef::Integer(value) => Ok(value),
        _ => Err(Broken),
    }
}

/// A row of a desk.
#[inline(always)]
pub fn read_desk(row: &Row<'_>) -> Result<Desk, Broken> {
    Ok(Desk { id: integer(row, 0)?, name: string(row, 1)? })
}

/// A row of a fill.
#[inline(always)]
pub fn read_fill(row: &Row<'_>) -> Result<Fill, Broken> {
    Ok(Fill {
        id: integer(row, 0)?,
        desk_id: integer(row, 1)?,
        symbol: string(row, 2)?,
        quantity: decimal(row, 3)?,
        price: decimal(row, 4)?,
        at: Timestamp::from_micros(integer(row, 5)?),
    })
}

/// A row of a symbol and two decimals, in units.
#[inline(always)]
pub fn read_added<'r>(row: &'r Row<'_>) -> Result<(&'r str, i128, i128), Broken> {
    let ValueRef::Text(symbol) = row.get_ref(0)? else { return Err(Broken) };
    let symbol = std::str::from_utf8(symbol).map_err(|_| Broken)?;
    let wide = |i| {
        let bytes = <[u8; 16]>::try_from(blob(row, i)?).map_err(|_| Broken)?;
        Ok::<_, Broken>(i128::from_be_bytes(bytes) ^ i128::MIN)
    };
    Ok((symbol, wide(1)?, wide(2)?))
}

/// A row of all columns.
#[inline(always)]
pub fn read_one(row: &Row<'_>) -> Result<Trade, Broken> {
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
