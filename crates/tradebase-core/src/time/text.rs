//! RFC 3339, written with a fixed number of digits and read with any.

use std::error::Error;
use std::fmt;

use super::civil;

const SECONDS_PER_DAY: i64 = 86_400;

/// Why a text is not a moment or day, or why a moment does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseTimeError(&'static str);

impl ParseTimeError {
    pub(super) const OUT_OF_RANGE: Self = Self("the moment is out of range");
    pub(super) const TOO_FINE: Self = Self("the moment has more digits of a second than fit");
    const SHAPE: Self = Self("not RFC 3339, like 2026-11-20T09:30:00.000000Z or 2026-11-20");
}

impl fmt::Display for ParseTimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for ParseTimeError {}

/// Two digits, which the value is known to have.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn two(value: i64) -> [u8; 2] {
    let value = value as u8;
    [b'0' + value / 10, b'0' + value % 10]
}

pub(super) fn day(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil::from_days(days);
    if (0..=9999).contains(&year) {
        out.extend_from_slice(&two(year / 100));
        out.extend_from_slice(&two(year % 100));
    } else {
        // Only records without a table hold such years: ISO 8601's form with a sign.
        out.extend_from_slice(format!("{year:+07}").as_bytes());
    }
    let ([m1, m2], [d1, d2]) = (two(month.into()), two(day.into()));
    out.extend_from_slice(&[b'-', m1, m2, b'-', d1, d2]);
}

pub(super) fn moment(out: &mut Vec<u8>, secs: i64, fraction: i64, digits: usize) {
    day(out, secs.div_euclid(SECONDS_PER_DAY));
    let of_day = secs.rem_euclid(SECONDS_PER_DAY);
    let ([h1, h2], [m1, m2], [s1, s2]) =
        (two(of_day / 3600), two(of_day / 60 % 60), two(of_day % 60));
    out.extend_from_slice(&[b'T', h1, h2, b':', m1, m2, b':', s1, s2, b'.']);
    let mut text = [b'0'; 9];
    let mut rest = fraction;
    for place in text[..digits].iter_mut().rev() {
        *place = two(rest % 10)[1];
        rest /= 10;
    }
    out.extend_from_slice(&text[..digits]);
    out.push(b'Z');
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        match self.0 {
            [first, rest @ ..] if *first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self.0.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
        if count < least {
            return None;
        }
        let (head, rest) = self.0.split_at(count);
        self.0 = rest;
        Some(head.iter().fold(0, |n, b| n * 10 + i64::from(b - b'0')))
    }

    fn day(&mut self) -> Option<i64> {
        let sign = if self.eat(b'-') {
            -1
        } else {
            self.eat(b'+');
            1
        };
        let year = self.digits(4, 7)? * sign;
        let month = self.eat(b'-').then(|| self.digits(2, 2)).flatten()?;
        let day = self.eat(b'-').then(|| self.digits(2, 2)).flatten()?;
        civil::days(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
    }

    /// Seconds of the day and nanoseconds; the flag tells of digits below a nanosecond.
    fn clock(&mut self) -> Option<(i64, i64, bool)> {
        let hour = self.digits(2, 2).filter(|h| *h < 24)?;
        let minute = self.eat(b':').then(|| self.digits(2, 2)).flatten().filter(|m| *m < 60)?;
        let second = if self.eat(b':') { self.digits(2, 2).filter(|s| *s < 60)? } else { 0 };
        let (mut nanos, mut finer) = (0, false);
        if self.eat(b'.') {
            let before = self.0.len();
            nanos = self.digits(1, 9)?;
            nanos *= 10_i64.pow(9 - u32::try_from(before - self.0.len()).ok()?);
            while let [digit @ b'0'..=b'9', rest @ ..] = self.0 {
                finer |= *digit != b'0';
                self.0 = rest;
            }
        }
        Some((hour * 3600 + minute * 60 + second, nanos, finer))
    }

    fn offset(&mut self) -> Option<i64> {
        if self.0.is_empty() || self.eat(b'Z') || self.eat(b'z') {
            return Some(0);
        }
        let sign = if self.eat(b'-') {
            -1
        } else if self.eat(b'+') {
            1
        } else {
            return None;
        };
        let hours = self.digits(2, 2).filter(|h| *h < 24)?;
        self.eat(b':');
        let minutes = if self.0.is_empty() { 0 } else { self.digits(2, 2).filter(|m| *m < 60)? };
        Some(sign * (hours * 3600 + minutes * 60))
    }
}

/// Seconds since 1970, nanoseconds, and whether there were digits below a nanosecond.
fn parse(text: &[u8]) -> Option<(i64, i64, bool)> {
    let mut cursor = Cursor(text);
    let days = cursor.day()?;
    let (of_day, nanos, finer) = if cursor.0.is_empty() {
        (0, 0, false)
    } else {
        let _separated = cursor.eat(b'T') || cursor.eat(b't') || cursor.eat(b' ');
        cursor.clock()?
    };
    let offset = cursor.offset()?;
    if !cursor.0.is_empty() {
        return None;
    }
    let secs = days.checked_mul(SECONDS_PER_DAY)?.checked_add(of_day)?.checked_sub(offset)?;
    Some((secs, nanos, finer))
}

pub(super) fn parse_micros(text: &[u8]) -> Result<i64, ParseTimeError> {
    let (secs, nanos, finer) = parse(text).ok_or(ParseTimeError::SHAPE)?;
    if finer || nanos % 1000 != 0 {
        return Err(ParseTimeError::TOO_FINE);
    }
    let whole = i128::from(secs) * 1_000_000 + i128::from(nanos / 1000);
    i64::try_from(whole).map_err(|_| ParseTimeError::OUT_OF_RANGE)
}

pub(super) fn parse_nanos(text: &[u8]) -> Result<i64, ParseTimeError> {
    let (secs, nanos, finer) = parse(text).ok_or(ParseTimeError::SHAPE)?;
    if finer {
        return Err(ParseTimeError::TOO_FINE);
    }
    let whole = i128::from(secs) * 1_000_000_000 + i128::from(nanos);
    i64::try_from(whole).map_err(|_| ParseTimeError::OUT_OF_RANGE)
}

pub(super) fn parse_days(text: &[u8]) -> Result<i32, ParseTimeError> {
    let mut cursor = Cursor(text);
    let days = cursor.day().filter(|_| cursor.0.is_empty()).ok_or(ParseTimeError::SHAPE)?;
    i32::try_from(days).map_err(|_| ParseTimeError::OUT_OF_RANGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_others_write() {
        let noon = Ok(1_795_176_000_000_000);
        for text in [
            "2026-11-20T12:00:00Z",
            "2026-11-20 12:00:00",
            "2026-11-20T12:00:00.000",
            "2026-11-20T17:30:00+05:30",
            "2026-11-20T17:30:00+0530",
            "2026-11-20t07:00:00.0-05",
            "2026-11-20T12:00",
        ] {
            assert_eq!(parse_micros(text.as_bytes()), noon, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_moment() {
        for text in [
            "",
            "2026",
            "2026-02-29",
            "2026-13-01",
            "2026-11-20T24:00:00Z",
            "now",
            "2026-11-20T12:00:00X",
        ] {
            assert_eq!(parse_micros(text.as_bytes()), Err(ParseTimeError::SHAPE), "{text}");
        }
        assert_eq!(parse_micros(b"2026-11-20T12:00:00.0000001Z"), Err(ParseTimeError::TOO_FINE));
        assert_eq!(parse_nanos(b"2300-01-01T00:00:00Z"), Err(ParseTimeError::OUT_OF_RANGE));
    }
}
