//! Rows as one array per column, for `INSERT … SELECT … FROM UNNEST(…)` and `= ANY(…)`.

use tokio_postgres::types::Type;
use tradebase_core::{Code, Column, Error, Kind, Result};

use super::frame::{Frame, push_cell, push_null, push_numeric, push_slice, push_written};
use super::numeric;
use super::sink::EncodeSink;
use super::types::type_of;

/// Number of dimensions, null flag, element type, then length and lower bound.
const HEADER: usize = 20;

/// Bytes of a cell's length.
const LENGTH: usize = 4;
/// What stands for the length of a null.
const NULL: [u8; LENGTH] = (-1_i32).to_be_bytes();

/// The first cell with its length, and the rest.
pub(super) fn split_cell(cells: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = cells.first_chunk::<LENGTH>()?;
    let size = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
    cells.split_at_checked(size.checked_add(LENGTH)?)
}

/// Whether one of these cells is a null.
pub(super) fn has_null(mut cells: &[u8]) -> bool {
    while let Some((cell, rest)) = split_cell(cells) {
        if cell == NULL {
            return true;
        }
        cells = rest;
    }
    false
}

#[cold]
fn cut() -> Error {
    Error::new(Code::Internal, "a row was encoded with fewer columns than it has")
}

/// One array per column.
#[derive(Debug, Default)]
pub struct Arrays {
    columns: Vec<Array>,
    next: usize,
}

#[derive(Debug, Default)]
struct Array {
    bytes: Vec<u8>,
    count: i32,
    nulls: bool,
}

impl Arrays {
    /// So many empty arrays.
    pub fn new(columns: usize) -> Self {
        let empty = || Array { bytes: vec![0; HEADER], ..Array::default() };
        Self { columns: std::iter::repeat_with(empty).take(columns).collect(), next: 0 }
    }

    /// The bytes of all arrays.
    pub fn size(&self) -> usize {
        self.columns.iter().map(|array| array.bytes.len()).sum()
    }

    /// Adds a row that is encoded as one cell per column, and what stands behind it for a further
    /// column, if there is one.
    pub(super) fn add_cells(&mut self, mut cells: &[u8]) -> Result<()> {
        for array in &mut self.columns {
            let (cell, rest) = split_cell(cells).ok_or_else(cut)?;
            array.count += 1;
            array.nulls |= cell == NULL;
            array.bytes.extend_from_slice(cell);
            cells = rest;
        }
        Ok(())
    }

    /// Adds them to the parameters of a statement, as arrays of these kinds.
    pub fn finish(
        self,
        columns: impl IntoIterator<Item = &'static Column>,
        mut parameters: impl Frame,
    ) -> Result<()> {
        for (column, mut array) in columns.into_iter().zip(self.columns) {
            array.finish(column.kind);
            parameters.slice(column, &array.bytes)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn take(&mut self) -> &mut Array {
        let at = self.next;
        self.next += 1;
        &mut self.columns[at]
    }
}

impl Array {
    fn finish(&mut self, kind: Kind) {
        let element = type_of(kind);
        debug_assert_ne!(element, Type::UNKNOWN);
        let header = [1, i32::from(self.nulls), element.oid().cast_signed(), self.count, 1];
        for (place, word) in self.bytes.chunks_exact_mut(4).zip(header) {
            place.copy_from_slice(&word.to_be_bytes());
        }
    }
}

/// A sink that adds each value to the array of its column. Make one per row.
pub type ArraySink<'a> = EncodeSink<&'a mut Arrays>;

impl<'a> ArraySink<'a> {
    /// A sink for one more row, which has as many columns as there are arrays.
    #[inline]
    pub fn new(arrays: &'a mut Arrays) -> Self {
        arrays.next = 0;
        Self(arrays)
    }
}

impl Frame for &mut Arrays {
    #[inline]
    fn fixed<const N: usize>(&mut self, bytes: [u8; N]) {
        let array = self.take();
        array.count += 1;
        push_cell(&mut array.bytes, bytes);
    }

    #[inline]
    fn numeric(&mut self, bytes: &[u8; numeric::BYTES_MAX], len: usize) {
        let array = self.take();
        array.count += 1;
        push_numeric(&mut array.bytes, bytes, len);
    }

    #[inline]
    fn slice(&mut self, column: &'static Column, bytes: &[u8]) -> Result<()> {
        let array = self.take();
        array.count += 1;
        push_slice(&mut array.bytes, column, bytes)
    }

    fn written(
        &mut self,
        column: &'static Column,
        write: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let array = self.take();
        array.count += 1;
        push_written(&mut array.bytes, column, write)
    }

    #[inline]
    fn null(&mut self) {
        let array = self.take();
        array.count += 1;
        array.nulls = true;
        push_null(&mut array.bytes);
    }

    fn skip(&mut self, column: &'static Column) -> Result<()> {
        Err(crate::error::unassigned_key(column))
    }
}
