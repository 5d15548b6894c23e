//! MessagePack: ours against a map written and read by hand in a fixed order.

use std::hint::black_box;

use tradebase_cache::codec;
use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::{Decimal, Timestamp, Uuid, decimal};

use crate::hand::{Broken, SCALE, from_units, moment, plain, text, units};
use crate::measure::{Figures, compare};

#[inline(never)]
fn write_ours(rows: &[Trade], out: &mut Vec<u8>) {
    for row in rows {
        codec::encode(row, out).expect("the rows are valid");
    }
}

#[inline(always)]
fn put_uuid(out: &mut Vec<u8>, name: &[u8], value: Uuid) {
    out.extend_from_slice(name);
    let mut bytes = [0; 18];
    bytes[..2].copy_from_slice(&[0xc4, 16]);
    bytes[2..].copy_from_slice(value.as_bytes());
    out.extend_from_slice(&bytes);
}

#[inline(always)]
fn put_text(out: &mut Vec<u8>, name: &[u8], value: &str) -> Result<(), Broken> {
    out.extend_from_slice(name);
    let bytes = plain(value)?.as_bytes();
    match (u8::try_from(bytes.len()), u16::try_from(bytes.len())) {
        (Ok(short @ 0..32), _) => out.push(0xa0 | short),
        (Ok(len), _) => out.extend_from_slice(&[0xd9, len]),
        (_, Ok(len)) => {
            let [a, b] = len.to_be_bytes();
            out.extend_from_slice(&[0xda, a, b]);
        }
        _ => return Err(Broken),
    }
    out.extend_from_slice(bytes);
    Ok(())
}

#[inline(always)]
fn put_decimal(out: &mut Vec<u8>, name: &[u8], value: &Decimal) -> Result<(), Broken> {
    out.extend_from_slice(name);
    let start = out.len();
    out.push(0xa0);
    decimal::write(out, units(value)?, SCALE);
    // 28 digits, a point and a sign never need a longer head.
    out[start] |= u8::try_from(out.len() - start - 1).map_err(|_| Broken)?;
    Ok(())
}

fn write_one(row: &Trade, out: &mut Vec<u8>) -> Result<(), Broken> {
    out.push(0x8c);
    put_uuid(out, b"\xa2id", row.id.0);
    put_uuid(out, b"\xa6bot_id", row.bot_id);
    put_text(out, b"\xa6symbol", &row.symbol)?;
    put_text(out, b"\xa4side", &row.side)?;
    put_text(out, b"\xaaorder_type", &row.order_type)?;
    put_decimal(out, b"\xa8quantity", &row.quantity)?;
    put_decimal(out, b"\xa5price", &row.price)?;
    put_decimal(out, b"\xaeexecuted_price", &row.executed_price)?;
    put_decimal(out, b"\xa3fee", &row.fee)?;
    match &row.pnl {
        Some(pnl) => put_decimal(out, b"\xa3pnl", pnl)?,
        None => out.extend_from_slice(b"\xa3pnl\xc0"),
    }
    put_text(out, b"\xa6status", &row.status)?;
    out.extend_from_slice(b"\xa9timestamp");
    put_moment(out, moment(row.timestamp)?);
    Ok(())
}

#[inline(never)]
fn put_moment(out: &mut Vec<u8>, micros: i64) {
    let (secs, nanos) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000) * 1000);
    let (wide, fraction) = (secs.to_be_bytes(), nanos.unsigned_abs());
    match u64::try_from(secs) {
        Ok(secs @ 0..0x1_0000_0000) if fraction == 0 => {
            let [_, _, _, _, a, b, c, d] = secs.to_be_bytes();
            out.extend_from_slice(&[0xd6, 0xff, a, b, c, d]);
        }
        Ok(secs @ 0..0x4_0000_0000) => {
            let [a, b, c, d, e, f, g, h] = (fraction << 34 | secs).to_be_bytes();
            out.extend_from_slice(&[0xd7, 0xff, a, b, c, d, e, f, g, h]);
        }
        _ => {
            out.extend_from_slice(&[0xc7, 12, 0xff]);
            out.extend_from_slice(&fraction.to_be_bytes()[4..]);
            out.extend_from_slice(&wide);
        }
    }
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
        out.push(codec::decode(row).expect("we wrote it"));
    }
}

struct Hand<'a>(&'a [u8]);

impl<'a> Hand<'a> {
    #[inline(always)]
    fn take(&mut self, len: usize) -> Result<&'a [u8], Broken> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(Broken)?;
        self.0 = rest;
        Ok(head)
    }

    #[inline(always)]
    fn name(&mut self, name: &[u8]) -> Result<(), Broken> {
        self.0 = self.0.strip_prefix(name).ok_or(Broken)?;
        Ok(())
    }

    #[inline(always)]
    fn uuid(&mut self, name: &[u8]) -> Result<Uuid, Broken> {
        self.name(name)?;
        match self.take(2)? {
            [0xc4, 16] => crate::hand::uuid(self.take(16)?),
            _ => Err(Broken),
        }
    }

    #[inline(always)]
    fn string(&mut self) -> Result<Option<&'a [u8]>, Broken> {
        let len = match *self.take(1)? {
            [head @ 0xa0..=0xbf] => usize::from(head & 0x1f),
            [0xd9] => usize::from(self.take(1)?[0]),
            [0xda] => {
                usize::from(u16::from_be_bytes(self.take(2)?.try_into().map_err(|_| Broken)?))
            }
            [0xc0] => return Ok(None),
            _ => return Err(Broken),
        };
        self.take(len).map(Some)
    }

    #[inline(always)]
    fn text(&mut self, name: &[u8]) -> Result<String, Broken> {
        self.name(name)?;
        text(self.string()?.ok_or(Broken)?)
    }

    #[inline(always)]
    fn maybe_decimal(&mut self, name: &[u8]) -> Result<Option<Decimal>, Broken> {
        self.name(name)?;
        match self.string()? {
            Some(digits) => from_units(decimal::parse(digits, SCALE).ok_or(Broken)?).map(Some),
            None => Ok(None),
        }
    }

    #[inline(always)]
    fn decimal(&mut self, name: &[u8]) -> Result<Decimal, Broken> {
        self.maybe_decimal(name)?.ok_or(Broken)
    }

    #[inline(always)]
    fn moment(&mut self, name: &[u8]) -> Result<Timestamp, Broken> {
        self.name(name)?;
        let (secs, nanos) = match *self.take(2)? {
            [0xd6, 0xff] => {
                let secs = u32::from_be_bytes(self.take(4)?.try_into().map_err(|_| Broken)?);
                (i64::from(secs), 0)
            }
            [0xd7, 0xff] => {
                let word = u64::from_be_bytes(self.take(8)?.try_into().map_err(|_| Broken)?);
                (i64::try_from(word & 0x3_ffff_ffff).map_err(|_| Broken)?, word >> 34)
            }
            _ => return Err(Broken),
        };
        let micros = i64::try_from(nanos / 1000).map_err(|_| Broken)?;
        let whole = secs.checked_mul(1_000_000).ok_or(Broken)?;
        Ok(Timestamp::from_micros(whole.checked_add(micros).ok_or(Broken)?))
    }
}

fn read_one(bytes: &[u8]) -> Result<Trade, Broken> {
    let h = &mut Hand(bytes);
    h.name(&[0x8c])?;
    let id = h.uuid(b"\xa2id")?;
    let bot_id = h.uuid(b"\xa6bot_id")?;
    let symbol = h.text(b"\xa6symbol")?;
    let side = h.text(b"\xa4side")?;
    let order_type = h.text(b"\xaaorder_type")?;
    let quantity = h.decimal(b"\xa8quantity")?;
    let price = h.decimal(b"\xa5price")?;
    let executed_price = h.decimal(b"\xaeexecuted_price")?;
    let fee = h.decimal(b"\xa3fee")?;
    let pnl = h.maybe_decimal(b"\xa3pnl")?;
    let status = h.text(b"\xa6status")?;
    let timestamp = h.moment(b"\xa9timestamp")?;
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
        timestamp,
    })
}

#[inline(never)]
fn read_raw(rows: &[Vec<u8>], out: &mut Vec<Trade>) {
    for row in rows {
        out.push(read_one(row).expect("we wrote it"));
    }
}

/// Struct to bytes.
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

/// Bytes to struct.
pub fn read(rows: &[Trade]) -> Figures {
    let encode = |row: &Trade| {
        let mut out = Vec::new();
        codec::encode(row, &mut out).expect("the rows are valid");
        out
    };
    let bytes: Vec<Vec<u8>> = rows.iter().map(encode).collect();
    super::compare_reads(rows, |out| read_ours(&bytes, out), |out| read_raw(&bytes, out))
}
