//! Rows of tables that other tools have made, when these are built anew.

use serde_json::{Value as Json, json};

use super::kit::{column, down, go, made, records, run, table, up};

fn assigned(name: &str, columns: &[Json]) -> Json {
    let mut table = table(name, columns);
    table["columns"][0]["roles"] = json!(["assigned", "key"]);
    table
}

#[tokio::test]
async fn keys_given_by_a_table_of_another_form_are_not_given_twice() {
    for key in ["\"id\" AUTOINCREMENT", "id ASC AUTOINCREMENT", "ID autoincrement"] {
        let store =
            made(&format!("CREATE TABLE t (id INTEGER, v TEXT, PRIMARY KEY({key}));")).await;
        run(&store, "INSERT INTO t (v) VALUES ('a'), ('b'), ('c'); DELETE FROM t WHERE id > 1");
        let shape = store.sql.shape().await.unwrap();
        assert!(shape.tables["t"].column("id").unwrap().assigned);
        let is = records(json!([assigned("t", &[column("v", "text")])]));
        let draft = up(&store, &is).await;
        run(&store, "INSERT INTO t (v) VALUES ('d')");
        assert_eq!(run(&store, "SELECT id FROM t ORDER BY id"), "1\n4");
        run(&store, "DELETE FROM t WHERE id = 4");
        down(&store, &draft, &shape).await;
        run(&store, "INSERT INTO t (v) VALUES ('e')");
        assert_eq!(run(&store, "SELECT id FROM t ORDER BY id"), "1\n5", "{key}");
    }
}

#[tokio::test]
async fn a_key_in_another_form_is_taken_over_and_given_back() {
    for line in [
        "id INTEGER PRIMARY KEY DESC, v INTEGER",
        "id INTEGER CONSTRAINT k PRIMARY KEY ON CONFLICT REPLACE, v INTEGER",
        "id INTEGER, v INTEGER, PRIMARY KEY(id ASC)",
        "id INTEGER, v INTEGER, PRIMARY KEY(id DESC)",
        "id INTEGER, v INTEGER, PRIMARY KEY(id) ON CONFLICT IGNORE",
    ] {
        let store = made(&format!("CREATE TABLE t ({line})")).await;
        run(&store, "INSERT INTO t VALUES (3, 30), (1, 10)");
        let before = store.sql.shape().await.unwrap();
        let is = records(json!([table("t", &[column("v", "i64")])]));
        let draft = up(&store, &is).await;
        assert_eq!(run(&store, "SELECT * FROM t ORDER BY id"), "1|10\n3|30");
        down(&store, &draft, &before).await;
        assert_eq!(run(&store, "SELECT * FROM t ORDER BY id"), "1|10\n3|30", "{line}");
    }
}

#[tokio::test]
async fn no_row_is_passed_over_for_a_clause_of_the_table() {
    let store = made("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)").await;
    run(&store, "INSERT INTO t VALUES (1, NULL), (2, 'a'), (3, 'A'), (4, 'b')");
    let mut wanted = tradebase_sql::Wanted::default();
    let other = made(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT COLLATE nocase \
                      UNIQUE ON CONFLICT IGNORE)",
    )
    .await;
    wanted.shape = other.sql.shape().await.unwrap();
    let draft = store.sql.draft(&wanted, true).await.unwrap();
    let error = go(&store, &draft.up).unwrap_err();
    assert!(error.contains("UNIQUE"), "{error}");
    assert_eq!(run(&store, "SELECT count(*) FROM t"), "4");
}

#[tokio::test]
async fn rows_keep_their_numbers_and_what_was_counted_of_them() {
    let store = made(
        "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, body TEXT, rowid INTEGER);
         CREATE INDEX by_body ON notes (body);
         CREATE VIRTUAL TABLE found USING fts5(body, content='notes', content_rowid='_rowid_');",
    )
    .await;
    run(
        &store,
        "INSERT INTO notes VALUES ('c', 'one', 7), ('b', 'two', 8), ('a', 'three', 9);
         DELETE FROM notes WHERE id = 'c'; INSERT INTO found (rowid, body)
         SELECT _rowid_, body FROM notes; ANALYZE",
    );
    let numbers = "SELECT _rowid_, id, rowid FROM notes ORDER BY id; \
                   SELECT n.id FROM found f JOIN notes n ON n._rowid_ = f.rowid \
                   WHERE found MATCH 'two'; SELECT tbl, idx FROM sqlite_stat1 WHERE tbl = 'notes' \
                   ORDER BY idx";
    let before = run(&store, numbers);
    let shape = store.sql.shape().await.unwrap();
    let mut wanted = tradebase_sql::Wanted::default();
    wanted.shape = shape.clone();
    wanted.shape.tables.get_mut("notes").unwrap().columns[1].nullable = false;
    let draft = store.sql.draft(&wanted, true).await.unwrap();
    go(&store, &draft.up).unwrap();
    assert_eq!(run(&store, numbers), before);
    down(&store, &draft, &shape).await;
    assert_eq!(run(&store, numbers), before);
}

#[tokio::test]
async fn columns_called_like_words_of_the_language_stay_what_they_are() {
    let columns = [
        column("in", "i64"),
        column("b", "bool"),
        column("desc", "text"),
        column("and", "i16"),
        column("case", "bool"),
        column("order", "decimal(18, 2)"),
    ];
    let mut wide = table("t", &columns);
    wide["indexes"] = json!([{ "columns": ["in", "desc"], "unique": false }]);
    let store = super::kit::store(&records(json!([wide.clone()]))).await;
    run(&store, "INSERT INTO t VALUES (1, 2, 1, 'd', 3, 0, 100)");
    wide["columns"][1]["nullable"] = false.into();
    up(&store, &records(json!([wide]))).await;
    assert_eq!(run(&store, "SELECT * FROM t"), "1|2|1|d|3|0|100");
}
