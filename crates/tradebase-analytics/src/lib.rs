//! The analytics room of tradebase: the history of records in DuckDB, to be asked in SQL.
//!
//! Records are appended as Arrow, about a million a second; queries with bound parameters give
//! rows of any type with `#[derive(Row)]`, values, JSON, or Arrow batches. Statements that belong
//! together go over a [connection](Analytics::connection) of one's own.
//!
//! ```
//! use tradebase_analytics::Analytics;
//! use tradebase_core::{Decimal, Record, Row, Value};
//!
//! #[derive(Record, Clone, Debug, PartialEq)]
//! #[record(table = "fills")]
//! struct Fill {
//!     #[record(key)]
//!     id: i64,
//!     symbol: String,
//!     #[record(decimal(18, 8), min = 0)]
//!     quantity: Decimal,
//! }
//!
//! #[derive(Row, Debug, PartialEq)]
//! struct Volume {
//!     symbol: String,
//!     #[record(decimal(28, 8))]
//!     total: Decimal,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let analytics = Analytics::open(":memory:").await?;
//! analytics.create_table::<Fill>().await?;
//! let fills = [
//!     Fill { id: 1, symbol: "BTC/USDT".into(), quantity: "0.5".parse()? },
//!     Fill { id: 2, symbol: "BTC/USDT".into(), quantity: "0.25".parse()? },
//! ];
//! assert_eq!(analytics.append(&fills).await?, 2);
//! assert_eq!(analytics.all::<Fill>().await?, fills);
//!
//! let sql = "SELECT symbol, sum(quantity) FROM fills WHERE quantity > ? GROUP BY symbol";
//! let volumes: Vec<Volume> = analytics.query(sql, &[Value::Decimal(1, 1)]).await?;
//! assert_eq!(volumes, [Volume { symbol: "BTC/USDT".into(), total: "0.75".parse()? }]);
//! analytics.close().await?;
//! # Ok(())
//! # }
//! ```

mod analytics;
mod append;
mod capability;
#[doc(hidden)]
pub mod codec;
mod connection;
mod error;
mod json;
mod options;
mod query;
mod values;
mod watched;

pub use analytics::Analytics;
pub use append::{BATCH_ROWS, BATCHES_WAITING_MAX};
pub use capability::{FILE, MEMORY};
pub use connection::AnalyticsConnection;
pub use options::AnalyticsOptions;
pub use tradebase_duckdb::{CLOSE_WAIT_MAX, WhenLocked};

pub use arrow;
/// The library beneath, for [`Analytics::raw`].
pub use tradebase_duckdb::duckdb;
