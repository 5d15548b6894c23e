//! Insert, update, delete and their kin: of one row through the lane, of many as a whole.

use tradebase_core::{Code, Error, Key, Record, Result, Table};

use super::store::Store;
use super::unit::noted;
use super::work::{Outcome, Work};
use super::write::{Done, Write};
use crate::call::Call;
use crate::conflict::{Landed, Plan};
use crate::entry::Entry;
use crate::error::{missing, other_version};
use crate::patch::Change;
use crate::sql::Updated;
use crate::together::Wrote;

impl Store {
    /// Inserts a row; gives the key if the database assigned it.
    pub(crate) async fn insert<E: Entry>(&self, call: &Call<'_>, row: &E) -> Result<Option<i64>> {
        match self.one(call, Write::insert(row)?).await? {
            Done::Inserted(key) => Ok(key),
            _ => Err(mixed_up()),
        }
    }

    /// Writes all columns of a row that is there.
    pub(crate) async fn update<T: Record>(
        &self,
        call: &Call<'_>,
        row: &T,
        version: Option<i64>,
    ) -> Result<Updated> {
        match self.one(call, Write::update(row, version)?).await? {
            Done::Updated(updated) => Ok(updated),
            _ => Err(mixed_up()),
        }
    }

    /// Changes some columns of a row that is there.
    pub(crate) async fn patch<K: Key>(
        &self,
        call: &Call<'_>,
        table: &'static Table,
        key: &K,
        change: &Change,
    ) -> Result<Updated> {
        match self.one(call, Write::patch(table, key, change)?).await? {
            Done::Updated(updated) => Ok(updated),
            _ => Err(mixed_up()),
        }
    }

    /// Inserts a row, or does with the one that is there what the plan says.
    pub(crate) async fn upsert<E: Entry>(
        &self,
        call: &Call<'_>,
        row: &E,
        plan: &Plan,
    ) -> Result<Landed> {
        match self.one(call, Write::upsert(row, plan)?).await? {
            Done::Upserted(landed) => Ok(landed),
            _ => Err(mixed_up()),
        }
    }

    /// Deletes the row of a key.
    pub(crate) async fn delete<K: Key>(
        &self,
        call: &Call<'_>,
        table: &'static Table,
        key: &K,
    ) -> Result<bool> {
        match self.one(call, Write::delete(table, key)?).await? {
            Done::Deleted(was) => Ok(was),
            _ => Err(mixed_up()),
        }
    }

    /// All writes or none, in order.
    pub(crate) async fn batch(&self, call: &Call<'_>, writes: Vec<Write>) -> Result<Vec<Wrote>> {
        if let Some(first) = writes.first() {
            first.note(call);
        }
        match self.work(call, Work::Several(writes)).await? {
            Outcome::Several(done) => done.into_iter().map(Done::wrote).collect(),
            Outcome::One(_) => Err(mixed_up()),
        }
    }

    pub(super) async fn one(&self, call: &Call<'_>, write: Write) -> Result<Done> {
        write.note(call);
        match self.work(call, Work::One(write)).await? {
            Outcome::One(done) => Ok(done),
            Outcome::Several(_) => Err(mixed_up()),
        }
    }

    /// Carries work out: through the lane, or on the connection of the transaction.
    async fn work(&self, call: &Call<'_>, work: Work) -> Result<Outcome> {
        self.acquaint(call, work.tables()).await?;
        match call.sqlite() {
            None => self.lane.run(call, work).await,
            Some(held) => {
                let mut held = held.take(call).await?;
                let done = held.writing().and_then(|writing| writing.within(&work));
                match &done {
                    // The engine has rolled it back as a whole.
                    Err(error) if held.check_alive().is_err() => call.fails(error),
                    _ => {}
                }
                noted(call, done)
            }
        }
    }
}

impl Done {
    /// Refuses an update that found no row, or another version: it fails those it hangs together
    /// with.
    pub(super) fn needed(self, version: Option<i64>) -> Result<Self> {
        match self {
            Done::Updated(Updated::Missing) => Err(missing()),
            Done::Updated(Updated::OtherVersion) => Err(other_version(version)),
            done => Ok(done),
        }
    }

    fn wrote(self) -> Result<Wrote> {
        Ok(match self {
            Done::Inserted(key) => Wrote::Inserted(key),
            Done::Updated(Updated::Yes { created }) => Wrote::Updated { created },
            Done::Updated(Updated::Missing | Updated::OtherVersion) => return Err(mixed_up()),
            Done::Upserted(landed) => Wrote::Upserted(landed),
            Done::Deleted(_) => Wrote::Deleted,
            Done::Changed(_) => return Err(mixed_up()),
        })
    }
}

#[cold]
pub(super) fn mixed_up() -> Error {
    Error::new(Code::Internal, "a write ended as one of another kind")
}
