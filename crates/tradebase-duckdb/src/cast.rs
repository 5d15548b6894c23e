//! Columns of a result in the one form that their kind is read from, converted where that loses
//! nothing. Queries answer in types that no table has: counts, sums, times of other precision.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, FixedSizeBinaryBuilder,
    PrimitiveArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use tradebase_core::{Code, Column, Error, Kind, Result, Uuid, decimal};

use crate::types::arrow_type;

/// Whether a column of that type can be read as the kind.
pub(crate) fn fits(kind: Kind, found: &DataType) -> bool {
    use DataType as D;
    if *found == arrow_type(kind) {
        return true;
    }
    let is_short =
        matches!(found, D::Int8 | D::Int16 | D::Int32 | D::UInt8 | D::UInt16 | D::UInt32);
    let is_whole = is_short || matches!(found, D::Int64 | D::UInt64 | D::Decimal128(_, 0));
    match kind {
        Kind::I16 | Kind::I32 | Kind::I64 => is_whole,
        Kind::F64 => is_short || matches!(found, D::Float16 | D::Float32),
        Kind::Decimal { .. } => is_whole || matches!(found, D::Decimal128(..)),
        Kind::Text { .. } | Kind::Json => match found {
            D::Dictionary(_, value) => **value == D::Utf8,
            other => matches!(other, D::LargeUtf8 | D::Utf8View),
        },
        Kind::Bytes => matches!(found, D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_)),
        Kind::Uuid => *found == D::Utf8,
        Kind::Timestamp | Kind::TimestampNs => matches!(found, D::Timestamp(..)),
        _ => false,
    }
}

/// The column in the form that its kind is read from.
pub(crate) fn native(column: &'static Column, array: &ArrayRef) -> Result<ArrayRef> {
    let (kind, found) = (column.kind, array.data_type());
    check_finite(column, array)?;
    let wanted = arrow_type(kind);
    let is_same = match (kind, found) {
        // However many digits the result says it may have: each value is checked when it is read.
        (Kind::Decimal { scale, .. }, DataType::Decimal128(_, found)) => {
            i8::try_from(scale) == Ok(*found)
        }
        _ => *found == wanted,
    };
    if is_same {
        return Ok(Arc::clone(array));
    }
    if !fits(kind, found) {
        return Err(mismatch(column, found));
    }
    match (kind, found) {
        (Kind::Decimal { scale, .. }, _) => rescaled(column, array, scale),
        (Kind::Uuid, _) => uuids(column, array),
        (Kind::Timestamp | Kind::TimestampNs, _) => moments(column, array, kind),
        _ => strict(column, array, &wanted),
    }
}

/// DuckDB knows infinite dates and moments: the largest number and its negative, which would be
/// read as a day and a moment like others.
fn check_finite(column: &'static Column, array: &ArrayRef) -> Result<()> {
    let is_infinite = match array.data_type() {
        DataType::Date32 => any::<Date32Type>(array, |days| days.checked_abs() == Some(i32::MAX)),
        DataType::Timestamp(TimeUnit::Second, _) => any::<TimestampSecondType>(array, is_end),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            any::<TimestampMillisecondType>(array, is_end)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            any::<TimestampMicrosecondType>(array, is_end)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            any::<TimestampNanosecondType>(array, is_end)
        }
        _ => false,
    };
    if is_infinite {
        return Err(Error::unreadable(column, format_args!("it is infinite")));
    }
    Ok(())
}

fn is_end(value: i64) -> bool {
    value.checked_abs() == Some(i64::MAX)
}

/// Whether that is so of any value that is not null.
fn any<A: ArrowPrimitiveType>(array: &ArrayRef, is_so: impl Fn(A::Native) -> bool) -> bool {
    let array = array.as_primitive::<A>();
    // Hardly ever, so that nulls are looked at in vain only then.
    array.values().iter().any(|value| is_so(*value)) && array.iter().flatten().any(is_so)
}

/// What Arrow casts, with an error where it would make a null.
fn strict(column: &'static Column, array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, wanted, &options)
        .map_err(|e| Error::unreadable(column, format_args!("{e}")))
}

fn rescaled(column: &'static Column, array: &ArrayRef, scale: u8) -> Result<ArrayRef> {
    const WHOLE: DataType = DataType::Decimal128(38, 0);
    let decimals = match array.data_type() {
        DataType::Decimal128(..) => Arc::clone(array),
        _ => strict(column, array, &WHOLE)?,
    };
    let from = match decimals.data_type() {
        DataType::Decimal128(_, scale) => u32::try_from(*scale).unwrap_or_default(),
        other => return Err(mismatch(column, other)),
    };
    let given = decimals.as_primitive::<Decimal128Type>();
    let values: Decimal128Array = each(given, |units| {
        decimal::units_at(units, from, scale).ok_or_else(|| {
            let text = match u8::try_from(from) {
                Ok(from) => decimal::text(units, from),
                Err(_) => units.to_string(),
            };
            Error::unreadable(column, format_args!("{text} has more digits than {}", column.kind))
        })
    })?;
    Ok(Arc::new(values.with_data_type(arrow_type(column.kind))))
}

/// The values that are not null, changed; what stands under a null is left alone.
fn each<A, B>(
    array: &PrimitiveArray<A>,
    change: impl Fn(A::Native) -> Result<B::Native>,
) -> Result<PrimitiveArray<B>>
where
    A: ArrowPrimitiveType,
    B: ArrowPrimitiveType,
{
    array.iter().map(|value| value.map(&change).transpose()).collect()
}

fn uuids(column: &'static Column, array: &ArrayRef) -> Result<ArrayRef> {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(array.len(), 16);
    for text in array.as_string::<i32>() {
        match text {
            None => builder.append_null(),
            Some(text) => {
                let uuid = Uuid::try_parse(text)
                    .map_err(|_| Error::unreadable(column, format_args!("{text:?} is no uuid")))?;
                builder
                    .append_value(uuid.as_bytes())
                    .map_err(|e| Error::unreadable(column, format_args!("{e}")))?;
            }
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Moments of another precision, or with a zone: DuckDB keeps those in UTC too.
fn moments(column: &'static Column, array: &ArrayRef, kind: Kind) -> Result<ArrayRef> {
    let DataType::Timestamp(unit, _) = array.data_type() else {
        return Err(mismatch(column, array.data_type()));
    };
    const fn in_a_second(unit: TimeUnit) -> i64 {
        match unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        }
    }
    let wanted = match kind {
        Kind::TimestampNs => TimeUnit::Nanosecond,
        _ => TimeUnit::Microsecond,
    };
    let (from, to) = (in_a_second(*unit), in_a_second(wanted));
    let change = |value: i64| {
        let changed = if from <= to {
            value.checked_mul(to / from)
        } else {
            let step = from / to;
            (value % step == 0).then_some(value / step)
        };
        changed.ok_or_else(|| {
            let message = format_args!("{value} of {unit:?} does not fit {}", column.kind);
            Error::unreadable(column, message)
        })
    };
    match (unit, kind) {
        (TimeUnit::Second, _) => to_moments::<TimestampSecondType>(array, kind, change),
        (TimeUnit::Millisecond, _) => to_moments::<TimestampMillisecondType>(array, kind, change),
        (TimeUnit::Microsecond, _) => to_moments::<TimestampMicrosecondType>(array, kind, change),
        (TimeUnit::Nanosecond, _) => to_moments::<TimestampNanosecondType>(array, kind, change),
    }
}

fn to_moments<A: ArrowPrimitiveType<Native = i64>>(
    array: &ArrayRef,
    kind: Kind,
    change: impl Fn(i64) -> Result<i64>,
) -> Result<ArrayRef> {
    let array = array.as_primitive::<A>();
    Ok(match kind {
        Kind::TimestampNs => Arc::new(each::<A, TimestampNanosecondType>(array, change)?),
        _ => Arc::new(each::<A, TimestampMicrosecondType>(array, change)?),
    })
}

#[cold]
pub(crate) fn mismatch(column: &Column, found: &DataType) -> Error {
    let message = format!("the result's column cannot be read as {}, it is {found}", column.kind);
    Error::new(Code::SchemaMismatch, message).column(column.name.text)
}
