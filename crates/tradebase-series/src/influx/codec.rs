//! Reading over plain buffers; see [`crate::codec`].

use tradebase_core::json::{Cell, Scanner};
use tradebase_core::{Record, Result};

use crate::error;
use crate::plan::Plan;
use crate::source::{RowSource, places};

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
    super::read::read_document(text)
}
