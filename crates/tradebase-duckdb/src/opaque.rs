//! Types of DuckDB that Arrow lacks, as the texts that DuckDB itself casts them to.

use std::fmt::Write as _;

use tradebase_core::{Code, Error};

/// The bits of the zone in a time with one; the microseconds stand above them.
const ZONE_BITS: u32 = 24;
/// Zones count down from the easternmost, so that times sort: 15:59:59 ahead of UTC.
const ZONE_SECONDS_MAX: i64 = 16 * 60 * 60 - 1;
/// The microseconds of a second.
const SECOND: u64 = 1_000_000;

/// `09:30:00.5+02`, from the number that DuckDB keeps for it.
pub(crate) fn clock_text(stored: u64) -> String {
    let micros = stored >> ZONE_BITS;
    let (seconds, fraction) = (micros / SECOND, micros % SECOND);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{hour:02}:{minute:02}:{second:02}");
    if fraction > 0 {
        let digits = format!("{fraction:06}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
    let below = i64::try_from(stored & ((1 << ZONE_BITS) - 1)).unwrap_or_default();
    let zone = ZONE_SECONDS_MAX - below;
    let (sign, zone) = (if zone < 0 { '-' } else { '+' }, zone.unsigned_abs());
    let (hour, minute, second) = (zone / 3_600, zone / 60 % 60, zone % 60);
    // Writing to a text cannot fail.
    let _ = write!(text, "{sign}{hour:02}");
    // DuckDB leaves minutes out that are nothing, and the seconds look like them.
    if minute > 0 || second > 0 {
        let _ = write!(text, ":{minute:02}");
    }
    if second > 0 {
        let _ = write!(text, ":{second:02}");
    }
    text
}

/// `101`, from the bytes: the first says how many bits of the second do not count.
pub(crate) fn bits_text(bytes: &[u8]) -> Option<String> {
    let (padding, bytes) = bytes.split_first()?;
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    Some(bits.skip(usize::from(*padding)).map(|bit| if bit == 1 { '1' } else { '0' }).collect())
}

/// A type that stands in Arrow as bytes that only DuckDB can read.
#[cold]
pub(crate) fn no_form(details: &str) -> Error {
    // `{"type_name":"bignum","vendor_name":"DuckDB"}`
    let name = details.split('"').nth(3).unwrap_or("opaque");
    let message = format!("the column has no form in Arrow, cast it to VARCHAR; it is {name}");
    Error::new(Code::Unsupported, message)
}
