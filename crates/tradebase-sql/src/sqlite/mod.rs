//! The relational room on SQLite.

mod address;
mod blame;
mod blob;
mod bulk;
mod change;
mod door;
mod error;
mod filtered;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod full_disk;
#[cfg(feature = "guest")]
mod guest;
mod handover;
mod held;
mod image;
mod lane;
mod like;
#[cfg(test)]
mod model;
mod open;
mod parameters;
mod read;
mod readers;
mod result_code;
mod sink;
mod source;
mod statement;
mod store;
mod stream;
mod sum;
mod sync;
mod tables;
mod thread;
mod turn;
mod types;
mod unit;
mod upsert;
mod verbs;
mod view;
mod work;
mod write;
mod writer;
mod writing;

pub(crate) use door::Door;
pub(crate) use held::Held;
pub(crate) use store::Store;
#[cfg(feature = "guest")]
pub(crate) use types::INTEGER_DIGITS_MAX;
pub use types::sqlite_type;
pub(crate) use write::Write;

// For the benches, through `codec`.
pub use result_code::{MESSAGES, RESULT_CODES};
pub use sink::BindSink;
pub use source::RowSource;

use tradebase_core::{Result, Room, Table};

use crate::naming::quoted;
use crate::statements::{Statements, by_key};

/// The statements of a table that only SQLite needs, and those that all do.
struct Fixed {
    shared: Statements,
    /// Whether there is a row of the key in a whole row's parameters.
    exists_by_row: String,
    count: String,
}

/// The table's statements, rendered on first use.
fn fixed(table: &'static Table) -> &'static Fixed {
    table.slot(Room::Sqlite, || {
        let name = quoted(table.name);
        Fixed {
            shared: Statements::render(table, '?'),
            exists_by_row: format!(
                "SELECT 1 FROM {name} WHERE {}",
                by_key(table, '?', |_, at| at + 1)
            ),
            count: format!("SELECT count(*) FROM {name}"),
        }
    })
}

/// The table's statements, rendered on first use.
pub(crate) fn statements(table: &'static Table) -> &'static Statements {
    &fixed(table).shared
}

/// The name of a table's readable view.
#[cfg(feature = "guest")]
pub(crate) fn readable(table: &Table) -> String {
    view::name(table)
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
