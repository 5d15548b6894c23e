//! Sums and means as they are read: exact, or an error.

use tradebase_core::{Code, Column, Decimal, Error, Field, Got, Kind, Result, Source, decimal};

use crate::measure::SUM_DIGITS;

/// Digits after the point that the mean of exact numbers has more than its column, at most, and
/// as long as it has no more than 28 digits all in all. What is behind them is rounded half to
/// even.
pub const MEAN_DIGITS: u8 = 6;

/// What sums and means are: a `Decimal` of what is exact, an `f64` of floats.
pub trait Total: Field {
    /// A sum that has not been held against its bounds.
    #[doc(hidden)]
    type Whole;

    /// Reads a sum.
    #[doc(hidden)]
    fn sum<S: Source>(at: usize, column: &'static Column, source: &mut S) -> Result<Option<Self>>;

    /// Reads a sum of which only a part is wanted, and which may be larger than one can be.
    #[doc(hidden)]
    fn whole<S: Source>(
        at: usize,
        column: &'static Column,
        source: &mut S,
    ) -> Result<Option<Self::Whole>>;

    /// The mean of so many values.
    #[doc(hidden)]
    fn mean(whole: Self::Whole, count: u64) -> Result<Self>;
}

/// Units, and the column that tells their scale.
#[derive(Clone, Copy, Debug)]
pub struct Units {
    units: i128,
    column: &'static Column,
}

impl Total for Decimal {
    type Whole = Units;

    fn sum<S: Source>(at: usize, column: &'static Column, source: &mut S) -> Result<Option<Self>> {
        Self::whole(at, column, source)?
            .map(|Units { units, .. }| match fits(units) {
                true => decimal::from_units(column, units),
                false => Err(too_large(column)),
            })
            .transpose()
    }

    fn whole<S: Source>(
        at: usize,
        column: &'static Column,
        source: &mut S,
    ) -> Result<Option<Units>> {
        Ok(value(source.decimal(at, column)?).map(|units| Units { units, column }))
    }

    fn mean(Units { units, column }: Units, count: u64) -> Result<Self> {
        let scale = column.kind.scale();
        let (units, more) = mean(units, count, scale).ok_or_else(|| too_large(column))?;
        Ok(Decimal::from_i128_with_scale(units, u32::from(scale + more)))
    }
}

impl Total for f64 {
    type Whole = f64;

    fn sum<S: Source>(at: usize, column: &'static Column, source: &mut S) -> Result<Option<Self>> {
        match value(source.f64(at, column)?) {
            Some(sum) if !sum.is_finite() => Err(too_large(column)),
            sum => Ok(sum),
        }
    }

    fn whole<S: Source>(at: usize, column: &'static Column, source: &mut S) -> Result<Option<f64>> {
        Self::sum(at, column, source)
    }

    fn mean(sum: f64, count: u64) -> Result<Self> {
        Ok(sum / float(count))
    }
}

fn value<V>(got: Got<V>) -> Option<V> {
    match got {
        Got::Value(value) => Some(value),
        Got::Null | Got::Absent => None,
    }
}

fn fits(units: i128) -> bool {
    units.unsigned_abs() < decimal::power_of_ten(SUM_DIGITS).unsigned_abs()
}

/// The mean at a finer scale, and by how many digits it is finer; none if there is none.
fn mean(units: i128, count: u64, scale: u8) -> Option<(i128, u8)> {
    let count = i128::from(count);
    let (whole, rest) = (units.checked_div_euclid(count)?, units.checked_rem_euclid(count)?);
    let finest = MEAN_DIGITS.min(SUM_DIGITS.checked_sub(scale)?);
    (0..=finest).rev().find_map(|more| {
        let step = decimal::power_of_ten(more);
        // The rest is less than the count, so this is less than 2^64 * 10^6.
        let part = half_to_even(rest * step, count, whole.checked_mul(step)?)?;
        fits(part).then_some((part, more))
    })
}

/// `below / by`, rounded, on top of what is there: the last digit of both decides what is even.
fn half_to_even(below: i128, by: i128, there: i128) -> Option<i128> {
    let floor = there.checked_add(below / by)?;
    let up = match (2 * (below % by)).cmp(&by) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => floor % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    floor.checked_add(i128::from(up))
}

/// Nearest; a count beyond 2^53 is none that a table has.
fn float(count: u64) -> f64 {
    const HALF: f64 = 4_294_967_296.0;
    let [high, low] = [count >> 32, count & 0xffff_ffff].map(u32::try_from);
    f64::from(high.unwrap_or(u32::MAX)) * HALF + f64::from(low.unwrap_or(u32::MAX))
}

#[cold]
fn too_large(column: &Column) -> Error {
    let message = match column.kind {
        Kind::F64 => "the sum is larger than a float can be".to_owned(),
        _ => format!("the sum has more than {SUM_DIGITS} digits"),
    };
    Error::new(Code::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_rounded_half_to_even() {
        for (units, count, scale, want) in [
            (1, 2, 0, Some((500_000, 6))),
            (-1, 3, 0, Some((-333_333, 6))),
            (2, 3, 0, Some((666_667, 6))),
            (-2, 3, 0, Some((-666_667, 6))),
            (1, 2_000_000, 0, Some((0, 6))),
            (3, 2_000_000, 0, Some((2, 6))),
            (-1, 2_000_000, 0, Some((0, 6))),
            (-3, 2_000_000, 0, Some((-2, 6))),
            (5, 2, 28, Some((2, 0))),
            (7, 2, 28, Some((4, 0))),
            (5, 2, 27, Some((25, 1))),
            (10_i128.pow(28) - 1, 1, 4, Some((10_i128.pow(28) - 1, 0))),
            (10_i128.pow(26), 3, 0, Some((3_333_333_333_333_333_333_333_333_333, 2))),
            (i128::MAX, 1, 0, None),
            (1, 0, 0, None),
        ] {
            assert_eq!(mean(units, count, scale), want, "{units} / {count} at {scale}");
        }
    }

    #[test]
    fn counts_become_floats() {
        for count in [0, 1, 4_294_967_295, 4_294_967_296, 1 << 53] {
            assert_eq!(format!("{:.0}", float(count)), count.to_string());
        }
    }
}
