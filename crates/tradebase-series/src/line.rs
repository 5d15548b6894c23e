//! One record as one line.

use tradebase_core::{Code, Column, Error, Record, Result, Roles};

use crate::plan::Plan;
use crate::sink::{LineSink, integer};

/// The most bytes of a measurement with its tags and one field's name, and the four that the
/// server puts between them. Longer ones it refuses.
const KEY_BYTES_MAX: usize = 65_535;
const KEY_SEPARATOR: usize = 4;

/// Writes records as lines, with a buffer that is used again.
#[derive(Debug)]
pub struct Lines {
    plan: &'static Plan,
    fields: Vec<u8>,
}

/// Where the parts of a line stand in its buffer.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Behind the tags: what stands before is the series of the point.
    pub tags_end: usize,
    /// The nanoseconds of the point.
    pub time: i64,
}

impl Lines {
    /// A writer of the lines of a series.
    pub fn new(plan: &'static Plan) -> Self {
        Self { plan, fields: Vec::new() }
    }

    /// Appends a record as one line, with its end; on an error the buffer is as before.
    ///
    /// Tags stand in the order of the columns: the server sorts them itself.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn write<T: Record>(&mut self, row: &T, out: &mut Vec<u8>) -> Result<Line> {
        let start = out.len();
        let written = self.parts(row, out);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn parts<T: Record>(&mut self, row: &T, out: &mut Vec<u8>) -> Result<Line> {
        let start = out.len();
        self.fields.clear();
        out.extend_from_slice(&self.plan.head);
        let mut sink = LineSink::new(out, &mut self.fields);
        row.write(&mut sink)?;
        let Some(time) = sink.time() else { return Err(too_late(T::COLUMNS)) };
        let tags_end = out.len();
        if tags_end - start + KEY_SEPARATOR + self.plan.longest_field > KEY_BYTES_MAX {
            return Err(too_long(tags_end - start));
        }
        // The comma before the first field is where the space belongs.
        match self.fields.first_mut() {
            Some(comma) => *comma = b' ',
            None => return Err(no_field()),
        }
        out.extend_from_slice(&self.fields);
        out.push(b' ');
        integer(out, time.as_nanos());
        out.push(b'\n');
        Ok(Line { tags_end, time: time.as_nanos() })
    }
}

#[cold]
#[inline(never)]
fn too_long(len: usize) -> Error {
    let message = format!(
        "the tags of a row are too long for a series, together at most {KEY_BYTES_MAX} bytes \
         with the names, are {len}"
    );
    Error::new(Code::Invalid, message)
}

/// The last microsecond that a series holds has no room for every sequence.
#[cold]
#[inline(never)]
fn too_late(columns: &'static [Column]) -> Error {
    match columns.iter().find(|c| c.is(Roles::SEQUENCE)) {
        Some(column) => {
            Error::refused(column, "range", "must be smaller, so late in the range of a series")
        }
        None => Error::new(Code::Invalid, "the time is outside the range of a series"),
    }
}

#[cold]
#[inline(never)]
fn no_field() -> Error {
    Error::new(Code::Invalid, "a point needs a field that is not null")
}
