//! Arrow: ours against a vector per column, filled and emptied by hand.

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, Decimal128Array, FixedSizeBinaryArray, NullBufferBuilder, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Decimal128Type, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::{Timestamp, Uuid};
use tradebase_duckdb::BatchBuilder;

use crate::hand::{Broken, from_units, moment, plain, units};
use crate::measure::{Figures, compare};

#[inline(never)]
fn write_ours(rows: &[Trade], builder: &mut BatchBuilder<Trade>) -> RecordBatch {
    for row in rows {
        builder.append(row).expect("the rows are valid");
    }
    builder.finish().expect("a batch")
}

/// A column of texts: all bytes, and where each text ends.
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<i32>,
}

impl Texts {
    fn new(rows: usize, bytes: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        Self { bytes: Vec::with_capacity(bytes), ends }
    }

    #[inline(always)]
    fn push(&mut self, text: &str) -> Result<(), Broken> {
        self.bytes.extend_from_slice(plain(text)?.as_bytes());
        self.ends.push(i32::try_from(self.bytes.len()).map_err(|_| Broken)?);
        Ok(())
    }

    fn finish(self) -> Arc<StringArray> {
        let ends = OffsetBuffer::new(self.ends.into());
        let bytes = Buffer::from_vec(self.bytes);
        // SAFETY: only whole `str`s were pushed, each with its end.
        Arc::new(unsafe { StringArray::new_unchecked(ends, bytes, None) })
    }
}

#[inline(never)]
fn write_raw(rows: &[Trade], schema: &SchemaRef, sizes: [usize; 4]) -> Result<RecordBatch, Broken> {
    let n = rows.len();
    let (mut ids, mut bots) = (Vec::with_capacity(n * 16), Vec::with_capacity(n * 16));
    let [mut symbols, mut sides, mut kinds, mut states] = sizes.map(|bytes| Texts::new(n, bytes));
    let [mut quantities, mut prices, mut executed, mut fees, mut pnls] =
        [(); 5].map(|()| Vec::<i128>::with_capacity(n));
    let mut known = NullBufferBuilder::new(n);
    let mut times = Vec::with_capacity(n);
    for row in rows {
        ids.extend_from_slice(row.id.0.as_bytes());
        bots.extend_from_slice(row.bot_id.as_bytes());
        symbols.push(&row.symbol)?;
        sides.push(&row.side)?;
        kinds.push(&row.order_type)?;
        quantities.push(units(&row.quantity)?);
        prices.push(units(&row.price)?);
        executed.push(units(&row.executed_price)?);
        fees.push(units(&row.fee)?);
        match &row.pnl {
            Some(pnl) => {
                pnls.push(units(pnl)?);
                known.append_non_null();
            }
            None => {
                pnls.push(0);
                known.append_null();
            }
        }
        states.push(&row.status)?;
        times.push(moment(row.timestamp)?);
    }
    let decimal = DataType::Decimal128(28, 10);
    let decimals = |values: Vec<i128>, nulls| {
        Arc::new(Decimal128Array::new(values.into(), nulls).with_data_type(decimal.clone()))
    };
    let uuids = |bytes| Arc::new(FixedSizeBinaryArray::new(16, Buffer::from_vec(bytes), None));
    RecordBatch::try_new(
        Arc::clone(schema),
        vec![
            uuids(ids),
            uuids(bots),
            symbols.finish(),
            sides.finish(),
            kinds.finish(),
            decimals(quantities, None),
            decimals(prices, None),
            decimals(executed, None),
            decimals(fees, None),
            decimals(pnls, known.finish()),
            states.finish(),
            Arc::new(TimestampMicrosecondArray::new(times.into(), None)),
        ],
    )
    .map_err(|_| Broken)
}

fn schema() -> SchemaRef {
    let decimal = DataType::Decimal128(28, 10);
    let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
    let field = |name: &str, kind: &DataType, null| Field::new(name, kind.clone(), null);
    Arc::new(Schema::new(vec![
        field("id", &DataType::FixedSizeBinary(16), false),
        field("bot_id", &DataType::FixedSizeBinary(16), false),
        field("symbol", &DataType::Utf8, false),
        field("side", &DataType::Utf8, false),
        field("order_type", &DataType::Utf8, false),
        field("quantity", &decimal, false),
        field("price", &decimal, false),
        field("executed_price", &decimal, false),
        field("fee", &decimal, false),
        field("pnl", &decimal, true),
        field("status", &DataType::Utf8, false),
        field("timestamp", &moment, false),
    ]))
}

#[inline(never)]
fn read_ours(batch: &RecordBatch, out: &mut Vec<Trade>) {
    tradebase_duckdb::read_all(batch, out).expect("we wrote it");
}

#[inline(never)]
fn read_raw(batch: &RecordBatch, out: &mut Vec<Trade>) -> Result<(), Broken> {
    let uuids = |i: usize| batch.column(i).as_fixed_size_binary().value_data().as_chunks::<16>().0;
    let texts = |i: usize| batch.column(i).as_string::<i32>();
    let decimals = |i: usize| &**batch.column(i).as_primitive::<Decimal128Type>().values();
    let (ids, bots) = (uuids(0), uuids(1));
    let [symbols, sides, kinds, states] = [2, 3, 4, 10].map(texts);
    let [quantities, prices, executed, fees, pnls] = [5, 6, 7, 8, 9].map(decimals);
    let known = batch.column(9).nulls();
    let times = batch.column(11).as_primitive::<TimestampMicrosecondType>().values();
    out.reserve(batch.num_rows());
    for i in 0..batch.num_rows() {
        let id = TradeId(Uuid::from_bytes(ids[i]));
        let bot_id = Uuid::from_bytes(bots[i]);
        let symbol = symbols.value(i).to_owned();
        let side = sides.value(i).to_owned();
        let order_type = kinds.value(i).to_owned();
        let quantity = from_units(quantities[i])?;
        let price = from_units(prices[i])?;
        let executed_price = from_units(executed[i])?;
        let fee = from_units(fees[i])?;
        let pnl = match known {
            Some(known) if known.is_null(i) => None,
            _ => Some(from_units(pnls[i])?),
        };
        let status = states.value(i).to_owned();
        let timestamp = Timestamp::from_micros(times[i]);
        out.push(Trade {
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
        });
    }
    Ok(())
}

/// How many bytes the texts of each text column take.
fn sizes(rows: &[Trade]) -> [usize; 4] {
    let of = |get: fn(&Trade) -> &String| rows.iter().map(|r| get(r).len()).sum();
    [of(|t| &t.symbol), of(|t| &t.side), of(|t| &t.order_type), of(|t| &t.status)]
}

/// Structs to a batch: new buffers and the finish included, on both sides.
pub fn write(rows: &[Trade]) -> Figures {
    let mut builder = BatchBuilder::<Trade>::with_capacity(rows.len());
    let (schema, sizes) = (schema(), sizes(rows));
    let ours = write_ours(rows, &mut builder);
    let raw = write_raw(rows, &schema, sizes).expect("a batch");
    assert_eq!(ours.columns(), raw.columns(), "both sides make the same batch");
    compare(
        rows.len(),
        || {
            black_box(write_ours(black_box(rows), &mut builder));
        },
        || {
            black_box(write_raw(black_box(rows), &schema, sizes).expect("a batch"));
        },
    )
}

/// A batch to structs.
pub fn read(rows: &[Trade]) -> Figures {
    let batch = write_raw(rows, &schema(), sizes(rows)).expect("a batch");
    super::compare_reads(
        rows,
        |out| read_ours(&batch, out),
        |out| read_raw(&batch, out).expect("we wrote it"),
    )
}
