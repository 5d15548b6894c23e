//! The text of an upsert.

use tradebase_core::{Roles, Table};

use super::texts::readable;
use crate::conflict::{Action, Plan};
use crate::naming::{list, quoted};
use crate::schema;

/// The row that is there already, in the text of an upsert.
const STORED: &str = "stored";

/// A row that has just been inserted was never locked; one that is updated here was.
const NEW: &str = "stored.xmax = 0";

/// `INSERT INTO … (columns) <source> ON CONFLICT (…) DO … RETURNING …`, of all columns but the one
/// that is left out for the server to assign.
///
/// What comes back: whether the row was inserted, then, where the record has them, when it was
/// made, its version, and its assigned key. A row that was kept gives nothing.
pub(super) fn text(table: &Table, plan: &Plan, left_out: Option<usize>, source: &str) -> String {
    let columns = list(table, (0..table.columns.len()).filter(|at| Some(*at) != left_out));
    let on = if plan.on.is_empty() { table.key } else { plan.on.as_slice() };
    let action = match &plan.action {
        Action::Keep => "DO NOTHING".to_owned(),
        Action::Replace => sets(table, |at| !table.key.contains(&at)),
        Action::Set(chosen) => sets(table, |at| {
            chosen.contains(&at) || table.columns[at].is(Roles::UPDATED) || is_version(table, at)
        }),
    };
    let noted = match plan.action {
        Action::Replace | Action::Set(_) if table.partition.is_some() => noted(table),
        _ => String::new(),
    };
    format!(
        "INSERT INTO {} AS {STORED} ({columns}) {source} ON CONFLICT ({}) {action}{noted} \
         RETURNING {}",
        quoted(table.name),
        list(table, on.iter().copied()),
        returned(table),
    )
}

fn sets(table: &Table, is_written: impl Fn(usize) -> bool) -> String {
    let mut terms = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        if column.is(Roles::CREATED) || !is_written(at) {
            continue;
        }
        let name = quoted(column.name.text);
        terms.push(if is_version(table, at) {
            format!("{name} = {STORED}.{name} + 1")
        } else {
            format!("{name} = EXCLUDED.{name}")
        });
    }
    if let ([], Some(&at)) = (terms.as_slice(), table.key.first()) {
        // A record that is nothing but its key: the row that is there counts as written.
        let name = quoted(table.columns[at].name.text);
        terms.push(format!("{name} = {STORED}.{name}"));
    }
    format!("DO UPDATE SET {}", terms.join(", "))
}

/// What comes back of a row that was written.
fn returned(table: &Table) -> String {
    let made = table.playing(Roles::CREATED).map(|(_, column)| column);
    let made = made.map(|column| readable(&format!("{STORED}.{}", quoted(column.name.text))));
    let version = table.playing(Roles::VERSION).map(|(_, column)| column);
    let key = schema::assigned(table).map(|(_, column)| column);
    let columns = [version, key].into_iter().flatten();
    let names = columns.map(|column| format!("{STORED}.{}", quoted(column.name.text)));
    let terms = made.into_iter().chain(names).map(|term| format!(", {term}"));
    let is_new = if table.partition.is_some() { unnoted(table) } else { NEW.to_owned() };
    format!("{is_new}{}", terms.collect::<String>())
}

/// Leaves a note of the row that is updated: its key.
///
/// A table that is cut into parts does not tell of its rows what [`NEW`] asks. There an update
/// leaves a note, and what the row gives back takes it away, before the next row is touched. It is
/// the row's key, so that the note of a row which a trigger passed over is not taken for that of
/// the next one. It ends with the transaction, and is undone with the statement.
fn noted(table: &Table) -> String {
    let key = key(table);
    format!(" WHERE pg_catalog.set_config('tradebase.updated', {key}, true) IS NOT NULL")
}

/// Whether no note of the row was left; one is taken away.
fn unnoted(table: &Table) -> String {
    format!(
        "CASE WHEN pg_catalog.current_setting('tradebase.updated', true) = {} \
         THEN pg_catalog.set_config('tradebase.updated', '', true) <> '' ELSE true END",
        key(table)
    )
}

/// The key of a row, as one text.
fn key(table: &Table) -> String {
    let columns = table.key.iter().filter_map(|&at| table.columns.get(at));
    let names: Vec<_> =
        columns.map(|column| format!("{STORED}.{}", quoted(column.name.text))).collect();
    format!("ROW({})::text", names.join(", "))
}

/// All columns, to come back behind what [`text`] lets come back.
pub(super) fn whole(table: &Table) -> String {
    let names = table.columns.iter().map(|column| quoted(column.name.text));
    names.map(|name| format!(", {STORED}.{name}")).collect()
}

/// How many values [`text`] lets come back.
pub(super) fn told(table: &Table) -> usize {
    let filled = [Roles::CREATED, Roles::VERSION].map(|role| table.playing(role).is_some());
    let assigned = schema::assigned(table).is_some();
    1 + filled.into_iter().chain([assigned]).filter(|told| *told).count()
}

fn is_version(table: &Table, at: usize) -> bool {
    table.playing(Roles::VERSION).is_some_and(|(version, _)| version == at)
}

#[cfg(test)]
mod tests {
    use tradebase_core::{Record, Timestamp};

    use super::*;

    #[derive(Record, Debug)]
    #[record(table = "quotes", unique(symbol))]
    struct Quote {
        #[record(key)]
        id: i64,
        symbol: String,
        bid: i64,
        #[record(created)]
        made: Timestamp,
        #[record(updated)]
        changed: Timestamp,
        #[record(version)]
        version: i64,
    }

    #[derive(Record, Debug)]
    #[record(table = "seen")]
    struct Seen {
        #[record(key)]
        id: i64,
    }

    #[test]
    fn what_the_layer_fills_follows_its_rules() {
        let head = "INSERT INTO \"quotes\" AS stored \
                    (\"id\", \"symbol\", \"bid\", \"made\", \"changed\", \"version\") VALUES (…) ";
        let made = readable("stored.\"made\"");
        let tail = format!(" RETURNING stored.xmax = 0, {made}, stored.\"version\"");
        let filled = "\"changed\" = EXCLUDED.\"changed\", \"version\" = stored.\"version\" + 1";
        for (on, action, want) in [
            (vec![], Action::Keep, "ON CONFLICT (\"id\") DO NOTHING".to_owned()),
            (
                vec![1],
                Action::Set(vec![2]),
                format!(
                    "ON CONFLICT (\"symbol\") DO UPDATE SET \"bid\" = EXCLUDED.\"bid\", {filled}"
                ),
            ),
            (
                vec![],
                Action::Replace,
                format!(
                    "ON CONFLICT (\"id\") DO UPDATE SET \"symbol\" = EXCLUDED.\"symbol\", \
                     \"bid\" = EXCLUDED.\"bid\", {filled}"
                ),
            ),
        ] {
            let plan = Plan { on, action };
            let have = text(Quote::TABLE, &plan, None, "VALUES (…)");
            assert_eq!(have, format!("{head}{want}{tail}"));
        }
    }

    #[test]
    fn a_record_of_nothing_but_its_key_can_be_upserted() {
        let plan = Plan { on: vec![], action: Action::Replace };
        let have = text(Seen::TABLE, &plan, None, "VALUES ($1)");
        let want = "INSERT INTO \"seen\" AS stored (\"id\") VALUES ($1) ON CONFLICT (\"id\") \
                    DO UPDATE SET \"id\" = stored.\"id\" RETURNING stored.xmax = 0";
        assert_eq!(have, want);
    }
}
