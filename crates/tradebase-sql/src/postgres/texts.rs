//! The statements of a record and the types they take, rendered once per type.

use std::fmt::Write;

use tokio_postgres::types::Type;
use tradebase_core::{Column, Kind, Roles, Room, Table};

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
    /// `UPDATE … RETURNING` when the row was made, if the record says so.
    pub(super) updating: String,
    /// The update of a batch, which fails if there is no such row.
    pub(super) update_or_fail: String,
    /// Many rows whose keys the server assigns, in the order of the arrays, which hold the other
    /// columns. Gives the keys.
    pub(super) unnest_assigned: Option<String>,
    /// Without the assigned key.
    pub(super) new_arrays: Vec<Type>,
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
    /// As `get_any`, with the place of the key in the arrays, from 1, as the last column.
    pub(super) get_many: String,
    pub(super) delete_any: String,
    pub(super) count: String,
    /// Many rows from arrays: all columns, then the expected versions, if there are any. Gives
    /// the place and when the row was made, if the record says so.
    pub(super) update_many: String,
    pub(super) update_arrays: Vec<Type>,
    /// The first key in the arrays that an update does not find, and whether it is there with
    /// another version: the columns of the key, then the expected versions.
    pub(super) find_lost: String,
    pub(super) lost_arrays: Vec<Type>,
    /// As `unnest`, for the rows of many callers: it fails when one has to wait for another
    /// transaction, for its key or for the row that it points to.
    pub(super) unnest_patient: String,
    /// As that, but leaves out rows that are there already; gives the keys of the others.
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
        let version = table.playing(Roles::VERSION);
        let updating = updating(table, &fixed.update);
        let update = every.iter().cloned().chain(version.map(|(_, c)| type_of(c.kind))).collect();
        Self {
            update_or_fail: update_or_fail(table, &updating, fixed.update_returns_created),
            updating,
            unnest: unnest(table),
            copy_in: format!("COPY {name} ({columns}) FROM STDIN (FORMAT BINARY)"),
            copy_out: format!("COPY ({}) TO STDOUT (FORMAT BINARY)", fixed.all),
            advance: assigned.map(|(_, column)| advance(table, column.name.text)),
            unnest_assigned: assigned.map(|(at, _)| unnest_assigned(table, at)),
            new_arrays: new_arrays(table, assigned.map(|(at, _)| at)),
            arrays: table.columns.iter().map(|c| array_of(c.kind)).collect(),
            key: table.key_columns().map(|c| type_of(c.kind)).collect(),
            key_arrays: table.key_columns().map(|c| array_of(c.kind)).collect(),
            get_many: get_many(table),
            delete_any: format!("DELETE FROM {name} WHERE {}", any_key(table)),
            count: format!("SELECT count(*) FROM {name}"),
            update_many: update_many(table),
            update_arrays: arrays(table.columns.iter().chain(version.map(|(_, c)| c))),
            find_lost: find_lost(table),
            lost_arrays: arrays(table.key_columns().chain(version.map(|(_, c)| c))),
            get_any: format!("{} WHERE {}", fixed.select, any_key(table)),
            unnest_new: format!("{} ON CONFLICT DO NOTHING RETURNING {key}", patient(table)),
            unnest_patient: patient(table),
            key_is_bytes: table.key_columns().all(|c| is_bytes(c.kind)),
            fixed,
            every,
            new,
            update,
        }
    }
}

/// What the server says of a moment that no record holds. It casts this to a moment.
pub(super) const UNREADABLE: &str = "tradebase: no record holds the moment ";

/// A moment that a write gives back. One that could not be read, which somebody else has stored,
/// makes the statement fail: else the row would be written, and its call an error all the same.
pub(super) fn readable(moment: &str) -> String {
    format!(
        "CASE WHEN {moment} BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00' \
         THEN {moment} ELSE ('{UNREADABLE}' || {moment}::text)::timestamptz END"
    )
}

fn updating(table: &Table, update: &str) -> String {
    let Some((_, made)) = table.playing(Roles::CREATED) else { return update.to_owned() };
    let made = quoted(made.name.text);
    let plain = update.strip_suffix(&format!(" RETURNING {made}")).unwrap_or(update);
    format!("{plain} RETURNING {}", readable(&made))
}

fn unnest(table: &Table) -> String {
    let columns = list(table, 0..table.columns.len());
    let (name, given) = (quoted(table.name), given(table, &columns));
    format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM {given}")
}

/// Keys are drawn from a sequence in the order in which the rows come, which is that of the arrays.
fn unnest_assigned(table: &Table, assigned: usize) -> String {
    let sent: Vec<_> = (0..table.columns.len()).filter(|at| *at != assigned).collect();
    format!(
        "INSERT INTO {} ({}) {} RETURNING {}",
        quoted(table.name),
        list(table, sent.iter().copied()),
        in_order(table, &sent),
        list(table, [assigned]),
    )
}

fn new_arrays(table: &Table, assigned: Option<usize>) -> Vec<Type> {
    let sent = (0..table.columns.len()).filter(|at| Some(*at) != assigned);
    arrays(sent.map(|at| &table.columns[at]))
}

/// The rows of arrays in the parameters, one array for each of these columns, in their order.
pub(super) fn in_order(table: &Table, sent: &[usize]) -> String {
    let names: Vec<_> = (0..sent.len()).map(|i| format!("c{i}")).collect();
    let given = numbered(sent.iter().map(|&at| &table.columns[at]));
    format!("SELECT {} FROM {given} ORDER BY place", names.join(", "))
}

/// How long a statement of many callers waits for another transaction, in milliseconds, before
/// they go on alone.
///
/// The server itself ends the waiting. A request to cancel would also end the wait for replicas
/// that confirm the commit, which then counts as done, and may come so late that it hits the next
/// statement of the connection.
const PATIENCE_MS: u32 = 500;

/// The limit holds for the statement alone, and is set once, before the first row.
fn patient(table: &Table) -> String {
    format!(
        "{} WHERE (SELECT pg_catalog.set_config('lock_timeout', '{PATIENCE_MS}', true)) \
         IS NOT NULL",
        unnest(table)
    )
}

/// The rows of arrays in the parameters, one array per column, under these names.
fn given(table: &Table, columns: &str) -> String {
    format!("UNNEST({}) AS given ({columns})", marks(table.columns))
}

/// `$1::uuid[], $2::text[]`
fn marks<'a>(columns: impl IntoIterator<Item = &'a Column>) -> String {
    let mark =
        |(i, column): (usize, &Column)| format!("${}::{}[]", i + 1, type_of(column.kind).name());
    columns.into_iter().enumerate().map(mark).collect::<Vec<_>>().join(", ")
}

fn arrays<'a>(columns: impl Iterator<Item = &'a Column>) -> Vec<Type> {
    columns.map(|column| array_of(column.kind)).collect()
}

/// Arrays in the parameters as rows of `given`, whose columns are called `c0`, `c1` … and `place`,
/// so that they are never taken for those of the table.
fn numbered<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    let columns: Vec<_> = columns.collect();
    let names: String = (0..columns.len()).map(|i| format!("c{i}, ")).collect();
    format!("UNNEST({}) WITH ORDINALITY AS given ({names}place)", marks(columns))
}

/// Whether the stored row has the key in the columns of `given` that `number` tells.
fn same_key(table: &Table, number: impl Fn(usize, usize) -> usize) -> String {
    let same = |(i, &at): (usize, &usize)| {
        format!("stored.{} = given.c{}", quoted(table.columns[at].name.text), number(i, at))
    };
    table.key.iter().enumerate().map(same).collect::<Vec<_>>().join(" AND ")
}

fn get_many(table: &Table) -> String {
    let columns = (0..table.columns.len()).map(|at| format!("stored.{}, ", list(table, [at])));
    format!(
        "SELECT {}given.place FROM {} JOIN {} AS stored ON {}",
        columns.collect::<String>(),
        numbered(table.key_columns()),
        quoted(table.name),
        same_key(table, |i, _| i),
    )
}

fn update_many(table: &Table) -> String {
    let version = table.playing(Roles::VERSION).map(|(_, column)| column);
    let created = table.playing(Roles::CREATED).map(|(_, column)| column);
    let mut terms: Vec<_> = (0..table.columns.len())
        .filter(|at| !table.key.contains(at) && !table.columns[*at].is(Roles::CREATED))
        .map(|at| format!("{} = given.c{at}", list(table, [at])))
        .collect();
    if let ([], Some(&at)) = (terms.as_slice(), table.key.first()) {
        // A record that is nothing but its key: the update only asks whether it is there.
        terms.push(format!("{0} = stored.{0}", list(table, [at])));
    }
    let mut text = format!(
        "UPDATE {} AS stored SET {} FROM {} WHERE {}",
        quoted(table.name),
        terms.join(", "),
        numbered(table.columns.iter().chain(version)),
        same_key(table, |_, at| at),
    );
    if let Some(column) = version {
        let (name, at) = (quoted(column.name.text), table.columns.len());
        _ = write!(text, " AND stored.{name} = given.c{at}");
    }
    if let Some(column) = created {
        _ = write!(text, " RETURNING given.place, stored.{}", quoted(column.name.text));
    }
    text
}

/// Writes these columns of many rows; `sent` are those that are sent, the key behind them.
pub(super) fn update_columns(table: &Table, columns: &[usize], sent: &[usize]) -> String {
    let version = table.playing(Roles::VERSION).map(|(_, column)| column);
    let set = columns.iter().enumerate();
    let set = set.map(|(i, &at)| format!("{} = given.c{i}", list(table, [at])));
    let mut text = format!(
        "UPDATE {} AS stored SET {} FROM {} WHERE {}",
        quoted(table.name),
        set.collect::<Vec<_>>().join(", "),
        numbered(sent.iter().map(|&at| &table.columns[at]).chain(version)),
        same_key(table, |i, _| columns.len() + i),
    );
    if let Some(column) = version {
        _ = write!(text, " AND stored.{} = given.c{}", quoted(column.name.text), sent.len());
    }
    text
}

fn find_lost(table: &Table) -> String {
    let version = table.playing(Roles::VERSION).map(|(_, column)| column);
    let key = list(table, table.key.first().copied());
    let mut text = format!(
        "SELECT given.place, stored.{key} IS NOT NULL FROM {} LEFT JOIN {} AS stored ON {} \
         WHERE stored.{key} IS NULL",
        numbered(table.key_columns().chain(version)),
        quoted(table.name),
        same_key(table, |i, _| i),
    );
    if let Some(column) = version {
        let name = quoted(column.name.text);
        _ = write!(text, " OR stored.{name} <> given.c{}", table.key.len());
    }
    text.push_str(" ORDER BY given.place LIMIT 1");
    text
}

/// Whether the key of a row is one of those in the parameters, which are one array per column.
fn any_key(table: &Table) -> String {
    let key = list(table, table.key.iter().copied());
    let marks = marks(table.key_columns());
    match table.key {
        [_] => format!("{key} = ANY({marks})"),
        _ => format!("({key}) IN (SELECT {key} FROM UNNEST({marks}) AS wanted ({key}))"),
    }
}

/// Not so for decimals (1.0 and 1.00), floats (0 and -0) and JSON.
fn is_bytes(kind: Kind) -> bool {
    use Kind::{Bool, Bytes, Date, I16, I32, I64, Text, Timestamp, TimestampNs, Uuid};
    let plain = matches!(kind, Bool | I16 | I32 | I64 | Timestamp | TimestampNs | Date);
    plain || matches!(kind, Text { .. } | Bytes | Uuid)
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
