//! The cache room of tradebase: records under their keys, in process memory or in Redis, with the
//! same verbs and the same answers.
//!
//! ```
//! use tradebase_cache::{CacheStore, Json, Ttl};
//! use tradebase_core::{Decimal, Record};
//!
//! #[derive(Record, Debug, PartialEq)]
//! #[record(table = "prices")]
//! struct Price {
//!     #[record(key)]
//!     symbol: String,
//!     #[record(decimal(18, 8))]
//!     last: Decimal,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = CacheStore::memory(); // or CacheStore::redis("redis://127.0.0.1/0").await?
//! let prices = store.records::<Price>().with_ttl(Ttl::secs(60));
//!
//! let price = Price { symbol: "BTC/USDT".into(), last: "67000.5".parse()? };
//! prices.set(&price).await?;
//! assert_eq!(prices.get(&"BTC/USDT".into()).await?, Some(price));
//! assert_eq!(prices.key_text(&"BTC/USDT".into())?, "prices:BTC/USDT");
//!
//! // For other programs: plain JSON under a prefix of their choice.
//! let shared = store.records::<Price>().with_codec(Json).with_prefix("market:last:");
//! assert_eq!(shared.get(&"BTC/USDT".into()).await?, None);
//! # Ok(())
//! # }
//! ```
//!
//! - **Keys** are `prefix:part[:part…]`. A key of one column stands byte for byte; in a key of
//!   several, `:` and `%` of a part are written `%3A` and `%25`.
//! - **Entries** are [`MessagePack`] in an envelope, or [`Json`] without one; each of them
//!   survives columns that were added, left out or moved.
//! - **A bad entry is a miss**, told of once per prefix; [`Cache::strict`] makes it an error.
//! - **Redis away** is a typed error within the deadline of `RedisOptions`, and at once while it
//!   is known to be away.
//! - **Connections** are made by the first call that needs them, or by [`CacheStore::connect`];
//!   [`CacheStore::close_all`] ends them for all handles.
//! - **Any command** of Redis goes through `CacheStore::command` and `CacheStore::pipeline`.
//!
//! Redis comes with the feature `redis`, which is on by default.

mod cache;
mod capability;
#[doc(hidden)]
pub mod codec;
mod engine;
mod envelope;
#[cfg(feature = "redis")]
mod error;
mod key;
mod memory;
mod sink;
mod source;
mod store;
#[cfg(feature = "redis")]
mod transport;
mod ttl;
mod wire;

pub use cache::Cache;
pub use codec::{Codec, Json, MessagePack};
pub use memory::MemoryOptions;
pub use store::CacheStore;
pub use tradebase_core::{Error, Result};
#[cfg(feature = "redis")]
pub use transport::{RedisArg, RedisCommand, RedisOptions, RedisPipeline, RedisValue};
pub use ttl::Ttl;
