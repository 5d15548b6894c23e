//! What the two engines cannot do, each by its own limit.

use tradebase_core::{Capabilities, Capability};

/// What SQLite can do.
pub const SQLITE: Capabilities = Capabilities::new(
    "sqlite",
    &[(Capability::TimeToLive, "a table keeps its rows until they are deleted")],
    "3.54 (bundled); files also with the sqlite3 shell 3.40",
    "files: 3.37 and later, which know STRICT tables",
);

/// What PostgreSQL can do.
#[cfg(feature = "postgres")]
pub const POSTGRES: Capabilities = Capabilities::new(
    "postgres",
    &[(Capability::TimeToLive, "a table keeps its rows until they are deleted")],
    "15",
    "14 and later",
);
