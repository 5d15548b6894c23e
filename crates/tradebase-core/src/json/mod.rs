//! The text form of records: JSON that keeps every digit.
//!
//! Decimals are number tokens with their declared scale, moments are RFC 3339, ids are text,
//! bytes are base 64, a free serde value keeps its own form.

mod base64;
mod scan;
mod sink;
mod source;
mod value;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use base64::{decode as decode_base64, encode as encode_base64};
pub use scan::{Cell, Scanner};
pub use sink::JsonSink;
pub use source::{CellSource, JsonSource};
pub use value::{value_of, without_blanks, write_value};

use crate::column::Column;
use crate::domain;
use crate::error::{Error, Result};
use crate::row::{Put, Row};

/// Appends a row as one JSON object.
pub fn write<T: Put>(row: &T, out: &mut Vec<u8>) -> Result<()> {
    let start = out.len();
    let mut sink = JsonSink::new(out);
    let written = row.write(&mut sink);
    if written.is_err() {
        out.truncate(start);
        return written;
    }
    sink.finish(start);
    Ok(())
}

/// A row as one JSON object.
///
/// ```
/// # use tradebase_core::{json, Decimal, Record};
/// #[derive(Record, Debug, PartialEq)]
/// #[record(table = "prices")]
/// struct Price {
///     #[record(key)]
///     symbol: String,
///     #[record(decimal(18, 8))]
///     price: Decimal,
/// }
/// let price = Price { symbol: "BTC/USDT".into(), price: "0.1".parse()? };
/// let text = json::to_string(&price)?;
/// assert_eq!(text, r#"{"symbol":"BTC/USDT","price":0.10000000}"#);
/// assert_eq!(json::from_slice::<Price>(text.as_bytes())?, price);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn to_string<T: Put>(row: &T) -> Result<String> {
    let mut out = Vec::new();
    write(row, &mut out)?;
    String::from_utf8(out)
        .map_err(|e| Error::new(crate::Code::Internal, "JSON is not UTF-8").because(e))
}

/// Reads a row from one JSON object. Unknown members are passed over, missing ones are absent.
pub fn from_slice<T: Put>(text: &[u8]) -> Result<T> {
    read(JsonSource::new(T::COLUMNS, text)?)
}

/// Reads any row whose columns are known only as a list.
pub fn from_slice_by<T: Row>(columns: &[&'static Column], text: &[u8]) -> Result<T> {
    read(JsonSource::by_name(columns, text)?)
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn read<T: Row>(mut source: JsonSource<'_>) -> Result<T> {
    let row = T::read(&mut source)?;
    source.finish()?;
    Ok(row)
}

/// Appends a value of serde as JSON text, checked against the column's domain.
#[inline]
pub fn render<T: Serialize + ?Sized>(
    column: &'static Column,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<()> {
    let start = out.len();
    serde_json::to_writer(&mut *out, value).map_err(|e| unwritable(column, &e))?;
    domain::json(column, &out[start..])
}

/// Reads a value of serde from JSON text.
#[inline]
pub fn parse<T: DeserializeOwned>(column: &'static Column, text: &[u8]) -> Result<T> {
    serde_json::from_slice(text).map_err(|e| Error::unreadable(column, format_args!("{e}")))
}

#[cold]
fn unwritable(column: &'static Column, error: &serde_json::Error) -> Error {
    Error::refused(column, "json", format!("cannot be written as JSON: {error}"))
}
