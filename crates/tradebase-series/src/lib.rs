//! The time-series room of tradebase: records as points, on InfluxDB and on an embedded engine.
//!
//! A point is known by its tags and its time. A record of a series says which of its columns are
//! tags and which is the time, so writing the same record again, from whatever process, gives the
//! same point. Two different records that would be one point are refused before any is written.
//!
//! ```
//! use tradebase_core::{Decimal, Record, Timestamp};
//! use tradebase_series::Series;
//!
//! #[derive(Record, Clone, Debug, PartialEq)]
//! #[record(series = "quotes")]
//! struct Quote {
//!     #[record(key, tag, length(1..=32))]
//!     symbol: String,
//!     #[record(decimal(18, 8), min = 0)]
//!     bid: Decimal,
//!     #[record(key, time)]
//!     at: Timestamp,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> tradebase_core::Result<()> {
//! let series = Series::embedded(":memory:").await?;
//! series.create::<Quote>().await?;
//! let quote = Quote {
//!     symbol: "BTC/USDT".into(),
//!     bid: Decimal::new(9_600_050, 2),
//!     at: Timestamp::from_micros(1_795_176_000_000_000),
//! };
//! let written = series.write(&[quote.clone()]).await?;
//! assert_eq!(written.stored, 1);
//! assert_eq!(series.read::<Quote>(..).await?, [quote]);
//! series.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! On InfluxDB the same calls speak line protocol and InfluxQL; see [`InfluxOptions`]. How each
//! kind is stored:
//!
//! | kind | as a tag | as a field of InfluxDB |
//! | --- | --- | --- |
//! | bool | `true`, `false` | boolean |
//! | i16, i32, i64 | digits | integer |
//! | f64 | not allowed | float |
//! | decimal | its digits | string, exact: `"1.50"` |
//! | text, enum | itself | string |
//! | bytes | base 64 | string, base 64 |
//! | uuid | text | string |
//! | timestamp | RFC 3339 | integer, microseconds |
//! | timestamp_ns | RFC 3339 | integer, nanoseconds |
//! | date | `2026-11-20` | string |
//! | json | not allowed | string |
//!
//! InfluxDB keeps points in shards, a week each unless told otherwise. A series that spans
//! centuries should get a database with longer ones (`CREATE DATABASE … WITH SHARD DURATION 520w`):
//! while it makes thousands of shards, InfluxDB 1.6.7 was seen to accept a point that no query
//! showed before the server was started again. The point was in its log, not lost.
//!
//! At the very start of the range, the shard that holds the first nanosecond begins before it. The
//! server cannot keep that beginning and makes another shard after each start, so that a point
//! written again is a second point there. With shards of a week these are the days before 27
//! September 1677; with longer ones, as many years as a shard spans.
//!
//! The time of the record is the time of the point, in nanoseconds.
//!
//! The embedded engine has a table for each series: [`TABLE_PREFIX`] and the name of the series,
//! `series_quotes` above, with a typed column for each of the record. It can be asked in SQL by
//! whatever opens the file, in this process with the same options, in another one when the file
//! is closed. [`Series::table`] says the name.
//!
//! A key as a tag makes a series of each record. InfluxDB 1.x keeps every series in memory and
//! takes 100,000 values of one tag unless its settings say otherwise; more are refused with
//! [`Code::StorageFull`](tradebase_core::Code::StorageFull). A record of which there are many is
//! better kept apart by a `sequence`.

#[cfg(not(any(feature = "embedded", feature = "influx")))]
compile_error!("no engine is built in, switch on a feature: `embedded`, `influx` or both");

mod absent;
mod capability;
#[cfg(feature = "embedded")]
mod embedded;
mod engine;
#[cfg(feature = "influx")]
mod error;
mod escape;
mod identity;
#[cfg(feature = "influx")]
mod influx;
mod line;
#[cfg(feature = "influx")]
mod options;
mod plan;
mod range;
mod series;
mod sink;
#[cfg(feature = "influx")]
mod source;
mod written;

#[cfg(feature = "embedded")]
pub use embedded::EmbeddedOptions;
#[cfg(feature = "influx")]
pub use influx::{InfluxRequest, InfluxResponse, influx_type};
#[cfg(feature = "influx")]
pub use options::{
    ANSWER_DEADLINE, BATCH_BYTES_MAX, BATCH_LINES_MAX, CONNECT_DEADLINE, InfluxOptions,
    READ_BYTES_MAX, READ_ROWS_MAX,
};
pub use plan::TABLE_PREFIX;
pub use series::Series;
#[cfg(feature = "embedded")]
pub use tradebase_duckdb::{CLOSE_WAIT_MAX, WhenLocked};
pub use written::{ROWS_NAMED_MAX, Tally, Written};

#[doc(hidden)]
pub mod codec;
