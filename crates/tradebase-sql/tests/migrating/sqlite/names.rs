//! Things that bear another name.

use serde_json::{Value as Json, json};

use super::kit::{column, down, draft, records, run, store, table, up};

fn was(mut named: Json, old: &str) -> Json {
    named["was"] = old.into();
    named
}

#[tokio::test]
async fn a_table_and_its_columns_keep_their_rows_under_other_names() {
    let mut child = column("trade", "i64");
    (child["parent"], child["on_delete"]) = (json!("trades"), json!("cascade"));
    let fee = column("fee", "decimal(18, 8)");
    let from = records(json!([table("trades", &[fee]), table("fills", &[child.clone()])]));
    let store = store(&from).await;
    run(
        &store,
        "INSERT INTO trades VALUES (1, 150000000), (2, NULL); INSERT INTO fills VALUES (7, 1);
         CREATE TABLE log (id INTEGER);
         CREATE VIEW dear AS SELECT id, fee FROM trades WHERE fee > 100;
         CREATE TRIGGER watch AFTER UPDATE OF fee ON trades BEGIN
           INSERT INTO log VALUES (NEW.id); END;
         CREATE TRIGGER other AFTER INSERT ON log BEGIN
           UPDATE trades SET fee = fee + 1 WHERE id = NEW.id; END;
         CREATE INDEX by_fee ON trades (fee DESC) WHERE fee IS NOT NULL;",
    );
    child["parent"] = json!("deals");
    let cost = was(column("cost", "decimal(18, 8)"), "fee");
    let to = records(json!([was(table("deals", &[cost]), "trades"), table("fills", &[child])]));
    let before = store.sql.shape().await.unwrap();
    let wanted = store.sql.wanted(&to).await.unwrap();
    let draft = store.sql.draft(&wanted, false).await.unwrap();
    assert_eq!(draft.up.losses, []);
    super::kit::go(&store, &draft.up).unwrap();
    assert_eq!(run(&store, "SELECT id, cost FROM deals_readable"), "1|1.50000000\n2|");
    assert_eq!(run(&store, "SELECT * FROM dear"), "1|150000000");
    assert_eq!(run(&store, "SELECT name FROM pragma_index_list('deals')"), "by_fee");
    run(&store, "UPDATE deals SET cost = 5 WHERE id = 2");
    assert_eq!(run(&store, "SELECT id FROM log; SELECT cost FROM deals WHERE id = 2"), "2\n6");
    run(&store, "PRAGMA foreign_keys = ON; DELETE FROM deals WHERE id = 1");
    assert_eq!(run(&store, "SELECT count(*) FROM fills"), "0");
    down(&store, &draft, &before).await;
    assert_eq!(run(&store, "SELECT id, fee FROM trades"), "2|6");
}

#[tokio::test]
async fn what_reads_the_readable_view_does_not_stop_a_rename() {
    let columns = [column("fee", "decimal(28, 8)"), column("note", "text")];
    let store = store(&records(json!([table("trades", &columns)]))).await;
    run(
        &store,
        "CREATE VIEW mine AS SELECT fee FROM trades_readable;
         CREATE TRIGGER look AFTER INSERT ON trades BEGIN SELECT fee FROM mine; END;
         INSERT INTO trades VALUES (1, NULL, 'a')",
    );
    let columns = [column("fee", "decimal(28, 8)"), was(column("remark", "text"), "note")];
    let to = records(json!([table("trades", &columns)]));
    let before = store.sql.shape().await.unwrap();
    let wanted = store.sql.wanted(&to).await.unwrap();
    let draft = store.sql.draft(&wanted, false).await.unwrap();
    super::kit::go(&store, &draft.up).unwrap();
    assert_eq!(run(&store, "SELECT remark FROM trades; SELECT count(*) FROM mine"), "a\n1");
    down(&store, &draft, &before).await;
}

#[tokio::test]
async fn a_name_that_is_taken_over_is_given_back_with_its_rows() {
    let from = records(json!([table("trades", &[column("note", "text")])]));
    let store = store(&from).await;
    run(&store, "INSERT INTO trades VALUES (1, 'first')");
    let columns = [was(column("remark", "text"), "note"), column("note", "i64")];
    let old = was(table("old_trades", &columns), "trades");
    let to = records(json!([old, table("trades", &[column("price", "i64")])]));
    let before = store.sql.shape().await.unwrap();
    let draft = up(&store, &to).await;
    assert_eq!(draft.up.losses, []);
    assert_eq!(run(&store, "SELECT id, remark, note IS NULL FROM old_trades"), "1|first|1");
    run(&store, "INSERT INTO trades VALUES (9, 9); UPDATE old_trades SET note = 3");
    let lost: Vec<_> = draft.down.losses.iter().map(|l| (&*l.table, l.column.as_deref())).collect();
    assert_eq!(lost, [("trades", None), ("trades", Some("note"))]);
    down(&store, &draft, &before).await;
    assert_eq!(run(&store, "SELECT * FROM trades"), "1|first");
}

#[tokio::test]
async fn a_hint_that_no_longer_counts_takes_nothing_back() {
    let columns = [column("remark", "text"), column("note", "text")];
    let store = store(&records(json!([table("trades", &columns)]))).await;
    run(&store, "INSERT INTO trades VALUES (1, 'kept', 'goes')");
    let to = records(json!([table("trades", &[was(column("remark", "text"), "note")])]));
    let before = store.sql.shape().await.unwrap();
    let draft = up(&store, &to).await;
    assert_eq!(run(&store, "SELECT * FROM trades"), "1|kept");
    down(&store, &draft, &before).await;
    assert_eq!(run(&store, "SELECT remark, note IS NULL FROM trades"), "kept|1");
}

#[tokio::test]
async fn names_that_move_in_a_row_each_keep_their_rows() {
    let from = records(json!([table("a", &[column("x", "text")]), table("b", &[])]));
    let store = store(&from).await;
    run(&store, "INSERT INTO a VALUES (1, 'of a'); INSERT INTO b VALUES (2)");
    let to =
        records(json!([was(table("b", &[column("x", "text")]), "a"), was(table("c", &[]), "b"),]));
    let before = store.sql.shape().await.unwrap();
    let draft = up(&store, &to).await;
    assert_eq!(draft.up.losses, []);
    assert_eq!(run(&store, "SELECT * FROM b; SELECT * FROM c"), "1|of a\n2");
    down(&store, &draft, &before).await;
    assert_eq!(run(&store, "SELECT * FROM a; SELECT * FROM b"), "1|of a\n2");
}

#[tokio::test]
async fn a_trigger_that_would_break_stops_the_plan() {
    let from = records(json!([table("trades", &[column("note", "text")])]));
    let store = store(&from).await;
    run(
        &store,
        "CREATE TABLE log (n TEXT);
         CREATE TRIGGER watch AFTER INSERT ON trades BEGIN
           INSERT INTO log VALUES (NEW.note); END",
    );
    let to = records(json!([table("trades", &[])]));
    let wanted = store.sql.wanted(&to).await.unwrap();
    let error = store.sql.draft(&wanted, false).await.unwrap_err();
    assert!(error.message().contains("watch"), "{error}");
    run(&store, "DROP TRIGGER watch");
    draft(&store.sql, &to).await.unwrap();
}

#[tokio::test]
async fn a_trigger_that_reads_the_readable_view_of_a_renamed_table_is_named() {
    let from = records(json!([table("trades", &[column("fee", "decimal(28, 8)")])]));
    let store = store(&from).await;
    run(
        &store,
        "CREATE TABLE log (n TEXT);
         CREATE TRIGGER look AFTER INSERT ON trades BEGIN
           INSERT INTO log SELECT fee FROM trades_readable; END;
         CREATE TRIGGER plain AFTER DELETE ON trades BEGIN
           INSERT INTO log SELECT OLD.id FROM trades; END",
    );
    let deals = was(table("deals", &[column("fee", "decimal(28, 8)")]), "trades");
    let to = records(json!([deals]));
    let wanted = store.sql.wanted(&to).await.unwrap();
    let error = store.sql.draft(&wanted, false).await.unwrap_err();
    assert!(error.message().contains("look"), "{error}");
    run(&store, "DROP TRIGGER look");
    let before = store.sql.shape().await.unwrap();
    let draft = store.sql.draft(&wanted, false).await.unwrap();
    super::kit::go(&store, &draft.up).unwrap();
    run(&store, "INSERT INTO deals VALUES (1, NULL), (2, NULL); DELETE FROM deals WHERE id = 1");
    assert_eq!(run(&store, "SELECT n FROM log"), "1");
    down(&store, &draft, &before).await;
}
