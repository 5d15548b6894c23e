//! SKELETON: the verbs that are still to be written.

use tokio::sync::mpsc::Receiver;
use tradebase_core::{Code, Error, Record, Result, Timestamp};

use super::store::Store;
use crate::call::Call;
use crate::conflict::{Landed, Plan};
use crate::patch::Change;
use crate::sql::Updated;
use crate::together::Wrote;
use crate::tx_options::TxOptions;

fn later() -> Error {
    Error::new(Code::Unsupported, "not written yet")
}

/// One write of a batch: its statement, and its values as bytes of our own.
pub(crate) struct Write;

impl Write {
    pub(crate) fn insert<T: Record>(_row: &T) -> Result<Self> {
        Err(later())
    }
    pub(crate) fn update<T: Record>(_row: &T, _version: Option<i64>) -> Result<Self> {
        Err(later())
    }
    pub(crate) fn upsert<T: Record>(_row: &T, _plan: &Plan) -> Result<Self> {
        Err(later())
    }
    pub(crate) fn delete<T: Record>(_key: &T::Key) -> Result<Self> {
        Err(later())
    }
}

/// A transaction's connection.
pub(crate) struct Held;

impl Held {
    /// Commits. A lost answer is resolved, or an `OutcomeUnknown`.
    pub(crate) async fn commit(&self, _call: &Call<'_>) -> Result<()> {
        Err(later())
    }
    /// Rolls back; what cannot be rolled back is ended, and a warning in the log.
    pub(crate) async fn rollback(&self) {}
    pub(crate) async fn savepoint(&self, _level: u32) -> Result<()> {
        Err(later())
    }
    pub(crate) async fn release(&self, _level: u32) -> Result<()> {
        Err(later())
    }
    pub(crate) async fn roll_back_to(&self, _level: u32) -> Result<()> {
        Err(later())
    }
    /// Ends it at once, whoever still holds a handle; called in drops too, after a commit or a
    /// rollback as well, when it has nothing left to do.
    pub(crate) fn abandon(&self) {}
}

impl Store {
    pub(crate) async fn begin_transaction(
        &self,
        _call: &Call<'_>,
        _options: &TxOptions,
    ) -> Result<Held> {
        Err(later())
    }
    /// All writes or none, in order.
    pub(crate) async fn batch(&self, _call: &Call<'_>, _writes: Vec<Write>) -> Result<Vec<Wrote>> {
        Err(later())
    }
    pub(crate) async fn upsert<T: Record>(
        &self,
        _call: &Call<'_>,
        _row: &T,
        _plan: &Plan,
    ) -> Result<Landed> {
        Err(later())
    }
    pub(crate) async fn upsert_many<T: Record>(
        &self,
        _call: &Call<'_>,
        _rows: &[&T],
        _plan: &Plan,
    ) -> Result<Vec<Landed>> {
        Err(later())
    }
    pub(crate) async fn get_many<T: Record + Clone>(
        &self,
        _call: &Call<'_>,
        _keys: &[T::Key],
    ) -> Result<Vec<Option<T>>> {
        Err(later())
    }
    pub(crate) async fn exists<T: Record>(&self, _call: &Call<'_>, _key: &T::Key) -> Result<bool> {
        Err(later())
    }
    pub(crate) async fn count<T: Record>(&self, _call: &Call<'_>) -> Result<u64> {
        Err(later())
    }
    /// Gives when each row was made, if the record says so. An error names the row of the batch.
    pub(crate) async fn update_many<T: Record>(
        &self,
        _call: &Call<'_>,
        _rows: &[&T],
        _versions: &[Option<i64>],
    ) -> Result<Vec<Option<Timestamp>>> {
        Err(later())
    }
    pub(crate) async fn patch<T: Record>(
        &self,
        _call: &Call<'_>,
        _key: &T::Key,
        _change: &Change,
    ) -> Result<Updated> {
        Err(later())
    }
    pub(crate) async fn delete_many<T: Record>(
        &self,
        _call: &Call<'_>,
        _keys: &[T::Key],
    ) -> Result<u64> {
        Err(later())
    }
    /// All rows in key order, in chunks of `STREAM_CHUNK_ROWS`, `CHUNKS_WAITING` of them waiting.
    pub(crate) async fn stream<T: Record>(
        &self,
        _call: &Call<'_>,
    ) -> Result<Receiver<Result<Vec<T>>>> {
        Err(later())
    }
}
