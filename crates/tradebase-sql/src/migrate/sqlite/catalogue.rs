//! The catalogue of a SQLite database as a shape.

use std::collections::BTreeMap;

use rusqlite::Connection;
use tradebase_core::{Code, Error, Result, Value};

use super::definition;
use super::meaning;
use super::pieces::Pieces;
use crate::door::SqlConnection;
use crate::migrate::history::HISTORY_TABLE;
use crate::migrate::shape::{Beside, IndexShape, Shape, TableShape, TriggerShape};
use crate::naming::literal;
use crate::raw::SqlText;
use crate::sqlite::from_sqlite;

/// How a trigger begins that stands behind a view.
pub(super) const BEHIND_A_VIEW: &str = ";\nCREATE TRIGGER";

/// An entry of the catalogue.
#[derive(Debug)]
struct Entry {
    kind: String,
    name: String,
    /// The table or view it belongs to.
    table: String,
    sql: String,
}

/// What the catalogue is asked. Tables of modules and what these keep in the file are theirs;
/// indexes of constraints come with these.
fn question() -> String {
    format!(
        "SELECT type, name, tbl_name, sql FROM main.sqlite_schema \
         WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         AND lower(tbl_name) NOT IN ({0}, {0} || '_readable') \
         AND NOT EXISTS (SELECT 1 FROM pragma_table_list AS list WHERE list.schema = 'main' \
         AND list.name = tbl_name AND list.type IN ('virtual', 'shadow')) ORDER BY name",
        literal(HISTORY_TABLE)
    )
}

/// What the database of a connection consists of.
pub(super) async fn read(connection: &mut SqlConnection) -> Result<Shape> {
    let sql = SqlText::trusted_text_built_at_run_time(question());
    let found = connection.query_values(sql, ()).await?;
    let mut shape = shape(found.rows.into_iter().map(entry).collect::<Result<_>>()?)?;
    shape.beside = beside(connection).await?;
    Ok(shape)
}

/// The columns of tables of modules. Of a module that is not there nobody knows them.
const MODULES: &str = "SELECT list.name, info.name FROM pragma_table_list AS list, \
     pragma_table_xinfo(list.name) AS info \
     WHERE list.schema = 'main' AND list.type = 'virtual' ORDER BY list.name, info.cid";

async fn beside(connection: &mut SqlConnection) -> Result<Beside> {
    let mut beside = Beside::default();
    let sql = SqlText::trusted_text_built_at_run_time(MODULES.to_owned());
    let found = connection.query_values(sql, ()).await.map(|found| found.rows).unwrap_or_default();
    for row in found {
        if let [Value::Text(table), Value::Text(column)] = row.as_slice() {
            beside.modules.entry(table.clone()).or_default().push(column.clone());
        }
    }
    let made = "SELECT name FROM main.sqlite_schema WHERE name = 'sqlite_stat1'";
    let counted = "SELECT DISTINCT tbl FROM main.sqlite_stat1";
    let sql = SqlText::trusted_text_built_at_run_time(made.to_owned());
    if !connection.query_values(sql, ()).await?.rows.is_empty() {
        let sql = SqlText::trusted_text_built_at_run_time(counted.to_owned());
        for row in connection.query_values(sql, ()).await?.rows {
            if let [Value::Text(table)] = row.as_slice() {
                beside.counted.insert(table.clone());
            }
        }
    }
    Ok(beside)
}

fn entry(row: Vec<Value>) -> Result<Entry> {
    let mut texts = row.into_iter().map(|value| match value {
        Value::Text(text) => Some(text),
        _ => None,
    });
    let mut next = || texts.next().flatten();
    let read = (|| Some(Entry { kind: next()?, name: next()?, table: next()?, sql: next()? }))();
    read.ok_or_else(|| Error::new(Code::StorageFailed, "the catalogue holds no texts"))
}

/// What a database aside consists of.
pub(super) fn read_aside(connection: &Connection) -> Result<Shape> {
    let read = || -> rusqlite::Result<Vec<Entry>> {
        let mut statement = connection.prepare(&question())?;
        let entries = statement.query_map([], |row| {
            Ok(Entry { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? })
        })?;
        entries.collect()
    };
    shape(read().map_err(|e| from_sqlite(&e, None))?)
}

fn shape(entries: Vec<Entry>) -> Result<Shape> {
    let mut shape = Shape::default();
    for entry in entries.iter().filter(|entry| entry.kind == "table") {
        let table = definition::table(&entry.sql).map_err(|e| {
            Error::new(e.code(), format!("{}, of the table {}", e.message(), entry.name))
        })?;
        shape.tables.insert(entry.name.clone(), table);
    }
    for entry in entries.iter().filter(|entry| entry.kind == "view") {
        shape.views.insert(entry.name.clone(), view(&entry.sql)?);
    }
    for entry in entries.into_iter().filter(|entry| matches!(&*entry.kind, "index" | "trigger")) {
        let names = shape.tables.keys();
        let owner = names.into_iter().find(|name| name.eq_ignore_ascii_case(&entry.table)).cloned();
        match owner.and_then(|owner| shape.tables.get_mut(&owner)) {
            Some(table) if entry.kind == "index" => table.indexes.push(index(table, &entry)?),
            Some(table) => {
                table.triggers.push(TriggerShape { name: entry.name, text: entry.sql });
            }
            None => behind_its_view(&mut shape.views, &entry),
        }
    }
    point(&mut shape);
    meaning::find(&mut shape);
    shape.tables.values_mut().for_each(order);
    Ok(shape)
}

/// A trigger in place of writing to a view stands behind the text of the view: it comes and goes
/// with it.
fn behind_its_view(views: &mut BTreeMap<String, String>, entry: &Entry) {
    let of = views.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(&entry.table));
    if let Some((_, text)) = of {
        // The statement is stored from there on.
        text.push_str(&entry.sql.replacen("CREATE TRIGGER", BEHIND_A_VIEW, 1));
    }
}

/// The query of a view, with the names of its columns in front if they are said.
pub(super) fn view(sql: &str) -> Result<String> {
    let mut pieces = Pieces::of(sql)?;
    while !pieces.take(&["VIEW"]) {
        pieces.word()?;
    }
    pieces.take(&["IF", "NOT", "EXISTS"]);
    pieces.name_in_schema()?;
    pieces.take(&["AS"]);
    Ok(pieces.rest().to_owned())
}

fn index(table: &TableShape, entry: &Entry) -> Result<IndexShape> {
    let mut pieces = Pieces::of(&entry.sql)?;
    pieces.take(&["CREATE"]);
    let unique = pieces.take(&["UNIQUE"]);
    pieces.take(&["INDEX"]);
    pieces.take(&["IF", "NOT", "EXISTS"]);
    pieces.name_in_schema()?;
    if !pieces.take(&["ON"]) {
        return Err(pieces.unread());
    }
    pieces.name()?;
    let columns: Vec<_> = table.columns.iter().map(|column| column.name.clone()).collect();
    // Ascending is what goes without saying.
    let text = pieces.canonical(&columns).replace("\" ASC", "\"");
    Ok(IndexShape { name: entry.name.clone(), unique, text, valid: true })
}

/// Writes references as the tables they point to are written, and the columns that go without
/// saying.
fn point(shape: &mut Shape) {
    let known: Vec<(String, Vec<String>, Vec<String>)> = shape
        .tables
        .iter()
        .map(|(name, table)| {
            let key = table.key.as_ref().map(|key| key.columns.clone()).unwrap_or_default();
            (name.clone(), key, table.columns.iter().map(|c| c.name.clone()).collect())
        })
        .collect();
    for reference in shape.tables.values_mut().flat_map(|table| &mut table.references) {
        let parent = known.iter().find(|known| known.0.eq_ignore_ascii_case(&reference.parent));
        let Some((name, key, columns)) = parent else { continue };
        reference.parent.clone_from(name);
        if reference.parent_columns.is_empty() {
            reference.parent_columns.clone_from(key);
        }
        for column in &mut reference.parent_columns {
            if let Some(have) = columns.iter().find(|have| have.eq_ignore_ascii_case(column)) {
                column.clone_from(have);
            }
        }
    }
}

/// Brings into one order what has none.
pub(super) fn order(table: &mut TableShape) {
    table.checks.sort_by(|a, b| (&a.name, &a.text).cmp(&(&b.name, &b.text)));
    table.references.sort_by(|a, b| {
        let by = |r: &crate::migrate::shape::ReferenceShape| {
            (r.name.clone(), r.columns.clone(), r.parent.clone())
        };
        by(a).cmp(&by(b))
    });
    table.indexes.sort_by(|a, b| (&a.name, &a.text).cmp(&(&b.name, &b.text)));
    table.triggers.sort_by(|a, b| a.name.cmp(&b.name));
}
