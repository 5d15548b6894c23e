//! The relational room on SQLite.

mod address;
mod blame;
mod blob;
mod door;
mod error;
mod filter;
mod open;
mod read;
mod result_code;
mod sink;
mod skeleton;
mod source;
mod store;
mod tables;
mod types;
mod view;
mod write;

pub(crate) use door::Door;
pub(crate) use skeleton::{Held, Write};
pub(crate) use store::Store;
pub use types::sqlite_type;

// For the benches, through `codec`.
pub use result_code::{MESSAGES, RESULT_CODES};
pub use sink::BindSink;
pub use source::RowSource;

use tradebase_core::{Result, Room, Table};

use crate::statements::Statements;

/// The table's statements, rendered on first use.
pub(crate) fn statements(table: &'static Table) -> &'static Statements {
    table.slot(Room::Sqlite, || Statements::render(table, '?'))
}

/// The statement that inserts a row.
pub fn insert(table: &'static Table) -> &'static str {
    &statements(table).insert
}

/// The statement that reads every row in key order.
pub fn select(table: &'static Table) -> &'static str {
    &statements(table).all
}

/// The statements that create a table.
pub fn create(table: &'static Table) -> Result<String> {
    tables::create(table)
}
