//! Other names keep rows, and nothing is built anew for them.

use tradebase_sql::{IndexShape, Renames, Shape};

use super::walk::{Walk, run, statements};
use crate::common::built;

fn renames(tables: &[(&str, &str)], columns: &[(&str, &str, &str)]) -> Renames {
    let mut renames = Renames::default();
    for (new, old) in tables {
        renames.tables.insert((*new).to_owned(), (*old).to_owned());
    }
    for (table, new, old) in columns {
        renames.columns.insert(((*table).to_owned(), (*new).to_owned()), (*old).to_owned());
    }
    renames
}

/// A table as records make it.
fn ours(table: &str, column: &str) -> String {
    format!(
        "CREATE TABLE \"{table}\" (\"id\" bigint, \"{column}\" text COLLATE \"C\" NOT NULL, \
         \"up\" bigint, CONSTRAINT \"{table}__key\" PRIMARY KEY (\"id\"), \
         CONSTRAINT \"{table}__{column}__check\" CHECK (char_length(\"{column}\") <= 9));
         CREATE INDEX \"{table}__{column}__index\" ON \"{table}\" (\"{column}\");
         CREATE UNIQUE INDEX \"{table}__{column}__up__unique\" ON \"{table}\" \
         (\"{column}\", \"up\" NULLS FIRST);
         ALTER TABLE \"{table}\" ADD CONSTRAINT \"{table}__up__parent\" FOREIGN KEY (\"up\") \
         REFERENCES \"{table}\" (\"id\") ON DELETE CASCADE"
    )
}

#[tokio::test]
async fn postgres_tables_and_columns_get_other_names_and_all_that_hangs_on_them_too() {
    let (from, to) = (ours("fills", "note"), ours("Trades", "the remark"));
    let renames = renames(&[("Trades", "fills")], &[("Trades", "the remark", "note")]);
    let walk = Walk::renaming(&from, &to, renames).await;
    walk.psql("INSERT INTO fills VALUES (1, 'a', NULL), (2, 'b', 1)");
    let files = "SELECT sum(relfilenode::bigint) FROM pg_class \
                 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')";
    let before = walk.psql(files);
    walk.up().await;
    assert_eq!(walk.psql("SELECT \"the remark\" FROM \"Trades\" WHERE up = 1"), "b");
    assert!(walk.draft.up.losses.is_empty() && walk.draft.up.files.len() == 1);
    walk.down().await;
    assert_eq!(walk.psql("SELECT note FROM fills WHERE up = 1"), "b");
    assert_eq!(walk.psql(files), before, "something was built anew");
}

#[tokio::test]
async fn postgres_a_name_that_is_given_up_is_taken_by_another() {
    let from = "CREATE TABLE a (id int PRIMARY KEY, x int, y int); CREATE INDEX a__x ON a (x); \
                CREATE INDEX a__y ON a (y); CREATE TABLE b (id int PRIMARY KEY, x int)";
    // B becomes c, a becomes b; of a, y becomes z and x becomes y.
    let to = "CREATE TABLE b (id int, y int, z int, CONSTRAINT a_pkey PRIMARY KEY (id)); \
              CREATE INDEX a__x ON b (y); CREATE INDEX a__y ON b (z); \
              CREATE TABLE c (id int, x int, CONSTRAINT b_pkey PRIMARY KEY (id))";
    let renames = renames(&[("b", "a"), ("c", "b")], &[("b", "y", "x"), ("b", "z", "y")]);
    let walk = Walk::renaming(from, to, renames).await;
    walk.psql("INSERT INTO a VALUES (1, 10, 20); INSERT INTO b VALUES (2, 30)");
    walk.up().await;
    assert_eq!(walk.psql("SELECT y, z FROM b"), "10|20");
    assert_eq!(walk.psql("SELECT x FROM c"), "30");
    walk.down().await;
    assert_eq!(walk.psql("SELECT a.x, a.y, b.x FROM a, b"), "10|20|30");
}

#[tokio::test]
async fn postgres_an_index_serves_until_the_one_in_its_place_does() {
    let schema = |nulls: &str| {
        format!(
            "CREATE TABLE t (id int PRIMARY KEY, v int); CREATE UNIQUE INDEX i ON t (v {nulls})"
        )
    };
    let walk = Walk::new(&schema(""), &schema("NULLS FIRST")).await;
    let [file] = walk.draft.up.files.as_slice() else { panic!("{:?}", walk.draft.up) };
    assert!(!file.transactional);
    walk.psql("INSERT INTO t VALUES (1, 1)");
    for statement in statements(&file.sql) {
        let mut connection = walk.store.sql.connection().await.unwrap();
        connection.batch(built(statement)).await.unwrap();
        connection.release().await.unwrap();
        let unique = "SELECT count(*) > 0 FROM pg_index WHERE indrelid = 't'::regclass \
                      AND indisunique AND indisvalid AND NOT indisprimary";
        assert_eq!(walk.psql(unique), "t");
    }
    let have = walk.store.sql.shape().await.unwrap();
    assert_eq!(have.in_order(), walk.to.in_order());
    walk.down().await;
}

#[tokio::test]
async fn postgres_an_index_of_an_interrupted_building_is_built_anew() {
    let schema = "CREATE TABLE t (id int PRIMARY KEY, v int); CREATE UNIQUE INDEX i ON t (v)";
    let mut walk = Walk::new(schema, schema).await;
    walk.psql("DROP INDEX i; INSERT INTO t VALUES (1, 5), (2, 5)");
    let url = walk.store.url();
    let build = "CREATE UNIQUE INDEX CONCURRENTLY i ON t (v)";
    tradebase_testkit::psql(&url, build).unwrap_err();
    walk.psql("DELETE FROM t WHERE id = 2");
    let now = walk.store.sql.shape().await.unwrap();
    let index = |shape: &Shape| -> IndexShape { shape.tables["t"].indexes[0].clone() };
    assert!(!index(&now).valid && index(&walk.to).valid);
    let mut wanted = tradebase_sql::Wanted::default();
    wanted.shape = walk.to.clone();
    let engine = tradebase_sql::MigrationEngine::Postgres;
    walk.draft = tradebase_sql::Draft::between(engine, &now, &wanted, true).unwrap();
    walk.up().await;
}

#[tokio::test]
async fn postgres_each_statement_beside_the_writers_may_be_run_twice() {
    let from = "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, a int, \
                b int, c text); CREATE INDEX i ON t (a); CREATE INDEX j ON t (b)";
    let to = "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, \
              a int NOT NULL CONSTRAINT o CHECK (a > 0), b int REFERENCES p, c text); \
              CREATE INDEX i ON t (a NULLS FIRST); CREATE UNIQUE INDEX k ON t (c)";
    let walk = Walk::new(from, to).await;
    walk.psql("INSERT INTO p VALUES (3); INSERT INTO t VALUES (1, 2, 3, 'c')");
    let files = &walk.draft.up.files;
    assert!(files.len() == 2 && files[0].transactional && !files[1].transactional);
    run(&walk.store, &files[0], 1).await.unwrap();
    let twice = statements(&files[1].sql);
    for statement in twice {
        for _ in 0..2 {
            let mut connection = walk.store.sql.connection().await.unwrap();
            connection.batch(built(&statement)).await.unwrap();
            connection.release().await.unwrap();
        }
    }
    assert_eq!(walk.store.sql.shape().await.unwrap().in_order(), walk.to.in_order());
    walk.down().await;
    assert_eq!(walk.psql("SELECT * FROM t"), "1|2|3|c");
}
