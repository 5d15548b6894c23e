//! What the engines can do.

use tradebase_core::{Capabilities, Capability};

const KEYS_ONLY: &str = "it finds entries by their key only";
const NO_TABLES: &str = "it keeps bytes under keys and has no tables";
const REPLACES: &str = "a write replaces the whole entry";
const NO_KEYS: &str = "it knows no keys but those it is given";

/// Process memory.
pub(crate) static MEMORY: Capabilities = Capabilities::new(
    "memory",
    &[
        (Capability::Durable, "the memory of a process ends with it"),
        (Capability::Shared, "the memory of a process is its own"),
        (Capability::CreateTable, NO_TABLES),
        (Capability::Filter, KEYS_ONLY),
        (Capability::Update, REPLACES),
        (Capability::UniqueKey, REPLACES),
        (Capability::AssignedKey, NO_KEYS),
    ],
    "this build",
    "this build",
);

/// Redis. It outlives our process; what outlives its own is a matter of its configuration.
#[cfg(feature = "redis")]
pub(crate) static REDIS: Capabilities = Capabilities::new(
    "redis",
    &[
        (Capability::CreateTable, NO_TABLES),
        (Capability::Filter, KEYS_ONLY),
        (Capability::Update, REPLACES),
        (Capability::UniqueKey, REPLACES),
        (Capability::AssignedKey, NO_KEYS),
    ],
    "Redis 7.0",
    "Redis 6.2 and later, Valkey 7.2 and later, one server",
);
