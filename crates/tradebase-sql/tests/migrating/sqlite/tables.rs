//! Building tables anew, and what hangs on them.

use serde_json::{Value as Json, json};

use super::kit::{column, down, draft, records, run, store, table, up};

/// A table whose keys the database gives.
fn assigned(name: &str, columns: &[Json]) -> Json {
    let mut table = table(name, columns);
    table["columns"][0]["roles"] = json!(["assigned", "key"]);
    table
}

fn not_null(mut column: Json) -> Json {
    column["nullable"] = false.into();
    column
}

fn pointing(name: &str, parent: &str, on_delete: &str) -> Json {
    let mut column = column(name, "i64");
    (column["parent"], column["on_delete"]) = (parent.into(), on_delete.into());
    column
}

#[tokio::test]
async fn a_key_is_never_given_twice_though_its_table_is_built_anew() {
    let was = records(json!([assigned("t", &[column("v", "text")])]));
    let is = records(json!([assigned("t", &[not_null(column("v", "text"))])]));
    let store = store(&was).await;
    run(&store, "INSERT INTO t (v) VALUES ('a'), ('b'), ('c'); DELETE FROM t WHERE id > 1");
    let before = store.sql.shape().await.unwrap();
    let draft = up(&store, &is).await;
    run(&store, "INSERT INTO t (v) VALUES ('d'); DELETE FROM t WHERE id <> 1");
    assert_eq!(run(&store, "SELECT name, seq FROM sqlite_sequence"), "t|4");
    down(&store, &draft, &before).await;
    run(&store, "INSERT INTO t (v) VALUES ('e')");
    assert_eq!(run(&store, "SELECT id, v FROM t ORDER BY id"), "1|a\n5|e");
    assert_eq!(run(&store, "SELECT name, seq FROM sqlite_sequence"), "t|5");
}

#[tokio::test]
async fn a_sequence_outlives_its_rows() {
    let was = records(json!([assigned("t", &[column("v", "text")])]));
    let is = records(json!([assigned("t", &[not_null(column("v", "text"))])]));
    let store = store(&was).await;
    run(&store, "INSERT INTO t (v) VALUES ('a'), ('b'); DELETE FROM t");
    up(&store, &is).await;
    run(&store, "INSERT INTO t (v) VALUES ('c')");
    assert_eq!(run(&store, "SELECT id FROM t"), "3");
    let plain = records(json!([table("t", &[not_null(column("v", "text"))])]));
    let back = draft(&store.sql, &plain).await.unwrap();
    assert!(back.up.notes[0].contains("keys were given is forgotten"), "{:?}", back.up.notes);
}

#[tokio::test]
async fn children_triggers_and_views_outlive_the_parent_built_anew() {
    let fills = table("fills", &[pointing("trade", "trades", "cascade")]);
    let was = records(json!([table("trades", &[column("v", "text")]), fills.clone()]));
    let is = records(json!([table("trades", &[not_null(column("v", "text"))]), fills]));
    let store = store(&was).await;
    run(
        &store,
        "INSERT INTO trades VALUES (1, 'a'), (2, 'b'); INSERT INTO fills VALUES (1, 1), (2, 2);
         CREATE TABLE log (n TEXT);
         CREATE VIEW mine AS SELECT t.v, f.id FROM trades AS t JOIN fills AS f ON f.trade = t.id;
         CREATE TRIGGER own AFTER DELETE ON trades BEGIN INSERT INTO log VALUES (OLD.v); END;
         CREATE TRIGGER other AFTER DELETE ON fills BEGIN
           UPDATE trades SET v = v || '!' WHERE id = OLD.trade; END;",
    );
    let before = store.sql.shape().await.unwrap();
    let wanted = store.sql.wanted(&is).await.unwrap();
    let draft = store.sql.draft(&wanted, false).await.unwrap();
    super::kit::go(&store, &draft.up).unwrap();
    assert_eq!(run(&store, "SELECT * FROM mine"), "a|1\nb|2");
    run(&store, "DELETE FROM fills WHERE id = 2");
    run(&store, "PRAGMA foreign_keys = ON; DELETE FROM trades WHERE id = 1");
    assert_eq!(run(&store, "SELECT n FROM log; SELECT * FROM trades"), "a\n2|b!");
    assert_eq!(run(&store, "SELECT count(*) FROM fills"), "0");
    down(&store, &draft, &before).await;
    let left = run(&store, "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'");
    assert_eq!(left, "2");
}

#[tokio::test]
async fn tables_that_point_to_each_other_come_and_go_together() {
    let bots = table("bots", &[pointing("best", "trades", "set_null")]);
    let trades = table("trades", &[pointing("bot", "bots", "restrict")]);
    let (none, both) = (records(json!([table("x", &[])])), json!([table("x", &[]), bots, trades]));
    let store = store(&none).await;
    let before = store.sql.shape().await.unwrap();
    let draft = up(&store, &records(both)).await;
    run(
        &store,
        "PRAGMA foreign_keys = ON; BEGIN; INSERT INTO bots VALUES (1, NULL);
         INSERT INTO trades VALUES (1, 1); UPDATE bots SET best = 1; COMMIT",
    );
    let lost: Vec<_> = draft.down.losses.iter().map(|l| &*l.table).collect();
    assert_eq!(lost, ["bots", "trades"]);
    down(&store, &draft, &before).await;
}

#[tokio::test]
async fn what_the_engine_can_add_moves_no_rows() {
    let was = records(json!([table("t", &[column("v", "text")]), table("p", &[])]));
    let mut day = not_null(column("day", "date"));
    day["default"] = json!("2026-01-01");
    let mut note = column("note", "text");
    note["max"] = 8.into();
    // In front of the column that is there: the place does not matter.
    let new = [day, pointing("p", "p", "cascade"), note, column("v", "text")];
    let mut new = table("t", &new);
    new["indexes"] = json!([{ "columns": ["note", "day"], "unique": false }]);
    let is = records(json!([new, table("p", &[])]));
    let store = store(&was).await;
    run(&store, "INSERT INTO t VALUES (1, 'a')");
    let before = store.sql.shape().await.unwrap();
    let draft = up(&store, &is).await;
    assert!(!draft.up.files[0].sql.contains("INSERT"), "{}", draft.up.files[0].sql);
    assert_eq!(run(&store, "SELECT id, v, day, p, note FROM t_readable"), "1|a|2026-01-01||");
    down(&store, &draft, &before).await;
    assert_eq!(run(&store, "SELECT * FROM t"), "1|a");
}

#[tokio::test]
async fn a_trigger_in_place_of_writing_to_a_view_outlives_it() {
    let was = records(json!([table("t", &[column("v", "decimal(18, 8)")])]));
    let is = records(json!([table("t", &[column("v", "decimal(18, 2)")])]));
    let store = store(&was).await;
    run(
        &store,
        "CREATE TRIGGER readable_in INSTEAD OF INSERT ON t_readable BEGIN
           INSERT INTO t (id) VALUES (NEW.id); END;
         INSERT INTO t_readable VALUES (1, '1')",
    );
    let before = store.sql.shape().await.unwrap();
    let draft = up(&store, &is).await;
    run(&store, "INSERT INTO t_readable VALUES (2, '1')");
    down(&store, &draft, &before).await;
    run(&store, "INSERT INTO t_readable VALUES (3, '1')");
    assert_eq!(run(&store, "SELECT count(*) FROM t"), "3");
    let other = records(json!([table("x", &[])]));
    let lost = self::draft(&store.sql, &other).await.unwrap().up.losses;
    let lost: Vec<_> = lost.iter().map(|loss| &*loss.table).collect();
    assert_eq!(lost, ["t_readable", "t"]);
}

#[tokio::test]
async fn nothing_to_do_makes_no_file() {
    let tables = records(json!([table("t", &[column("v", "decimal(28, 8)")])]));
    let store = store(&tables).await;
    let draft = draft(&store.sql, &tables).await.unwrap();
    assert_eq!(draft, tradebase_sql::Draft::default());
}

#[tokio::test]
async fn what_is_wanted_is_what_create_table_makes() {
    use crate::common::records::{Account, Event, Order, Remark, Venue, Venue2};
    use tradebase_core::Record;
    let tables =
        [Event::TABLE, Venue::TABLE, Remark::TABLE, Account::TABLE, Venue2::TABLE, Order::TABLE];
    let store = store(&tables).await;
    let (is, wanted) = (store.sql.shape().await.unwrap(), store.sql.wanted(&tables).await.unwrap());
    assert_eq!(is, wanted.shape);
    for table in tables {
        for column in table.columns {
            let have = is.tables[table.name].column(column.name.text).unwrap();
            let kind = match column.kind {
                tradebase_core::Kind::F64 => None,
                kind if kind.is_text() => Some("text".to_owned()),
                kind => Some(kind.to_string()),
            };
            assert_eq!(have.meaning, kind, "{}", column.name.text);
        }
    }
}
