//! Reading a row from a JSON object, and single columns from JSON values.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::scan::{Cell, Scanner, text_of};
use super::{decode_base64, parse as parse_json};
use crate::column::Column;
use crate::error::{Error, Result};
use crate::parse;
use crate::source::{Got, Source};
use crate::time::{Date, Timestamp, TimestampNs};

/// A source over one JSON object.
///
/// Objects that this library wrote have their members in the order of the columns, and are read
/// on the way through. The first member out of place makes it index the whole object.
#[derive(Debug)]
pub struct JsonSource<'a> {
    scanner: Scanner<'a>,
    first: bool,
    names: Names<'a>,
    index: Option<Vec<Option<Cell<'a>>>>,
    scratch: Scratch<'a>,
}

#[derive(Debug)]
enum Names<'a> {
    Own(&'static [Column]),
    Listed(&'a [&'static Column]),
}

impl Names<'_> {
    fn position(&self, name: &str) -> Option<usize> {
        match self {
            Names::Own(columns) => columns.iter().position(|c| c.name.text == name),
            Names::Listed(columns) => columns.iter().position(|c| c.name.text == name),
        }
    }

    fn len(&self) -> usize {
        match self {
            Names::Own(columns) => columns.len(),
            Names::Listed(columns) => columns.len(),
        }
    }
}

impl<'a> JsonSource<'a> {
    /// A source of a row of these columns.
    pub fn new(columns: &'static [Column], text: &'a [u8]) -> Result<Self> {
        Self::over(Names::Own(columns), text)
    }

    /// A source of a row whose columns are known as a list.
    pub fn by_name(columns: &'a [&'static Column], text: &'a [u8]) -> Result<Self> {
        Self::over(Names::Listed(columns), text)
    }

    fn over(names: Names<'a>, text: &'a [u8]) -> Result<Self> {
        let mut scanner = Scanner::new(text);
        scanner.expect(b'{')?;
        let scratch = Scratch::default();
        Ok(Self { scanner, first: true, names, index: None, scratch })
    }

    /// The value of the column, or none if the object has no such member.
    #[inline(always)]
    fn cell_at(&mut self, at: usize, column: &'static Column) -> Result<Option<Cell<'a>>> {
        if self.index.is_none() {
            // `,"name":`, without its comma for the first member.
            let name = &column.name.json.as_bytes()[usize::from(self.first)..];
            if self.scanner.eat_all(name) {
                self.first = false;
                return self.scanner.value().map(Some);
            }
        }
        self.indexed(at)
    }

    #[cold]
    #[inline(never)]
    fn indexed(&mut self, at: usize) -> Result<Option<Cell<'a>>> {
        if self.index.is_none() {
            let mut cells = vec![None; self.names.len()];
            // What was passed on the fast path was read already; the rest is found by name.
            while let Some(name) = self.scanner.member(self.first)? {
                self.first = false;
                let value = self.scanner.value()?;
                if let Some(position) = self.names.position(&name) {
                    cells[position] = Some(value);
                }
            }
            self.index = Some(cells);
        }
        Ok(self.index.as_ref().and_then(|cells| cells.get(at).copied().flatten()))
    }

    #[inline(always)]
    fn with<T>(
        &mut self,
        at: usize,
        column: &'static Column,
        read: impl FnOnce(&mut CellSource<'a>) -> Result<Got<T>>,
    ) -> Result<Got<T>> {
        match self.cell_at(at, column)? {
            Some(cell) => read(&mut CellSource::new(cell)),
            None => Ok(Got::Absent),
        }
    }
}

#[derive(Debug, Default)]
struct Scratch<'a> {
    text: Cow<'a, str>,
    bytes: Vec<u8>,
}

/// A source over one JSON value, whatever column is asked for.
#[derive(Debug)]
pub struct CellSource<'a> {
    cell: Cell<'a>,
    scratch: Scratch<'a>,
}

impl<'a> CellSource<'a> {
    /// A source of that value.
    #[inline(always)]
    pub fn new(cell: Cell<'a>) -> Self {
        Self { cell, scratch: Scratch::default() }
    }

    #[inline(always)]
    fn string(&self, column: &'static Column) -> Result<Got<Cow<'a, str>>> {
        match self.cell {
            Cell::Text(raw, escaped) => text_of(raw, escaped).map(Got::Value),
            Cell::Null => Ok(Got::Null),
            other => Err(mismatch(column, other)),
        }
    }

    /// A number's token; a string of digits is read too, as other writers put decimals in them.
    #[inline(always)]
    fn number(&self, column: &'static Column) -> Result<Got<&'a [u8]>> {
        match self.cell {
            Cell::Number(token) | Cell::Text(token, false) => Ok(Got::Value(token)),
            Cell::Null => Ok(Got::Null),
            other => Err(mismatch(column, other)),
        }
    }

    fn token(&self, column: &'static Column) -> Result<Got<&'a str>> {
        self.number(column)?.try_map(|token| {
            std::str::from_utf8(token)
                .map_err(|_| Error::unreadable(column, format_args!("not a number")))
        })
    }
}

impl Source for CellSource<'_> {
    #[inline]
    fn cell(&mut self, _: usize, _: &'static Column) -> Result<Got<()>> {
        Ok(if self.cell == Cell::Null { Got::Null } else { Got::Value(()) })
    }

    #[inline]
    fn bool(&mut self, _: usize, column: &'static Column) -> Result<Got<bool>> {
        match self.cell {
            Cell::Bool(value) => Ok(Got::Value(value)),
            Cell::Null => Ok(Got::Null),
            other => Err(mismatch(column, other)),
        }
    }

    #[inline]
    fn i64(&mut self, _: usize, column: &'static Column) -> Result<Got<i64>> {
        self.token(column)?.try_map(|text| parse::integer(column, text))
    }

    #[inline]
    fn f64(&mut self, _: usize, column: &'static Column) -> Result<Got<f64>> {
        self.token(column)?.try_map(|text| parse::float(column, text))
    }

    #[inline]
    fn decimal(&mut self, _: usize, column: &'static Column) -> Result<Got<i128>> {
        self.number(column)?.try_map(|token| parse::decimal(column, token))
    }

    #[inline]
    fn text(&mut self, _: usize, column: &'static Column) -> Result<Got<&str>> {
        self.string(column)?.try_map(|text| {
            self.scratch.text = text;
            Ok(&*self.scratch.text)
        })
    }

    fn bytes(&mut self, _: usize, column: &'static Column) -> Result<Got<&[u8]>> {
        self.string(column)?.try_map(|text| {
            self.scratch.bytes.clear();
            decode_base64(text.as_bytes(), &mut self.scratch.bytes)
                .ok_or_else(|| Error::unreadable(column, format_args!("not base 64")))?;
            Ok(&*self.scratch.bytes)
        })
    }

    #[inline]
    fn uuid(&mut self, _: usize, column: &'static Column) -> Result<Got<Uuid>> {
        self.string(column)?.try_map(|text| parse::uuid(column, &text))
    }

    #[inline]
    fn timestamp(&mut self, _: usize, column: &'static Column) -> Result<Got<Timestamp>> {
        self.string(column)?.try_map(|text| parse::timestamp(column, &text))
    }

    #[inline]
    fn timestamp_ns(&mut self, _: usize, column: &'static Column) -> Result<Got<TimestampNs>> {
        self.string(column)?.try_map(|text| parse::timestamp_ns(column, &text))
    }

    #[inline]
    fn date(&mut self, _: usize, column: &'static Column) -> Result<Got<Date>> {
        self.string(column)?.try_map(|text| parse::date(column, &text))
    }

    #[inline]
    fn json<T: DeserializeOwned>(&mut self, _: usize, column: &'static Column) -> Result<Got<T>> {
        let read = |text: &[u8]| parse_json(column, text).map(Got::Value);
        match self.cell {
            Cell::Null if column.nullable => Ok(Got::Null),
            Cell::Null => read(b"null"),
            Cell::Bool(true) => read(b"true"),
            Cell::Bool(false) => read(b"false"),
            Cell::Number(raw) | Cell::Nested(raw) => read(raw),
            Cell::Text(raw, _) => read(&[b"\"", raw, b"\""].concat()),
        }
    }
}

macro_rules! by_cell {
    ($($method:ident -> $type:ty;)+) => {$(
        #[inline]
        fn $method(&mut self, at: usize, column: &'static Column) -> Result<Got<$type>> {
            self.with(at, column, |cell| cell.$method(at, column))
        }
    )+};
}

impl Source for JsonSource<'_> {
    by_cell! {
        cell -> ();
        bool -> bool;
        i64 -> i64;
        f64 -> f64;
        decimal -> i128;
        uuid -> Uuid;
        timestamp -> Timestamp;
        timestamp_ns -> TimestampNs;
        date -> Date;
    }

    #[inline]
    fn text(&mut self, at: usize, column: &'static Column) -> Result<Got<&str>> {
        let Some(cell) = self.cell_at(at, column)? else { return Ok(Got::Absent) };
        CellSource::new(cell).string(column)?.try_map(|text| {
            self.scratch.text = text;
            Ok(&*self.scratch.text)
        })
    }

    fn bytes(&mut self, at: usize, column: &'static Column) -> Result<Got<&[u8]>> {
        let Some(cell) = self.cell_at(at, column)? else { return Ok(Got::Absent) };
        let mut source = CellSource::new(cell);
        let found = source.bytes(at, column)?.map(|_| ());
        self.scratch.bytes = source.scratch.bytes;
        Ok(found.map(|()| &*self.scratch.bytes))
    }

    #[inline]
    fn json<T: DeserializeOwned>(&mut self, at: usize, column: &'static Column) -> Result<Got<T>> {
        self.with(at, column, |cell| cell.json(at, column))
    }
}

#[cold]
fn mismatch(column: &'static Column, cell: Cell<'_>) -> Error {
    let what = match cell {
        Cell::Null => "null",
        Cell::Bool(_) => "a bool",
        Cell::Number(_) => "a number",
        Cell::Text(..) => "a string",
        Cell::Nested(_) => "an array or object",
    };
    Error::unreadable(column, format_args!("{what} is no {}", column.kind))
}
