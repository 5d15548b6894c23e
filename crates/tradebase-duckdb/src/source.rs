//! Rows from Arrow: columns are told apart once per batch, cells are read by place.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    Date32Type, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type, SchemaRef,
    TimestampMicrosecondType, TimestampNanosecondType,
};
use arrow::record_batch::RecordBatch;
use serde::de::DeserializeOwned;
use tradebase_core::{
    Code, Column, Date, Error, Got, Kind, Result, Row, Source, Timestamp, TimestampNs, Uuid, json,
};

use crate::cast;

/// The most columns whose cells stand on the stack.
///
/// On the heap they cost a row of a small batch half of its time: a block of more than a kilobyte
/// makes the allocator of the GNU library merge all that was freed, the texts of earlier rows.
const CELLS_IN_PLACE: usize = 32;

/// Reads all rows of a batch, column by column by position, and adds them to a list.
///
/// A column may be of another type than the row's, where every value can be converted without
/// loss: a count into an `i32`, a sum of decimals, a moment of another precision.
pub fn read_all<R: Row>(batch: &RecordBatch, rows: &mut Vec<R>) -> Result<()> {
    let mut columns = Vec::with_capacity(R::WIDTH);
    R::list(&mut columns);
    check_width::<R>(batch.num_columns())?;
    let mut arrays = Vec::with_capacity(R::WIDTH);
    for (column, array) in columns.iter().zip(batch.columns()) {
        arrays.push(cast::native(column, array)?);
    }
    let mut few = [Cells::NONE; CELLS_IN_PLACE];
    let mut many = Vec::new();
    let cells = match few.get_mut(..R::WIDTH) {
        Some(cells) => cells,
        None => {
            many.resize(R::WIDTH, Cells::NONE);
            &mut many[..]
        }
    };
    for ((place, column), array) in cells.iter_mut().zip(&columns).zip(&arrays) {
        *place = Cells::of(column, array)?;
    }
    read_rows(cells, batch.num_rows(), rows)
}

fn read_rows<R: Row>(cells: &[Cells<'_>], count: usize, rows: &mut Vec<R>) -> Result<()> {
    // Known to be that long from here on, so that no column's place is checked again.
    let cells = &cells[..R::WIDTH];
    rows.reserve(count);
    for row in 0..count {
        rows.push(R::read(&mut ArrowSource { cells, row })?);
    }
    Ok(())
}

/// Whether rows can be read from results of that schema.
pub fn check_schema<R: Row>(schema: &SchemaRef) -> Result<()> {
    check_width::<R>(schema.fields().len())?;
    let mut columns = Vec::with_capacity(R::WIDTH);
    R::list(&mut columns);
    for (column, field) in columns.into_iter().zip(schema.fields()) {
        if !cast::fits(column.kind, field.data_type()) {
            return Err(cast::mismatch(column, field.data_type()));
        }
    }
    Ok(())
}

fn check_width<R: Row>(found: usize) -> Result<()> {
    if found == R::WIDTH {
        return Ok(());
    }
    let message = format!("the result must have {} columns to be read, has {found}", R::WIDTH);
    Err(Error::new(Code::SchemaMismatch, message))
}

/// The cells of one column. Each kind uses one of the lists.
#[derive(Clone, Copy, Debug)]
struct Cells<'a> {
    /// Only where there is a null.
    nulls: Option<&'a NullBuffer>,
    shorts: &'a [i16],
    ints: &'a [i32],
    longs: &'a [i64],
    floats: &'a [f64],
    units: &'a [i128],
    uuids: &'a [[u8; 16]],
    bools: Option<&'a BooleanArray>,
    texts: Option<&'a StringArray>,
    blobs: Option<&'a BinaryArray>,
}

impl<'a> Cells<'a> {
    const NONE: Cells<'static> = Cells {
        nulls: None,
        shorts: &[],
        ints: &[],
        longs: &[],
        floats: &[],
        units: &[],
        uuids: &[],
        bools: None,
        texts: None,
        blobs: None,
    };

    fn of(column: &Column, array: &'a ArrayRef) -> Result<Self> {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        let cells = Cells { nulls, ..Cells::NONE };
        let found = match column.kind {
            Kind::Bool => array.as_boolean_opt().map(|a| Cells { bools: Some(a), ..cells }),
            Kind::I16 => values::<Int16Type>(array).map(|shorts| Cells { shorts, ..cells }),
            Kind::I32 => values::<Int32Type>(array).map(|ints| Cells { ints, ..cells }),
            Kind::Date => values::<Date32Type>(array).map(|ints| Cells { ints, ..cells }),
            Kind::I64 => values::<Int64Type>(array).map(|longs| Cells { longs, ..cells }),
            Kind::Timestamp => {
                values::<TimestampMicrosecondType>(array).map(|longs| Cells { longs, ..cells })
            }
            Kind::TimestampNs => {
                values::<TimestampNanosecondType>(array).map(|longs| Cells { longs, ..cells })
            }
            Kind::F64 => values::<Float64Type>(array).map(|floats| Cells { floats, ..cells }),
            Kind::Decimal { .. } => {
                values::<Decimal128Type>(array).map(|units| Cells { units, ..cells })
            }
            Kind::Uuid => array
                .as_fixed_size_binary_opt()
                .map(|a| Cells { uuids: a.value_data().as_chunks().0, ..cells }),
            Kind::Bytes => array.as_binary_opt().map(|a| Cells { blobs: Some(a), ..cells }),
            _ => array.as_string_opt().map(|a| Cells { texts: Some(a), ..cells }),
        };
        found.ok_or_else(|| cast::mismatch(column, array.data_type()))
    }
}

fn values<T: arrow::datatypes::ArrowPrimitiveType>(array: &ArrayRef) -> Option<&[T::Native]> {
    array.as_primitive_opt::<T>().map(|array| &**array.values())
}

/// One row of a batch.
#[derive(Debug)]
pub struct ArrowSource<'a> {
    cells: &'a [Cells<'a>],
    row: usize,
}

impl<'a> ArrowSource<'a> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn look<T>(
        &self,
        at: usize,
        column: &'static Column,
        get: impl FnOnce(&Cells<'a>, usize) -> Option<T>,
    ) -> Result<Got<T>> {
        let Some(cells) = self.cells.get(at) else { return Ok(Got::Absent) };
        if let Some(nulls) = cells.nulls
            && nulls.is_null(self.row)
        {
            return Ok(Got::Null);
        }
        match get(cells, self.row) {
            Some(value) => Ok(Got::Value(value)),
            None => Err(misread(column)),
        }
    }
}

macro_rules! cells {
    ($($method:ident -> $type:ty, $get:expr;)+) => {$(
        #[cfg_attr(not(debug_assertions), inline(always))]
        fn $method(&mut self, at: usize, column: &'static Column) -> Result<Got<$type>> {
            self.look(at, column, $get)
        }
    )+};
}

impl Source for ArrowSource<'_> {
    cells! {
        cell -> (), |_, _| Some(());
        bool -> bool, |c, row| c.bools.filter(|b| row < b.len()).map(|b| b.value(row));
        i16 -> i16, |c, row| c.shorts.get(row).copied();
        i32 -> i32, |c, row| c.ints.get(row).copied();
        i64 -> i64, |c, row| c.longs.get(row).copied();
        f64 -> f64, |c, row| c.floats.get(row).copied();
        decimal -> i128, |c, row| c.units.get(row).copied();
        uuid -> Uuid, |c, row| c.uuids.get(row).copied().map(Uuid::from_bytes);
        timestamp -> Timestamp, |c, row| c.longs.get(row).copied().map(Timestamp::from_micros);
        timestamp_ns -> TimestampNs,
            |c, row| c.longs.get(row).copied().map(TimestampNs::from_nanos);
        date -> Date, |c, row| c.ints.get(row).copied().map(Date::from_days);
        text -> &str, |c, row| c.texts.filter(|t| row < t.len()).map(|t| t.value(row));
        bytes -> &[u8], |c, row| c.blobs.filter(|b| row < b.len()).map(|b| b.value(row));
    }

    fn json<T: DeserializeOwned>(&mut self, at: usize, column: &'static Column) -> Result<Got<T>> {
        self.text(at, column)?.try_map(|text| json::parse(column, text.as_bytes()))
    }
}

#[cold]
#[inline(never)]
fn misread(column: &'static Column) -> Error {
    let message = format!("a column of {} is read as another kind", column.kind);
    Error::new(Code::Internal, message).column(column.name.text)
}
