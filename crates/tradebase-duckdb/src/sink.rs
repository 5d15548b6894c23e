//! Records into Arrow: a buffer per column, written in the order of the columns.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, FixedSizeBinaryArray,
    NullBufferBuilder, PrimitiveArray, StringArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type,
    SchemaRef, TimestampMicrosecondType, TimestampNanosecondType,
};
use arrow::record_batch::RecordBatch;
use serde::Serialize;
use tradebase_core::{
    Code, Column, Date, Error, Kind, Put, Result, Sink, Timestamp, TimestampNs, Uuid, json, rule,
};

use crate::types;

/// The most text and bytes that one column of a batch holds: Arrow counts them in 31 bits.
pub const TEXT_BYTES_MAX: usize = 1 << 30;

/// Builds batches from rows, one buffer per column.
///
/// ```
/// use tradebase_core::Record;
/// use tradebase_duckdb::BatchBuilder;
///
/// #[derive(Record)]
/// #[record(table = "quotes")]
/// struct Quote {
///     #[record(key)]
///     symbol: String,
///     bid: f64,
/// }
///
/// let mut builder = BatchBuilder::<Quote>::with_capacity(1000);
/// builder.append(&Quote { symbol: "BTC/USDT".into(), bid: 96_000.5 })?;
/// let batch = builder.finish()?;
/// assert_eq!((batch.num_rows(), batch.num_columns()), (1, 2));
/// # Ok::<(), tradebase_core::Error>(())
/// ```
#[derive(Debug)]
pub struct BatchBuilder<T> {
    schema: SchemaRef,
    columns: Vec<ColumnBuffer>,
    rows: usize,
    capacity: usize,
    skipped: Vec<usize>,
    row: PhantomData<fn(&T)>,
}

impl<T: Put> BatchBuilder<T> {
    /// A builder of batches of that many rows; a longer batch grows.
    pub fn with_capacity(rows: usize) -> Self {
        Self {
            schema: types::schema(T::COLUMNS),
            columns: T::COLUMNS.iter().map(|c| ColumnBuffer::new(c, rows, 0)).collect(),
            rows: 0,
            capacity: rows,
            skipped: Vec::new(),
            row: PhantomData,
        }
    }

    /// Appends a row. A refused row leaves nothing behind; the error names every field at fault.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn append(&mut self, row: &T) -> Result<()> {
        let mut sink = ArrowSink {
            // Known to be that long from here on, so that no column's place is checked again.
            columns: &mut self.columns[..T::COLUMNS.len()],
            at: 0,
            skipped: false,
        };
        let written = row.write(&mut sink);
        let skipped = sink.skipped;
        match written {
            Ok(()) if !skipped => {
                self.rows += 1;
                Ok(())
            }
            Ok(()) => {
                self.skipped.push(self.rows);
                self.rows += 1;
                Ok(())
            }
            Err(error) => Err(self.refuse(row, error)),
        }
    }

    #[cold]
    #[inline(never)]
    fn refuse(&mut self, row: &T, error: Error) -> Error {
        for (buffer, column) in self.columns.iter_mut().zip(T::COLUMNS) {
            buffer.cut(types::is_variable(column.kind), self.rows);
        }
        rule::explain(row, error)
    }

    /// How many rows were appended since the last batch.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether no row was appended since the last batch.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether the batch should be finished before the next row.
    pub fn is_full(&self) -> bool {
        self.rows >= self.capacity
            || self.columns.iter().any(|c| c.text.len() >= TEXT_BYTES_MAX / 4)
    }

    /// The rows of this batch whose key the database assigns.
    pub fn skipped(&self) -> &[usize] {
        &self.skipped
    }

    /// Puts assigned keys into the rows that had none, in order.
    pub fn assign(&mut self, column: usize, keys: &[i64]) -> Result<()> {
        let buffer = self.columns.get_mut(column);
        let buffer = buffer.filter(|_| keys.len() == self.skipped.len()).ok_or_else(misplaced)?;
        for (&row, &key) in self.skipped.iter().zip(keys) {
            *buffer.longs.get_mut(row).ok_or_else(misplaced)? = key;
        }
        self.skipped.clear();
        Ok(())
    }

    /// The rows as a batch; the builder begins a new one.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        let (rows, capacity) = (self.rows, self.capacity);
        let finish = |(buffer, column): (&mut ColumnBuffer, &'static Column)| {
            let fresh = ColumnBuffer::new(column, capacity, buffer.text.len());
            std::mem::replace(buffer, fresh).finish(column, rows)
        };
        let arrays: Vec<ArrayRef> =
            self.columns.iter_mut().zip(T::COLUMNS).map(finish).collect::<Result<_>>()?;
        self.rows = 0;
        self.skipped.clear();
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(|e| Error::new(Code::Internal, "the columns do not form a batch").because(e))
    }
}

/// The buffers of one column. Each kind uses some of them; the others stay empty.
#[derive(Debug)]
struct ColumnBuffer {
    shorts: Vec<i16>,
    /// Also days, and the ends of texts and bytes.
    ints: Vec<i32>,
    /// Also moments.
    longs: Vec<i64>,
    floats: Vec<f64>,
    units: Vec<i128>,
    uuids: Vec<[u8; 16]>,
    /// Texts and bytes, one after another.
    text: Vec<u8>,
    bits: BooleanBufferBuilder,
    /// Which rows are not null, where a column may be null.
    valid: NullBufferBuilder,
}

impl ColumnBuffer {
    fn new(column: &Column, rows: usize, text: usize) -> Self {
        let mut buffer = Self {
            shorts: Vec::new(),
            ints: Vec::new(),
            longs: Vec::new(),
            floats: Vec::new(),
            units: Vec::new(),
            uuids: Vec::new(),
            text: Vec::new(),
            bits: BooleanBufferBuilder::new(0),
            valid: NullBufferBuilder::new(if column.nullable { rows } else { 0 }),
        };
        match column.kind {
            Kind::Bool => buffer.bits = BooleanBufferBuilder::new(rows),
            Kind::I16 => buffer.shorts.reserve(rows),
            Kind::I32 | Kind::Date => buffer.ints.reserve(rows),
            Kind::F64 => buffer.floats.reserve(rows),
            Kind::Decimal { .. } => buffer.units.reserve(rows),
            Kind::Uuid => buffer.uuids.reserve(rows),
            kind if types::is_variable(kind) => {
                // As much as the batch before took, and a little more.
                buffer.text.reserve(text + text / 8);
                buffer.ints.reserve(rows + 1);
                buffer.ints.push(0);
            }
            _ => buffer.longs.reserve(rows),
        }
        buffer
    }

    /// Takes back what a refused row has written.
    fn cut(&mut self, is_variable: bool, rows: usize) {
        self.shorts.truncate(rows);
        self.ints.truncate(rows + usize::from(is_variable));
        self.longs.truncate(rows);
        self.floats.truncate(rows);
        self.units.truncate(rows);
        self.uuids.truncate(rows);
        if is_variable {
            let end = self.ints.last().copied().unwrap_or_default();
            self.text.truncate(usize::try_from(end).unwrap_or_default());
        }
        self.bits.truncate(rows);
        self.valid.truncate(rows);
    }

    fn finish(mut self, column: &'static Column, rows: usize) -> Result<ArrayRef> {
        let nulls = if column.nullable { self.valid.finish() } else { None };
        let array: ArrayRef = match column.kind {
            Kind::Bool => Arc::new(BooleanArray::new(self.bits.finish(), nulls)),
            Kind::I16 => primitive::<Int16Type>(self.shorts, nulls),
            Kind::I32 => primitive::<Int32Type>(self.ints, nulls),
            Kind::I64 => primitive::<Int64Type>(self.longs, nulls),
            Kind::F64 => primitive::<Float64Type>(self.floats, nulls),
            Kind::Decimal { .. } => {
                let array = PrimitiveArray::<Decimal128Type>::new(self.units.into(), nulls);
                Arc::new(array.with_data_type(types::arrow_type(column.kind)))
            }
            Kind::Uuid => {
                let bytes = Buffer::from_vec(self.uuids.into_flattened());
                Arc::new(FixedSizeBinaryArray::new(16, bytes, nulls))
            }
            Kind::Timestamp => primitive::<TimestampMicrosecondType>(self.longs, nulls),
            Kind::TimestampNs => primitive::<TimestampNanosecondType>(self.longs, nulls),
            Kind::Date => primitive::<Date32Type>(self.ints, nulls),
            Kind::Bytes => {
                let ends = OffsetBuffer::new(self.ints.into());
                Arc::new(BinaryArray::new(ends, Buffer::from_vec(self.text), nulls))
            }
            Kind::Text { .. } | Kind::Json => {
                let ends = OffsetBuffer::new(self.ints.into());
                let text = Buffer::from_vec(self.text);
                // SAFETY: only whole `str`s were appended, each with its end, and what a refused
                // row had appended was cut at an end. Checking all text once more took a twelfth
                // of the time of a batch of trades.
                Arc::new(unsafe { StringArray::new_unchecked(ends, text, nulls) })
            }
            other => return Err(types::unknown(column, other)),
        };
        if array.len() == rows { Ok(array) } else { Err(misplaced()) }
    }
}

fn primitive<T: ArrowPrimitiveType>(values: Vec<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls))
}

/// Where one row goes.
struct ArrowSink<'a> {
    columns: &'a mut [ColumnBuffer],
    at: usize,
    skipped: bool,
}

impl ArrowSink<'_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn next(&mut self, column: &'static Column) -> Result<&mut ColumnBuffer> {
        let at = self.at;
        self.at += 1;
        match self.columns.get_mut(at) {
            Some(buffer) => {
                if column.nullable {
                    buffer.valid.append_non_null();
                }
                Ok(buffer)
            }
            None => Err(misplaced()),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn ends(buffer: &mut ColumnBuffer, column: &'static Column) -> Result<()> {
        match i32::try_from(buffer.text.len()) {
            Ok(end) => {
                buffer.ints.push(end);
                Ok(())
            }
            Err(_) => Err(too_long(column)),
        }
    }
}

macro_rules! fixed {
    ($($method:ident($type:ty) -> $list:ident, $value:expr;)+) => {$(
        #[cfg_attr(not(debug_assertions), inline(always))]
        fn $method(&mut self, column: &'static Column, value: $type) -> Result<()> {
            let plain = $value;
            self.next(column)?.$list.push(plain(value));
            Ok(())
        }
    )+};
}

impl Sink for ArrowSink<'_> {
    fixed! {
        i16(i16) -> shorts, |v: i16| v;
        i32(i32) -> ints, |v: i32| v;
        i64(i64) -> longs, |v: i64| v;
        f64(f64) -> floats, |v: f64| v;
        decimal(i128) -> units, |v: i128| v;
        uuid(Uuid) -> uuids, Uuid::into_bytes;
        timestamp(Timestamp) -> longs, Timestamp::as_micros;
        timestamp_ns(TimestampNs) -> longs, TimestampNs::as_nanos;
        date(Date) -> ints, Date::as_days;
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bool(&mut self, column: &'static Column, value: bool) -> Result<()> {
        self.next(column)?.bits.append(value);
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn text(&mut self, column: &'static Column, value: &str) -> Result<()> {
        self.bytes(column, value.as_bytes())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bytes(&mut self, column: &'static Column, value: &[u8]) -> Result<()> {
        let buffer = self.next(column)?;
        buffer.text.extend_from_slice(value);
        Self::ends(buffer, column)
    }

    #[inline]
    fn json<V: Serialize + ?Sized>(&mut self, column: &'static Column, value: &V) -> Result<()> {
        let buffer = self.next(column)?;
        json::render(column, value, &mut buffer.text)?;
        Self::ends(buffer, column)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn null(&mut self, column: &'static Column) -> Result<()> {
        let at = self.at;
        self.at += 1;
        let Some(buffer) = self.columns.get_mut(at) else { return Err(misplaced()) };
        buffer.valid.append_null();
        match column.kind {
            Kind::Bool => buffer.bits.append(false),
            Kind::I16 => buffer.shorts.push(0),
            Kind::I32 | Kind::Date => buffer.ints.push(0),
            Kind::F64 => buffer.floats.push(0.0),
            Kind::Decimal { .. } => buffer.units.push(0),
            Kind::Uuid => buffer.uuids.push([0; 16]),
            Kind::Text { .. } | Kind::Bytes | Kind::Json => return Self::ends(buffer, column),
            _ => buffer.longs.push(0),
        }
        Ok(())
    }

    fn skip(&mut self, column: &'static Column) -> Result<()> {
        self.next(column)?.longs.push(0);
        self.skipped = true;
        Ok(())
    }
}

#[cold]
#[inline(never)]
fn misplaced() -> Error {
    Error::new(Code::Internal, "a row has not written each of its columns once")
}

#[cold]
#[inline(never)]
fn too_long(column: &'static Column) -> Error {
    let message = "must fit into one batch with the rows before it, which is 2 GiB at most";
    Error::refused(column, "length", message)
}
