//! The codecs over plain buffers, for benches and golden files. Not for use: they change without
//! notice.

use tradebase_core::json::{Cell, Scanner};
use tradebase_core::{Record, Result};

use crate::error;
use crate::line::Lines;
use crate::plan::Plan;
use crate::source::{RowSource, places};

pub use crate::sink::LineSink;

/// Writes records of one type as lines.
#[derive(Debug)]
pub struct Encoder {
    lines: Lines,
}

impl Encoder {
    /// An encoder of that record.
    pub fn new<T: Record>() -> Result<Self> {
        Ok(Self { lines: Lines::new(Plan::of(T::TABLE)?) })
    }

    /// Appends one record as a line.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn write<T: Record>(&mut self, row: &T, out: &mut Vec<u8>) -> Result<()> {
        self.lines.write(row, out).map(|_| ())
    }
}

/// Reads records of one type from the rows of an answer.
#[derive(Debug)]
pub struct Decoder {
    plan: &'static Plan,
    places: Vec<Option<usize>>,
}

impl Decoder {
    /// A decoder of rows whose cells have these names.
    pub fn new<T: Record>(names: &[String]) -> Result<Self> {
        Ok(Self { plan: Plan::of(T::TABLE)?, places: places(T::TABLE, names) })
    }

    /// Reads one record from a JSON array. The list of cells is used again.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn read<'a, T: Record>(&self, row: &'a [u8], cells: &mut Vec<Cell<'a>>) -> Result<T> {
        cells.clear();
        let mut scanner = Scanner::new(row);
        scanner.expect(b'[')?;
        while scanner.element(cells.is_empty())? {
            cells.push(scanner.value()?);
        }
        if !scanner.at_end() {
            return Err(error::strange("more than a row"));
        }
        T::read(&mut RowSource::new(self.plan, cells, &self.places))
    }
}

/// Reads a whole document of an answer to the end; for tests that throw any bytes at it.
pub fn read_document<T: Record>(text: &[u8]) -> Result<Vec<T>> {
    crate::influx::read_document(text)
}
