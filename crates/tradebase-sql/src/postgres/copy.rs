//! Binary COPY, in and out.

use tradebase_core::{Code, Column, Error, Got, Result};

use super::frame::{Frame, push_cell, push_null, push_numeric, push_slice, push_written};
use super::numeric;
use super::sink::EncodeSink;
use super::source::{Cells, DecodeSource};

const MAGIC: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Bytes of a value's length.
const LENGTH: usize = 4;
/// What stands for the length of a null.
const NULL: [u8; LENGTH] = (-1_i32).to_be_bytes();
/// Bytes of a tuple's number of columns.
const COUNT: usize = 2;

/// What stands before the first tuple.
pub fn copy_header(out: &mut Vec<u8>) {
    out.extend_from_slice(MAGIC);
    // No flags, no extension.
    out.extend_from_slice(&[0; 8]);
}

/// What stands behind the last tuple.
pub fn copy_end(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1_i16).to_be_bytes());
}

/// The buffer of a COPY, while tuples are added.
#[derive(Debug)]
pub struct CopyFrame<'a>(&'a mut Vec<u8>);

/// A sink that adds one tuple to the bytes of a COPY. Make one per row.
pub type CopySink<'a> = EncodeSink<CopyFrame<'a>>;

impl<'a> CopySink<'a> {
    /// A sink for one more tuple, of so many columns.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn new(out: &'a mut Vec<u8>, columns: &'static [Column]) -> Self {
        Self::wide(out, columns.len())
    }

    /// A sink for one more tuple, of that number of columns.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn wide(out: &'a mut Vec<u8>, columns: usize) -> Self {
        // PostgreSQL tables have at most 1,600 columns.
        #[allow(clippy::cast_possible_truncation)]
        let count = columns as u16;
        out.extend_from_slice(&count.to_be_bytes());
        Self(CopyFrame(out))
    }
}

/// A sink that adds one value after another, each behind its length, as tuples and arrays have
/// them.
pub(super) type CellSink<'a> = EncodeSink<CopyFrame<'a>>;

impl<'a> CellSink<'a> {
    /// A sink behind what is there.
    #[inline]
    pub(super) fn cells(out: &'a mut Vec<u8>) -> Self {
        Self(CopyFrame(out))
    }
}

impl Frame for CopyFrame<'_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn fixed<const N: usize>(&mut self, bytes: [u8; N]) {
        push_cell(self.0, bytes);
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn numeric(&mut self, bytes: &[u8; numeric::BYTES_MAX], len: usize) {
        push_numeric(self.0, bytes, len);
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn slice(&mut self, column: &'static Column, bytes: &[u8]) -> Result<()> {
        push_slice(self.0, column, bytes)
    }

    #[inline]
    fn written(
        &mut self,
        column: &'static Column,
        write: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        push_written(self.0, column, write)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn null(&mut self) {
        push_null(self.0);
    }

    fn skip(&mut self, column: &'static Column) -> Result<()> {
        Err(crate::error::unassigned_key(column))
    }
}

/// How many bytes the header takes; none if it is not all there.
pub fn read_header(bytes: &[u8]) -> Result<Option<usize>> {
    const FLAGS_AND_SIZE: usize = 8;
    let Some((magic, rest)) = bytes.split_first_chunk::<{ MAGIC.len() }>() else {
        return Ok(None);
    };
    if magic != MAGIC {
        return Err(malformed("it does not begin as COPY does"));
    }
    let Some((head, rest)) = rest.split_first_chunk::<FLAGS_AND_SIZE>() else { return Ok(None) };
    let [f1, f2, f3, f4, sizes @ ..] = *head;
    if [f1, f2, f3, f4] != [0; 4] {
        return Err(malformed("it has flags that are not known"));
    }
    let Ok(extension) = usize::try_from(u32::from_be_bytes(sizes)) else {
        return Err(malformed("its header is too long"));
    };
    Ok((rest.len() >= extension).then_some(MAGIC.len() + FLAGS_AND_SIZE + extension))
}

#[cold]
fn malformed(why: &str) -> Error {
    Error::new(Code::Unreadable, format!("the server's COPY cannot be read: {why}"))
}

/// The cells of a tuple, found on the way through it.
#[derive(Clone, Debug)]
pub struct TupleCells<'a> {
    tuple: &'a [u8],
    rest: &'a [u8],
    count: usize,
    next: usize,
    cut: bool,
}

impl<'a> TupleCells<'a> {
    #[inline(always)]
    fn take(&mut self) -> Option<Got<&'a [u8]>> {
        let (len, rest) = self.rest.split_first_chunk::<LENGTH>()?;
        self.next += 1;
        self.rest = rest;
        let Ok(len) = usize::try_from(i32::from_be_bytes(*len)) else {
            return (*len == NULL).then_some(Got::Null);
        };
        let (bytes, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some(Got::Value(bytes))
    }

    /// Passes over columns that are not asked for, or goes back to one that is asked for again.
    #[cold]
    fn seek(&mut self, at: usize) {
        if at < self.next {
            (self.rest, self.next) = (self.tuple, 0);
        }
        while self.next < at && !self.cut {
            self.cut |= self.take().is_none();
        }
    }
}

impl Cells for TupleCells<'_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn cell(&mut self, at: usize) -> Got<&[u8]> {
        if at >= self.count {
            return Got::Absent;
        }
        if at != self.next {
            self.seek(at);
        }
        match self.take() {
            Some(cell) => cell,
            None => {
                self.cut = true;
                Got::Absent
            }
        }
    }
}

/// A source over a tuple of COPY.
pub type TupleSource<'a> = DecodeSource<TupleCells<'a>>;

/// What comes next in the bytes of a COPY.
#[derive(Debug)]
pub enum Tuple<'a> {
    /// A tuple, which may be cut.
    Of(TupleSource<'a>),
    /// The end.
    End,
    /// Too few bytes to tell.
    Cut,
}

/// The tuple at the start of the bytes.
#[inline]
pub fn read_tuple(bytes: &[u8]) -> Tuple<'_> {
    let Some((count, tuple)) = bytes.split_first_chunk::<COUNT>() else { return Tuple::Cut };
    match usize::try_from(i16::from_be_bytes(*count)) {
        Ok(count) => {
            Tuple::Of(DecodeSource(TupleCells { tuple, rest: tuple, count, next: 0, cut: false }))
        }
        Err(_) => Tuple::End,
    }
}

impl<'a> TupleSource<'a> {
    /// The bytes behind the tuple; none if the tuple is cut, in which case what was read of it
    /// means nothing.
    #[inline]
    pub fn rest(mut self) -> Option<&'a [u8]> {
        while self.0.next < self.0.count && !self.0.cut {
            self.0.cut |= self.0.take().is_none();
        }
        (!self.0.cut).then_some(self.0.rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tuples_cut_anywhere_ask_for_more() {
        let mut bytes = Vec::new();
        copy_header(&mut bytes);
        for cut in 0..bytes.len() {
            assert_eq!(read_header(&bytes[..cut]).unwrap(), None);
        }
        assert_eq!(read_header(&bytes).unwrap(), Some(19));
        let tuple = [0, 2, 0, 0, 0, 1, 7, 255, 255, 255, 255];
        for cut in 0..tuple.len() {
            match read_tuple(&tuple[..cut]) {
                Tuple::Of(source) => assert!(source.rest().is_none()),
                Tuple::Cut => assert!(cut < COUNT),
                Tuple::End => panic!("it is no end"),
            }
        }
        let Tuple::Of(mut source) = read_tuple(&tuple) else { panic!("it is a tuple") };
        // In any order, and more than once.
        for (at, want) in [(1, Got::Null), (0, Got::Value(&[7][..])), (0, Got::Value(&[7][..]))] {
            assert_eq!(source.0.cell(at), want);
        }
        assert_eq!(source.0.cell(2), Got::Absent);
        assert_eq!(source.rest(), Some(&[][..]));
        assert!(matches!(read_tuple(&[255, 255]), Tuple::End));
    }

    proptest! {
        #[test]
        fn bytes_never_panic(bytes: Vec<u8>) {
            _ = read_header(&bytes);
            if let Tuple::Of(mut source) = read_tuple(&bytes) {
                _ = source.0.cell(3);
                _ = source.rest();
            }
        }
    }
}
