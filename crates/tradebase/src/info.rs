//! What is open, for people who look for a fault. No secrets.

use serde::Serialize;

use crate::rooms::AnyRoom;

/// What a [`Tradebase`](crate::Tradebase) is, without secrets.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Info {
    /// The version of this library.
    pub version: &'static str,
    /// `development` or `production`.
    pub profile: String,
    /// The folder of the embedded stores.
    pub data_folder: String,
    /// The features it was built with.
    pub features: Vec<&'static str>,
    /// Room by room.
    pub rooms: Vec<RoomInfo>,
    /// The registered records.
    pub records: Vec<&'static str>,
    /// What is odd about the configuration.
    pub warnings: Vec<String>,
}

/// What a room is.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RoomInfo {
    /// `sql`, `cache`, `analytics` or `series`.
    pub room: &'static str,
    /// The engine: `sqlite`, `postgres` …
    pub engine: &'static str,
    /// The versions it is tested with.
    pub tested: &'static str,
    /// Where it is, without secrets.
    pub address: String,
    /// Whether it has a connection.
    pub connected: bool,
}

impl RoomInfo {
    pub(crate) fn of(room: &AnyRoom) -> Self {
        let capabilities = room.capabilities();
        Self {
            room: room.name(),
            engine: capabilities.engine,
            tested: capabilities.tested,
            address: room.address(),
            connected: room.is_connected(),
        }
    }
}

/// The features that add something, as they were switched on.
pub(crate) fn features() -> Vec<&'static str> {
    [
        ("postgres", cfg!(feature = "postgres")),
        ("redis", cfg!(feature = "redis")),
        ("duckdb", cfg!(feature = "duckdb")),
        ("influx", cfg!(feature = "influx")),
        ("testing", cfg!(feature = "testing")),
    ]
    .into_iter()
    .filter_map(|(name, on)| on.then_some(name))
    .collect()
}
