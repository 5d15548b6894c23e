//! Line protocol: ours against a line written by hand.

use std::hint::black_box;

use tradebase_conformance::models::Trade;
use tradebase_core::{Decimal, Uuid, decimal};
use tradebase_series::codec::Encoder;

use crate::hand::{Broken, SCALE, moment, plain, units};
use crate::measure::{Figures, compare};

#[inline(never)]
fn write_ours(rows: &[Trade], encoder: &mut Encoder, out: &mut Vec<u8>) {
    for row in rows {
        encoder.write(row, out).expect("the rows are valid");
    }
}

#[inline(always)]
fn uuid(out: &mut Vec<u8>, value: Uuid) {
    let mut buffer = Uuid::encode_buffer();
    out.extend_from_slice(value.hyphenated().encode_lower(&mut buffer).as_bytes());
}

#[inline(always)]
fn tag(out: &mut Vec<u8>, name: &str, value: &str) -> Result<(), Broken> {
    let bytes = plain(value)?.as_bytes();
    if bytes.is_empty() || bytes.ends_with(b"\\") || bytes.contains(&b'\n') {
        return Err(Broken);
    }
    out.extend_from_slice(name.as_bytes());
    escaped(out, bytes, |b| matches!(b, b',' | b'=' | b' '));
    Ok(())
}

#[inline(always)]
fn field(out: &mut Vec<u8>, name: &str, value: &str) -> Result<(), Broken> {
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
    escaped(out, plain(value)?.as_bytes(), |b| matches!(b, b'"' | b'\\'));
    out.push(b'"');
    Ok(())
}

#[inline(always)]
fn escaped(out: &mut Vec<u8>, bytes: &[u8], special: impl Fn(u8) -> bool) {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|b| special(*b)) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[inline(always)]
fn number(out: &mut Vec<u8>, name: &str, value: &Decimal) -> Result<(), Broken> {
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
    decimal::write(out, units(value)?, SCALE);
    out.push(b'"');
    Ok(())
}

fn write_one(row: &Trade, out: &mut Vec<u8>) -> Result<(), Broken> {
    out.extend_from_slice(b"trades,id=");
    uuid(out, row.id.0);
    tag(out, ",symbol=", &row.symbol)?;
    tag(out, ",side=", &row.side)?;
    out.extend_from_slice(b" bot_id=\"");
    uuid(out, row.bot_id);
    out.push(b'"');
    field(out, ",order_type=", &row.order_type)?;
    number(out, ",quantity=", &row.quantity)?;
    number(out, ",price=", &row.price)?;
    number(out, ",executed_price=", &row.executed_price)?;
    number(out, ",fee=", &row.fee)?;
    if let Some(pnl) = &row.pnl {
        number(out, ",pnl=", pnl)?;
    }
    field(out, ",status=", &row.status)?;
    out.push(b' ');
    let ns = moment(row.timestamp)?.checked_mul(1000).ok_or(Broken)?;
    out.extend_from_slice(itoa::Buffer::new().format(ns).as_bytes());
    out.push(b'\n');
    Ok(())
}

#[inline(never)]
fn write_raw(rows: &[Trade], out: &mut Vec<u8>) {
    for row in rows {
        write_one(row, out).expect("the rows are valid");
    }
}

/// Struct to lines.
pub fn write(rows: &[Trade]) -> Figures {
    let mut encoder = Encoder::new::<Trade>().expect("the trade is a series");
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    write_ours(rows, &mut encoder, &mut ours);
    write_raw(rows, &mut raw);
    assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(&raw));
    compare(
        rows.len(),
        || {
            ours.clear();
            write_ours(black_box(rows), &mut encoder, &mut ours);
        },
        || {
            raw.clear();
            write_raw(black_box(rows), &mut raw);
        },
    )
}
