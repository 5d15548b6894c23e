//! What DuckDB can do here.

use tradebase_core::{Capabilities, Capability};

/// What the engine is called.
pub(crate) const ENGINE: &str = "duckdb";

const ONE_PROCESS: &str = "it locks its file for one process; others may read once it is closed";
const NO_EXPIRY: &str = "a table keeps its rows until they are deleted";
const NO_KEY: &str = "it keeps a key as a tree in memory, and appending with one takes half as \
                      long again: tables have none, a second record of a key is a second row";
const TESTED: &str = "DuckDB 1.5.6";
const CLAIMED: &str = "DuckDB 1.5; files also with later versions that read its format";

/// A file.
pub static FILE: Capabilities = Capabilities::new(
    ENGINE,
    &[
        (Capability::Shared, ONE_PROCESS),
        (Capability::UniqueKey, NO_KEY),
        (Capability::TimeToLive, NO_EXPIRY),
    ],
    TESTED,
    CLAIMED,
);

/// Memory.
pub static MEMORY: Capabilities = Capabilities::new(
    ENGINE,
    &[
        (Capability::Durable, "a database in memory ends with its process"),
        (Capability::Shared, "a database in memory belongs to its process"),
        (Capability::UniqueKey, NO_KEY),
        (Capability::TimeToLive, NO_EXPIRY),
    ],
    TESTED,
    CLAIMED,
);
