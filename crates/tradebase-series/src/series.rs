//! The room itself: one handle, two engines.

use std::ops::RangeBounds;
use std::path::PathBuf;
use std::sync::Arc;

use tradebase_core::watch::{Operation, Watch};
use tradebase_core::{Capabilities, Record, Result, Table, TimestampNs};

use crate::absent::Absent;
#[cfg(feature = "embedded")]
use crate::embedded::{Embedded, EmbeddedOptions};
use crate::engine::{Engine, on};
#[cfg(feature = "influx")]
use crate::influx::{Influx, InfluxRequest, InfluxResponse};
#[cfg(feature = "influx")]
use crate::options::InfluxOptions;
use crate::plan::Plan;
use crate::range;
use crate::written::Written;

/// A place for time series. Cloning gives another handle to the same place.
#[derive(Clone, Debug)]
pub struct Series {
    engine: Engine,
}

/// On no engine.
impl Series {
    /// A handle without an engine: every call is [`Code::Unsupported`] with this remedy.
    ///
    /// For a program that was built with the room and is configured for none of its engines.
    ///
    /// [`Code::Unsupported`]: tradebase_core::Code::Unsupported
    pub fn absent(remedy: &'static str, watch: Watch) -> Self {
        Self { engine: Engine::Absent(Arc::new(Absent::new(remedy, watch))) }
    }
}

/// On an InfluxDB 1.x.
#[cfg(feature = "influx")]
impl Series {
    /// Opens a database of an InfluxDB 1.x.
    ///
    /// The server is asked for its version. Another one than 1.x is refused with
    /// [`Code::Unsupported`](tradebase_core::Code::Unsupported). The database need not exist yet:
    /// see [`create`](Self::create).
    pub async fn influx(options: InfluxOptions) -> Result<Self> {
        Self::influx_later(options).map_err(|e| e.during("open"))?.opened().await
    }

    /// A handle that looks for its server when it is first used.
    ///
    /// The options are checked now. A server that is not found is an error of the call that needed
    /// it, and the next call tries again.
    pub fn influx_later(options: InfluxOptions) -> Result<Self> {
        Ok(Self { engine: Engine::Influx(Arc::new(Influx::later(options)?)) })
    }

    /// Sends any request to the server, for what is not wrapped here.
    ///
    /// The answer is given whatever its status; see [`InfluxResponse::ok`]. A body that is larger
    /// than `read_bytes_max` is an error. The embedded engine takes no requests, which is
    /// [`Code::Unsupported`](tradebase_core::Code::Unsupported).
    pub async fn request(&self, request: InfluxRequest) -> Result<InfluxResponse> {
        let work = async {
            match &self.engine {
                Engine::Absent(absent) => Err(absent.error()),
                Engine::Influx(influx) => influx.door(request).await,
                #[cfg(feature = "embedded")]
                Engine::Embedded(_) => Err(Embedded::takes_no_requests()),
            }
        };
        self.watched(Operation::Door, None, |_| 0, work).await
    }
}

/// On the embedded engine.
#[cfg(feature = "embedded")]
impl Series {
    /// Opens the embedded engine on a file, or on `:memory:`.
    ///
    /// A file that another process holds is an error of the code
    /// [`FileLocked`](tradebase_core::Code::FileLocked), a missing folder or a file that is no
    /// database is [`StorageFailed`](tradebase_core::Code::StorageFailed). A failed open leaves no
    /// new file.
    pub async fn embedded(path: &str) -> Result<Self> {
        Self::embedded_with(EmbeddedOptions::new(path)).await
    }

    /// Opens the embedded engine with other options.
    pub async fn embedded_with(options: EmbeddedOptions) -> Result<Self> {
        Self::embedded_later(options).map_err(|e| e.during("open"))?.opened().await
    }

    /// A handle that opens the embedded engine when it is first used.
    ///
    /// The options are checked now. A failed open is an error of the call that needed it, and the
    /// next call tries again.
    pub fn embedded_later(options: EmbeddedOptions) -> Result<Self> {
        Ok(Self { engine: Engine::Embedded(Arc::new(Embedded::later(options)?)) })
    }

    /// The table of a record's series on the embedded engine, for questions in SQL.
    pub fn table<T: Record>() -> Result<&'static str> {
        Plan::of(T::TABLE).map(|plan| plan.table.name)
    }
}

impl Series {
    /// Connects, if it is not connected: looks for the server, or opens the file.
    pub async fn connect(&self) -> Result<()> {
        let done = on!(&self.engine, engine => engine.connect().await);
        self.told(Operation::Connect, None, |()| 0, done)
    }

    /// Whether the server was found, or the file is open.
    pub fn is_connected(&self) -> bool {
        on!(&self.engine, engine => engine.is_connected())
    }

    /// Asks the engine whether it is there, connecting if need be.
    pub async fn ping(&self) -> Result<()> {
        let work = async { on!(&self.engine, engine => engine.ping().await) };
        self.watched(Operation::Ping, None, |()| 0, work).await
    }

    /// What the engine can do.
    pub fn capabilities(&self) -> &'static Capabilities {
        on!(&self.engine, engine => engine.capabilities())
    }

    /// Whether there is an engine; see [`absent`](Self::absent).
    pub fn is_there(&self) -> bool {
        !matches!(self.engine, Engine::Absent(_))
    }

    /// Where it is, without secrets: `http://localhost:8086/trading`, the path of the file, or
    /// `:memory:`.
    pub fn address(&self) -> String {
        on!(&self.engine, engine => engine.address())
    }

    /// The measures of its operations.
    pub fn watch(&self) -> &Watch {
        on!(&self.engine, engine => engine.watch())
    }

    /// Whether its points end with the process: it is in memory, as asked for or because the file
    /// was locked.
    pub fn is_ephemeral(&self) -> bool {
        on!(&self.engine, engine => engine.is_ephemeral())
    }

    /// The file that was asked for, where it was locked and memory has taken its place.
    pub fn ephemeral_instead_of(&self) -> Option<PathBuf> {
        on!(&self.engine, engine => engine.instead_of())
    }

    /// Makes what a record needs, if it is not there: its table on the embedded engine, the
    /// database on InfluxDB, where this needs a user who may.
    pub async fn create<T: Record>(&self) -> Result<()> {
        let work = async {
            let plan = Plan::of(T::TABLE)?;
            on!(&self.engine, engine => engine.create(plan).await)
        };
        self.watched(Operation::Create, Some(T::TABLE), |()| 0, work).await
    }

    /// Takes a series with all its points away, if it is there.
    ///
    /// On the embedded engine its table is gone then; on InfluxDB the database stays.
    pub async fn drop_series<T: Record>(&self) -> Result<()> {
        let work = async {
            let plan = Plan::of(T::TABLE)?;
            on!(&self.engine, engine => engine.remove(plan).await)
        };
        self.watched(Operation::Drop, Some(T::TABLE), |()| 0, work).await
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
        let work = async {
            let plan = Plan::of(T::TABLE)?;
            if rows.is_empty() {
                return Ok(Written::default());
            }
            on!(&self.engine, engine => engine.write(plan, rows).await)
        };
        self.watched(Operation::Write, Some(T::TABLE), |written| written.stored, work).await
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
        let work = async {
            let plan = Plan::of(T::TABLE)?;
            let Some(range) = range else { return Ok(Vec::new()) };
            on!(&self.engine, engine => engine.read(plan, range).await)
        };
        self.watched(Operation::Read, Some(T::TABLE), Vec::len, work).await
    }

    /// Closes the place for this handle and all its clones. A call that comes later is an error of
    /// the code [`Closed`](tradebase_core::Code::Closed). Closing twice is fine.
    ///
    /// On the embedded engine it waits for work under way, at most ten seconds. When it answers,
    /// everything is in the file and another process may open it, unless this process has opened
    /// it a second time.
    pub async fn close(&self) -> Result<()> {
        let work = async { on!(&self.engine, engine => engine.close().await) };
        self.watched(Operation::Close, None, |()| 0, work).await
    }

    async fn opened(self) -> Result<Self> {
        let done = on!(&self.engine, engine => engine.connect().await);
        self.told(Operation::Connect, None, |()| 0, done.map_err(|e| e.during("open")))?;
        Ok(self)
    }

    /// Carries an operation out, measures it, and says how it went.
    async fn watched<R>(
        &self,
        operation: Operation,
        table: Option<&'static Table>,
        count: impl Fn(&R) -> usize,
        work: impl Future<Output = Result<R>>,
    ) -> Result<R> {
        let done = self.watch().run(operation, &count, work).await;
        self.told(operation, table, count, done)
    }

    /// Says what was done, and names operation and record in an error.
    fn told<R>(
        &self,
        operation: Operation,
        table: Option<&'static Table>,
        count: impl Fn(&R) -> usize,
        done: Result<R>,
    ) -> Result<R> {
        let store = self.capabilities().engine;
        let (operation, record) = (operation.as_str(), table.map(|table| table.record));
        match done {
            Ok(done) => {
                tracing::debug!(store, operation, record, count = count(&done), "done");
                Ok(done)
            }
            Err(error) => {
                let code = error.code().as_str();
                tracing::debug!(store, operation, record, code, "failed");
                let error = error.during(operation);
                Err(match table {
                    Some(table) => error.of(table),
                    None => error,
                })
            }
        }
    }
}
