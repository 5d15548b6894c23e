//! A plan is tried under the rules that hold where it is run.

use serde_json::json;
use tradebase_core::Code;
use tradebase_sql::{MigrateOptions, MigrationFile, MigrationSet, Target};

use super::kit::{SqliteStore, column, draft, go, made, records, run, store, table, up};

#[tokio::test]
async fn a_check_of_a_column_that_goes_is_not_made_one_of_a_text() {
    let store = made(
        "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, size INTEGER, CHECK (size > 0)) STRICT",
    )
    .await;
    let wanted = store.sql.wanted(&records(json!([table("t", &[])]))).await.unwrap();
    match store.sql.draft(&wanted, false).await {
        Err(error) => assert!(error.message().contains("size"), "{error}"),
        Ok(draft) => {
            let sql = &draft.up.files[0].sql;
            assert!(!sql.contains("CHECK (\"size\""), "{sql}");
            go(&store, &draft.up).unwrap();
        }
    }
}

#[tokio::test]
async fn a_text_in_double_quotes_of_others_is_carried_as_a_text() {
    let store = made(
        "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, state TEXT DEFAULT \"it\",
           CHECK (state <> \"gone\" COLLATE \"nocase\" AND t.state <> \"it's\" AND \"rowid\" > 0));
         CREATE INDEX open ON t (state) WHERE \"state\" = \"open\";
         CREATE VIEW seen AS SELECT id FROM t WHERE state = \"open\";",
    )
    .await;
    run(&store, "INSERT INTO t VALUES (1, 'open')");
    let mut is = column("state", "text");
    is["nullable"] = false.into();
    let wanted = store.sql.wanted(&records(json!([table("t", &[is])]))).await.unwrap();
    let draft = store.sql.draft(&wanted, false).await.unwrap();
    go(&store, &draft.up).unwrap();
    assert_eq!(run(&store, "SELECT * FROM t; SELECT * FROM seen"), "1|open\n1");
    for gone in ["gone", "GONE", "it''s"] {
        let insert = format!("INSERT INTO t VALUES (2, '{gone}')");
        assert!(tradebase_testkit::sqlite3(store.path(), &insert).is_err(), "{gone}");
    }
    go(&store, &draft.down).unwrap();
}

/// A table with a search beside it, as the handbook of the engine makes it.
const SEARCHED: &str = "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, body TEXT, n INTEGER);
    CREATE VIRTUAL TABLE t_fts USING fts5(body, content='t', content_rowid='id');
    CREATE TRIGGER t_ai AFTER INSERT ON t BEGIN
      INSERT INTO t_fts (rowid, body) VALUES (new.id, new.body); END;
    CREATE TRIGGER t_ad AFTER DELETE ON t BEGIN
      INSERT INTO t_fts (t_fts, rowid, body) VALUES ('delete', old.id, old.body); END;
    CREATE VIEW hits AS SELECT rowid, rank FROM t_fts WHERE t_fts MATCH 'a';";

#[tokio::test]
async fn a_search_beside_a_table_stops_neither_renames_nor_the_proof() {
    let store = made(SEARCHED).await;
    run(&store, "INSERT INTO t VALUES (1, 'a b', 5)");
    let mut body = column("text", "text");
    body["was"] = "body".into();
    let to = records(json!([table("t", &[body, column("n", "i64")])]));
    let before = store.sql.shape().await.unwrap();
    let wanted = store.sql.wanted(&to).await.unwrap();
    let draft = store.sql.draft(&wanted, false).await.unwrap();
    go(&store, &draft.up).unwrap();
    run(&store, "INSERT INTO t (id, text) VALUES (2, 'a')");
    assert_eq!(run(&store, "SELECT count(*) FROM hits"), "2");
    super::kit::down(&store, &draft, &before).await;

    // One that would break is still found.
    run(
        &store,
        "CREATE TABLE log (n); CREATE TRIGGER watch AFTER INSERT ON t BEGIN
           INSERT INTO log VALUES (NEW.n); END",
    );
    let to = records(json!([table("t", &[column("body", "text")])]));
    let wanted = store.sql.wanted(&to).await.unwrap();
    let error = store.sql.draft(&wanted, false).await.unwrap_err();
    assert!(error.message().contains("watch"), "{error}");
}

#[tokio::test]
async fn a_trigger_that_was_out_of_order_hides_none_that_would_be() {
    let store = store(&records(json!([table("t", &[column("v", "text")])]))).await;
    run(
        &store,
        "CREATE TABLE gone (n); CREATE TABLE log (n);
         CREATE TRIGGER broken AFTER INSERT ON t BEGIN INSERT INTO gone VALUES (1); END;
         CREATE TRIGGER watch AFTER INSERT ON t BEGIN INSERT INTO log VALUES (NEW.v); END;
         DROP TABLE gone",
    );
    let wanted = store.sql.wanted(&records(json!([table("t", &[])]))).await.unwrap();
    let error = store.sql.draft(&wanted, false).await.unwrap_err();
    assert!(error.message().contains("watch"), "{error}");
    run(&store, "DROP TRIGGER watch");
    store.sql.draft(&wanted, false).await.unwrap();
}

#[tokio::test]
async fn what_was_out_of_order_stops_no_rename() {
    let was = records(json!([table("t", &[column("v", "text")]), table("u", &[])]));
    let store = store(&was).await;
    run(
        &store,
        "INSERT INTO t VALUES (1, 'a'); CREATE TABLE gone (n);
         CREATE VIEW looks AS SELECT n FROM gone;
         CREATE TRIGGER broken AFTER INSERT ON u BEGIN INSERT INTO gone VALUES (1); END;
         DROP TABLE gone",
    );
    let mut new = table("deals", &[column("v", "text")]);
    new["was"] = "t".into();
    let before = store.sql.shape().await.unwrap();
    let wanted = store.sql.wanted(&records(json!([new, table("u", &[])]))).await.unwrap();
    let draft = store.sql.draft(&wanted, false).await.unwrap();
    go(&store, &draft.up).unwrap();
    assert_eq!(run(&store, "SELECT * FROM deals"), "1|a");
    let left = "SELECT name FROM sqlite_schema WHERE name IN ('looks', 'broken') ORDER BY name";
    assert_eq!(run(&store, left), "broken\nlooks");
    super::kit::down(&store, &draft, &before).await;
}

#[tokio::test]
async fn a_table_that_cannot_be_made_aside_is_named() {
    let store = made("CREATE TABLE other (a TEXT CHECK (a REGEXP 'x'))").await;
    let error = draft(&store.sql, &records(json!([table("t", &[])]))).await;
    // It is dropped where it is not wanted; nothing can be tried with it.
    let error = error.unwrap_err();
    assert!(error.message().contains("the table other"), "{error}");
}

#[tokio::test]
async fn names_aside_are_free_whatever_their_case() {
    let store = made(
        "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, v INTEGER); CREATE TABLE T__NEW (a);
         INSERT INTO t VALUES (1, 2);",
    )
    .await;
    let is = records(json!([table("t", &[column("v", "i64")])]));
    let wanted = store.sql.wanted(&is).await.unwrap();
    let draft = store.sql.draft(&wanted, false).await.unwrap();
    go(&store, &draft.up).unwrap();
    assert_eq!(run(&store, "SELECT * FROM t"), "1|2");
    up(&made("CREATE TABLE T__NEW (a)").await, &is).await;
}

#[tokio::test]
async fn no_other_file_is_touched_by_a_look_at_versions() {
    let other = made("CREATE TABLE kept (a); INSERT INTO kept VALUES (1)").await;
    let store = SqliteStore::new().await;
    let path = other.path().display().to_string();
    let sql = format!("ATTACH '{path}' AS archive;\nDELETE FROM archive.kept;\nDETACH archive;\n");
    let name = "0001_archive.up.sql";
    let file = MigrationFile::new(name, "0001", "archive", None, false, sql);
    let files = [(name.to_owned(), file.text())];
    let set = MigrationSet::new("app", files).unwrap();
    let migrator = store.sql.migrator([set], MigrateOptions::default()).unwrap();
    let error = migrator.adopt(Target::End).await.unwrap_err();
    assert_eq!(error.code(), Code::Unsupported, "{error}");
    assert!(error.message().contains("ATTACH"), "{error}");
    assert_eq!(run(&other, "SELECT count(*) FROM kept"), "1");
}
