//! A row as the parameters of a statement: encoded once into reused bytes, and passed raw.

use std::error::Error as StdError;
use std::fmt;
use std::slice;

use bytes::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type};
use tradebase_core::{Column, Result};

use super::frame::{Frame, length, push_null, push_raw};
use super::numeric;
use super::sink::EncodeSink;

/// What is kept of a scratch between two statements, in bytes.
const BYTES_KEPT: usize = 1 << 20;

/// Encoded parameters: their bytes one after another, and the length of each, -1 for null.
#[derive(Debug, Default)]
pub struct Scratch {
    bytes: Vec<u8>,
    lengths: Vec<i32>,
    skipped: bool,
}

impl Scratch {
    /// An empty scratch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the parameters and keeps the memory, if it is not too much.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(BYTES_KEPT);
        self.lengths.clear();
        self.skipped = false;
    }

    /// Whether a parameter was left out for the server to assign.
    pub(super) fn skipped(&self) -> bool {
        self.skipped
    }

    /// The bytes of all parameters, and the length of each.
    pub fn parts(&self) -> (&[u8], &[i32]) {
        (&self.bytes, &self.lengths)
    }

    /// The parameters one behind the other, each behind its length.
    pub(super) fn cells(&self) -> Vec<u8> {
        let mut cells = Vec::with_capacity(self.bytes.len() + self.lengths.len() * 4);
        for Raw(value) in self.params() {
            match value {
                Some(bytes) => push_raw(&mut cells, bytes),
                None => push_null(&mut cells),
            }
        }
        cells
    }

    /// The parameters, as the driver takes them.
    pub fn params(&self) -> Params<'_> {
        Params { bytes: &self.bytes, lengths: self.lengths.iter() }
    }
}

/// A sink that adds parameters to a [`Scratch`].
pub type BindSink<'a> = EncodeSink<&'a mut Scratch>;

impl<'a> BindSink<'a> {
    /// A sink into that scratch.
    #[inline(always)]
    pub fn new(scratch: &'a mut Scratch) -> Self {
        Self(scratch)
    }
}

impl Frame for &mut Scratch {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn fixed<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes.extend_from_slice(&bytes);
        // At most 16.
        #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
        self.lengths.push(N as i32);
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn numeric(&mut self, bytes: &[u8; numeric::BYTES_MAX], len: usize) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.bytes.truncate(start + len);
        // At most 32.
        #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
        self.lengths.push(len as i32);
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn slice(&mut self, column: &'static Column, bytes: &[u8]) -> Result<()> {
        self.lengths.push(length(column, bytes.len())?);
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn written(
        &mut self,
        column: &'static Column,
        write: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let start = self.bytes.len();
        write(&mut self.bytes)?;
        crate::limits::size(column, self.bytes.len() - start)?;
        self.lengths.push(length(column, self.bytes.len() - start)?);
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn null(&mut self) {
        self.lengths.push(-1);
    }

    fn skip(&mut self, _: &'static Column) -> Result<()> {
        self.skipped = true;
        Ok(())
    }
}

/// The parameters of a scratch, in order.
#[derive(Clone, Debug)]
pub struct Params<'a> {
    bytes: &'a [u8],
    lengths: slice::Iter<'a, i32>,
}

impl<'a> Iterator for Params<'a> {
    type Item = Raw<'a>;

    #[inline]
    fn next(&mut self) -> Option<Raw<'a>> {
        let Ok(len) = usize::try_from(*self.lengths.next()?) else { return Some(Raw(None)) };
        let (bytes, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        Some(Raw(Some(bytes)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.lengths.size_hint()
    }
}

impl ExactSizeIterator for Params<'_> {}

/// An encoded parameter. The types were compared when the statement was prepared, so no value
/// is checked here.
pub struct Raw<'a>(Option<&'a [u8]>);

/// The driver prints parameters into its log; these do not show.
impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(bytes) => write!(f, "{} bytes", bytes.len()),
            None => f.write_str("null"),
        }
    }
}

impl ToSql for Raw<'_> {
    #[inline]
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        Ok(match self.0 {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                IsNull::No
            }
            None => IsNull::Yes,
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    #[inline]
    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.to_sql(ty, out)
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Binary
    }
}
