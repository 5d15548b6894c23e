//! PostgreSQL's NUMERIC, to and from whole units of a scale.
//!
//! On the wire: the number of digits to the base 10,000, the weight of the first (0 for the one
//! before the point), the sign, the scale it is shown with, and the digits. The usual decoder
//! into a decimal type takes half the time of a read, so this one folds straight into the units.

use std::fmt;

/// The longest form: a header of 8 bytes and ten digits of two bytes, rounded up.
pub const BYTES_MAX: usize = 32;

const HEADER: usize = 8;
const DIGITS_PER_GROUP: u8 = 4;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const MINUS_INFINITY: u16 = 0xf000;

const POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut i = 1;
    while i < 20 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};
const FOUR_GROUPS: u64 = POWERS[16];

/// Why bytes cannot be read as units of a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not a number.
    NotANumber,
    /// An infinity.
    Infinite,
    /// More digits after the point than the scale has.
    TooFine,
    /// More digits than 127 bits hold.
    TooLarge,
    /// Not a NUMERIC at all.
    Malformed,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::NotANumber => "NaN is no decimal",
            Fault::Infinite => "an infinity is no decimal",
            Fault::TooFine => "it has more digits after the point than the column declares",
            Fault::TooLarge => "it has more digits than a decimal can have",
            Fault::Malformed => "it is no NUMERIC",
        })
    }
}

/// The low digit to the base 10,000.
#[allow(clippy::cast_possible_truncation)]
#[inline(always)]
const fn low_digit(value: u64) -> u16 {
    (value % 10_000) as u16
}

#[inline(always)]
fn set(out: &mut [u8; BYTES_MAX], at: usize, value: u16) {
    let [high, low] = value.to_be_bytes();
    out[at] = high;
    out[at + 1] = low;
}

/// Writes the digits of a value as the digits `from..to`, the lowest last.
#[inline(always)]
fn set_digits(out: &mut [u8; BYTES_MAX], from: usize, to: usize, mut value: u64) {
    let mut i = to;
    while i > from {
        i -= 1;
        set(out, HEADER + 2 * i, low_digit(value));
        value /= 10_000;
    }
}

/// How many digits to the base 10,000 a value takes.
#[inline(always)]
fn count_digits(value: u64) -> usize {
    1 + usize::from(value >= POWERS[4])
        + usize::from(value >= POWERS[8])
        + usize::from(value >= POWERS[12])
        + usize::from(value >= POWERS[16])
}

/// Writes so many units of a scale and gives the number of bytes; none if they are too many for
/// any decimal of this library.
#[inline(never)]
pub fn encode(units: i128, scale: u8, out: &mut [u8; BYTES_MAX]) -> Option<usize> {
    let magnitude = units.unsigned_abs();
    // The last digit to the base 10,000 reaches below the scale by up to three places.
    let behind = scale.div_ceil(DIGITS_PER_GROUP);
    let shift = POWERS[usize::from(behind * DIGITS_PER_GROUP - scale)];
    let narrow = u64::try_from(magnitude).ok().and_then(|m| m.checked_mul(shift));
    let count = match narrow {
        Some(value) => {
            let count = count_digits(value);
            set_digits(out, 0, count, value);
            count
        }
        None => encode_wide(magnitude.checked_mul(shift.into())?, out)?,
    };
    let mut kept = count;
    while kept > 0 && out[HEADER + 2 * kept - 2..HEADER + 2 * kept] == [0, 0] {
        kept -= 1;
    }
    let weight = i16::try_from(count).ok()? - 1 - i16::from(behind);
    set(out, 0, u16::try_from(kept).ok()?);
    set(out, 2, if kept == 0 { 0 } else { weight.cast_unsigned() });
    set(out, 4, if units < 0 { NEGATIVE } else { 0 });
    set(out, 6, scale.into());
    Some(HEADER + 2 * kept)
}

/// Writes the digits of a value beyond 64 bits: one division splits it where both halves are
/// narrow.
#[inline(never)]
fn encode_wide(value: u128, out: &mut [u8; BYTES_MAX]) -> Option<usize> {
    let (high, low) = (value / u128::from(FOUR_GROUPS), value % u128::from(FOUR_GROUPS));
    let (high, low) = (u64::try_from(high).ok()?, u64::try_from(low).ok()?);
    let head = count_digits(high);
    set_digits(out, 0, head, high);
    set_digits(out, head, head + 4, low);
    Some(head + 4)
}

/// Reads bytes as whole units of a scale.
#[inline(never)]
pub fn decode(bytes: &[u8], scale: u8) -> Result<i128, Fault> {
    let Some((header, digits)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(Fault::Malformed);
    };
    let [n1, n0, w1, w0, s1, s0, _, _] = *header;
    let sign = u16::from_be_bytes([s1, s0]);
    if sign != 0 && sign != NEGATIVE {
        return Err(match sign {
            NAN => Fault::NotANumber,
            INFINITY | MINUS_INFINITY => Fault::Infinite,
            _ => Fault::Malformed,
        });
    }
    let count = usize::from(u16::from_be_bytes([n1, n0]));
    let (groups, []) = digits.as_chunks::<2>() else { return Err(Fault::Malformed) };
    if groups.len() != count {
        return Err(Fault::Malformed);
    }
    let weight = i32::from(i16::from_be_bytes([w1, w0]));
    let magnitude = magnitude(groups, weight, scale)?;
    let units = i128::try_from(magnitude).map_err(|_| Fault::TooLarge)?;
    Ok(if sign == NEGATIVE { -units } else { units })
}

/// Reads bytes as text, whatever they hold: `-0.50`, `NaN`, `Infinity`.
pub fn text(bytes: &[u8]) -> Result<String, Fault> {
    let Some((header, digits)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(Fault::Malformed);
    };
    let [_, _, w1, w0, s1, s0, d1, d0] = *header;
    let mut out = match u16::from_be_bytes([s1, s0]) {
        0 => String::new(),
        NEGATIVE => "-".to_owned(),
        NAN => return Ok("NaN".to_owned()),
        INFINITY => return Ok("Infinity".to_owned()),
        MINUS_INFINITY => return Ok("-Infinity".to_owned()),
        _ => return Err(Fault::Malformed),
    };
    let (groups, []) = digits.as_chunks::<2>() else { return Err(Fault::Malformed) };
    let group = |at: i32| {
        let have = usize::try_from(at).ok().and_then(|at| groups.get(at));
        have.map_or(Ok(0), |group| digit(*group))
    };
    let weight = i32::from(i16::from_be_bytes([w1, w0]));
    out.push_str(&group(0.min(weight))?.to_string());
    for at in 1..=weight {
        out.push_str(&format!("{:04}", group(at)?));
    }
    let shown = usize::from(u16::from_be_bytes([d1, d0]));
    if shown > 0 {
        out.push('.');
        let end = out.len() + shown;
        let mut at = weight + 1;
        while out.len() < end {
            out.push_str(&format!("{:04}", group(at)?));
            at += 1;
        }
        out.truncate(end);
    }
    Ok(out)
}

/// The digits after the point that the server shows.
pub fn shown_scale(bytes: &[u8]) -> Option<u8> {
    let scale = bytes.get(6..HEADER)?.try_into().ok()?;
    u8::try_from(u16::from_be_bytes(scale)).ok()
}

#[inline(always)]
fn digit(group: [u8; 2]) -> Result<u64, Fault> {
    let digit = u64::from(u16::from_be_bytes(group));
    if digit < 10_000 { Ok(digit) } else { Err(Fault::Malformed) }
}

#[inline(always)]
fn fold(groups: &[[u8; 2]]) -> Result<u64, Fault> {
    groups.iter().try_fold(0_u64, |sum, group| Ok(sum * 10_000 + digit(*group)?))
}

/// The units that the digits stand for, the first of which has that weight.
#[inline(always)]
fn magnitude(groups: &[[u8; 2]], weight: i32, scale: u8) -> Result<u128, Fault> {
    let mut kept = groups;
    while let [rest @ .., [0, 0]] = kept {
        kept = rest;
    }
    let [head @ .., last] = kept else { return Ok(0) };
    let places = i32::try_from(head.len()).map_err(|_| Fault::TooLarge)?;
    // The power of ten that the last digit counts, in units.
    let power = (weight - places) * i32::from(DIGITS_PER_GROUP) + i32::from(scale);
    if power < 0 {
        // The last digit reaches below the scale: its low places must be zero.
        let below = usize::try_from(-power).map_err(|_| Fault::TooFine)?;
        if below >= usize::from(DIGITS_PER_GROUP) {
            return Err(Fault::TooFine);
        }
        let last = digit(*last)?;
        if last % POWERS[below] != 0 {
            return Err(Fault::TooFine);
        }
        let (step, last) = (POWERS[4 - below], last / POWERS[below]);
        if head.len() <= 4 {
            // 10^16 * 10^3 fits 64 bits.
            return Ok(u128::from(fold(head)? * step + last));
        }
        let head = fold_wide(head)?;
        return head
            .checked_mul(step.into())
            .and_then(|sum| sum.checked_add(last.into()))
            .ok_or(Fault::TooLarge);
    }
    let power = usize::try_from(power).map_err(|_| Fault::TooLarge)?;
    if kept.len() <= 4
        && let Some(step) = POWERS.get(power)
        && let Some(units) = fold(kept)?.checked_mul(*step)
    {
        return Ok(units.into());
    }
    raise(fold_wide(kept)?, power)
}

/// More than four digits, or more than 64 bits.
#[inline(never)]
fn fold_wide(groups: &[[u8; 2]]) -> Result<u128, Fault> {
    let (head, fours) = groups.as_rchunks::<4>();
    let mut sum = u128::from(fold(head)?);
    for four in fours {
        sum = sum
            .checked_mul(FOUR_GROUPS.into())
            .and_then(|sum| Some(sum + u128::from(fold(four).ok()?)))
            .ok_or(Fault::TooLarge)?;
    }
    Ok(sum)
}

fn raise(value: u128, power: usize) -> Result<u128, Fault> {
    let power = u32::try_from(power).map_err(|_| Fault::TooLarge)?;
    10_u128.checked_pow(power).and_then(|step| value.checked_mul(step)).ok_or(Fault::TooLarge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(bytes: &[u8]) -> Vec<u16> {
        bytes.as_chunks::<2>().0.iter().map(|word| u16::from_be_bytes(*word)).collect()
    }

    fn encoded(units: i128, scale: u8) -> Vec<u8> {
        let mut out = [0; BYTES_MAX];
        let len = encode(units, scale, &mut out).unwrap();
        out[..len].to_vec()
    }

    #[test]
    fn digits_stand_as_the_server_sends_them() {
        for (units, scale, want) in [
            (0, 0, vec![0, 0, 0, 0]),
            (0, 8, vec![0, 0, 0, 8]),
            (1, 0, vec![1, 0, 0, 0, 1]),
            (-1, 0, vec![1, 0, 0x4000, 0, 1]),
            (10_000, 0, vec![1, 1, 0, 0, 1]),
            (12_345, 2, vec![2, 0, 0, 2, 123, 4500]),
            (5, 2, vec![1, 0xffff, 0, 2, 500]),
            (1, 8, vec![1, 0xfffe, 0, 8, 1]),
            (100_000_000, 8, vec![1, 0, 0, 8, 1]),
            (123_456_789, 5, vec![3, 0, 0, 5, 1234, 5678, 9000]),
        ] {
            assert_eq!(words(&encoded(units, scale)), want, "{units} at {scale}");
            assert_eq!(decode(&encoded(units, scale), scale), Ok(units));
        }
    }

    #[test]
    fn what_is_no_decimal_is_a_fault() {
        let number = |count: u16, weight: i16, sign: u16, digits: &[u16]| {
            let head = [count, weight.cast_unsigned(), sign, 0];
            head.iter().chain(digits).flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>()
        };
        for (bytes, want) in [
            (number(0, 0, NAN, &[]), Fault::NotANumber),
            (number(0, 0, INFINITY, &[]), Fault::Infinite),
            (number(0, 0, MINUS_INFINITY, &[]), Fault::Infinite),
            (number(0, 0, 1, &[]), Fault::Malformed),
            (number(2, 0, 0, &[1]), Fault::Malformed),
            (number(1, 0, 0, &[10_000]), Fault::Malformed),
            (number(1, -1, 0, &[12]), Fault::TooFine),
            (number(1, -2, 0, &[1]), Fault::TooFine),
            (number(1, 9, 0, &[9999]), Fault::TooLarge),
            (number(1, 32_767, 0, &[1]), Fault::TooLarge),
            (number(12, 11, 0, &[9999; 12]), Fault::TooLarge),
            (vec![0; 7], Fault::Malformed),
            (vec![], Fault::Malformed),
        ] {
            assert_eq!(decode(&bytes, 2), Err(want), "{bytes:?}");
        }
        // A long row of trailing zeros, and zeros in front, as no server sends them.
        assert_eq!(decode(&number(3, 0, 0, &[0, 0, 0]), 2), Ok(0));
        assert_eq!(decode(&number(3, 1, 0, &[0, 1, 0]), 2), Ok(100));
    }

    #[test]
    fn digits_are_shown_as_the_server_shows_them() {
        let number = |count: u16, weight: i16, sign: u16, scale: u16, digits: &[u16]| {
            let head = [count, weight.cast_unsigned(), sign, scale];
            head.iter().chain(digits).flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>()
        };
        for (bytes, want) in [
            (number(0, 0, 0, 0, &[]), "0"),
            (number(0, 0, 0, 3, &[]), "0.000"),
            (number(1, 0, NEGATIVE, 0, &[12]), "-12"),
            (number(2, 1, 0, 1, &[1, 20]), "10020.0"),
            (number(1, -1, 0, 2, &[500]), "0.05"),
            (number(1, -2, 0, 8, &[1]), "0.00000001"),
            (number(1, 2, 0, 0, &[7]), "700000000"),
            (number(0, 0, NAN, 0, &[]), "NaN"),
            (number(0, 0, INFINITY, 0, &[]), "Infinity"),
            (number(0, 0, MINUS_INFINITY, 0, &[]), "-Infinity"),
        ] {
            assert_eq!(text(&bytes).as_deref(), Ok(want));
        }
    }

    #[test]
    fn units_beyond_any_decimal_are_not_written() {
        let mut out = [0; BYTES_MAX];
        assert_eq!(encode(i128::MAX, 1, &mut out), None);
        assert_eq!(encode(i128::MIN, 0, &mut out), None);
    }

    proptest! {
        #[test]
        fn units_come_back(
            units in -(10_i128.pow(28) - 1)..10_i128.pow(28),
            digits in 0_u32..28,
            scale in 0_u8..=28,
        ) {
            let units = units / 10_i128.pow(digits);
            prop_assert_eq!(decode(&encoded(units, scale), scale), Ok(units));
            let shown = tradebase_core::decimal::text(units, scale);
            prop_assert_eq!(text(&encoded(units, scale)), Ok(shown));
        }

        #[test]
        fn bytes_never_panic(bytes: Vec<u8>, scale in 0_u8..=28) {
            _ = decode(&bytes, scale);
            _ = text(&bytes);
        }

        #[test]
        fn near_numerics_never_panic(
            weight: i16,
            sign in prop_oneof![Just(0), Just(NEGATIVE), any::<u16>()],
            digits in prop::collection::vec(0_u16..10_001, 0..16),
            scale in 0_u8..=28,
        ) {
            let count = u16::try_from(digits.len()).unwrap();
            let bytes: Vec<u8> = [count, weight.cast_unsigned(), sign, 0]
                .iter()
                .chain(&digits)
                .flat_map(|w| w.to_be_bytes())
                .collect();
            _ = decode(&bytes, scale);
            _ = text(&bytes);
        }
    }
}
