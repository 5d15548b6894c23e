//! The relational room of tradebase: typed records in SQLite and PostgreSQL, behind one API.
//!
//! A record writes itself straight into the bind buffer of a prepared statement and reads itself
//! straight from the engine's row. Values are exact on both engines: decimals never pass through
//! a float, moments are whole microseconds or nanoseconds in UTC, text is ordered by code point.
//!
//! ```
//! use tradebase_core::{Decimal, Field, Record, Timestamp};
//! use tradebase_sql::Sql;
//!
//! #[derive(Record, Clone, Debug, PartialEq)]
//! #[record(table = "fills")]
//! struct Fill {
//!     #[record(key)]
//!     id: i64,
//!     #[record(index, length(1..=32))]
//!     symbol: String,
//!     #[record(decimal(18, 8))]
//!     quantity: Decimal,
//!     executed_at: Timestamp,
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let sql = Sql::open("sqlite::memory:").await?;
//! sql.create_table::<Fill>().await?;
//! let fill = Fill {
//!     id: 1,
//!     symbol: "BTC/USDT".into(),
//!     quantity: "0.5".parse()?,
//!     executed_at: "2026-11-20T09:30:00Z".parse()?,
//! };
//! sql.insert(&fill).await?;
//! let found = sql.find::<Fill>()
//!     .filter(Fill::SYMBOL.eq("BTC/USDT"))
//!     .order_by(Fill::EXECUTED_AT.desc())
//!     .first()
//!     .await?;
//! assert_eq!(found, Some(fill));
//! sql.close().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What stands in which column is told in [`sqlite_type`] and `postgres_type`; what an engine
//! cannot do stands in its [`Capabilities`](tradebase_core::Capabilities). SQL of your own goes
//! through a [`SqlConnection`]. PostgreSQL comes with the feature `postgres`.
//!
//! Tables change by migrations: [`Sql::draft`] compares a database with what records want of it,
//! a [`MigrationSet`] keeps the files, a [`Migrator`] runs them. Those that are cut into parts by
//! time are kept by [`Sql::keep_parts`].
//!
//! Calls need a tokio runtime with its clock and I/O switched on. On SQLite, reads by key and
//! writes that need not wait for the disk run on the caller's thread, since a hop to another one
//! costs more than they do; writes that come at the same time share a commit.

// Both engines share names, statements and options; without PostgreSQL some of them rest.
#![cfg_attr(not(feature = "postgres"), allow(dead_code))]

mod budget;
mod call;
mod capability;
mod chance;
mod changes;
#[doc(hidden)]
pub mod codec;
mod conflict;
mod cursor;
mod domain;
mod door;
mod dynamic;
mod engine;
mod entry;
mod error;
mod escapes;
mod find;
mod gate;
mod group;
#[cfg(feature = "guest")]
mod guest;
mod height;
mod join;
mod limits;
mod literal;
mod load;
mod mark;
mod measure;
mod migrate;
mod naming;
mod options;
mod patch;
#[cfg(feature = "postgres")]
mod postgres;
mod raw;
mod render;
mod schema;
mod select;
mod slow;
mod sql;
mod sqlite;
mod stamped;
mod statements;
mod status;
mod stream;
mod together;
mod trace;
mod transaction;
mod tx_options;
mod verbs;

pub use budget::{
    Caller, QUERIES_SEEN_MAX, QUERY_CALLERS_MAX, Queries, Query, counted, counted_in_place,
};
#[cfg(feature = "postgres")]
pub use capability::POSTGRES;
pub use capability::SQLITE;
pub use changes::UpdateWhere;
pub use conflict::{Columns, Conflict, Upserted, Upserts};
pub use cursor::Cursor;
pub use door::SqlConnection;
pub use dynamic::{
    Dynamic, DynamicConflict, DynamicFilter, DynamicFind, DynamicRow, FILTER_BYTES_MAX,
    FILTER_LEVELS_MAX, FILTER_TERMS_MAX, FILTER_VALUES_MAX,
};
pub use find::{Find, Keyset, Page, Slice};
pub use group::{
    By, Compared, Counted, Extreme, GroupOrder, Groups, Having, Keys, MEAN_DIGITS, Mean, Measure,
    MeasuredGroups, Measures, Reading, Summed, Total, avg, by_day, by_hour, by_minute, count,
    count_distinct, count_of, max, min, sum,
};
#[cfg(feature = "guest")]
pub use guest::{
    GUEST_BYTES_MAX, GUEST_ROWS_MAX, GUEST_SQL_BYTES_MAX, GUEST_VALUE_BYTES_MAX, GUEST_WAIT,
    GUESTS_AT_ONCE, Guest, GuestOptions, GuestRows,
};
pub use limits::PARAMETER_BYTES_MAX;
pub use load::{Children, Parents};
pub use migrate::{
    Applied, CheckShape, ColumnShape, Difference, Direction, Draft, Entry, Failure, Finding,
    HISTORY_TABLE, IndexShape, KeyShape, LINT_RULES, LintRule, Loss, MIGRATION_LOCK_WAIT,
    MIGRATION_STATEMENT_LOCK_WAIT, MigrateOptions, Migration, MigrationEngine, MigrationFile,
    MigrationProgress, MigrationReport, MigrationSet, MigrationStatus, MigrationStopped, Migrator,
    Outcome, PartShape, Plan, PlannedFile, ReferenceShape, Renames, SetStatus, Shape, Storage,
    TableShape, Target, TriggerShape, VersionStatus, Wanted,
};
pub use migrate::{
    Keep, PARTS_AHEAD, PARTS_AHEAD_MAX, PARTS_LOCK_WAIT, PartOptions, PartReport, TableParts,
};
pub use options::{
    BUSY_WAIT, BUSY_WAIT_MAX, CACHE_BYTES, CONNECT_WAIT, CURSOR_KEY_BYTES_MIN, DURABILITY,
    Durability, MMAP_BYTES, POOL_CONNECTIONS, POOL_OVERFLOW, POOL_RECYCLE, POOL_WAIT, READERS,
    SLOW_AFTER, STATEMENTS_MAX, SqlOptions,
};
pub use patch::Patch;
#[cfg(feature = "postgres")]
pub use postgres::postgres_type;
pub use raw::{Fields, Parameter, Parameters, SqlText};
pub use slow::{SLOW_KEPT, SlowCall};
pub use sql::Sql;
pub use sqlite::sqlite_type;
pub use status::PoolStatus;
pub use stream::{RowStream, STREAM_CHUNK_ROWS};
pub use together::{BATCH_WRITES_MAX, Batch};
pub use tradebase_derive::migrations;
pub use transaction::SAVEPOINTS_MAX;
pub use tx_options::{Isolation, TRANSACTION_ATTEMPTS, TRANSACTION_WAIT, TxOptions};
