//! Where a record comes from: the cells of one row of the server's answer.

use serde::de::DeserializeOwned;
use tradebase_core::json::{Cell, CellSource};
use tradebase_core::{
    Column, Date, Error, Got, Result, Roles, Source, Table, Timestamp, TimestampNs, Uuid, json,
};

use crate::plan::Plan;

/// A source over one row. What is null there was not written, so it is absent.
#[derive(Debug)]
pub struct RowSource<'c, 'a> {
    cells: &'c [Cell<'a>],
    places: &'c [Option<usize>],
    truncates: bool,
    current: CellSource<'a>,
}

/// The cell of each column, by the names of the cells. The time is always called `time`.
pub fn places(table: &Table, names: &[String]) -> Vec<Option<usize>> {
    let place = |wanted: &str| names.iter().position(|name| name == wanted);
    let name = |c: &Column| if c.is(Roles::TIME) { "time" } else { c.name.text };
    table.columns.iter().map(|column| place(name(column))).collect()
}

impl<'c, 'a> RowSource<'c, 'a> {
    /// A source of these cells.
    pub fn new(plan: &Plan, cells: &'c [Cell<'a>], places: &'c [Option<usize>]) -> Self {
        Self { cells, places, truncates: plan.has_sequence, current: CellSource::new(Cell::Null) }
    }

    #[inline]
    fn at(&self, at: usize) -> Option<Cell<'a>> {
        let place = self.places.get(at).copied().flatten()?;
        self.cells.get(place).copied().filter(|cell| *cell != Cell::Null)
    }

    #[inline]
    fn with<T>(
        &mut self,
        at: usize,
        read: impl FnOnce(Cell<'a>, &mut CellSource<'a>) -> Result<Got<T>>,
    ) -> Result<Got<T>> {
        match self.at(at) {
            Some(cell) => read(cell, &mut CellSource::new(cell)),
            None => Ok(Got::Absent),
        }
    }
}

impl Source for RowSource<'_, '_> {
    fn cell(&mut self, at: usize, _: &'static Column) -> Result<Got<()>> {
        Ok(if self.at(at).is_some() { Got::Value(()) } else { Got::Absent })
    }

    fn bool(&mut self, at: usize, column: &'static Column) -> Result<Got<bool>> {
        self.with(at, |cell, source| match cell {
            Cell::Text(b"true", _) => Ok(Got::Value(true)),
            Cell::Text(b"false", _) => Ok(Got::Value(false)),
            _ => source.bool(at, column),
        })
    }

    #[inline]
    fn i64(&mut self, at: usize, column: &'static Column) -> Result<Got<i64>> {
        self.with(at, |_, source| source.i64(at, column))
    }

    fn f64(&mut self, at: usize, column: &'static Column) -> Result<Got<f64>> {
        self.with(at, |_, source| source.f64(at, column))?.try_map(|value| {
            if value.is_finite() { Ok(value) } else { Err(not_finite(column, value)) }
        })
    }

    #[inline]
    fn decimal(&mut self, at: usize, column: &'static Column) -> Result<Got<i128>> {
        self.with(at, |_, source| source.decimal(at, column))
    }

    #[inline]
    fn text(&mut self, at: usize, column: &'static Column) -> Result<Got<&str>> {
        let Some(cell) = self.at(at) else { return Ok(Got::Absent) };
        self.current = CellSource::new(cell);
        self.current.text(at, column)
    }

    fn bytes(&mut self, at: usize, column: &'static Column) -> Result<Got<&[u8]>> {
        let Some(cell) = self.at(at) else { return Ok(Got::Absent) };
        self.current = CellSource::new(cell);
        self.current.bytes(at, column)
    }

    #[inline]
    fn uuid(&mut self, at: usize, column: &'static Column) -> Result<Got<Uuid>> {
        self.with(at, |_, source| source.uuid(at, column))
    }

    fn timestamp(&mut self, at: usize, column: &'static Column) -> Result<Got<Timestamp>> {
        let truncates = self.truncates;
        self.with(at, |cell, source| {
            if column.is(Roles::TIME) {
                let nanos = source.i64(at, column)?;
                return nanos.try_map(|nanos| to_micros(column, nanos, truncates));
            }
            match cell {
                Cell::Number(_) => Ok(source.i64(at, column)?.map(Timestamp::from_micros)),
                _ => source.timestamp(at, column),
            }
        })
    }

    fn timestamp_ns(&mut self, at: usize, column: &'static Column) -> Result<Got<TimestampNs>> {
        self.with(at, |cell, source| match cell {
            Cell::Number(_) => Ok(source.i64(at, column)?.map(TimestampNs::from_nanos)),
            _ => source.timestamp_ns(at, column),
        })
    }

    fn date(&mut self, at: usize, column: &'static Column) -> Result<Got<Date>> {
        self.with(at, |_, source| source.date(at, column))
    }

    fn json<T: DeserializeOwned>(&mut self, at: usize, column: &'static Column) -> Result<Got<T>> {
        // The field is a string, and the JSON is what stands in it.
        self.text(at, column)?.try_map(|text| json::parse(column, text.as_bytes()))
    }
}

/// The nanoseconds below a microsecond are those of the sequence, or they are too much.
fn to_micros(column: &'static Column, nanos: i64, truncates: bool) -> Result<Timestamp> {
    if !truncates && nanos.rem_euclid(1000) != 0 {
        return Err(too_fine(column, nanos));
    }
    Ok(TimestampNs::from_nanos(nanos).truncated())
}

#[cold]
#[inline(never)]
fn too_fine(column: &'static Column, nanos: i64) -> Error {
    let moment = TimestampNs::from_nanos(nanos);
    Error::unreadable(
        column,
        format_args!("{moment} has nanoseconds, which {} has not", column.kind),
    )
}

#[cold]
#[inline(never)]
fn not_finite(column: &'static Column, value: f64) -> Error {
    Error::unreadable(column, format_args!("not a finite number: {value}"))
}
