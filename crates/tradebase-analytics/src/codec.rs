//! Records to and from this room's native buffer, without a database; for benches.

pub use tradebase_duckdb::{BatchBuilder, read_all};
