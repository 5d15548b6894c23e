//! What was made by hand, when what it hangs on gets another name or goes, and names that SQLite
//! takes for the same.

use serde_json::{Value as Json, json};
use tradebase_core::Value;
use tradebase_sql::{Draft, Sql};

use super::kit::{column, go, insert, made, records, run, store, table};

async fn kept(sql: &Sql, schemas: Json) -> Draft {
    let wanted = sql.wanted(&records(schemas)).await.unwrap();
    sql.draft(&wanted, false).await.unwrap()
}

fn was(mut column: Json, name: &str) -> Json {
    column["was"] = json!(name);
    column
}

#[tokio::test]
async fn sqlite_what_hangs_on_a_column_goes_by_its_new_name_or_with_it() {
    let text = |name: &str| column(name, "text");
    let was_there = records(json!([table("trades", &[text("note"), text("tag")])]));
    let store = store(&was_there).await;
    run(
        &store,
        "CREATE INDEX by_note ON trades (note); CREATE INDEX by_tag ON trades (tag, note);
         CREATE UNIQUE INDEX trades__mine ON trades (lower(note))",
    );
    insert(&store.sql, was_there[0], &[("id", Value::Int(1)), ("note", Value::Text("a".into()))])
        .await;
    let shape = store.sql.shape().await.unwrap();
    let draft = kept(&store.sql, json!([table("trades", &[was(text("remark"), "note")])])).await;
    let notes = draft.up.notes.join("\n");
    assert!(notes.contains("by_tag of trades goes with the column tag"), "{notes}");
    assert!(notes.contains("trades__mine of trades is left alone"), "{notes}");
    go(&store, &draft.up).unwrap();
    let indexes = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' ORDER BY name";
    let left = run(&store, indexes);
    assert!(left.contains("by_note") && left.contains("trades__mine"), "{left}");
    assert!(left.contains("remark") && !left.contains("by_tag"), "{left}");
    super::kit::down(&store, &draft, &shape).await;
    assert_eq!(run(&store, "SELECT note FROM trades"), "a");
}

#[tokio::test]
async fn sqlite_a_check_or_reference_on_a_column_that_goes_is_no_obstacle() {
    let store = made(
        "CREATE TABLE bots (id INTEGER PRIMARY KEY) STRICT;
         CREATE TABLE trades (id INTEGER PRIMARY KEY NOT NULL, size INTEGER CHECK (size > 0),
         old INTEGER REFERENCES bots (id), bot INTEGER REFERENCES bots (id)) STRICT;
         INSERT INTO bots VALUES (1); INSERT INTO trades VALUES (7, 1, 1, 1)",
    )
    .await;
    let mut bot = was(column("bot_id", "i64"), "bot");
    bot["parent"] = json!("bots");
    let draft = kept(&store.sql, json!([table("bots", &[]), table("trades", &[bot])])).await;
    let notes = draft.up.notes.join("\n");
    for said in ["goes with the column size", "goes with the column old"] {
        assert!(notes.contains(said), "{notes}");
    }
    go(&store, &draft.up).unwrap();
    assert_eq!(run(&store, "SELECT id, bot_id FROM trades"), "7|1");
    // The reference by hand and that of the record are one.
    assert_eq!(run(&store, "SELECT count(*) FROM pragma_foreign_key_list('trades')"), "1");
}

#[tokio::test]
async fn sqlite_names_of_another_case_are_the_same() {
    let store = made(
        "CREATE TABLE \"Trades\" (Id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, Price INTEGER,
         CHECK (Price > 0)) STRICT; CREATE INDEX By_Price ON Trades (Price);
         CREATE TABLE fills (id INTEGER PRIMARY KEY, trade REFERENCES TRADES (ID));
         INSERT INTO Trades VALUES (41, 5), (42, 6); DELETE FROM Trades WHERE id = 42;
         INSERT INTO fills VALUES (1, 41)",
    )
    .await;
    let mut schema = table("trades", &[column("price", "i64"), column("fee", "i64")]);
    schema["columns"][0]["roles"] = json!(["key", "assigned"]);
    for drop_unknown in [false, true] {
        let wanted = store.sql.wanted(&records(json!([schema.clone()]))).await.unwrap();
        let draft = store.sql.draft(&wanted, drop_unknown).await.unwrap();
        let lost: Vec<_> = draft.up.losses.iter().map(|loss| loss.table.as_str()).collect();
        assert_eq!(lost, if drop_unknown { vec!["fills"] } else { vec![] }, "{draft:?}");
        go(&store, &draft.up).unwrap();
        assert_eq!(run(&store, "SELECT id, price FROM trades"), "41|5");
    }
    let again = kept(&store.sql, json!([schema.clone()])).await;
    assert!(again.up.files.is_empty(), "{again:?}");
    let drift = store.sql.drift(&records(json!([schema]))).await.unwrap();
    assert!(drift.is_empty(), "{drift:?}");
    // A key that was given is not given again.
    run(&store, "INSERT INTO trades (price) VALUES (7)");
    assert_eq!(run(&store, "SELECT max(id) FROM trades"), "43");
}
