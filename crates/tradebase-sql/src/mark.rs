//! What is noted of rows beside their reading: the place of one in an order, and how many there
//! are in all.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tradebase_core::{Code, Column, Error, Got, Kind, Result, Source, Value};

use crate::measure;
use crate::select::{By, Decode, Reckoned, Select};

/// Rows of which one is marked: its values in each column of the order, from which a later
/// statement goes on.
#[derive(Debug)]
pub(crate) struct Marked<D> {
    decode: Arc<D>,
    /// Where these values stand in what the statement gives.
    places: Vec<(usize, &'static Column)>,
    /// The columns that are given for the mark alone.
    added: Vec<&'static Column>,
    /// Which row is marked, from 1 on.
    row: usize,
    read: AtomicUsize,
    mark: Arc<OnceLock<Vec<Value>>>,
}

impl<D: Decode> Marked<D> {
    /// Marks that row of the statement, which is made to give what is needed for it.
    pub(crate) fn new(select: &mut Select, decode: Arc<D>, row: u32) -> Result<Self> {
        let (mut places, mut added) = (Vec::new(), Vec::new());
        for by in select.whole_order() {
            let By::Column(sort) = by else {
                let message = "an order by a measure has no places to go on from";
                return Err(Error::new(Code::Internal, message));
            };
            let missing = || Error::new(Code::Internal, format!("there is no column {}", sort.at));
            let column = select.table.columns.get(sort.at).ok_or_else(missing)?;
            let (at, is_added) = select.give(sort.at);
            if is_added {
                added.push(column);
            }
            places.push((at, column));
        }
        let row = usize::try_from(row).unwrap_or(usize::MAX);
        let (read, mark) = (AtomicUsize::new(0), Arc::default());
        Ok(Self { decode, places, added, row, read, mark })
    }

    /// Where the mark is, once the row has been read.
    pub(crate) fn mark(&self) -> Arc<OnceLock<Vec<Value>>> {
        self.mark.clone()
    }
}

impl<D: Decode> Decode for Marked<D> {
    type Out = D::Out;

    fn columns(&self) -> Vec<&'static Column> {
        let mut columns = self.decode.columns();
        columns.extend(&self.added);
        columns
    }

    #[inline]
    fn decode<S: Source>(&self, source: &mut S) -> Result<D::Out> {
        let row = self.decode.decode(source)?;
        if self.read.fetch_add(1, Ordering::Relaxed) + 1 == self.row {
            let values = self.places.iter().map(|(at, column)| value(source, *at, column));
            let values = values.collect::<Result<_>>()?;
            _ = self.mark.set(values);
        }
        Ok(row)
    }
}

/// Rows behind each of which stands how many there are in all.
#[derive(Debug)]
pub(crate) struct Totalled<D> {
    decode: Arc<D>,
    column: &'static Column,
    total: Arc<OnceLock<u64>>,
}

impl<D: Decode> Totalled<D> {
    /// The statement must give the total last.
    pub(crate) fn new(select: &Select, decode: Arc<D>) -> Result<Self> {
        let column = measure::column(select.table, Reckoned::ROWS)?;
        Ok(Self { decode, column, total: Arc::default() })
    }

    /// Where the total is, once a row has been read.
    pub(crate) fn total(&self) -> Arc<OnceLock<u64>> {
        self.total.clone()
    }
}

impl<D: Decode> Decode for Totalled<D> {
    type Out = D::Out;

    fn columns(&self) -> Vec<&'static Column> {
        let mut columns = self.decode.columns();
        columns.push(self.column);
        columns
    }

    #[inline]
    fn decode<S: Source>(&self, source: &mut S) -> Result<D::Out> {
        let row = self.decode.decode(source)?;
        if self.total.get().is_none() {
            let at = self.decode.columns().len();
            _ = self.total.set(number(source, at, self.column)?);
        }
        Ok(row)
    }
}

/// How many rows there are, as the only value of the only row.
#[derive(Debug)]
pub(crate) struct Counted(pub(crate) &'static Column);

impl Decode for Counted {
    type Out = u64;

    fn columns(&self) -> Vec<&'static Column> {
        vec![self.0]
    }

    fn decode<S: Source>(&self, source: &mut S) -> Result<u64> {
        number(source, 0, self.0)
    }
}

/// Rows of which only the being there counts. The statement gives one column.
#[derive(Debug)]
pub(crate) struct There(pub(crate) &'static Column);

impl Decode for There {
    type Out = ();

    fn columns(&self) -> Vec<&'static Column> {
        vec![self.0]
    }

    fn decode<S: Source>(&self, _: &mut S) -> Result<()> {
        Ok(())
    }
}

fn number<S: Source>(source: &mut S, at: usize, column: &'static Column) -> Result<u64> {
    match source.i64(at, column)? {
        Got::Value(count) => Ok(u64::try_from(count).unwrap_or(0)),
        Got::Null | Got::Absent => Err(Error::new(Code::Internal, "a count came to nothing")),
    }
}

/// The value in a column that has an order.
fn value<S: Source>(source: &mut S, at: usize, column: &'static Column) -> Result<Value> {
    let got = match column.kind {
        Kind::Bool => source.bool(at, column)?.map(Value::Bool),
        Kind::I16 => source.i16(at, column)?.map(|v| Value::Int(v.into())),
        Kind::I32 => source.i32(at, column)?.map(|v| Value::Int(v.into())),
        Kind::I64 => source.i64(at, column)?.map(Value::Int),
        Kind::F64 => source.f64(at, column)?.map(Value::Float),
        Kind::Decimal { scale, .. } => {
            source.decimal(at, column)?.map(|units| Value::Decimal(units, scale))
        }
        Kind::Text { .. } => source.text(at, column)?.map(|v| Value::Text(v.to_owned())),
        Kind::Bytes => source.bytes(at, column)?.map(|v| Value::Bytes(v.to_owned())),
        Kind::Uuid => source.uuid(at, column)?.map(Value::Uuid),
        Kind::Timestamp => source.timestamp(at, column)?.map(Value::Timestamp),
        Kind::TimestampNs => source.timestamp_ns(at, column)?.map(Value::TimestampNs),
        Kind::Date => source.date(at, column)?.map(Value::Date),
        other => {
            let message = format!("there is no order by a column of {other}");
            return Err(Error::new(Code::Unsupported, message).column(column.name.text));
        }
    };
    Ok(match got {
        Got::Value(value) => value,
        Got::Null | Got::Absent => Value::Null,
    })
}
