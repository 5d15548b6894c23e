//! What the layer fills in while a row is written, taken back if the write fails.

use tradebase_core::clock::Clock;
use tradebase_core::{Code, Error, Handed, Record, Result, Stamp, Table};

/// A row on its way to the store. Dropped before [`keep`](Stamped::keep), for an error or because
/// the call was cancelled, it gives the caller's row its old stamp back.
pub(crate) struct Stamped<H: Handed> {
    row: Option<H>,
    before: Stamp,
}

impl<H: Handed> Stamped<H> {
    /// A row that is about to be inserted.
    pub(crate) fn to_insert(mut row: H, clock: &Clock) -> Self {
        let before = stamp_insert(&mut row, H::Record::TABLE, clock);
        Self { row: Some(row), before }
    }

    /// A row that is about to be updated, and the version it is expected to have in the store.
    pub(crate) fn to_update(mut row: H, clock: &Clock) -> Result<(Self, Option<i64>)> {
        if !H::Record::TABLE.is_filled_by_layer() {
            return Ok((Self { row: Some(row), before: Stamp::default() }, None));
        }
        // What is stamped tells what stood there, so the version is stamped before it is known.
        let now = Some(clock.now());
        let before = row.stamp(Stamp { updated: now, version: Some(0), created: None });
        let stamped = Self { row: Some(row), before };
        let Some(version) = before.version else { return Ok((stamped, None)) };
        let next = version.checked_add(1).ok_or_else(exhausted)?;
        Ok((stamped.counted(next), Some(version)))
    }

    fn counted(mut self, version: i64) -> Self {
        if let Some(row) = &mut self.row {
            row.stamp(Stamp { version: Some(version), ..Stamp::default() });
        }
        self
    }

    /// The row.
    pub(crate) fn record(&self) -> Result<&H::Record> {
        self.row.as_ref().map(H::record).ok_or_else(gone)
    }

    /// The row, as it was written.
    pub(crate) fn keep(mut self) -> Result<H> {
        self.row.take().ok_or_else(gone)
    }
}

impl<H: Handed> Drop for Stamped<H> {
    fn drop(&mut self) {
        if let Some(row) = &mut self.row
            && self.before != Stamp::default()
        {
            row.stamp(self.before);
        }
    }
}

/// Rows on their way to the store, as [`Stamped`].
pub(crate) struct StampedRows<H: Handed> {
    rows: Vec<H>,
    /// One per row, or none at all for records that the layer does not fill.
    before: Vec<Stamp>,
}

impl<H: Handed> StampedRows<H> {
    /// Rows that are about to be inserted.
    pub(crate) fn to_insert(rows: impl Iterator<Item = H>, clock: &Clock) -> Self {
        let mut rows: Vec<H> = rows.collect();
        let table = H::Record::TABLE;
        let before = if table.is_filled_by_layer() {
            rows.iter_mut().map(|row| stamp_insert(row, table, clock)).collect()
        } else {
            Vec::new()
        };
        Self { rows, before }
    }

    /// Rows that are about to be updated, and the version that each is expected to have.
    pub(crate) fn to_update(
        rows: impl Iterator<Item = H>,
        clock: &Clock,
    ) -> Result<(Self, Vec<Option<i64>>)> {
        let table = H::Record::TABLE;
        let mut batch = Self { rows: rows.collect(), before: Vec::new() };
        let mut versions = vec![None; batch.rows.len()];
        if !table.is_filled_by_layer() {
            return Ok((batch, versions));
        }
        let now = Some(clock.now());
        for (row, version) in batch.rows.iter_mut().zip(&mut versions) {
            let before = row.stamp(Stamp { updated: now, version: Some(0), created: None });
            batch.before.push(before);
            *version = before.version;
            if let Some(version) = before.version {
                let next = version.checked_add(1).ok_or_else(exhausted)?;
                row.stamp(Stamp { version: Some(next), ..Stamp::default() });
            }
        }
        Ok((batch, versions))
    }

    /// The rows. Their references can cross an await in a call that must be `Send`; `&[H]` cannot.
    pub(crate) fn records(&self) -> Vec<&H::Record> {
        self.rows.iter().map(H::record).collect()
    }

    /// Leaves the rows as they were written, with their assigned keys if there are any.
    pub(crate) fn keep(self, keys: &[i64]) {
        self.keep_each(keys, |row, key| {
            row.assign(*key);
            true
        });
    }
}

impl<H: Handed> StampedRows<H> {
    /// Hands each row to `mend`, and leaves those as they were written of which it says so.
    pub(crate) fn keep_each<L>(mut self, all: &[L], mend: impl Fn(&mut H, &L) -> bool) {
        let before = std::mem::take(&mut self.before);
        let mut before = before.into_iter();
        for (row, one) in self.rows.iter_mut().zip(all) {
            let before = before.next();
            if let (false, Some(before)) = (mend(row, one), before) {
                row.stamp(before);
            }
        }
    }
}

impl<H: Handed> Drop for StampedRows<H> {
    fn drop(&mut self) {
        for (row, before) in self.rows.iter_mut().zip(&self.before) {
            row.stamp(*before);
        }
    }
}

fn stamp_insert<H: Handed>(row: &mut H, table: &Table, clock: &Clock) -> Stamp {
    if !table.is_filled_by_layer() {
        return Stamp::default();
    }
    let now = clock.now();
    row.stamp(Stamp { created: Some(now), updated: Some(now), version: Some(1) })
}

#[cold]
fn exhausted() -> Error {
    Error::new(Code::Invalid, format!("the version is at its end: {}", i64::MAX))
}

#[cold]
fn gone() -> Error {
    Error::new(Code::Internal, "a row was taken before it was written")
}
