//! A file, the way to records and back, and the shell that goes it.

use serde_json::{Value as Json, json};
use tradebase_core::schema::{TableSchema, tables};
use tradebase_core::{Result, Table, Value};
use tradebase_sql::{Draft, DynamicRow, Plan, Shape, Sql};
use tradebase_testkit::sqlite3;

pub use super::common::SqliteStore;

/// Records, as a schema has them.
pub fn records(schemas: Json) -> Vec<&'static Table> {
    let schemas: Vec<TableSchema> = serde_json::from_value(schemas).unwrap();
    tables(&schemas).unwrap()
}

/// The schema of a table whose key is `id`, an i64.
pub fn table(name: &str, columns: &[Json]) -> Json {
    let id = json!({ "name": "id", "kind": "i64", "nullable": false, "roles": ["key"] });
    let columns: Vec<_> = [id].into_iter().chain(columns.iter().cloned()).collect();
    json!({ "record": "Made", "table": name, "columns": columns, "key": ["id"] })
}

pub fn column(name: &str, kind: &str) -> Json {
    let digits = kind.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')'));
    match digits.and_then(|digits| digits.split_once(", ")) {
        Some((precision, scale)) => {
            let [precision, scale] = [precision, scale].map(|n| n.parse::<u8>().unwrap());
            json!({
                "name": name, "kind": "decimal", "precision": precision, "scale": scale,
                "nullable": true
            })
        }
        None => json!({ "name": name, "kind": kind, "nullable": true }),
    }
}

/// A store with these tables.
pub async fn store(tables: &[&'static Table]) -> SqliteStore {
    let store = SqliteStore::new().await;
    for table in tables {
        store.sql.table(table).create_table().await.unwrap();
    }
    store
}

/// A store that another tool has made.
pub async fn made(sql: &str) -> SqliteStore {
    let store = SqliteStore::new().await;
    run(&store, sql);
    store
}

pub async fn draft(sql: &Sql, tables: &[&'static Table]) -> Result<Draft> {
    sql.draft(&sql.wanted(tables).await?, true).await
}

pub async fn insert(sql: &Sql, table: &'static Table, row: &[(&'static str, Value)]) {
    let row =
        row.iter().fold(DynamicRow::new(), |row, (name, value)| row.with(*name, value.clone()));
    sql.table(table).insert(&row).await.unwrap();
}

/// Runs SQL in the shell.
pub fn run(store: &SqliteStore, sql: &str) -> String {
    sqlite3(store.path(), sql).unwrap()
}

/// Goes the way in the shell, as a script does; gives the shell's complaint.
pub fn go(store: &SqliteStore, plan: &Plan) -> Result<(), String> {
    let files: String = plan.files.iter().map(|file| file.sql.as_str()).collect();
    let script = format!("PRAGMA foreign_keys = OFF;\nBEGIN IMMEDIATE;\n{files}\nCOMMIT;\n");
    sqlite3(store.path(), &script).map_err(|e| e.to_string())?;
    assert_eq!(run(store, "PRAGMA foreign_key_check"), "");
    assert_eq!(run(store, "PRAGMA integrity_check"), "ok");
    Ok(())
}

/// Goes there, and looks whether it is there.
pub async fn up(store: &SqliteStore, tables: &[&'static Table]) -> Draft {
    let draft = draft(&store.sql, tables).await.unwrap();
    go(store, &draft.up).unwrap_or_else(|e| panic!("{e}\n{:?}", draft.up));
    let again = self::draft(&store.sql, tables).await.unwrap();
    assert!(again.up.files.is_empty(), "not there: {:?}", again.up);
    draft
}

/// Goes back, and looks whether all is as it was.
pub async fn down(store: &SqliteStore, draft: &Draft, was: &Shape) {
    go(store, &draft.down).unwrap_or_else(|e| panic!("{e}\n{:?}", draft.down));
    let is = store.sql.shape().await.unwrap();
    assert_eq!(told(&is), told(was));
}

/// A shape as text, the order of columns aside.
pub fn told(shape: &Shape) -> String {
    let mut shape = shape.clone();
    for table in shape.tables.values_mut() {
        table.columns.sort_by(|a, b| a.name.cmp(&b.name));
    }
    serde_json::to_string_pretty(&shape).unwrap()
}
