//! What each engine can do, and its own limit where it cannot.

use tradebase_core::{Capabilities, Capability};

/// What both engines cannot do, since a series is a series.
const ANY_RECORD: (Capability, &str) =
    (Capability::AnyRecord, "a point needs a time, and tags or a sequence that tell it apart");
const UNIQUE_KEY: (Capability, &str) =
    (Capability::UniqueKey, "a point of equal tags and time replaces the one before");
const ASSIGNED_KEY: (Capability, &str) =
    (Capability::AssignedKey, "tags and time of a point must be known before it is stored");

/// InfluxDB 1.x.
#[cfg(feature = "influx")]
pub const INFLUX: Capabilities = Capabilities::new(
    "influx",
    &[
        ANY_RECORD,
        UNIQUE_KEY,
        ASSIGNED_KEY,
        (
            Capability::Filter,
            "InfluxQL compares exact decimals as texts only, and finds no missing fields",
        ),
        (
            Capability::Update,
            "points of equal tags and time are merged field by field: a field that is null now \
             keeps the value it had",
        ),
        (Capability::TimeToLive, "points expire by retention policy, not one by one"),
        (Capability::StoredNull, "a point has no nulls, only fields that are not there"),
    ],
    "InfluxDB 1.6.7",
    "InfluxDB 1.6 to 1.12",
);

/// The embedded engine on a file.
#[cfg(feature = "embedded")]
pub const EMBEDDED: Capabilities = Capabilities::new(
    "embedded",
    &[
        ANY_RECORD,
        UNIQUE_KEY,
        ASSIGNED_KEY,
        (Capability::Shared, "a DuckDB file is opened for writing by one process at a time"),
        (Capability::TimeToLive, "DuckDB expires no rows"),
    ],
    "DuckDB 1.5",
    "DuckDB 1.5",
);

/// The embedded engine in memory.
#[cfg(feature = "embedded")]
pub const EMBEDDED_MEMORY: Capabilities = Capabilities::new(
    "embedded",
    &[
        ANY_RECORD,
        UNIQUE_KEY,
        ASSIGNED_KEY,
        (Capability::Durable, "it was opened in memory"),
        (Capability::Shared, "it was opened in the memory of one process"),
        (Capability::TimeToLive, "DuckDB expires no rows"),
    ],
    "DuckDB 1.5",
    "DuckDB 1.5",
);

/// No engine.
pub const NONE: Capabilities = Capabilities::new("none", &[], "none", "none");
