//! JSON text: ours against members written and read by hand in a fixed order.

use std::hint::black_box;

use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::json::{Cell, Scanner};
use tradebase_core::{Timestamp, Uuid, decimal, json};

use crate::hand::{Broken, SCALE, from_units, moment, plain, text, units};
use crate::measure::{Figures, compare};

#[inline(never)]
fn write_ours(rows: &[Trade], out: &mut Vec<u8>) {
    for row in rows {
        json::write(row, out).expect("the rows are valid");
    }
}

#[inline(always)]
fn put_text(out: &mut Vec<u8>, name: &str, value: &str) -> Result<(), Broken> {
    out.extend_from_slice(name.as_bytes());
    serde_json::to_writer(&mut *out, plain(value)?).map_err(|_| Broken)
}

#[inline(always)]
fn put_uuid(out: &mut Vec<u8>, name: &str, value: Uuid) {
    let mut buffer = Uuid::encode_buffer();
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
    out.extend_from_slice(value.hyphenated().encode_lower(&mut buffer).as_bytes());
    out.push(b'"');
}

#[inline(always)]
fn put_decimal(
    out: &mut Vec<u8>,
    name: &str,
    value: &tradebase_core::Decimal,
) -> Result<(), Broken> {
    out.extend_from_slice(name.as_bytes());
    decimal::write(out, units(value)?, SCALE);
    Ok(())
}

fn write_one(row: &Trade, out: &mut Vec<u8>) -> Result<(), Broken> {
    put_uuid(out, "{\"id\":", row.id.0);
    put_uuid(out, ",\"bot_id\":", row.bot_id);
    put_text(out, ",\"symbol\":", &row.symbol)?;
    put_text(out, ",\"side\":", &row.side)?;
    put_text(out, ",\"order_type\":", &row.order_type)?;
    put_decimal(out, ",\"quantity\":", &row.quantity)?;
    put_decimal(out, ",\"price\":", &row.price)?;
    put_decimal(out, ",\"executed_price\":", &row.executed_price)?;
    put_decimal(out, ",\"fee\":", &row.fee)?;
    match &row.pnl {
        Some(pnl) => put_decimal(out, ",\"pnl\":", pnl)?,
        None => out.extend_from_slice(b",\"pnl\":null"),
    }
    put_text(out, ",\"status\":", &row.status)?;
    moment(row.timestamp)?;
    out.extend_from_slice(b",\"timestamp\":\"");
    row.timestamp.write(out);
    out.extend_from_slice(b"\"}");
    Ok(())
}

#[inline(never)]
fn write_raw(rows: &[Trade], out: &mut Vec<u8>) {
    for row in rows {
        write_one(row, out).expect("the rows are valid");
    }
}

#[inline(never)]
fn read_ours(rows: &[Vec<u8>], out: &mut Vec<Trade>) {
    for row in rows {
        out.push(json::from_slice(row).expect("we wrote it"));
    }
}

#[inline(always)]
fn member<'a>(scanner: &mut Scanner<'a>, name: &str) -> Result<Cell<'a>, Broken> {
    if !scanner.eat_all(name.as_bytes()) {
        return Err(Broken);
    }
    scanner.value().map_err(|_| Broken)
}

#[inline(always)]
fn string<'a>(cell: Cell<'a>) -> Result<&'a str, Broken> {
    match cell {
        Cell::Text(raw, false) => std::str::from_utf8(raw).map_err(|_| Broken),
        _ => Err(Broken),
    }
}

#[inline(always)]
fn owned(cell: Cell<'_>) -> Result<String, Broken> {
    match cell {
        Cell::Text(raw, false) => text(raw),
        Cell::Text(raw, true) => {
            serde_json::from_slice(&[b"\"", raw, b"\""].concat()).map_err(|_| Broken)
        }
        _ => Err(Broken),
    }
}

#[inline(always)]
fn number(cell: Cell<'_>) -> Result<tradebase_core::Decimal, Broken> {
    match cell {
        Cell::Number(token) => from_units(decimal::parse(token, SCALE).ok_or(Broken)?),
        _ => Err(Broken),
    }
}

fn read_one(bytes: &[u8]) -> Result<Trade, Broken> {
    let s = &mut Scanner::new(bytes);
    let id = Uuid::try_parse(string(member(s, "{\"id\":")?)?).map_err(|_| Broken)?;
    let bot_id = Uuid::try_parse(string(member(s, ",\"bot_id\":")?)?).map_err(|_| Broken)?;
    let symbol = owned(member(s, ",\"symbol\":")?)?;
    let side = owned(member(s, ",\"side\":")?)?;
    let order_type = owned(member(s, ",\"order_type\":")?)?;
    let quantity = number(member(s, ",\"quantity\":")?)?;
    let price = number(member(s, ",\"price\":")?)?;
    let executed_price = number(member(s, ",\"executed_price\":")?)?;
    let fee = number(member(s, ",\"fee\":")?)?;
    let pnl = match member(s, ",\"pnl\":")? {
        Cell::Null => None,
        cell => Some(number(cell)?),
    };
    let status = owned(member(s, ",\"status\":")?)?;
    let moment: Timestamp = string(member(s, ",\"timestamp\":")?)?.parse().map_err(|_| Broken)?;
    Ok(Trade {
        id: TradeId(id),
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
        timestamp: moment,
    })
}

#[inline(never)]
fn read_raw(rows: &[Vec<u8>], out: &mut Vec<Trade>) {
    for row in rows {
        out.push(read_one(row).expect("we wrote it"));
    }
}

/// Struct to text.
pub fn write(rows: &[Trade]) -> Figures {
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    write_ours(rows, &mut ours);
    write_raw(rows, &mut raw);
    assert_eq!(ours, raw, "both sides write the same bytes");
    compare(
        rows.len(),
        || {
            ours.clear();
            write_ours(black_box(rows), &mut ours);
        },
        || {
            raw.clear();
            write_raw(black_box(rows), &mut raw);
        },
    )
}

/// Text to struct.
pub fn read(rows: &[Trade]) -> Figures {
    let texts: Vec<Vec<u8>> =
        rows.iter().map(|r| json::to_string(r).expect("the rows are valid").into_bytes()).collect();
    super::compare_reads(rows, |out| read_ours(&texts, out), |out| read_raw(&texts, out))
}
