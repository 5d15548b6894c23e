//! A database: the lane of those who write, and a few connections that read.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::{self, JoinHandle};
use tokio::time::timeout;
use tradebase_core::{Code, Error, Result, Table};

use super::address::{self, Place};
use super::error::from_sqlite;
use super::lane::Lane;
use super::readers::{Reader, Readers, Standing};
use super::writer::Writer;
use super::{open, tables};
use crate::call::Call;
use crate::error::exhausted;
use crate::options::SqlOptions;
use crate::status::PoolStatus;
use crate::{naming, schema};

/// A SQLite database.
pub(crate) struct Store {
    pub(super) lane: Arc<Lane>,
    /// None for a database in memory: its only connection reads too.
    readers: Option<Arc<Readers>>,
    /// Those of the options, with the ones they point to.
    tables: Vec<&'static Table>,
}

impl Store {
    /// What stands behind `sqlite:`, not opened yet.
    pub(crate) fn later(rest: &str, options: &SqlOptions) -> Result<Self> {
        let place = address::parse(rest)?;
        let tables = schema::with_parents(&options.tables)?;
        for table in &tables {
            // Before a file is made for them.
            naming::check(table).and_then(|()| tables::create(table)).map_err(|e| e.of(table))?;
        }
        let readers = match &place {
            Place::Memory => None,
            Place::File(path) => Some(Arc::new(Readers::new(path.clone(), options.clone()))),
        };
        Ok(Self { lane: Arc::new(Lane::new(place, options.clone())), readers, tables })
    }

    /// Opens the database, and creates the tables of the options. If it fails, a file that was
    /// not there before and has nothing in it is taken away again.
    pub(crate) async fn connect(&self) -> Result<()> {
        let fresh = open::Fresh::at(&self.lane.place);
        let mut writer = Writer::unopened(&self.lane).await;
        writer.open().await?;
        let created = match self.tables.as_slice() {
            [] => Ok(()),
            tables => create(&mut writer, tables).await,
        };
        if created.is_err() {
            writer.spend();
        } else {
            fresh.keep();
        }
        created
    }

    /// Asks the file for its schema's number, which it keeps on its first page.
    pub(crate) async fn ping(&self, call: &Call<'_>) -> Result<()> {
        let reader = self.reader(call).await?;
        let number =
            reader.connection()?.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0));
        number.map(drop).map_err(|e| from_sqlite(&e, None))
    }

    /// The file, as it was named, or `:memory:`.
    pub(crate) fn address(&self) -> String {
        match &self.lane.place {
            Place::Memory => ":memory:".to_owned(),
            Place::File(path) => path.display().to_string(),
        }
    }

    /// The runtime whose threads are used, if not the caller's.
    pub(super) fn runtime(&self) -> Option<&Handle> {
        self.lane.options.runtime.as_ref()
    }

    /// How the store is used.
    pub(super) fn options(&self) -> &SqlOptions {
        &self.lane.options
    }

    /// The connection that writes, when it is free.
    pub(super) async fn writer(&self, call: &Call<'_>) -> Result<Writer> {
        Writer::take(&self.lane, call).await
    }

    /// A connection that reads: that of the transaction, if the call is part of one. The table of
    /// the call is looked at before it is first used.
    pub(super) async fn reader(&self, call: &Call<'_>) -> Result<Reader> {
        let reader = self.any_reader(call).await?;
        if let Some(table) = call.table {
            self.lane.known.look(reader.connection()?, table)?;
        }
        Ok(reader)
    }

    /// Looks at tables before they are first written to.
    pub(super) async fn acquaint(
        &self,
        call: &Call<'_>,
        tables: impl Iterator<Item = &'static Table>,
    ) -> Result<()> {
        let known = &self.lane.known;
        for table in tables.filter(|table| !known.has(table)) {
            let is_free = self.lane.writer.try_lock().is_ok();
            if call.sqlite().is_none() && is_free {
                known.look(&self.writer(call).await?.get()?.connection, table)?;
            } else {
                known.look(self.any_reader(call).await?.connection()?, table)?;
            }
        }
        Ok(())
    }

    async fn any_reader(&self, call: &Call<'_>) -> Result<Reader> {
        if let Some(held) = call.sqlite() {
            return held.take(call).await.map(Reader::held);
        }
        match &self.readers {
            Some(readers) => readers.take(call).await,
            None => {
                let wait = self.options().pool_wait;
                let guard = match self.lane.writer.clone().try_lock_owned() {
                    Ok(guard) => guard,
                    Err(_) => timeout(wait, self.lane.writer.clone().lock_owned())
                        .await
                        .map_err(|_| exhausted(wait, 1))?,
                };
                Ok(Reader::shared(guard))
            }
        }
    }

    /// How its connections stand.
    pub(crate) fn pool_status(&self) -> PoolStatus {
        let writing = usize::from(self.lane.writer.try_lock().is_err());
        let readers = self.readers.as_ref().map(|readers| readers.standing());
        let Standing { readers, idle, reading } = readers.unwrap_or_default();
        PoolStatus {
            engine: crate::SQLITE.engine,
            connections: readers + 1,
            in_use: reading + writing,
            idle: idle + 1 - writing,
            ..PoolStatus::default()
        }
    }

    /// Its readers are as many as the options say.
    pub(crate) fn resize_pool(&self, _: usize, _: usize) -> Result<()> {
        let message = "the pool of a SQLite file cannot be resized: set its readers when it opens";
        Err(Error::new(Code::Unsupported, message))
    }

    /// Creates tables, and those they point to.
    pub(crate) async fn create_tables(
        &self,
        call: &Call<'_>,
        tables: &[&'static Table],
    ) -> Result<()> {
        let tables = schema::with_parents(tables)?;
        match call.sqlite() {
            None => create(&mut self.writer(call).await?, &tables).await,
            Some(held) => {
                let mut held = held.take(call).await?;
                let writing = held.writing()?;
                tables.iter().try_for_each(|table| {
                    let created = tables::create_in(&writing.connection, table);
                    created.map_err(|e| e.of(table)).inspect_err(|e| call.fails(e))
                })
            }
        }
    }

    /// Drops a table.
    pub(crate) async fn drop_table(&self, call: &Call<'_>, table: &'static Table) -> Result<()> {
        if let Some(held) = call.sqlite() {
            let mut held = held.take(call).await?;
            let dropped = held.writing()?.execute(&tables::drop(table));
            self.lane.known.forget();
            return dropped.inspect_err(|e| call.fails(e));
        }
        let mut writer = self.writer(call).await?;
        writer.begin().await?;
        writer.parts()?.execute(&tables::drop(table))?;
        let dropped = writer.parts()?.step("COMMIT");
        self.lane.known.forget();
        dropped
    }

    /// Closes all connections; the one that writes last, because it tidies the log away. One that
    /// is not given back in time is an error, and is closed when it is.
    pub(crate) async fn close(&self) -> Result<()> {
        self.lane.end();
        let wait = self.options().pool_wait;
        let mut failed = match &self.readers {
            Some(readers) => readers.close().await,
            None => Ok(()),
        };
        let mut writer =
            timeout(wait, self.lane.writer.lock()).await.map_err(|_| exhausted(wait, 1))?;
        if let Some(writing) = writer.take() {
            failed = failed.and(writing.end());
        }
        drop(writer);
        // Whatever still waits in the queue is told that the store is closed.
        timeout(wait, self.lane.ended()).await.map_err(|_| exhausted(wait, 1))?;
        failed
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.lane.end();
        // The thread goes by itself, later: the file is closed now all the same.
        if let Ok(mut writer) = self.lane.writer.try_lock() {
            drop(writer.take());
        }
    }
}

/// Creates these tables, all or none.
async fn create(writer: &mut Writer, tables: &[&'static Table]) -> Result<()> {
    writer.begin().await?;
    for table in tables {
        tables::create_in(&writer.parts()?.connection, table).map_err(|e| e.of(table))?;
    }
    writer.parts()?.step("COMMIT")
}

/// Runs what may be long on a thread that may wait, of the given runtime or the caller's.
pub(super) fn on_a_thread<R: Send + 'static>(
    runtime: Option<&Handle>,
    job: impl FnOnce() -> R + Send + 'static,
) -> JoinHandle<R> {
    match runtime {
        Some(runtime) => runtime.spawn_blocking(job),
        None => task::spawn_blocking(job),
    }
}
