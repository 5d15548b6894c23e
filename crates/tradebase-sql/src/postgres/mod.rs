//! The relational room on PostgreSQL.

mod address;
mod array;
mod assigned;
mod bulk;
mod cancel;
mod client;
mod connection;
mod copy;
mod door;
mod error;
mod filtered;
mod flush;
mod frame;
mod gets;
#[cfg(feature = "guest")]
mod guest;
#[cfg(feature = "guest")]
mod guest_role;
mod held;
mod inserts;
mod lane;
mod lanes;
mod lease;
mod line;
mod many;
pub mod numeric;
mod outcome;
mod parameters;
mod place;
mod pool;
mod read;
mod scratch;
mod session;
mod sink;
mod source;
mod sqlstate;
mod staging;
mod store;
mod stream;
mod tables;
mod texts;
mod tls;
mod together;
mod types;
mod updates;
mod upsert;
mod upserts;
mod value;
mod write;

pub(crate) use door::Door;
pub(crate) use held::Held;
pub(crate) use store::Store;
pub(crate) use together::Write;
pub use types::postgres_type;

// For the benches, through `codec`.
pub use array::{ArraySink, Arrays};
pub use copy::{CopySink, Tuple, TupleSource, copy_end, copy_header, read_header, read_tuple};
pub use scratch::{BindSink, Params, Scratch};
pub use source::RowSource;
pub use sqlstate::SQLSTATES;

use tradebase_core::{Result, Table};

/// The statement that inserts a row.
pub fn insert(table: &'static Table) -> &'static str {
    &texts::texts(table).fixed.insert
}

/// The statement that reads every row in key order.
pub fn select(table: &'static Table) -> &'static str {
    &texts::texts(table).fixed.all
}

/// The statements that create these tables with their indexes and references.
pub(crate) fn definitions(tables: &[&'static Table]) -> Result<String> {
    tables::definitions(tables)
}

/// The statements that create a table.
pub fn create(table: &'static Table) -> Result<String> {
    tables::create(table)
}
