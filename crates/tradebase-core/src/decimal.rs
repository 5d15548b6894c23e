//! Exact decimals: whole units of a declared scale, and their text form.

use rust_decimal::Decimal;

use crate::column::Column;
use crate::error::{Error, Result};
use crate::kind::Kind;

/// The most digits a decimal column may have: what 96 bits surely hold.
pub const MAX_PRECISION: u8 = 28;

/// The longest text form: sign, digits, point and a leading zero.
const MAX_TEXT: usize = 42;

const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Ten to that power, up to 38.
#[inline(always)]
pub const fn power_of_ten(exponent: u8) -> i128 {
    POWERS[exponent as usize]
}

const POWERS_64: [i64; 19] = {
    let mut powers = [1; 19];
    let mut i = 1;
    while i < 19 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The value as whole units of the column's scale, or an error if it does not fit exactly.
#[inline(always)]
pub fn to_units(column: &'static Column, value: &Decimal) -> Result<i128> {
    if let Kind::Decimal { precision, scale } = column.kind
        && let Some(units) = short_units(value, precision, scale)
    {
        return Ok(i128::from(units));
    }
    long_units(column, value)
}

/// The units of a value that fits 64 bits at the scale, as most do: one multiplication, in place.
#[inline(always)]
fn short_units(value: &Decimal, precision: u8, scale: u8) -> Option<i64> {
    let step = u32::from(scale).checked_sub(value.scale())?;
    let mantissa = i64::try_from(value.mantissa()).ok()?;
    let units = mantissa.checked_mul(*POWERS_64.get(usize::try_from(step).ok()?)?)?;
    match POWERS_64.get(usize::from(precision)) {
        Some(limit) if units.unsigned_abs() >= limit.unsigned_abs() => None,
        _ => Some(units),
    }
}

#[inline(never)]
fn long_units(column: &'static Column, value: &Decimal) -> Result<i128> {
    let Kind::Decimal { precision, scale } = column.kind else {
        return Err(misplaced(column));
    };
    match units_at(value.mantissa(), value.scale(), scale) {
        Some(units) if units.unsigned_abs() < power_of_ten(precision).unsigned_abs() => Ok(units),
        None if value.scale() > u32::from(scale) => Err(inexact(column, value)),
        Some(_) | None => Err(too_large(column, value)),
    }
}

/// The units at another scale; none if digits would be lost or do not fit.
#[inline]
pub fn units_at(units: i128, from: u32, to: u8) -> Option<i128> {
    let to = u32::from(to);
    if from == to {
        return Some(units);
    }
    if from < to {
        let step = usize::try_from(to - from).ok()?;
        if step < POWERS_64.len()
            && let Ok(narrow) = i64::try_from(units)
            && let Some(wide) = narrow.checked_mul(POWERS_64[step])
        {
            return Some(i128::from(wide));
        }
        return units.checked_mul(*POWERS.get(step)?);
    }
    let divisor = *POWERS.get(usize::try_from(from - to).ok()?)?;
    (units % divisor == 0).then(|| units / divisor)
}

/// Units of one scale as units of the column's, refused as a field of the type [`Decimal`] is;
/// none if they are wider than one, and do not fit.
pub(crate) fn fitting(column: &'static Column, units: i128, scale: u8) -> Result<Option<i128>> {
    match (column.kind, Decimal::try_from_i128_with_scale(units, scale.into())) {
        // One whose digits are not declared takes what it is given.
        (Kind::Decimal { precision: 1.., .. }, Ok(value)) => to_units(column, &value).map(Some),
        _ => Ok(units_at(units, scale.into(), column.kind.scale())),
    }
}

/// The digits of a number's text and the number of them behind the point, exactly as written;
/// none for other texts, and for more digits than a [`Decimal`] has.
pub fn digits_of(text: &[u8]) -> Option<(i128, u8)> {
    let text = std::str::from_utf8(text).ok()?;
    // What it also takes is no number elsewhere.
    if text.contains('_') {
        return None;
    }
    let value = match text.find(['e', 'E']) {
        None => Decimal::from_str_exact(text).ok()?,
        // The library's own reading of an exponent drops digits that do not fit.
        Some(_) => scientific(text.as_bytes())?,
    };
    Some((value.mantissa(), u8::try_from(value.scale()).ok()?))
}

/// The decimal of a text with an exponent, exactly; none where digits would be lost.
fn scientific(text: &[u8]) -> Option<Decimal> {
    let (negative, digits) = signed(text);
    let (mut units, mut scale) = mantissa(digits)?;
    let most = i64::from(Decimal::MAX_SCALE);
    if units == 0 {
        scale = scale.clamp(0, most);
    }
    if scale < 0 {
        let up = usize::try_from(scale.checked_neg()?).ok()?;
        (units, scale) = (units.checked_mul(*POWERS.get(up)?)?, 0);
    }
    // Zeros at the end are no loss where there is no room for them.
    while scale > 0 && (scale > most || units >> 96 != 0) && units % 10 == 0 {
        (units, scale) = (units / 10, scale - 1);
    }
    let units = if negative { -units } else { units };
    Decimal::try_from_i128_with_scale(units, u32::try_from(scale).ok()?).ok()
}

/// The decimal of that many units; an error if it is wider than a [`Decimal`] can be.
#[inline]
pub fn from_units(column: &'static Column, units: i128) -> Result<Decimal> {
    check_units(column, units)?;
    Ok(of_checked(column, units))
}

/// Refuses units that are wider than a [`Decimal`] can be.
#[inline(always)]
pub(crate) fn check_units(column: &'static Column, units: i128) -> Result<()> {
    let is_wide = units.unsigned_abs() >> 96 != 0;
    if is_wide || u32::from(column.kind.scale()) > Decimal::MAX_SCALE {
        return Err(too_wide(column, units));
    }
    Ok(())
}

/// The decimal of units that were checked.
#[inline(always)]
pub(crate) fn of_checked(column: &'static Column, units: i128) -> Decimal {
    let magnitude = units.unsigned_abs();
    let [lo, mid, hi] = [0, 32, 64].map(|shift| low_word(magnitude >> shift));
    Decimal::from_parts(lo, mid, hi, units < 0, u32::from(column.kind.scale()))
}

/// The low 32 bits, on purpose.
#[inline(always)]
#[allow(clippy::cast_possible_truncation)]
const fn low_word(value: u128) -> u32 {
    value as u32
}

/// Writes the units with the point at that scale: 15000 at 4 is `1.5000`.
pub fn write(out: &mut Vec<u8>, units: i128, scale: u8) {
    let mut buffer = itoa::Buffer::new();
    let magnitude = units.unsigned_abs();
    let digits = match u64::try_from(magnitude) {
        Ok(narrow) => buffer.format(narrow),
        Err(_) => buffer.format(magnitude),
    }
    .as_bytes();
    let scale = usize::from(scale);
    if units < 0 {
        out.push(b'-');
    }
    if scale == 0 {
        out.extend_from_slice(digits);
        return;
    }
    // What stands before the point; zeros fill up to it: 0.05, not .05.
    let (head, tail) = digits.split_at(digits.len().saturating_sub(scale));
    let mut text = [b'0'; MAX_TEXT];
    let point = head.len().max(1);
    let end = point + 1 + scale;
    text[..head.len()].copy_from_slice(head);
    text[point] = b'.';
    text[end - tail.len()..end].copy_from_slice(tail);
    out.extend_from_slice(&text[..end]);
}

/// The text form of the units, for messages.
pub fn text(units: i128, scale: u8) -> String {
    let mut out = Vec::with_capacity(MAX_TEXT);
    write(&mut out, units, scale);
    String::from_utf8_lossy(&out).into_owned()
}

/// Reads a number's text as whole units of a scale; none if it is no number, or has more digits.
///
/// Takes what JSON calls a number: sign, digits, point, exponent.
#[inline(never)]
pub fn parse(text: &[u8], scale: u8) -> Option<i128> {
    let (negative, digits) = signed(text);
    let units = match parse_short(digits, scale) {
        Some(short) => i128::from(short),
        None => parse_long(digits, scale)?,
    };
    Some(if negative { -units } else { units })
}

/// Whether it is negative, and what stands behind the sign.
#[inline(always)]
fn signed(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    }
}

/// Digits and a point that fit 64 bits at the scale, which most do: an eighth of the time.
#[inline(always)]
fn parse_short(digits: &[u8], scale: u8) -> Option<i64> {
    const SHORT: usize = 18;
    if digits.len() > SHORT {
        return None;
    }
    let (mut units, mut point) = (0_i64, digits.len());
    for (i, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => units = units * 10 + i64::from(byte - b'0'),
            b'.' if point == digits.len() => point = i,
            _ => return None,
        }
    }
    let decimals = digits.len().saturating_sub(point + 1);
    // A text without digits has its one error in the long way.
    let some = digits.len() > usize::from(point < digits.len());
    let missing = usize::from(scale).checked_sub(decimals).filter(|_| some)?;
    units.checked_mul(*POWERS_64.get(missing)?)
}

#[cold]
#[inline(never)]
fn parse_long(digits: &[u8], scale: u8) -> Option<i128> {
    let (units, from) = mantissa(digits)?;
    if units == 0 {
        return Some(0);
    }
    if from < 0 {
        let up = u8::try_from(from.checked_neg()?).ok()?.checked_add(scale)?;
        return units.checked_mul(*POWERS.get(usize::from(up))?);
    }
    units_at(units, u32::try_from(from).ok()?, scale)
}

/// All digits as one number, and how many of them stand behind the point, by the exponent too:
/// less than none for a number that ends in zeros which are not written.
fn mantissa(digits: &[u8]) -> Option<(i128, i64)> {
    let (digits, exponent) = split_exponent(digits)?;
    let (mut units, mut decimals, mut seen, mut point) = (0_i128, 0_i64, false, false);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                units = units.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                decimals += i64::from(point);
                seen = true;
            }
            b'.' if !point => point = true,
            _ => return None,
        }
    }
    if !seen {
        return None;
    }
    Some((units, decimals.checked_sub(exponent)?))
}

fn split_exponent(digits: &[u8]) -> Option<(&[u8], i64)> {
    let Some(at) = digits.iter().position(|b| matches!(b, b'e' | b'E')) else {
        return Some((digits, 0));
    };
    let exponent = std::str::from_utf8(&digits[at + 1..]).ok()?.parse().ok()?;
    Some((&digits[..at], exponent))
}

#[cold]
fn misplaced(column: &'static Column) -> Error {
    Error::refused(column, "kind", format!("takes no decimal, it is {}", column.kind))
}

#[cold]
fn inexact(column: &'static Column, value: &Decimal) -> Error {
    let scale = column.kind.scale();
    Error::refused(
        column,
        "scale",
        format!("must have at most {scale} digits after the point (round it first), is {value}"),
    )
}

#[cold]
fn too_large(column: &'static Column, value: &Decimal) -> Error {
    Error::refused(column, "precision", format!("must fit {}, is {value}", column.kind))
}

#[cold]
fn too_wide(column: &'static Column, units: i128) -> Error {
    Error::unreadable(column, format_args!("{units} units are wider than 96 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_keeps_every_digit() {
        for (units, scale, want) in [
            (15000, 4, "1.5000"),
            (-5, 2, "-0.05"),
            (0, 3, "0.000"),
            (-7, 0, "-7"),
            (123, 3, "0.123"),
            (9_999_999_999_999_999_999_999_999_999, 28, "0.9999999999999999999999999999"),
            (-9_999_999_999_999_999_999_999_999_999, 10, "-999999999999999999.9999999999"),
        ] {
            assert_eq!(text(units, scale), want);
            assert_eq!(parse(want.as_bytes(), scale), Some(units), "{want}");
        }
    }

    #[test]
    fn parsing_refuses_what_it_cannot_keep() {
        for (bad, scale) in [("", 2), ("-", 2), (".", 2), ("1.234", 2), ("1e-3", 2), ("0x1", 2)] {
            assert_eq!(parse(bad.as_bytes(), scale), None, "{bad}");
        }
        assert_eq!(parse(b"1.2300", 2), Some(123));
        assert_eq!(parse(b"1.5E3", 2), Some(150_000));
        assert_eq!(parse(b"15e-1", 2), Some(150));
        assert_eq!(parse(b"0e99", 2), Some(0));
        assert_eq!(parse("9".repeat(40).as_bytes(), 0), None);
    }

    #[test]
    fn a_number_with_an_exponent_keeps_its_digits_or_is_refused() {
        for (text, want) in [
            ("1e3", Some((1000, 0))),
            ("1.50E+1", Some((150, 1))),
            ("-25e-3", Some((-25, 3))),
            ("0.00000000000000000000000000000049e20", Some((49, 12))),
            ("1.0000000000000000000000000000000e0", Some((10_i128.pow(28), 28))),
            ("0e99", Some((0, 0))),
            ("0.00000000000000000000000000000049e0", None),
            ("1.000000000000000000000000000000001e0", None),
            ("1e29", None),
            ("1e-29", None),
            ("e5", None),
            ("1e", None),
            ("1e1e1", None),
            ("1e99999999999999999999", None),
        ] {
            assert_eq!(digits_of(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn scales_change_only_exactly() {
        assert_eq!(units_at(150, 2, 4), Some(15_000));
        assert_eq!(units_at(150, 2, 1), Some(15));
        assert_eq!(units_at(155, 2, 1), None);
        assert_eq!(units_at(i128::MAX, 0, 1), None);
        assert_eq!(units_at(i64::MAX.into(), 0, 10), Some(i128::from(i64::MAX) * 10_000_000_000));
    }
}
