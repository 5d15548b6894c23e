//! The room itself: one handle, two engines.

use std::ops::RangeBounds;
use std::sync::Arc;

use tradebase_core::{Capabilities, Record, Result, TimestampNs};

use crate::capability::{EMBEDDED, EMBEDDED_MEMORY, INFLUX};
use crate::embedded::Embedded;
use crate::influx::Influx;
use crate::options::InfluxOptions;
use crate::plan::Plan;
use crate::range;
use crate::written::Written;

/// A place for time series. Cloning gives another handle to the same place.
#[derive(Clone, Debug)]
pub struct Series {
    engine: Engine,
}

#[derive(Clone, Debug)]
enum Engine {
    Influx(Arc<Influx>),
    Embedded(Arc<Embedded>),
}

impl Series {
    /// Opens a database of an InfluxDB 1.x.
    ///
    /// The server is asked for its version. Another one than 1.x is refused with
    /// [`Code::Unsupported`](tradebase_core::Code::Unsupported). The database need not exist yet:
    /// see [`create`](Self::create).
    pub async fn influx(options: InfluxOptions) -> Result<Self> {
        let influx = Influx::open(options).await.map_err(|e| e.during("open"))?;
        tracing::debug!(operation = "open", store = "influx", "opened");
        Ok(Self { engine: Engine::Influx(Arc::new(influx)) })
    }

    /// Opens the embedded engine on a file, or on `:memory:`.
    pub async fn embedded(path: &str) -> Result<Self> {
        let embedded = Embedded::open(path).await.map_err(|e| e.during("open"))?;
        tracing::debug!(operation = "open", store = "embedded", "opened");
        Ok(Self { engine: Engine::Embedded(Arc::new(embedded)) })
    }

    /// What the engine can do.
    pub fn capabilities(&self) -> &'static Capabilities {
        match &self.engine {
            Engine::Influx(_) => &INFLUX,
            Engine::Embedded(embedded) if embedded.is_in_memory() => &EMBEDDED_MEMORY,
            Engine::Embedded(_) => &EMBEDDED,
        }
    }

    /// Makes what a record needs, if it is not there: its table on the embedded engine, the
    /// database on InfluxDB, where this needs a user who may.
    pub async fn create<T: Record>(&self) -> Result<()> {
        let done = async {
            let plan = Plan::of(T::TABLE)?;
            match &self.engine {
                Engine::Influx(influx) => influx.create().await,
                Engine::Embedded(embedded) => embedded.create(plan).await,
            }
        };
        self.told::<T, _>("create", done.await, |()| 0)
    }

    /// Writes records: all of them are checked before any is sent.
    ///
    /// When it returns, every row is stored: on InfluxDB in its log (which is on disk unless its
    /// settings say otherwise), on the embedded engine in one committed transaction.
    /// Writing a record again gives the same point. A later record of equal tags and time replaces
    /// the earlier one; InfluxDB merges the two, so there a field that is null now keeps the value
    /// it had. Two different records of equal tags and time in one call are an error of the kind
    /// [`Conflict`](tradebase_core::ErrorKind::Conflict).
    ///
    /// On an error the embedded engine has written nothing. InfluxDB stores request by request:
    /// the source of the error is a [`Tally`](crate::Tally) that accounts for every row. If the
    /// call is dropped, rows may or may not be stored; writing them again is safe.
    pub async fn write<T: Record>(&self, rows: &[T]) -> Result<Written> {
        let done = async {
            let plan = Plan::of(T::TABLE)?;
            match &self.engine {
                _ if rows.is_empty() => Ok(Written::default()),
                Engine::Influx(influx) => influx.write(plan, rows).await,
                Engine::Embedded(embedded) => embedded.write(plan, rows).await,
            }
        };
        self.told::<T, _>("write", done.await, |written| written.stored)
    }

    /// Reads the records of a range of time.
    ///
    /// The range is of the time of the points: with a sequence, its nanoseconds count. Records
    /// come by time. Those of equal time come in an order that the engine chooses: the embedded
    /// one takes the tags in the order of the columns, InfluxDB its own order of series.
    ///
    /// The answer is whole or an error, never a part.
    pub async fn read<T: Record>(&self, range: impl RangeBounds<TimestampNs>) -> Result<Vec<T>> {
        let range = range::closed(&range);
        let done = async {
            let plan = Plan::of(T::TABLE)?;
            let Some(range) = range else { return Ok(Vec::new()) };
            match &self.engine {
                Engine::Influx(influx) => influx.read(plan, range).await,
                Engine::Embedded(embedded) => embedded.read(plan, range).await,
            }
        };
        self.told::<T, _>("read", done.await, Vec::len)
    }

    /// Lets go of the engine, when this is its last handle.
    pub async fn close(self) -> Result<()> {
        match self.engine {
            Engine::Influx(_) => Ok(()),
            Engine::Embedded(embedded) => match Arc::try_unwrap(embedded) {
                Ok(embedded) => embedded.close().await.map_err(|e| e.during("close")),
                Err(_) => Ok(()),
            },
        }
    }

    /// Says what was done, and names operation and record in an error.
    fn told<T: Record, R>(
        &self,
        operation: &'static str,
        done: Result<R>,
        count: impl FnOnce(&R) -> usize,
    ) -> Result<R> {
        let (store, record) = (self.capabilities().engine, T::TABLE.record);
        match done {
            Ok(done) => {
                tracing::debug!(operation, store, record, count = count(&done), "done");
                Ok(done)
            }
            Err(error) => {
                let code = error.code().as_str();
                tracing::debug!(operation, store, record, code, "failed");
                Err(error.during(operation).of(T::TABLE))
            }
        }
    }
}
