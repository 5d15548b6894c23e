//! The limits that all stores of a record have together, checked before any of them is written.

use crate::column::{Column, Roles};
use crate::error::{Error, Result};
use crate::kind::Kind;
use crate::time::{Date, Timestamp, TimestampNs};

/// Text that every store of the row can hold.
#[inline(always)]
pub fn text(column: &'static Column, value: &str) -> Result<()> {
    if column.domain.series && column.is(Roles::TAG) {
        tag(column, value)?;
    } else if column.domain.table && has(value.as_bytes(), [0]) {
        return Err(nul(column));
    }
    if let Kind::Text { max: Some(max) } = column.kind
        && value.len() > max as usize
    {
        bound(column, value, max)?;
    }
    Ok(())
}

/// A float that every store of the row can hold.
#[inline(always)]
pub fn f64(column: &'static Column, value: f64) -> Result<()> {
    if (column.domain.table || column.domain.series) && !value.is_finite() {
        return Err(not_finite(column, value));
    }
    Ok(())
}

/// A moment that every store of the row can hold.
#[inline(always)]
pub fn timestamp(column: &'static Column, value: Timestamp) -> Result<()> {
    if column.domain.table && !(Timestamp::MIN..=Timestamp::MAX).contains(&value) {
        return Err(out_of_range(column, value, Timestamp::MIN, Timestamp::MAX));
    }
    let (first, last) = (Timestamp::SERIES_MIN, Timestamp::SERIES_MAX);
    if column.domain.series && column.is(Roles::TIME) && !(first..=last).contains(&value) {
        return Err(out_of_range(column, value, first, last));
    }
    Ok(())
}

/// A moment in nanoseconds that every store of the row can hold.
#[inline(always)]
pub fn timestamp_ns(column: &'static Column, value: TimestampNs) -> Result<()> {
    let limited = column.domain.table || column.domain.series;
    if limited && !(TimestampNs::MIN..=TimestampNs::MAX).contains(&value) {
        return Err(out_of_range(column, value, TimestampNs::MIN, TimestampNs::MAX));
    }
    Ok(())
}

/// A day that every store of the row can hold.
#[inline(always)]
pub fn date(column: &'static Column, value: Date) -> Result<()> {
    if column.domain.table && !(Date::MIN..=Date::MAX).contains(&value) {
        return Err(out_of_range(column, value, Date::MIN, Date::MAX));
    }
    Ok(())
}

/// A sequence that fits between two microseconds.
#[inline(always)]
pub fn integer(column: &'static Column, value: i64) -> Result<()> {
    if column.domain.series && column.is(Roles::SEQUENCE) && !(0..=999).contains(&value) {
        return Err(out_of_range(column, value, 0, 999));
    }
    Ok(())
}

/// JSON text that every store of the row can hold: PostgreSQL has no NUL inside JSON strings.
pub fn json(column: &'static Column, text: &[u8]) -> Result<()> {
    if column.domain.table && has_escaped_nul(text) {
        return Err(nul(column));
    }
    Ok(())
}

/// Whether `\u0000` stands in it as an escape, and not as a backslash followed by text.
fn has_escaped_nul(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|b| *b == b'\\') {
        match rest.get(at..at + 6) {
            Some(b"\\u0000") => return true,
            _ => rest = rest.get(at + 2..).unwrap_or_default(),
        }
    }
    false
}

/// Whether one of the bytes occurs, looked for by words: texts are mostly a few words long, and
/// byte by byte this was a third of the time of writing a row of short texts.
#[inline(always)]
fn has<const N: usize>(text: &[u8], bytes: [u8; N]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // Not zero if one of the eight bytes is one of those looked for, and only then.
    let mark = |word: u64| {
        bytes.iter().fold(0, |found, byte| {
            let zeros = word ^ (ONES * u64::from(*byte));
            found | (zeros.wrapping_sub(ONES) & !zeros & HIGHS)
        })
    };
    if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        let mut found = mark(u64::from_ne_bytes(*first)) | mark(u64::from_ne_bytes(*last));
        if text.len() > 16 {
            for word in text.as_chunks::<8>().0 {
                found |= mark(u64::from_ne_bytes(*word));
            }
        }
        return found != 0;
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let [first, last] = [*first, *last].map(|half| u64::from(u32::from_ne_bytes(half)));
        return mark(first << 32 | last) != 0;
    }
    text.iter().any(|byte| bytes.contains(byte))
}

#[cold]
#[inline(never)]
fn nul(column: &'static Column) -> Error {
    Error::refused(column, "nul", "must not contain the character NUL")
}

#[cold]
#[inline(never)]
fn bound(column: &'static Column, value: &str, max: u32) -> Result<()> {
    let count = value.chars().count();
    if count > max as usize {
        let message = format!("must have at most {max} characters, has {count}");
        return Err(Error::refused(column, "length", message));
    }
    Ok(())
}

/// What line protocol cannot write as a tag, and NUL.
#[inline(never)]
fn tag(column: &'static Column, value: &str) -> Result<()> {
    let bytes = value.as_bytes();
    let message = match bytes {
        [] => "must not be empty, because it is a tag: use None for no value",
        [.., b'\\'] => "must not end with a backslash, because it is a tag",
        _ if !has(bytes, [b'\n', 0]) => return Ok(()),
        _ if bytes.contains(&b'\n') => "must not contain a line break, because it is a tag",
        _ if column.domain.table => return Err(nul(column)),
        _ => return Ok(()),
    };
    Err(Error::refused(column, "tag", message))
}

#[cold]
#[inline(never)]
fn not_finite(column: &'static Column, value: f64) -> Error {
    Error::refused(column, "finite", format!("must be a finite number, is {value}"))
}

#[cold]
#[inline(never)]
fn out_of_range<T: std::fmt::Display>(
    column: &'static Column,
    value: T,
    first: T,
    last: T,
) -> Error {
    let message = format!("must be between {first} and {last}, is {value}");
    Error::refused(column, "range", message)
}

#[cfg(test)]
mod tests {
    use super::{has, has_escaped_nul};

    #[test]
    fn a_byte_is_found_wherever_it_stands() {
        for len in 0..40 {
            let mut text = vec![b'a'; len];
            assert!(!has(&text, [0, b'\n']), "{len}");
            for at in 0..len {
                for byte in [0, b'\n'] {
                    text[at] = byte;
                    assert!(has(&text, [0, b'\n']), "{at} of {len}");
                    assert_eq!(has(&text, [0]), byte == 0, "{at} of {len}");
                }
                // Bytes that borrow from their neighbour when one is taken away.
                for byte in [1, 0x80, 0xff, b'\n' ^ 1] {
                    text[at] = byte;
                    assert!(!has(&text, [0, b'\n']), "{at} of {len}");
                }
                text[at] = b'a';
            }
        }
    }

    #[test]
    fn nul_in_json_is_told_from_a_backslash() {
        assert!(has_escaped_nul(br#""a\u0000""#));
        assert!(has_escaped_nul(br#""\\\u0000""#));
        assert!(!has_escaped_nul(br#""\\u0000""#));
        assert!(!has_escaped_nul(br#""\u0001\n\\""#));
    }
}
