//! Prices, quantities and money as whole units of 0.00000001, which is what the columns hold.

use tradebase::{Decimal, decimal};

/// The digits after the point.
const SCALE: u8 = 8;

/// One, in units.
pub(crate) const ONE: i128 = 100_000_000;

/// The decimal of so many units.
///
/// # Panics
///
/// Beyond 28 digits, which no desk of a demo comes near.
pub(crate) fn decimal(units: i128) -> Decimal {
    Decimal::from_i128_with_scale(units, SCALE.into())
}

/// The units of a decimal. Digits below a unit, which no column holds, are rounded half to even.
pub(crate) fn units(value: Decimal) -> i128 {
    let value = value.round_dp(SCALE.into());
    // 96 bits times 10^8 stay within 127 bits.
    let missing = u32::from(SCALE).saturating_sub(value.scale());
    value.mantissa() * decimal::power_of_ten(u8::try_from(missing).unwrap_or(SCALE))
}

/// A quotient rounded half to even: the only rounding of the desk.
pub(crate) fn divide(dividend: i128, divisor: i128) -> i128 {
    assert!(divisor > 0, "a divisor of the desk is positive");
    let (quotient, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
    match (2 * rest).cmp(&divisor) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Equal => quotient + (quotient & 1),
        std::cmp::Ordering::Greater => quotient + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_decimals_are_the_same_number() {
        for (text, count) in [
            ("1", ONE),
            ("-0.05", -5_000_000),
            ("0.00000001", 1),
            ("93450.10", 9_345_010_000_000),
            ("0.000000015", 2),
        ] {
            assert_eq!(units(text.parse().unwrap()), count, "{text}");
        }
        assert_eq!(decimal(-5_000_000).to_string(), "-0.05000000");
        assert_eq!(units(Decimal::MAX), Decimal::MAX.mantissa() * ONE);
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let quotients = [-7, -5, -3, -1, 1, 3, 5, 7].map(|half| divide(half, 2));
        assert_eq!(quotients, [-4, -2, -2, 0, 0, 2, 2, 4]);
        assert_eq!((divide(5, 3), divide(-5, 3), divide(4, 3)), (2, -2, 1));
    }
}
