//! How encoded values are set side by side: as parameters, as a tuple of COPY, as arrays.

use tradebase_core::{Column, Error, Result};

use super::numeric;

/// A place for encoded values, one after another.
pub trait Frame {
    /// A value of so many bytes.
    fn fixed<const N: usize>(&mut self, bytes: [u8; N]);

    /// A NUMERIC: the first bytes of a buffer.
    fn numeric(&mut self, bytes: &[u8; numeric::BYTES_MAX], len: usize);

    /// A value of any length.
    fn slice(&mut self, column: &'static Column, bytes: &[u8]) -> Result<()>;

    /// A value that `write` appends to the buffer.
    fn written(
        &mut self,
        column: &'static Column,
        write: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()>;

    /// No value.
    fn null(&mut self);

    /// A value that the server assigns.
    fn skip(&mut self, column: &'static Column) -> Result<()>;
}

/// The length as the wire wants it. Values are bounded well below, so that this does not fail.
#[inline(always)]
pub(super) fn length(column: &'static Column, bytes: usize) -> Result<i32> {
    i32::try_from(bytes).map_err(|_| too_long(column, bytes))
}

#[cold]
fn too_long(column: &'static Column, bytes: usize) -> Error {
    Error::refused(column, "size", format!("must fit one message, has {bytes} bytes"))
}

/// Appends a value of a few bytes behind its length. One copy of a known size is cheaper than two.
#[inline(always)]
pub(super) fn push_cell<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) {
    const LENGTH: usize = 4;
    const MOST: usize = 16;
    const { assert!(N <= MOST) };
    // N is at most 16.
    #[allow(clippy::cast_possible_truncation)]
    let [size, ..] = [N as u8];
    let mut cell = [0; LENGTH + MOST];
    cell[LENGTH - 1] = size;
    cell[LENGTH..LENGTH + N].copy_from_slice(&bytes);
    out.extend_from_slice(&cell[..LENGTH + N]);
}

/// Appends a NUMERIC behind its length: a copy of a known size, cut to what counts.
#[inline(always)]
pub(super) fn push_numeric(out: &mut Vec<u8>, bytes: &[u8; numeric::BYTES_MAX], len: usize) {
    const LENGTH: usize = 4;
    let start = out.len();
    let mut cell = [0; LENGTH + numeric::BYTES_MAX];
    // At most BYTES_MAX, which is 32.
    #[allow(clippy::cast_possible_truncation)]
    {
        cell[LENGTH - 1] = len as u8;
    }
    cell[LENGTH..].copy_from_slice(bytes);
    out.extend_from_slice(&cell);
    out.truncate(start + LENGTH + len);
}

/// Appends a value of any length behind that length.
#[inline(always)]
pub(super) fn push_slice(out: &mut Vec<u8>, column: &'static Column, bytes: &[u8]) -> Result<()> {
    let len = length(column, bytes.len())?;
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// Appends a value that is written in place behind its length.
#[inline]
pub(super) fn push_written(
    out: &mut Vec<u8>,
    column: &'static Column,
    write: impl FnOnce(&mut Vec<u8>) -> Result<()>,
) -> Result<()> {
    const LENGTH: usize = 4;
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH]);
    write(out)?;
    crate::limits::size(column, out.len() - start - LENGTH)?;
    let len = length(column, out.len() - start - LENGTH)?;
    if let Some(place) = out.get_mut(start..start + LENGTH) {
        place.copy_from_slice(&len.to_be_bytes());
    }
    Ok(())
}

/// Appends a null.
#[inline(always)]
pub(super) fn push_null(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1_i32).to_be_bytes());
}

/// Appends a value as a server sent it, which bounds its length.
pub(super) fn push_raw(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes);
}
