//! One data layer for trading systems: *derive once, store everywhere.*
//!
//! A struct with `#[derive(Record)]` is a row of the relational store, an entry of the cache, a
//! column batch for analysis and a point of a time series. [`Tradebase`] holds the four rooms
//! under one configuration: embedded engines in a folder when nothing is configured, servers when
//! the [`Config`] names them.
//!
//! ```
//! use tradebase::{Config, Decimal, Record, Tradebase};
//!
//! #[derive(Record, Clone, Debug, PartialEq)]
//! #[record(table = "prices")]
//! struct Price {
//!     #[record(key)]
//!     symbol: String,
//!     #[record(decimal(18, 8))]
//!     last: Decimal,
//! }
//!
//! # fn main() -> tradebase::Result<()> {
//! # let config = Config::in_memory();
//! tradebase::run(config, async |db| {
//!     let price = Price { symbol: "BTC/USDT".into(), last: Decimal::new(67_000_50, 2) };
//!     db.sql().create_table::<Price>().await?;
//!     db.sql().insert(&price).await?;
//!     db.cache::<Price>().set(&price).await?;
//!     assert_eq!(db.cache::<Price>().get(&price.symbol).await?, Some(price));
//!     Ok(())
//! })
//! # }
//! ```
//!
//! - **Open**: [`run`] for a whole program, [`Tradebase::open`] inside an async one,
//!   [`blocking`] without async, [`global`] for one handle of the process.
//! - **Look**: [`Tradebase::health`], [`Tradebase::info`], [`Tradebase::metrics`].
//! - **Settings**: [`config`]; **logs**: [`log`]; **records of a program**: [`records!`].
//! - **Features**: SQLite and process memory are always there. `postgres`, `redis`, `duckdb`
//!   (analytics and embedded time series) and `influx` add the others, `guest` the queries of
//!   strangers, `full` adds all of them, `testing` adds aids for the tests of your program.

// The derives name this crate by its outer name, also inside it.
#[allow(unused_extern_crates)]
extern crate self as tradebase;

mod assemble;
pub mod blocking;
pub mod config;
pub mod global;
mod health;
mod house;
mod info;
pub mod log;
mod metrics;
mod opening;
mod records;
mod rooms;
mod run;
mod runtime;
mod setup;
mod tables;
#[cfg(feature = "testing")]
pub mod testing;

pub use config::{Config, Profile};
pub use health::{Health, Issue, RoomHealth, Status};
pub use house::Tradebase;
pub use info::{Info, RoomInfo};
pub use opening::Opening;
pub use records::Records;
pub use rooms::Connected;
pub use run::{run, stop_requested};
pub use tables::{EngineTypes, column_types};

// The rooms.
#[cfg(feature = "duckdb")]
pub use tradebase_analytics as analytics;
pub use tradebase_cache as cache;
#[cfg(any(feature = "duckdb", feature = "influx"))]
pub use tradebase_series as series;
pub use tradebase_sql as sql;

// The contract.
pub use tradebase_core::traits::{Field, Record, Row};
pub use tradebase_core::{
    Assigned, Capabilities, Capability, Code, Col, Column, Comparison, Condition, Date, Decimal,
    Domain, Embedded, Error, ErrorKind, Filter, Got, Handed, Index, Key, Kind, Link, Name, Nulls,
    Number, OnDelete, Operand, Order, Parent, ParseTimeError, Partition, PartitionStep, Pattern,
    Piece, Present, Preset, Put, Related, Result, Roles, Room, Rows, Secret, Sink, Sort, Source,
    Stamp, Stored, Table, TimeParts, Timestamp, TimestampNs, Uuid, Value, Violation, Violations,
};
pub use tradebase_core::{
    capability, chrono, clock, decimal, id, json, parse, rule, rust_decimal, schema, uuid, watch,
};
pub use tradebase_derive::{
    HallField as Field, HallRecord as Record, HallRow as Row, hall_migrations as migrations,
};

#[doc(hidden)]
pub use tradebase_core::derive_support;
