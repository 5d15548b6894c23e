//! The small header before an entry's bytes, which says what they are.
//!
//! ```text
//! C1 54   magic: a byte that begins no MessagePack value, no text in UTF-8, no pickle, no gzip
//! 01      version of this layout
//! 06      length of the header, these bytes included: later versions may add fields at its end
//! 01      codec: 1 MessagePack, 2 JSON
//! 00      flags: the low four bits may be passed over, the high four must be understood
//! ```
//!
//! No flag is in use yet. Logical expiry and compression will be flags of the high half, with
//! their values in added fields: a reader that does not know them answers with a miss, instead of
//! an entry that is stale or packed.

use std::fmt;

const MAGIC: [u8; 2] = [0xc1, b'T'];
const VERSION: u8 = 1;
const LENGTH: u8 = 6;
/// Flags that change what the bytes mean.
const MUST_UNDERSTAND: u8 = 0xf0;

/// Appends the header of an entry of that codec.
#[inline]
pub(crate) fn write(out: &mut Vec<u8>, codec: u8) {
    let [first, second] = MAGIC;
    out.extend_from_slice(&[first, second, VERSION, LENGTH, codec, 0]);
}

/// The bytes behind the header of an entry of that codec.
#[inline]
pub(crate) fn open(entry: &[u8], codec: u8) -> Result<&[u8], Foreign> {
    let Some((&[first, second, version, length, written, flags], rest)) = entry.split_first_chunk()
    else {
        return Err(Foreign::of(entry));
    };
    if [first, second] != MAGIC {
        return Err(Foreign::of(entry));
    }
    if version != VERSION {
        return Err(Foreign::Version(version));
    }
    if written != codec {
        return Err(Foreign::Codec(written));
    }
    if flags & MUST_UNDERSTAND != 0 {
        return Err(Foreign::Flags(flags));
    }
    let added = length.checked_sub(LENGTH).ok_or(Foreign::Short)?;
    rest.get(usize::from(added)..).ok_or(Foreign::Short)
}

/// Why an entry is not ours to read. Never holds anything of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    Empty,
    Pickle,
    Gzip,
    Json,
    BareMap,
    Unknown,
    Version(u8),
    Codec(u8),
    Flags(u8),
    Short,
}

impl Foreign {
    /// What bytes without a header seem to be.
    #[cold]
    pub(crate) fn of(entry: &[u8]) -> Self {
        match entry {
            [] => Foreign::Empty,
            // A pickle of protocol 2 to 5 says so first and ends with a stop.
            [0x80, 2..=5, .., b'.'] => Foreign::Pickle,
            [0x1f, 0x8b, ..] => Foreign::Gzip,
            [b'{' | b'[' | b'"', ..] => Foreign::Json,
            [0x80..=0x8f | 0xde | 0xdf, ..] => Foreign::BareMap,
            [0xc1, b'T', ..] => Foreign::Short,
            _ => Foreign::Unknown,
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Foreign::Empty => f.write_str("it is empty"),
            Foreign::Pickle => f.write_str("it is a pickle, which is never read"),
            Foreign::Gzip => f.write_str("it is packed with gzip"),
            Foreign::Json => f.write_str("it is JSON without an envelope"),
            Foreign::BareMap => f.write_str("it is MessagePack without an envelope"),
            Foreign::Unknown => f.write_str("it has no envelope"),
            Foreign::Version(version) => write!(f, "its envelope is of version {version}"),
            Foreign::Codec(codec) => write!(f, "it is of the codec {codec}"),
            Foreign::Flags(flags) => write!(f, "its envelope has unknown flags, {flags:#04x}"),
            Foreign::Short => f.write_str("its envelope is cut short"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [u8; 6] = [0xc1, 0x54, 1, 6, 1, 0];

    fn entry(header: &[u8], rest: &[u8]) -> Vec<u8> {
        [header, rest].concat()
    }

    #[test]
    fn the_header_keeps_its_bytes() {
        let mut out = Vec::new();
        write(&mut out, 1);
        assert_eq!(out, HEADER);
        out.extend_from_slice(b"rest");
        assert_eq!(open(&out, 1), Ok(&b"rest"[..]));
    }

    #[test]
    fn the_magic_begins_nothing_else() {
        assert!(String::from_utf8(MAGIC.to_vec()).is_err(), "no text");
        assert_eq!(MAGIC[0], 0xc1, "the one byte that MessagePack never uses");
    }

    #[test]
    fn later_headers_are_read_where_that_is_safe() {
        let longer = entry(&[0xc1, 0x54, 1, 9, 1, 0x0f, 7, 7, 7], b"rest");
        assert_eq!(open(&longer, 1), Ok(&b"rest"[..]));
        for (header, want) in [
            ([0xc1, 0x54, 2, 6, 1, 0], Foreign::Version(2)),
            ([0xc1, 0x54, 1, 6, 2, 0], Foreign::Codec(2)),
            ([0xc1, 0x54, 1, 6, 1, 0x10], Foreign::Flags(0x10)),
            ([0xc1, 0x54, 1, 5, 1, 0], Foreign::Short),
            ([0xc1, 0x54, 1, 255, 1, 0], Foreign::Short),
        ] {
            assert_eq!(open(&entry(&header, b"rest"), 1), Err(want));
        }
    }

    #[test]
    fn foreign_bytes_are_told_by_their_beginning() {
        for (bytes, want) in [
            (&b""[..], Foreign::Empty),
            (b"\x80\x05\x95\x10.", Foreign::Pickle),
            (b"\x80\x02}q\x00.", Foreign::Pickle),
            (b"\x1f\x8b\x08\x00", Foreign::Gzip),
            (b"{\"id\":1}", Foreign::Json),
            (b"\x81\xa2id\x01", Foreign::BareMap),
            (b"\xc1T\x01", Foreign::Short),
            (b"plain", Foreign::Unknown),
        ] {
            assert_eq!(open(bytes, 1), Err(want), "{bytes:?}");
        }
    }
}
