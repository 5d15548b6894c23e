//! Values are read as what somebody said they mean, or not at all.

use tradebase_core::{Code, Value};

use super::kit::{column, draft, go, insert, made, records, run, store, table, up};

/// Tables by hand whose readable view is missing, has no such column, or is another's.
const UNSAID: [&str; 4] = [
    "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, v INTEGER) STRICT;",
    "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, v BIGINT);",
    "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, v INTEGER) STRICT;
     CREATE VIEW t_readable AS SELECT id FROM t;",
    "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, v BLOB) STRICT;",
];

#[tokio::test]
async fn a_number_that_nobody_said_the_meaning_of_is_never_read_as_another() {
    for sql in UNSAID {
        for kind in
            ["decimal(18, 8)", "decimal(28, 8)", "decimal(18, 0)", "timestamp", "date", "text"]
        {
            let store = made(sql).await;
            let is = records([table("t", &[column("v", kind)])].into());
            let error = draft(&store.sql, &is).await.unwrap_err();
            assert_eq!(error.code(), Code::SchemaMismatch, "{sql} {kind}");
            for part in ["t.v", "t_readable", "by hand"] {
                assert!(error.message().contains(part), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_plain_integer_of_others_is_taken_over_as_it_stands() {
    for (made_as, kind) in
        [("BIGINT", "i64"), ("INTEGER", "i32"), ("int", "bool"), ("BLOB", "uuid")]
    {
        let sql = format!("CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, v {made_as})");
        let store = made(&sql).await;
        let value = if kind == "uuid" { "X'0193a5e600ff7000800000000000000a'" } else { "1" };
        run(&store, &format!("INSERT INTO t VALUES (1, {value})"));
        let before = run(&store, "SELECT quote(v) FROM t");
        let was = store.sql.shape().await.unwrap();
        let is = records([table("t", &[column("v", kind)])].into());
        let draft = up(&store, &is).await;
        assert_eq!(run(&store, "SELECT quote(v) FROM t"), before);
        super::kit::down(&store, &draft, &was).await;
        assert_eq!(run(&store, "SELECT quote(v) FROM t"), before);
    }
}

#[tokio::test]
async fn a_table_renamed_by_hand_keeps_the_meaning_that_its_view_still_says() {
    let was = records([table("t", &[column("fee", "decimal(18, 8)")])].into());
    let store = store(&was).await;
    run(&store, "INSERT INTO t VALUES (1, 150000000); ALTER TABLE t RENAME TO trades");
    let is = records([table("trades", &[column("fee", "decimal(18, 6)")])].into());
    up(&store, &is).await;
    assert_eq!(run(&store, "SELECT fee FROM trades_readable"), "1.500000");
    let other = super::kit::store(&was).await;
    run(
        &other,
        "INSERT INTO t VALUES (1, 150000000); ALTER TABLE t RENAME TO trades;
         DROP VIEW t_readable",
    );
    draft(&other.sql, &is).await.unwrap_err();
}

#[tokio::test]
async fn floats_become_digits_that_every_reader_takes_for_them() {
    let was = records([table("t", &[column("v", "f64")])].into());
    let is = records([table("t", &[column("v", "text")])].into());
    let store = store(&was).await;
    // Prices that the shell's own reading of a text takes for others, and the edges.
    let edges = [
        88_903.441_734,
        10_025.679_511_8,
        455.991_538_608_246_6,
        2.298_719_148_118_639_8e-6,
        68_954_301.281_455_08,
        0.1 + 0.2,
        1e300,
        -0.5,
        1e15,
        1e17,
        5e-324,
        f64::MAX,
        9_007_199_254_740_993.0,
        1e-7,
    ];
    for (id, value) in (1..).zip(edges) {
        let row = [("id", Value::Int(id)), ("v", Value::Float(value))];
        insert(&store.sql, was[0], &row).await;
    }
    let (mut values, mut seed, mut rows) = (edges.to_vec(), 7_u64, Vec::new());
    for at in 0..2000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (whole, places) = (u32::try_from(seed >> 36).unwrap(), at % 9);
        values.push(f64::from(whole) / 10_f64.powi(places));
        rows.push(format!("(1.0 * {whole} / {})", 10_u64.pow(places.unsigned_abs())));
    }
    run(&store, &format!("INSERT INTO t (v) VALUES {}", rows.join(",")));
    let plan = draft(&store.sql, &is).await.unwrap().up;
    let value = value_of(&plan.files[0].sql);
    let shown = run(&store, &format!("SELECT ifnull({value}, '') FROM t ORDER BY id"));
    let shown: Vec<_> = shown.split('\n').collect();
    assert_eq!(shown.len(), values.len());
    for (shown, value) in shown.iter().zip(&values).filter(|(shown, _)| !shown.is_empty()) {
        let read: f64 = shown.parse().unwrap();
        assert_eq!(read.to_bits(), value.to_bits(), "{shown} {value}");
    }
    // What no digits tell for sure is refused.
    let refused = shown.iter().zip(&values).filter(|(shown, _)| shown.is_empty());
    assert!(refused.clone().all(|(_, value)| value.abs() < 1e-300 || value.abs() > 1e300));
    assert_eq!(shown[0], "88903.441734");
    assert_eq!(shown[5], "0.30000000000000004");
}

/// The expression that a plan makes of a float.
fn value_of(sql: &str) -> &str {
    let from = sql.find("coalesce(coalesce(").map(|at| at + "coalesce(".len()).unwrap();
    let to = sql[from..].find(", 'a value that").or(sql[from..].find(", abs(-922")).unwrap();
    &sql[from..from + to]
}

#[tokio::test]
async fn the_greatest_integer_is_no_float() {
    let was = records([table("t", &[column("v", "i64")])].into());
    let is = records([table("t", &[column("v", "f64")])].into());
    let store = store(&was).await;
    run(&store, "INSERT INTO t VALUES (1, 9223372036854775807)");
    let plan = draft(&store.sql, &is).await.unwrap().up;
    go(&store, &plan).unwrap_err();
    run(&store, "UPDATE t SET v = 9223372036854774784");
    go(&store, &plan).unwrap();
    assert_eq!(run(&store, "SELECT CAST(v AS INTEGER) FROM t"), "9223372036854774784");
}
