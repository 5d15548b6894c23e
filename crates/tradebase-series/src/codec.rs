//! The codecs over plain buffers, for benches and golden files. Not for use: they change without
//! notice.

use tradebase_core::{Record, Result};

use crate::line::Lines;
use crate::plan::Plan;

#[cfg(feature = "influx")]
pub use crate::influx::codec::{Decoder, read_document};
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
