//! Values of one kind as values of another.

use tradebase_core::Value;

use super::kit::{column, draft, go, insert, records, run, store, table, up};

/// What stands in the readable view after a column of a kind became one of another; none if the
/// way was refused, and then all is as it was.
async fn becomes(from: &str, value: &str, to: &str) -> Option<String> {
    let [was, is] = [from, to].map(|kind| records([table("t", &[column("v", kind)])].into()));
    let store = store(&was).await;
    run(&store, &format!("INSERT INTO t VALUES (1, NULL), (2, {value})"));
    let plan = draft(&store.sql, &is).await.unwrap().up;
    assert_eq!(plan.losses, [], "{from} {to}");
    let look = "SELECT v FROM t_readable ORDER BY id";
    let before = run(&store, look);
    match go(&store, &plan) {
        Ok(()) => {
            store.sql.table(is[0]).find().all().await.unwrap();
            let shown = run(&store, look);
            Some(shown.strip_prefix('\n').unwrap_or_else(|| panic!("{shown}")).to_owned())
        }
        Err(_) => {
            assert_eq!(run(&store, look), before);
            None
        }
    }
}

#[tokio::test]
async fn values_are_kept_exactly_or_the_way_is_refused() {
    let uuid = "0193a5e6-00ff-7000-8000-00000000000a";
    let bytes = "X'0193a5e600ff7000800000000000000a'";
    let cases: &[(&str, &str, &str, Option<&str>)] = &[
        ("bool", "1", "i64", Some("1")),
        ("i64", "1", "bool", Some("1")),
        ("i64", "2", "bool", None),
        ("i64", "32767", "i16", Some("32767")),
        ("i64", "32768", "i16", None),
        ("i32", "-2147483648", "i64", Some("-2147483648")),
        ("timestamp", "1795166400123456", "timestamp_ns", Some("2026-11-20T09:20:00.123456000Z")),
        ("timestamp", "9223372036854776", "timestamp_ns", None),
        ("timestamp_ns", "-1000", "timestamp", Some("1969-12-31T23:59:59.999999Z")),
        ("timestamp_ns", "-1001", "timestamp", None),
        ("date", "-1", "timestamp", Some("1969-12-31T00:00:00.000000Z")),
        ("timestamp", "-86400000000", "date", Some("1969-12-31")),
        ("timestamp", "-86399999999", "date", None),
        ("date", "20000", "text", Some("2024-10-04")),
        ("text", "'2024-10-04'", "date", Some("2024-10-04")),
        ("text", "'2024-10-4'", "date", None),
        ("text", "'now'", "date", None),
        ("decimal(18, 8)", "-5", "text", Some("-0.00000005")),
        ("text", "'-0.00000005'", "decimal(18, 8)", Some("-0.00000005")),
        ("text", "'-0.5'", "decimal(18, 8)", None),
        ("decimal(28, 8)", "X'80000000000000000000000000000001'", "text", Some("0.00000001")),
        ("decimal(28, 2)", "X'800000000000000000000000000000C8'", "i16", Some("2")),
        ("decimal(28, 2)", "X'800000000000000000000000000000C9'", "i16", None),
        ("uuid", bytes, "text", Some(uuid)),
        ("uuid", bytes, "bytes", Some("0193a5e600ff7000800000000000000a")),
        ("text", "'0193a5e6-00ff-7000-8000-00000000000a'", "uuid", Some(uuid)),
        ("text", "'0193A5E6-00ff-7000-8000-00000000000A'", "uuid", Some(uuid)),
        ("text", "'0193a5e600ff700080000-0000000000a'", "uuid", None),
        ("text", "'0193a5e6-00ff-7000-8000-00000000000g'", "uuid", None),
        ("text", "'-9223372036854775808'", "i64", Some("-9223372036854775808")),
        ("text", "'9223372036854775808'", "i64", None),
        ("text", "'007'", "i64", None),
        ("text", "' 7'", "i64", None),
        ("text", "''", "i64", None),
        ("text", "'[1]'", "json", Some("[1]")),
        ("text", "'[1'", "json", None),
        ("json", "'[1]'", "text", Some("[1]")),
        ("f64", "0.1", "text", Some("0.1")),
        ("f64", "1e300", "text", Some("1.0e+300")),
        ("i64", "9007199254740993", "f64", None),
        ("bool", "0", "text", Some("0")),
    ];
    for (from, value, to, want) in cases {
        let have = becomes(from, value, to).await;
        assert_eq!(have.as_deref(), *want, "{from} {value} {to}");
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_told_and_made_anew() {
    let [was, is] = ["f64", "i64"].map(|kind| records([table("t", &[column("v", kind)])].into()));
    let store = store(&was).await;
    insert(&store.sql, was[0], &[("id", Value::Int(1)), ("v", Value::Float(1.0))]).await;
    let draft = up(&store, &is).await;
    let [loss] = draft.up.losses.as_slice() else { panic!("{:?}", draft.up.losses) };
    assert_eq!((loss.table.as_str(), loss.column.as_deref()), ("t", Some("v")));
    assert!(draft.up.files[0].sql.contains("-- loses: t.v\n"), "{}", draft.up.files[0].sql);
    assert_eq!(run(&store, "SELECT id, v IS NULL FROM t"), "1|1");
}

#[tokio::test]
async fn null_never_becomes_a_default() {
    let mut is = column("v", "i64");
    (is["nullable"], is["default"]) = (false.into(), 7.into());
    let was = records([table("t", &[column("v", "i64")])].into());
    let is = records([table("t", &[is])].into());
    let store = store(&was).await;
    run(&store, "INSERT INTO t VALUES (1, 5)");
    let plan = draft(&store.sql, &is).await.unwrap().up;
    run(&store, "INSERT INTO t VALUES (2, NULL)");
    let error = go(&store, &plan).unwrap_err();
    assert!(error.contains("NOT NULL"), "{error}");
    run(&store, "DELETE FROM t WHERE id = 2");
    go(&store, &plan).unwrap();
    assert_eq!(run(&store, "SELECT v FROM t"), "5");
}

#[tokio::test]
async fn a_column_without_a_value_is_refused_where_there_are_rows() {
    let mut new = column("v", "i64");
    new["nullable"] = false.into();
    let (was, is) = (records([table("t", &[])].into()), records([table("t", &[new])].into()));
    let store = store(&was).await;
    run(&store, "INSERT INTO t VALUES (1)");
    let plan = draft(&store.sql, &is).await.unwrap().up;
    assert!(plan.files[0].sql.contains("-- t.v is new"), "{}", plan.files[0].sql);
    let error = go(&store, &plan).unwrap_err();
    assert!(error.contains("NOT NULL"), "{error}");
    assert_eq!(run(&store, "SELECT * FROM t"), "1");
    run(&store, "DELETE FROM t");
    up(&store, &is).await;
}
