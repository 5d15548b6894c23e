//! Writing records as PostgreSQL's binary values.

use serde::Serialize;
use tradebase_core::uuid::Uuid;
use tradebase_core::{Column, Date, Error, Kind, Result, Sink, Timestamp, TimestampNs, json};

use super::frame::Frame;
use super::numeric;
use crate::limits;

/// PostgreSQL counts from 2000-01-01: microseconds after 1970.
pub(super) const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// PostgreSQL counts from 2000-01-01: days after 1970-01-01.
pub(super) const EPOCH_DAYS: i32 = 10_957;
/// What stands before the text of a JSONB.
pub(super) const JSONB_VERSION: u8 = 1;

/// A sink that encodes values into a [`Frame`].
#[derive(Debug)]
pub struct EncodeSink<F>(pub(super) F);

#[cold]
#[inline(never)]
fn unfit(column: &'static Column, value: impl std::fmt::Display) -> Error {
    Error::refused(column, "range", format!("must fit {}, is {value}", column.kind))
}

impl<F: Frame> Sink for EncodeSink<F> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bool(&mut self, _: &'static Column, value: bool) -> Result<()> {
        self.0.fixed([u8::from(value)]);
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn i16(&mut self, column: &'static Column, value: i16) -> Result<()> {
        match column.kind {
            Kind::I16 => {
                self.0.fixed(value.to_be_bytes());
                Ok(())
            }
            _ => self.i64(column, value.into()),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn i32(&mut self, column: &'static Column, value: i32) -> Result<()> {
        match column.kind {
            Kind::I32 => {
                self.0.fixed(value.to_be_bytes());
                Ok(())
            }
            _ => self.i64(column, value.into()),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn i64(&mut self, column: &'static Column, value: i64) -> Result<()> {
        match column.kind {
            Kind::I16 => match i16::try_from(value) {
                Ok(narrow) => self.0.fixed(narrow.to_be_bytes()),
                Err(_) => return Err(unfit(column, value)),
            },
            Kind::I32 => match i32::try_from(value) {
                Ok(narrow) => self.0.fixed(narrow.to_be_bytes()),
                Err(_) => return Err(unfit(column, value)),
            },
            _ => self.0.fixed(value.to_be_bytes()),
        }
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn f64(&mut self, _: &'static Column, value: f64) -> Result<()> {
        self.0.fixed(value.to_be_bytes());
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decimal(&mut self, column: &'static Column, units: i128) -> Result<()> {
        let mut bytes = [0; numeric::BYTES_MAX];
        match numeric::encode(units, column.kind.scale(), &mut bytes) {
            Some(len) => {
                self.0.numeric(&bytes, len);
                Ok(())
            }
            None => Err(unfit(column, format_args!("{units} units"))),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn text(&mut self, column: &'static Column, value: &str) -> Result<()> {
        limits::size(column, value.len())?;
        self.0.slice(column, value.as_bytes())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bytes(&mut self, column: &'static Column, value: &[u8]) -> Result<()> {
        limits::size(column, value.len())?;
        self.0.slice(column, value)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn uuid(&mut self, _: &'static Column, value: Uuid) -> Result<()> {
        self.0.fixed(value.into_bytes());
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn timestamp(&mut self, column: &'static Column, value: Timestamp) -> Result<()> {
        match value.as_micros().checked_sub(EPOCH_MICROS) {
            // The smallest number stands for minus infinity.
            Some(micros) if micros > i64::MIN => {
                self.0.fixed(micros.to_be_bytes());
                Ok(())
            }
            _ => Err(unfit(column, value)),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn timestamp_ns(&mut self, _: &'static Column, value: TimestampNs) -> Result<()> {
        self.0.fixed(value.as_nanos().to_be_bytes());
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn date(&mut self, column: &'static Column, value: Date) -> Result<()> {
        match value.as_days().checked_sub(EPOCH_DAYS) {
            Some(days) if days > i32::MIN => {
                self.0.fixed(days.to_be_bytes());
                Ok(())
            }
            _ => Err(unfit(column, value)),
        }
    }

    #[inline]
    fn json<T: Serialize + ?Sized>(&mut self, column: &'static Column, value: &T) -> Result<()> {
        self.0.written(column, |out| {
            out.push(JSONB_VERSION);
            json::render(column, value, out)
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn null(&mut self, _: &'static Column) -> Result<()> {
        self.0.null();
        Ok(())
    }

    fn skip(&mut self, column: &'static Column) -> Result<()> {
        self.0.skip(column)
    }
}
