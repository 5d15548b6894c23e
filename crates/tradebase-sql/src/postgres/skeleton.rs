//! SKELETON: the verbs that are still to be written.

use tokio::sync::mpsc::Receiver;
use tradebase_core::{Code, Error, Record, Result, Timestamp};

use super::store::Store;
use crate::call::Call;
use crate::conflict::{Landed, Plan};
use crate::patch::Change;
use crate::sql::Updated;

fn later() -> Error {
    Error::new(Code::Unsupported, "not written yet")
}

impl Store {
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
