//! Where a find goes on, as a text that others keep.

mod bytes;
mod shape;

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;
use tradebase_core::json::{decode_base64, encode_base64};
use tradebase_core::{Error, Result, Secret, Value, Violation};

use crate::select::Select;

/// The form of the bytes.
const VERSION: u8 = 1;
/// Bytes of the seal: half of what the hash has, which nobody guesses.
const SEAL_BYTES: usize = 16;
/// The longest cursor, in bytes; one holds the values of the order's columns and of the key.
const CURSOR_BYTES_MAX: usize = 64 * 1024;
/// The key where none is configured: a checksum then, against what happens by itself.
const NO_KEY: &[u8] = b"tradebase cursor";

/// Where a [`Keyset`](crate::Keyset) goes on: a text of letters, digits, `-` and `_`, for links
/// and clients.
///
/// It holds the values of the last row in the columns of the order and of the key, which whoever
/// has it can read, and a seal over them, the record, the filter with its values, and the order.
/// With [`SqlOptions::cursor_key`](crate::SqlOptions::cursor_key) nobody else can make the seal
/// (HMAC-SHA256); without, it is a checksum.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    seal: [u8; SEAL_BYTES],
    /// The encoded values.
    place: Vec<u8>,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(1 + SEAL_BYTES + self.place.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.seal);
        bytes.extend_from_slice(&self.place);
        let mut text = Vec::new();
        encode_base64(&bytes, &mut text);
        text.iter().filter(|c| **c != b'=').try_for_each(|c| {
            let c = match c {
                b'+' => '-',
                b'/' => '_',
                other => char::from(*other),
            };
            fmt::Write::write_char(f, c)
        })
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() / 4 * 3 > CURSOR_BYTES_MAX {
            return Err(refused("is too long"));
        }
        let plain = |c| match c {
            b'-' => Some(b'+'),
            b'_' => Some(b'/'),
            b'+' | b'/' | b'=' => None,
            other => Some(other),
        };
        let letters: Option<Vec<u8>> = text.bytes().map(plain).collect();
        let mut letters = letters.ok_or_else(|| refused("has other letters than a cursor"))?;
        while !letters.len().is_multiple_of(4) {
            letters.push(b'=');
        }
        let mut bytes = Vec::new();
        decode_base64(&letters, &mut bytes).ok_or_else(|| refused("is cut or no cursor"))?;
        let (version, rest) = bytes.split_first().ok_or_else(|| refused("is empty"))?;
        if *version != VERSION {
            return Err(refused("is of another version"));
        }
        let (seal, place) = rest.split_first_chunk().ok_or_else(|| refused("is cut"))?;
        let cursor = Self { seal: *seal, place: place.to_vec() };
        // The last letter has bits that no byte is made of.
        if cursor.to_string() != text {
            return Err(refused("was altered"));
        }
        Ok(cursor)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What cursors of one find are sealed with.
pub(crate) struct Seal {
    mac: Hmac<Sha256>,
}

impl Seal {
    /// The seal of that statement.
    pub(crate) fn of(select: &Select, key: Option<&Secret>) -> Result<Self> {
        let key = key.map_or(NO_KEY, |key| key.expose().as_bytes());
        let mut mac = Hmac::new_from_slice(key).map_err(|_| unsealed())?;
        mac.update(&[VERSION]);
        mac.update(&shape::of(select)?);
        Ok(Self { mac })
    }

    /// A cursor at the place of these values.
    pub(crate) fn close(&self, values: &[Value]) -> Result<Cursor> {
        let mut place = Vec::new();
        for value in values {
            bytes::put(value, &mut place);
        }
        if place.len() > CURSOR_BYTES_MAX - SEAL_BYTES - 1 {
            let message = format!("the order's values are more than {CURSOR_BYTES_MAX} bytes");
            return Err(Error::new(tradebase_core::Code::Unsupported, message));
        }
        let made = self.mac.clone().chain_update(&place).finalize().into_bytes();
        let seal = *made.first_chunk().ok_or_else(unsealed)?;
        Ok(Cursor { seal, place })
    }

    /// The values of the place at which a cursor of this find is.
    pub(crate) fn open(&self, cursor: &Cursor) -> Result<Vec<Value>> {
        let mac = self.mac.clone().chain_update(&cursor.place);
        // In constant time.
        mac.verify_truncated_left(&cursor.seal).map_err(|_| {
            refused("is of another record, filter or order, or was altered, or has another key")
        })?;
        let mut rest = cursor.place.as_slice();
        let mut values = Vec::new();
        while !rest.is_empty() {
            values.push(bytes::take(&mut rest).ok_or_else(|| refused("was altered"))?);
        }
        Ok(values)
    }
}

#[cold]
fn refused(why: &str) -> Error {
    let message = format!("{why}: begin again without one");
    Error::invalid(vec![Violation::new("cursor", "cursor", message)])
}

#[cold]
fn unsealed() -> Error {
    Error::new(tradebase_core::Code::Internal, "a cursor could not be sealed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(place: &[u8]) -> Cursor {
        Cursor { seal: [7; SEAL_BYTES], place: place.to_vec() }
    }

    #[test]
    fn a_cursor_comes_back_from_its_text_and_no_letter_of_it_can_be_another() {
        for len in 0..8 {
            let text = cursor(&vec![0xfb; len]).to_string();
            assert!(text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c)));
            assert_eq!(text.parse::<Cursor>().unwrap(), cursor(&vec![0xfb; len]));
            for at in 0..text.len() {
                for other in ["A", "z", "-", "=", " ", ""] {
                    let altered = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                    if let Ok(read) = altered.parse::<Cursor>() {
                        assert!(read != cursor(&vec![0xfb; len]) || altered == text, "{altered}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_cursor_of_another_form_is_refused() {
        for text in ["", "A", "AQ", "Ag", "_w", "a b", "ä", "AQ==", &"A".repeat(100_000)] {
            let error = text.parse::<Cursor>().unwrap_err();
            assert_eq!(error.column_name(), Some("cursor"), "{text}");
            assert!(error.to_string().contains("begin again"), "{error}");
        }
    }
}
