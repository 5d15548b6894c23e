//! The DuckDB floor of tradebase: one engine per file and process, Arrow in and out.
//!
//! Two rooms stand on it, the analytics and the embedded time series. An [`Engine`] is an open
//! database; a [`Database`] is one that async code opens when it first needs it; a [`BatchBuilder`]
//! makes Arrow batches from records, which [`append`] adds to a table; [`query`] and its kin bring
//! rows back, in Arrow or as records.
//!
//! ```
//! use tradebase_core::{Decimal, Record};
//! use tradebase_duckdb::{BatchBuilder, Engine, MEMORY, OpenOptions};
//! use tradebase_duckdb::{append, create_table, query_rows};
//!
//! #[derive(Record, Debug, PartialEq)]
//! #[record(table = "prices")]
//! struct Price {
//!     #[record(key)]
//!     symbol: String,
//!     #[record(decimal(18, 8))]
//!     price: Decimal,
//! }
//!
//! let price = Price { symbol: "BTC/USDT".into(), price: "96000.5".parse()? };
//! let mut builder = BatchBuilder::<Price>::with_capacity(1);
//! builder.append(&price)?;
//! let batch = builder.finish();
//!
//! let engine = Engine::open(MEMORY, OpenOptions::new())?;
//! let found: Vec<Price> = engine.with(|connection| {
//!     create_table::<Price>(connection)?;
//!     append(connection, <Price as Record>::TABLE, [batch])?;
//!     query_rows(connection, "SELECT symbol, price FROM prices", &[])
//! })?;
//! assert_eq!(found, [price]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod append;
mod cast;
mod catalog;
mod database;
mod ddl;
mod engine;
mod error;
mod file;
mod interrupt;
mod job;
mod locked;
mod opaque;
mod opening;
mod params;
mod plain;
mod query;
mod registry;
mod sink;
mod source;
mod statement;
mod types;

pub use append::{append, reserve_keys, transaction};
pub use catalog::{check as check_table, columns as table_columns};
pub use database::{CLOSE_WAIT_MAX, Database, DatabaseOptions, Held};
pub use ddl::{create_table, create_table_sql, literal, names, quote, sequence};
pub use engine::{Engine, IDLE_CONNECTIONS_MAX, MEMORY, OpenOptions, Turn};
pub use error::of as driver_error;
pub use interrupt::{Interrupt, InterruptOnDrop};
pub use job::Job;
pub use locked::{LOCK_PAUSE_FIRST, LOCK_PAUSE_MAX, WhenLocked};
pub use query::{Found, each, execute, query, query_rows};
pub use registry::OPEN_WAIT_MAX;
pub use sink::{BatchBuilder, TEXT_BYTES_MAX};
pub use source::{check_schema, read_all};
pub use statement::check_single;
pub use types::{
    EXTENSION, JSON_EXTENSION, UUID_EXTENSION, arrow_type, duckdb_type, field, schema,
};

pub use arrow;
/// The library beneath, for the raw door.
pub use duckdb;
