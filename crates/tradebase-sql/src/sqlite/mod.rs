//! The relational room on SQLite.

mod address;
mod backup;
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
mod known;
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
pub(crate) use error::from_sqlite;
pub(crate) use held::Held;
pub(crate) use store::Store;
pub use types::sqlite_type;
pub(crate) use types::{INTEGER_DIGITS_MAX, decimal_check};
pub(crate) use view::{line as readable_line, readable as readable_form, wide_digits};
pub(crate) use write::Write;

// For the benches, through `codec`.
pub use result_code::{MESSAGES, RESULT_CODES};
pub use sink::BindSink;
pub use source::RowSource;

use std::sync::atomic::AtomicU64;

use tradebase_core::{Result, Room, Table};

use crate::naming::quoted;
use crate::statements::{Statements, by_key};

/// The statements of a table that only SQLite needs, and those that all do.
struct Fixed {
    shared: Statements,
    /// Whether there is a row of the key in a whole row's parameters.
    exists_by_row: String,
    count: String,
    /// The number of the store for which the table was last looked at, see [`known`].
    known: AtomicU64,
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
            known: AtomicU64::new(0),
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

/// The statements that create these tables with their indexes and views.
pub(crate) fn definitions(tables: &[&'static Table]) -> Result<String> {
    let mut text = String::new();
    for table in tables {
        text.push_str(&tables::create(table)?);
        text.push_str(&view::create(table));
        text.push_str(";\n");
    }
    Ok(text)
}

/// The statements that create a table.
pub fn create(table: &'static Table) -> Result<String> {
    tables::create(table)
}
