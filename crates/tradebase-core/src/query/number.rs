//! What fields are reckoned as: what a sum of them is, and what they are where they are not null.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::field::{Assigned, Field};
use crate::time::{Date, Timestamp, TimestampNs};

/// A field that can be added up: integers, decimals, floats, an `Option` of them, and newtypes
/// over them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be added up",
    label = "not a number",
    note = "integers, decimals and floats can, and newtypes with `#[derive(Field)]` over them"
)]
pub trait Number: Field {
    /// What a sum or a mean is: a `Decimal` of what is exact, an `f64` of floats.
    type Sum: Field;
}

/// What a field is where it is not null: `F` both for `F` and for `Option<F>`. Made by the
/// derive.
pub trait Present: Field {
    /// The same without a null.
    type Value: Field;
}

/// A newtype over a field. Made by the derive.
pub trait Wraps {
    /// What it wraps.
    type Inner;
}

macro_rules! number {
    ($($type:ty => $sum:ty;)+) => {$(
        impl Number for $type {
            type Sum = $sum;
        }
    )+};
}

number! {
    i16 => Decimal;
    i32 => Decimal;
    i64 => Decimal;
    u32 => Decimal;
    u64 => Decimal;
    Decimal => Decimal;
    f64 => f64;
}

impl<F: Number> Number for Option<F> {
    type Sum = F::Sum;
}

impl<F> Number for F
where
    F: Field + Wraps,
    F::Inner: Number,
{
    type Sum = <F::Inner as Number>::Sum;
}

macro_rules! present {
    ($($type:ty),+) => {$(
        impl Present for $type {
            type Value = $type;
        }
    )+};
}

present!(bool, i16, i32, i64, u32, u64, f64, Decimal, String, Vec<u8>, Uuid);
present!(Timestamp, TimestampNs, Date, NaiveDate, DateTime<Utc>, Assigned<i64>);

impl<F: Field> Present for Option<F> {
    type Value = F;
}
