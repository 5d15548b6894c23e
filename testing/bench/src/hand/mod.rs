//! Hand-written code for the trade: what somebody writes who has only this struct.
//!
//! Number codecs are the same on both sides, as a careful writer would use them too; what is
//! compared is the way from struct to buffer and back.

use tradebase_core::{Decimal, Timestamp, Uuid, decimal};

pub mod postgres;
pub mod sqlite;

/// The scale of every decimal of the trade.
pub const SCALE: u8 = 10;
const LIMIT: i128 = decimal::power_of_ten(28);

/// Why hand-written code gives up; it has no words for it.
#[derive(Debug)]
pub struct Broken;

/// Whole units at the trade's scale, checked.
#[inline(always)]
pub fn units(value: &Decimal) -> Result<i128, Broken> {
    let units = decimal::units_at(value.mantissa(), value.scale(), SCALE).ok_or(Broken)?;
    if units.unsigned_abs() < LIMIT.unsigned_abs() { Ok(units) } else { Err(Broken) }
}

/// The decimal of whole units.
#[inline(always)]
pub fn from_units(units: i128) -> Result<Decimal, Broken> {
    Decimal::try_from_i128_with_scale(units, SCALE.into()).map_err(|_| Broken)
}

/// The text must not hold NUL, which PostgreSQL refuses.
#[inline(always)]
pub fn plain(text: &str) -> Result<&str, Broken> {
    if text.as_bytes().contains(&0) { Err(Broken) } else { Ok(text) }
}

/// A moment that tables hold.
#[inline(always)]
pub fn moment(value: Timestamp) -> Result<i64, Broken> {
    if (Timestamp::MIN..=Timestamp::MAX).contains(&value) {
        Ok(value.as_micros())
    } else {
        Err(Broken)
    }
}

/// Text from bytes.
#[inline(always)]
pub fn text(bytes: &[u8]) -> Result<String, Broken> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Broken)
}

/// A UUID from its bytes.
#[inline(always)]
pub fn uuid(bytes: &[u8]) -> Result<Uuid, Broken> {
    Uuid::from_slice(bytes).map_err(|_| Broken)
}
