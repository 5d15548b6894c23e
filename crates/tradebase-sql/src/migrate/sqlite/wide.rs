//! Decimals of any width in plain SQL: their digits, and the stored forms made of digits.
//!
//! Nothing here needs functions of ours, so that a script runs in any shell. What does not fit
//! gives null: the caller makes an error of it.

use tradebase_core::{Kind, decimal};

use crate::sqlite::{INTEGER_DIGITS_MAX, wide_digits};

/// The most digits that a decimal has.
const DIGITS: usize = decimal::MAX_PRECISION as usize;
/// So many of them fit one half.
const HALF: usize = DIGITS / 2;

/// The units of a number: whether they are below zero, and their digits, 28 of them.
#[derive(Debug)]
pub(super) struct Digits {
    pub(super) negative: String,
    pub(super) digits: String,
}

impl Digits {
    /// Of an integer column.
    pub(super) fn of_integer(value: &str) -> Self {
        let zeros = "0".repeat(DIGITS);
        // Not abs(), which has no place for the least of all integers.
        let digits = format!("substr('{zeros}' || ltrim(CAST({value} AS TEXT), '-'), -{DIGITS})");
        Self { negative: format!("({value} < 0)"), digits }
    }

    /// Of sixteen bytes.
    pub(super) fn of_bytes(value: &str) -> Self {
        let negative = format!("(hex({value}) < '8')");
        Self { negative, digits: format!("(SELECT d FROM ({}))", wide_digits(value)) }
    }

    pub(super) fn of(kind: Kind, value: &str) -> Self {
        if is_wide(kind) { Self::of_bytes(value) } else { Self::of_integer(value) }
    }

    /// The digits in units of another scale, as a column `d` of one row; null if digits would be
    /// cut off or there is no room for them.
    fn scaled(&self, from: u8, to: u8) -> String {
        let (digits, by) = (&self.digits, usize::from(from.abs_diff(to)));
        let zeros = "0".repeat(by);
        let (fits, scaled) = if to >= from {
            (
                format!("substr(d, 1, {by}) = '{zeros}'"),
                format!("substr(d, {}) || '{zeros}'", by + 1),
            )
        } else {
            let left = DIGITS - by;
            let fits = format!("substr(d, {}) = '{zeros}'", left + 1);
            (fits, format!("'{zeros}' || substr(d, 1, {left})"))
        };
        if by == 0 {
            return format!("SELECT {digits} AS d");
        }
        format!("SELECT CASE WHEN {fits} THEN {scaled} END AS d FROM (SELECT {digits} AS d)")
    }

    /// An integer of that scale, of at most so many units; null if it does not fit.
    pub(super) fn integer(&self, from: u8, to: u8, most: i128) -> String {
        // Of all the integers, the least has a magnitude that is one more.
        let least = if most == i64::MAX.into() { most + 1 } else { most };
        let [most, least] = [most, least].map(|bound| format!("{bound:0DIGITS$}"));
        let negative = &self.negative;
        format!(
            "(SELECT CASE WHEN d <= CASE WHEN {negative} THEN '{least}' ELSE '{most}' END \
             THEN CAST(CASE WHEN {negative} THEN '-' ELSE '' END || d AS INTEGER) END \
             FROM ({}))",
            self.scaled(from, to)
        )
    }

    /// Sixteen bytes of that scale; null if it does not fit.
    ///
    /// The magnitude, or below zero what it lacks of 2^96, is divided by 2^16 six times, in two
    /// halves of 14 digits; the rests are the words of the last twelve bytes. Text and bytes are
    /// built side by side, and only bytes that print as that text are given.
    pub(super) fn bytes(&self, from: u8, to: u8) -> String {
        let bytes: String = (0..=255_u8).map(|byte| format!("{byte:02X}")).collect();
        let half = 10_u64.pow(u32::try_from(HALF).unwrap_or_default());
        let (high, low) = (two_to_96() / i128::from(half), two_to_96() % i128::from(half));
        let sliced = format!(
            "SELECT CAST(substr(d, 1, {HALF}) AS INTEGER) AS h, \
             CAST(substr(d, {}) AS INTEGER) AS l, {} AS negative FROM ({})",
            HALF + 1,
            self.negative,
            self.scaled(from, to)
        );
        // Minus zero is zero.
        let signed = format!(
            "SELECT n, CASE WHEN n THEN {high} - h - (l > {low}) ELSE h END AS h, \
             CASE WHEN n THEN {low} - l + (l > {low}) * {half} ELSE l END AS l \
             FROM (SELECT h, l, negative AND (h > 0 OR l > 0) AS n FROM ({sliced}))"
        );
        let rest = format!("((h % 65536) * {half} + l)");
        let byte = |byte: &str| format!("substr(X'{bytes}', {byte} + 1, 1)");
        let (upper, lower) = (format!("({rest} % 65536) / 256"), format!("({rest} % 256)"));
        format!(
            "(WITH RECURSIVE cut(i, n, h, l, b, t) AS (\
             SELECT 0, n, h, l, '', '' FROM ({signed}) UNION ALL \
             SELECT i + 1, n, h / 65536, {rest} / 65536, {} || {} || b, \
             printf('%04X', {rest} % 65536) || t FROM cut WHERE i < 6 AND h IS NOT NULL), \
             made(b, t) AS (SELECT \
             CAST(CASE WHEN n THEN X'7FFFFFFF' ELSE X'80000000' END || b AS BLOB), \
             CASE WHEN n THEN '7FFFFFFF' ELSE '80000000' END || t FROM cut WHERE i = 6) \
             SELECT b FROM made WHERE hex(b) = t)",
            byte(&upper),
            byte(&lower),
        )
    }
}

/// A decimal or integer as a decimal of another precision or scale; null if it does not fit.
pub(super) fn decimal_of(from: Kind, to: Kind, value: &str) -> String {
    let digits = Digits::of(from, value);
    match to {
        _ if is_wide(to) => digits.bytes(from.scale(), to.scale()),
        Kind::Decimal { precision, .. } => {
            digits.integer(from.scale(), to.scale(), decimal::power_of_ten(precision) - 1)
        }
        _ => digits.integer(from.scale(), 0, i64::MAX.into()),
    }
}

pub(super) fn is_wide(kind: Kind) -> bool {
    matches!(kind, Kind::Decimal { precision, .. } if precision > INTEGER_DIGITS_MAX)
}

const fn two_to_96() -> i128 {
    1 << 96
}
