//! Parameters, rows and COPY tuples of PostgreSQL encoded and decoded by hand.

use std::error::Error as StdError;

use bytes::BytesMut;
use tokio_postgres::Row;
use tokio_postgres::types::{Format, FromSql, IsNull, ToSql, Type};
use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::{Decimal, Timestamp, Uuid};
use tradebase_sql::codec::postgres::numeric;

use crate::desks::{Desk, Fill};

use super::{Broken, SCALE, from_units, moment, plain, text, units, uuid};

/// PostgreSQL counts from 2000-01-01: microseconds after 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// All parameters of a row, and the length of each.
#[derive(Default)]
pub struct Bytes {
    /// One after another.
    pub bytes: Vec<u8>,
    /// -1 for null.
    pub lengths: Vec<i32>,
}

impl Bytes {
    /// Adds a value.
    #[inline(always)]
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.bytes.extend_from_slice(bytes);
        self.lengths.push(i32::try_from(bytes.len()).map_err(|_| Broken)?);
        Ok(())
    }

    #[inline(always)]
    fn decimal(&mut self, value: &Decimal) -> Result<(), Broken> {
        let mut digits = [0; numeric::BYTES_MAX];
        let len = numeric::encode(units(value)?, SCALE, &mut digits).ok_or(Broken)?;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&digits);
        self.bytes.truncate(start + len);
        self.lengths.push(i32::try_from(len).map_err(|_| Broken)?);
        Ok(())
    }
}

impl Bytes {
    /// The parameters, as the driver takes them.
    #[inline]
    pub fn params(&self) -> Vec<Given<'_>> {
        let mut rest = self.bytes.as_slice();
        let mut params = Vec::with_capacity(self.lengths.len());
        for length in &self.lengths {
            params.push(Given(usize::try_from(*length).ok().map(|length| {
                let (value, behind) = rest.split_at(length);
                rest = behind;
                value
            })));
        }
        params
    }
}

/// An encoded parameter; none for null.
#[derive(Debug)]
pub struct Given<'a>(pub Option<&'a [u8]>);

impl ToSql for Given<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let Some(bytes) = self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Binary
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.to_sql(ty, out)
    }
}

/// Makes all columns the parameters.
#[inline(always)]
pub fn bind_one(row: &Trade, b: &mut Bytes) -> Result<(), Broken> {
    b.bytes.clear();
    b.lengths.clear();
    b.put(row.id.0.as_bytes())?;
    b.put(row.bot_id.as_bytes())?;
    b.put(plain(&row.symbol)?.as_bytes())?;
    b.put(plain(&row.side)?.as_bytes())?;
    b.put(plain(&row.order_type)?.as_bytes())?;
    b.decimal(&row.quantity)?;
    b.decimal(&row.price)?;
    b.decimal(&row.executed_price)?;
    b.decimal(&row.fee)?;
    match &row.pnl {
        Some(pnl) => b.decimal(pnl)?,
        None => b.lengths.push(-1),
    }
    b.put(plain(&row.status)?.as_bytes())?;
    b.put(&(moment(row.timestamp)? - EPOCH).to_be_bytes())
}

#[inline(always)]
fn cell(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Broken> {
    out.extend_from_slice(&i32::try_from(bytes.len()).map_err(|_| Broken)?.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// A cell of a few bytes: length and value in one piece.
#[inline(always)]
fn uuid_cell(out: &mut Vec<u8>, value: Uuid) {
    let mut bytes = [0; 20];
    bytes[3] = 16;
    bytes[4..].copy_from_slice(value.as_bytes());
    out.extend_from_slice(&bytes);
}

#[inline(always)]
fn decimal_cell(out: &mut Vec<u8>, value: &Decimal) -> Result<(), Broken> {
    let mut digits = [0; numeric::BYTES_MAX];
    let len = numeric::encode(units(value)?, SCALE, &mut digits).ok_or(Broken)?;
    let start = out.len();
    let mut bytes = [0; 4 + numeric::BYTES_MAX];
    bytes[3] = u8::try_from(len).map_err(|_| Broken)?;
    bytes[4..].copy_from_slice(&digits);
    out.extend_from_slice(&bytes);
    out.truncate(start + 4 + len);
    Ok(())
}

/// Adds a tuple of COPY.
#[inline(always)]
pub fn copy_one(row: &Trade, out: &mut Vec<u8>) -> Result<(), Broken> {
    out.extend_from_slice(&12_i16.to_be_bytes());
    uuid_cell(out, row.id.0);
    uuid_cell(out, row.bot_id);
    cell(out, plain(&row.symbol)?.as_bytes())?;
    cell(out, plain(&row.side)?.as_bytes())?;
    cell(out, plain(&row.order_type)?.as_bytes())?;
    decimal_cell(out, &row.quantity)?;
    decimal_cell(out, &row.price)?;
    decimal_cell(out, &row.executed_price)?;
    decimal_cell(out, &row.fee)?;
    match &row.pnl {
        Some(pnl) => decimal_cell(out, pnl)?,
        None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
    }
    cell(out, plain(&row.status)?.as_bytes())?;
    let mut bytes = [0; 12];
    bytes[3] = 8;
    bytes[4..].copy_from_slice(&(moment(row.timestamp)? - EPOCH).to_be_bytes());
    out.extend_from_slice(&bytes);
    Ok(())
}

/// A column of many rows, as the parameter of UNNEST or ANY.
#[derive(Debug)]
pub struct Array {
    bytes: Vec<u8>,
    count: i32,
    nulls: bool,
}

impl Array {
    /// Number of dimensions, null flag, element type, length, lower bound.
    const HEADER: usize = 20;

    /// An empty one.
    pub fn new() -> Self {
        Self { bytes: vec![0; Self::HEADER], count: 0, nulls: false }
    }

    /// Adds a UUID.
    #[inline]
    pub fn uuid(&mut self, value: Uuid) {
        self.count += 1;
        uuid_cell(&mut self.bytes, value);
    }

    /// Adds an integer.
    #[inline]
    pub fn integer(&mut self, value: i64) -> Result<(), Broken> {
        self.count += 1;
        cell(&mut self.bytes, &value.to_be_bytes())
    }

    /// Adds a text.
    #[inline]
    pub fn text(&mut self, value: &str) -> Result<(), Broken> {
        self.count += 1;
        cell(&mut self.bytes, plain(value)?.as_bytes())
    }

    /// Adds a decimal, if there is one.
    #[inline]
    pub fn decimal(&mut self, value: Option<&Decimal>) -> Result<(), Broken> {
        self.count += 1;
        let Some(value) = value else {
            self.nulls = true;
            self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
            return Ok(());
        };
        decimal_cell(&mut self.bytes, value)
    }

    /// Adds a moment.
    #[inline]
    pub fn moment(&mut self, value: Timestamp) -> Result<(), Broken> {
        self.count += 1;
        cell(&mut self.bytes, &(moment(value)? - EPOCH).to_be_bytes())
    }

    /// The parameter, of elements of that type.
    #[inline]
    pub fn finish(&mut self, element: &Type) -> Given<'_> {
        let header = [1, i32::from(self.nulls), element.oid().cast_signed(), self.count, 1];
        for (place, word) in self.bytes.chunks_exact_mut(4).zip(header) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        Given(Some(&self.bytes))
    }
}

/// The rest of a COPY's bytes.
pub struct Tuple<'a>(pub &'a [u8]);

impl<'a> Tuple<'a> {
    #[inline(always)]
    /// The next bytes.
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let (head, rest) = self.0.split_first_chunk().ok_or(Broken)?;
        self.0 = rest;
        Ok(*head)
    }

    #[inline(always)]
    fn maybe(&mut self) -> Result<Option<&'a [u8]>, Broken> {
        let len = i32::from_be_bytes(self.take()?);
        if len == -1 {
            return Ok(None);
        }
        let len = usize::try_from(len).map_err(|_| Broken)?;
        let (head, rest) = self.0.split_at_checked(len).ok_or(Broken)?;
        self.0 = rest;
        Ok(Some(head))
    }

    #[inline(always)]
    fn cell(&mut self) -> Result<&'a [u8], Broken> {
        self.maybe()?.ok_or(Broken)
    }
}

#[inline(always)]
fn decimal(bytes: &[u8]) -> Result<Decimal, Broken> {
    from_units(numeric::decode(bytes, SCALE).map_err(|_| Broken)?)
}

/// A moment as a parameter.
#[inline(always)]
pub fn wire_moment(value: Timestamp) -> Result<[u8; 8], Broken> {
    Ok((moment(value)? - EPOCH).to_be_bytes())
}

#[inline(always)]
fn timestamp(bytes: &[u8]) -> Result<Timestamp, Broken> {
    let micros = i64::from_be_bytes(bytes.try_into().map_err(|_| Broken)?);
    Ok(Timestamp::from_micros(micros.checked_add(EPOCH).ok_or(Broken)?))
}

/// The rest of a tuple.
#[inline(always)]
pub fn read_copy_one(t: &mut Tuple<'_>) -> Result<Trade, Broken> {
    let id = TradeId(uuid(t.cell()?)?);
    let bot_id = uuid(t.cell()?)?;
    let symbol = text(t.cell()?)?;
    let side = text(t.cell()?)?;
    let order_type = text(t.cell()?)?;
    let quantity = decimal(t.cell()?)?;
    let price = decimal(t.cell()?)?;
    let executed_price = decimal(t.cell()?)?;
    let fee = decimal(t.cell()?)?;
    let pnl = t.maybe()?.map(decimal).transpose()?;
    let status = text(t.cell()?)?;
    let timestamp = timestamp(t.cell()?)?;
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

/// A value's bytes, as the driver lends them.
struct Lent<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Lent<'a> {
    #[inline(always)]
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Lent(raw))
    }

    #[inline(always)]
    fn accepts(_: &Type) -> bool {
        true
    }
}

#[inline(always)]
fn lent(row: &Row, i: usize) -> Result<&[u8], Broken> {
    row.try_get::<_, Lent<'_>>(i).map(|lent| lent.0).map_err(|_| Broken)
}

#[inline(always)]
fn integer(row: &Row, i: usize) -> Result<i64, Broken> {
    Ok(i64::from_be_bytes(lent(row, i)?.try_into().map_err(|_| Broken)?))
}

/// A row of a desk.
#[inline(always)]
pub fn read_desk(row: &Row) -> Result<Desk, Broken> {
    Ok(Desk { id: integer(row, 0)?, name: text(lent(row, 1)?)? })
}

/// A row of a fill.
#[inline(always)]
pub fn read_fill(row: &Row) -> Result<Fill, Broken> {
    Ok(Fill {
        id: integer(row, 0)?,
        desk_id: integer(row, 1)?,
        symbol: text(lent(row, 2)?)?,
        quantity: decimal(lent(row, 3)?)?,
        price: decimal(lent(row, 4)?)?,
        at: timestamp(lent(row, 5)?)?,
    })
}

/// A row of a symbol, a count and two sums.
#[inline(always)]
pub fn read_group(row: &Row) -> Result<(String, u64, Decimal, Decimal), Broken> {
    let count = integer(row, 1)?.try_into().map_err(|_| Broken)?;
    Ok((text(lent(row, 0)?)?, count, decimal(lent(row, 2)?)?, decimal(lent(row, 3)?)?))
}

/// A row of all columns.
#[inline(always)]
pub fn read_row_one(row: &Row) -> Result<Trade, Broken> {
    let id = TradeId(uuid(lent(row, 0)?)?);
    let bot_id = uuid(lent(row, 1)?)?;
    let symbol = text(lent(row, 2)?)?;
    let side = text(lent(row, 3)?)?;
    let order_type = text(lent(row, 4)?)?;
    let quantity = decimal(lent(row, 5)?)?;
    let price = decimal(lent(row, 6)?)?;
    let executed_price = decimal(lent(row, 7)?)?;
    let fee = decimal(lent(row, 8)?)?;
    let pnl = match row.try_get::<_, Option<Lent<'_>>>(9).map_err(|_| Broken)? {
        Some(lent) => Some(decimal(lent.0)?),
        None => None,
    };
    let status = text(lent(row, 10)?)?;
    let timestamp = timestamp(lent(row, 11)?)?;
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
