//! PostgreSQL: ours against parameters, rows and COPY tuples encoded and decoded by hand.

use std::hint::black_box;

use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{NoTls, Row};
use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::{Decimal, Put, Record, Row as _, Timestamp, Uuid};
use tradebase_sql::codec::postgres as ours;
use tradebase_sql::codec::postgres::numeric;

use super::raw::{Broken, SCALE, from_units, moment, plain, text, units, uuid};
use crate::measure::{Figures, compare};

/// PostgreSQL counts from 2000-01-01: microseconds after 1970.
const EPOCH: i64 = 946_684_800_000_000;

#[inline(never)]
fn bind_ours(rows: &[Trade], scratch: &mut ours::Scratch) {
    for row in rows {
        scratch.clear();
        row.write(&mut ours::BindSink::new(scratch)).expect("the rows are valid");
    }
}

/// All parameters of a row, and the length of each.
#[derive(Default)]
struct Bytes {
    bytes: Vec<u8>,
    lengths: Vec<i32>,
}

impl Bytes {
    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) -> Result<(), Broken> {
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

fn bind_one(row: &Trade, b: &mut Bytes) -> Result<(), Broken> {
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

#[inline(never)]
fn bind_raw(rows: &[Trade], bytes: &mut Bytes) {
    for row in rows {
        bind_one(row, bytes).expect("the rows are valid");
    }
}

/// Struct to encoded parameters.
pub fn write_bind(rows: &[Trade]) -> Figures {
    let (mut scratch, mut bytes) = (ours::Scratch::new(), Bytes::default());
    for row in rows {
        bind_ours(std::slice::from_ref(row), &mut scratch);
        bind_raw(std::slice::from_ref(row), &mut bytes);
        let same = scratch.parts() == (&bytes.bytes[..], &bytes.lengths[..]);
        assert!(same, "both sides encode the same parameters");
    }
    compare(
        rows.len(),
        || bind_ours(black_box(rows), &mut scratch),
        || bind_raw(black_box(rows), &mut bytes),
    )
}

#[inline(never)]
fn copy_ours(rows: &[Trade], out: &mut Vec<u8>) {
    for row in rows {
        row.write(&mut ours::CopySink::new(out, Trade::COLUMNS)).expect("the rows are valid");
    }
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

fn copy_one(row: &Trade, out: &mut Vec<u8>) -> Result<(), Broken> {
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

#[inline(never)]
fn copy_raw(rows: &[Trade], out: &mut Vec<u8>) {
    for row in rows {
        copy_one(row, out).expect("the rows are valid");
    }
}

/// Struct to COPY's tuples.
pub fn write_copy(rows: &[Trade]) -> Figures {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    copy_ours(rows, &mut a);
    copy_raw(rows, &mut b);
    assert_eq!(a, b, "both sides write the same bytes");
    compare(
        rows.len(),
        || {
            a.clear();
            copy_ours(black_box(rows), &mut a);
        },
        || {
            b.clear();
            copy_raw(black_box(rows), &mut b);
        },
    )
}

#[inline(never)]
fn read_copy_ours(mut bytes: &[u8], out: &mut Vec<Trade>) {
    while let ours::Tuple::Of(mut source) = ours::read_tuple(bytes) {
        out.push(Trade::read(&mut source).expect("we wrote it"));
        bytes = source.rest().expect("we wrote it");
    }
}

struct Tuple<'a>(&'a [u8]);

impl<'a> Tuple<'a> {
    #[inline(always)]
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
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

#[inline(always)]
fn timestamp(bytes: &[u8]) -> Result<Timestamp, Broken> {
    let micros = i64::from_be_bytes(bytes.try_into().map_err(|_| Broken)?);
    Ok(Timestamp::from_micros(micros.checked_add(EPOCH).ok_or(Broken)?))
}

fn read_copy_one(t: &mut Tuple<'_>) -> Result<Trade, Broken> {
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

#[inline(never)]
fn read_copy_raw(bytes: &[u8], out: &mut Vec<Trade>) -> Result<(), Broken> {
    let mut tuple = Tuple(bytes);
    while i16::from_be_bytes(tuple.take()?) == 12 {
        out.push(read_copy_one(&mut tuple)?);
    }
    Ok(())
}

/// COPY's tuples to structs.
pub fn read_copy(rows: &[Trade]) -> Figures {
    let mut bytes = Vec::new();
    copy_raw(rows, &mut bytes);
    ours::copy_end(&mut bytes);
    super::compare_reads(
        rows,
        |out| read_copy_ours(&bytes, out),
        |out| read_copy_raw(&bytes, out).expect("we wrote it"),
    )
}

#[inline(never)]
fn read_row_ours(rows: &[Row], out: &mut Vec<Trade>) {
    for row in rows {
        out.push(Trade::read(&mut ours::RowSource::new(row)).expect("we wrote it"));
    }
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

fn read_row_one(row: &Row) -> Result<Trade, Broken> {
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

#[inline(never)]
fn read_row_raw(rows: &[Row], out: &mut Vec<Trade>) {
    for row in rows {
        out.push(read_row_one(row).expect("we wrote it"));
    }
}

/// Rows of the driver, from a real server.
async fn fetch(url: &str, rows: &[Trade]) -> Result<Vec<Row>, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let driving = tokio::spawn(connection);
    client.batch_execute("DROP TABLE IF EXISTS trades").await?;
    client.batch_execute(&ours::create(Trade::TABLE).expect("a statement")).await?;
    let insert = client.prepare(ours::insert(Trade::TABLE)).await?;
    let mut scratch = ours::Scratch::new();
    for row in rows {
        bind_ours(std::slice::from_ref(row), &mut scratch);
        client.execute_raw(&insert, scratch.params()).await?;
    }
    let found = client.query(ours::select(Trade::TABLE), &[]).await?;
    drop(client);
    driving.await.expect("the connection ends")?;
    Ok(found)
}

/// Rows of the driver to structs.
pub fn read_row(rows: &[Trade]) -> Figures {
    let url = std::env::var(super::SERVER).expect("the bench hands its workers a server");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let found = runtime.block_on(fetch(&url, rows)).expect("the server answers");
    let mut sorted = rows.to_vec();
    sorted.sort_by_key(|row| row.id);
    super::compare_reads(&sorted, |out| read_row_ours(&found, out), |out| read_row_raw(&found, out))
}
