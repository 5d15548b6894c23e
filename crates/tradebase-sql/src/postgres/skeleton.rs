//! SKELETON: the verbs that are still to be written.

use tradebase_core::{Code, Error, Record, Result};

use super::store::Store;
use crate::call::Call;
use crate::conflict::Plan;
use crate::together::Wrote;

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

impl Store {
    /// All writes or none, in order.
    pub(crate) async fn batch(&self, _call: &Call<'_>, _writes: Vec<Write>) -> Result<Vec<Wrote>> {
        Err(later())
    }
}
