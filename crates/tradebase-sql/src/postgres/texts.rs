//! The statements of a record and the types they take, rendered once per type.

use tokio_postgres::types::Type;
use tradebase_core::{Kind, Room, Table};

use super::together::update_or_fail;
use super::types::{array_of, type_of};
use crate::naming::{list, literal, quoted};
use crate::schema;
use crate::statements::Statements;

/// What this room keeps of a table.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) fixed: Statements,
    /// `INSERT … SELECT … FROM UNNEST(…)`.
    pub(super) unnest: String,
    /// The update of a batch, which fails if there is no such row.
    pub(super) update_or_fail: String,
    pub(super) copy_in: String,
    pub(super) copy_out: String,
    /// Moves the sequence of an assigned key up to a key that the caller brought.
    pub(super) advance: Option<String>,
    pub(super) every: Vec<Type>,
    /// Without the assigned key.
    pub(super) new: Vec<Type>,
    /// The columns, then the expected version, if there is one.
    pub(super) update: Vec<Type>,
    pub(super) arrays: Vec<Type>,
    pub(super) key: Vec<Type>,
    pub(super) key_arrays: Vec<Type>,
    /// The rows of many keys, which stand in one array per column of the key.
    pub(super) get_any: String,
    /// As `unnest`, but leaves out rows that are there already; gives the keys of the others.
    pub(super) unnest_new: String,
    /// Whether keys are equal if and only if their bytes are.
    pub(super) key_is_bytes: bool,
}

/// The table's texts, rendered on first use.
pub(super) fn texts(table: &'static Table) -> &'static Texts {
    table.slot(Room::Postgres, || Texts::render(table))
}

impl Texts {
    fn render(table: &'static Table) -> Self {
        let name = quoted(table.name);
        let columns = list(table, 0..table.columns.len());
        let key = list(table, table.key.iter().copied());
        let fixed = Statements::render(table, '$');
        let assigned = schema::assigned(table);
        let every: Vec<_> = table.columns.iter().map(|c| type_of(c.kind)).collect();
        let mut new = every.clone();
        if let Some((at, _)) = assigned {
            new.remove(at);
        }
        let version = table.playing(tradebase_core::Roles::VERSION);
        let update = every.iter().cloned().chain(version.map(|(_, c)| type_of(c.kind))).collect();
        Self {
            update_or_fail: update_or_fail(table, &fixed.update, fixed.update_returns_created),
            unnest: unnest(table),
            copy_in: format!("COPY {name} ({columns}) FROM STDIN (FORMAT BINARY)"),
            copy_out: format!("COPY ({}) TO STDOUT (FORMAT BINARY)", fixed.all),
            advance: assigned.map(|(_, column)| advance(table, column.name.text)),
            arrays: table.columns.iter().map(|c| array_of(c.kind)).collect(),
            key: table.key_columns().map(|c| type_of(c.kind)).collect(),
            key_arrays: table.key_columns().map(|c| array_of(c.kind)).collect(),
            get_any: format!("{} WHERE {}", fixed.select, any_key(table)),
            unnest_new: format!("{} ON CONFLICT DO NOTHING RETURNING {key}", unnest(table)),
            key_is_bytes: table.key_columns().all(|c| is_bytes(c.kind)),
            fixed,
            every,
            new,
            update,
        }
    }
}

fn unnest(table: &Table) -> String {
    let arrays: Vec<_> = table
        .columns
        .iter()
        .enumerate()
        .map(|(i, column)| format!("${}::{}[]", i + 1, type_of(column.kind).name()))
        .collect();
    let columns = list(table, 0..table.columns.len());
    format!(
        "INSERT INTO {} ({columns}) SELECT {columns} FROM UNNEST({}) AS given ({columns})",
        quoted(table.name),
        arrays.join(", "),
    )
}

/// Whether the key of a row is one of those in the parameters, which are one array per column.
fn any_key(table: &Table) -> String {
    let arrays: Vec<_> = table
        .key_columns()
        .enumerate()
        .map(|(i, column)| format!("${}::{}[]", i + 1, type_of(column.kind).name()))
        .collect();
    let key = list(table, table.key.iter().copied());
    match arrays.as_slice() {
        [one] => format!("{key} = ANY({one})"),
        arrays => {
            let arrays = arrays.join(", ");
            format!("({key}) IN (SELECT {key} FROM UNNEST({arrays}) AS wanted ({key}))")
        }
    }
}

/// Not so for decimals (1.0 and 1.00), floats (0 and -0) and JSON.
fn is_bytes(kind: Kind) -> bool {
    match kind {
        Kind::Bool | Kind::I16 | Kind::I32 | Kind::I64 => true,
        Kind::Text { .. } | Kind::Bytes | Kind::Uuid => true,
        Kind::Timestamp | Kind::TimestampNs | Kind::Date => true,
        _ => false,
    }
}

/// A sequence knows nothing of keys that are inserted past it; without this the next assigned key
/// could be one that is there.
fn advance(table: &Table, column: &str) -> String {
    let (table, column) = (literal(&quoted(table.name)), literal(column));
    format!(
        "SELECT setval(of, $1::bigint) \
         FROM (SELECT pg_get_serial_sequence({table}, {column})::regclass AS of) AS sequence \
         WHERE $1::bigint > coalesce(pg_sequence_last_value(of), 0)"
    )
}
