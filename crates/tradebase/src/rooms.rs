//! The rooms, asked alike.

use std::time::Duration;

use serde::Serialize;
use tradebase_cache::CacheStore;
use tradebase_core::clock::Tick;
use tradebase_core::watch::Measure;
use tradebase_core::{Capabilities, Error, Result};
use tradebase_sql::Sql;

/// One of the rooms.
#[derive(Clone, Debug)]
pub(crate) enum AnyRoom {
    Sql(Sql),
    Cache(CacheStore),
    #[cfg(feature = "duckdb")]
    Analytics(tradebase_analytics::Analytics),
    #[cfg(any(feature = "duckdb", feature = "influx"))]
    Series(tradebase_series::Series),
}

/// The same call on whichever room it is.
macro_rules! on {
    ($any:expr, $room:ident => $call:expr) => {
        match $any {
            AnyRoom::Sql($room) => $call,
            AnyRoom::Cache($room) => $call,
            #[cfg(feature = "duckdb")]
            AnyRoom::Analytics($room) => $call,
            #[cfg(any(feature = "duckdb", feature = "influx"))]
            AnyRoom::Series($room) => $call,
        }
    };
}

impl AnyRoom {
    /// `sql`, `cache`, `analytics` or `series`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            AnyRoom::Sql(_) => "sql",
            AnyRoom::Cache(_) => "cache",
            #[cfg(feature = "duckdb")]
            AnyRoom::Analytics(_) => "analytics",
            #[cfg(any(feature = "duckdb", feature = "influx"))]
            AnyRoom::Series(_) => "series",
        }
    }

    /// Whether the settings and features name an engine for it.
    pub(crate) fn is_there(&self) -> bool {
        match self {
            #[cfg(any(feature = "duckdb", feature = "influx"))]
            AnyRoom::Series(room) => room.is_there(),
            _ => true,
        }
    }

    pub(crate) fn capabilities(&self) -> &'static Capabilities {
        on!(self, room => room.capabilities())
    }

    /// Where it is, without secrets.
    pub(crate) fn address(&self) -> String {
        on!(self, room => room.address())
    }

    pub(crate) fn is_connected(&self) -> bool {
        on!(self, room => room.is_connected())
    }

    pub(crate) fn measures(&self) -> Vec<Measure> {
        on!(self, room => room.watch().measures())
    }

    pub(crate) async fn connect(&self) -> Result<()> {
        on!(self, room => room.connect().await)
    }

    pub(crate) async fn ping(&self) -> Result<()> {
        on!(self, room => room.ping().await)
    }

    /// Closes it for all its handles.
    pub(crate) async fn close(self) -> Result<()> {
        match self {
            AnyRoom::Sql(room) => room.close().await,
            AnyRoom::Cache(room) => room.close_all().await,
            #[cfg(feature = "duckdb")]
            AnyRoom::Analytics(room) => room.close().await,
            #[cfg(any(feature = "duckdb", feature = "influx"))]
            AnyRoom::Series(room) => room.close().await,
        }
    }

    /// The file that was asked for, where the room fell back to memory.
    pub(crate) fn instead_of(&self) -> Option<std::path::PathBuf> {
        match self {
            AnyRoom::Sql(_) | AnyRoom::Cache(_) => None,
            #[cfg(feature = "duckdb")]
            AnyRoom::Analytics(room) => room.ephemeral_instead_of(),
            #[cfg(any(feature = "duckdb", feature = "influx"))]
            AnyRoom::Series(room) => room.ephemeral_instead_of(),
        }
    }

    /// Connects, and says how it went.
    pub(crate) async fn try_to_connect(self) -> Connected {
        let start = Tick::now();
        let error = self.connect().await.err();
        Connected { took: start.elapsed(), error, ..Connected::to(&self) }
    }
}

/// How connecting a room went.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Connected {
    /// `sql`, `cache`, `analytics` or `series`.
    pub room: &'static str,
    /// The engine: `sqlite`, `postgres` …
    pub engine: &'static str,
    /// Where it is, without secrets.
    pub address: String,
    /// How long it took.
    #[serde(rename = "took_ms", serialize_with = "as_ms")]
    pub took: Duration,
    /// Why it failed; none if it did not.
    #[serde(serialize_with = "as_text")]
    pub error: Option<Error>,
}

impl Connected {
    fn to(room: &AnyRoom) -> Self {
        Self {
            room: room.name(),
            engine: room.capabilities().engine,
            address: room.address(),
            took: Duration::ZERO,
            error: None,
        }
    }

    pub(crate) fn failed(room: &AnyRoom, error: Error) -> Self {
        Self { error: Some(error), ..Self::to(room) }
    }
}

pub(crate) fn as_ms<S: serde::Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((time.as_secs_f64() * 1e6).round() / 1e3)
}

fn as_text<S: serde::Serializer>(error: &Option<Error>, to: S) -> Result<S::Ok, S::Error> {
    match error {
        Some(error) => to.collect_str(error),
        None => to.serialize_none(),
    }
}
