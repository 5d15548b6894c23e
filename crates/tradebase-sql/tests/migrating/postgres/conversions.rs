//! Values of a column that gets another type: kept exactly, or refused, or told to be lost.

use super::walk::Walk;

/// From, value, to, what it becomes; an empty text if it is refused.
const KEPT: &[(&str, &str, &str, &str)] = &[
    ("smallint", "-7", "bigint", "-7"),
    ("bigint", "9223372036854775807", "bigint", "9223372036854775807"),
    ("bigint", "2147483647", "integer", "2147483647"),
    ("bigint", "2147483648", "integer", ""),
    ("boolean", "true", "smallint", "1"),
    ("bigint", "0", "boolean", "f"),
    ("integer", "2", "boolean", ""),
    ("bigint", "-9223372036854775808", "numeric(28,8)", "-9223372036854775808.00000000"),
    ("bigint", "10000000000", "numeric(18,8)", ""),
    ("integer", "5", "double precision", "5"),
    ("numeric(18,8)", "-0.00000001", "numeric(28,10)", "-0.0000000100"),
    ("numeric(18,8)", "9999999999.99000000", "numeric(12,2)", "9999999999.99"),
    ("numeric(18,8)", "1.005", "numeric(18,2)", ""),
    ("numeric(18,8)", "0.00000001", "numeric(18,7)", ""),
    ("numeric(18,8)", "9999999999", "numeric(18,9)", ""),
    ("numeric", "1.5", "numeric(10,1)", "1.5"),
    ("numeric", "1.55", "numeric(10,1)", ""),
    ("numeric(18,8)", "-12.00000000", "bigint", "-12"),
    ("numeric(18,8)", "12.5", "integer", ""),
    ("numeric(28,0)", "9223372036854775808", "bigint", ""),
    ("numeric(18,8)", "1.5", "text", "1.50000000"),
    ("boolean", "true", "text", "true"),
    ("double precision", "0.1", "text", "0.1"),
    ("bytea", "'\\x00ff'", "text", "00ff"),
    ("timestamptz", "'2026-11-20 09:30:00.000001+05:30'", "text", "2026-11-20T04:00:00.000001Z"),
    ("date", "'0001-01-01'", "text", "0001-01-01"),
    ("date", "'9999-12-31'", "text", "9999-12-31"),
    ("date", "'10000-01-01'", "text", ""),
    ("date", "'0001-01-01 BC'", "text", ""),
    ("date", "'infinity'", "text", ""),
    ("timestamptz", "'-infinity'", "text", ""),
    ("timestamptz", "'0044-03-15 12:00:00+00 BC'", "text", ""),
    ("timestamptz", "'10000-01-01 00:00:00+00'", "text", ""),
    ("timestamptz", "'9999-12-31 23:59:59.999999+00'", "text", "9999-12-31T23:59:59.999999Z"),
    ("date", "'2026-11-20'", "timestamptz", "2026-11-20 00:00:00+00"),
    ("timestamptz", "'2026-11-20 00:00:00+00'", "date", "2026-11-20"),
    ("timestamptz", "'2026-11-20 00:00:00.000001+00'", "date", ""),
    ("timestamptz", "'2026-11-20 00:00:00.001+00'", "timestamptz(3)", "2026-11-20 00:00:00.001+00"),
    ("timestamptz", "'2026-11-20 00:00:00.0001+00'", "timestamptz(3)", ""),
    ("text", "'42'", "integer", "42"),
    ("text", "'42.5'", "integer", ""),
    (
        "text",
        "'0193a5e6-0000-7000-8000-00000000000a'",
        "uuid",
        "0193a5e6-0000-7000-8000-00000000000a",
    ),
    ("text", "'no'", "uuid", ""),
    ("text", "'{\"a\": [1.50]}'", "jsonb", "{\"a\": [1.50]}"),
    ("text", "'{'", "jsonb", ""),
    ("varchar(8)", "'abc'", "text", "abc"),
    ("text", "'abc'", "varchar(3)", "abc"),
    ("text", "'abcd'", "varchar(3)", ""),
    ("text", "'ab  '", "varchar(3)", ""),
    ("varchar(4)", "'ab  '", "varchar(3)", ""),
    ("varchar(3)", "'ab '", "varchar(4)", "ab "),
    ("bigint", "1200", "numeric(10,-2)", "1200"),
    ("bigint", "1250", "numeric(10,-2)", ""),
    ("text", "'{\"a\": 1, \"b\": [{\"a\": 2}]}'", "jsonb", "{\"a\": 1, \"b\": [{\"a\": 2}]}"),
    ("text", "'{\"a\": 1, \"a\": 2}'", "jsonb", ""),
    ("json", "'{\"b\": [1, {\"a\": 1, \"a\": 1}]}'", "jsonb", ""),
    ("text", "'ä'", "text COLLATE \"C\"", "ä"),
    (
        "uuid",
        "'0193a5e6-0000-7000-8000-00000000000a'",
        "text",
        "0193a5e6-0000-7000-8000-00000000000a",
    ),
    ("jsonb", "'[1, 2]'", "text", "[1, 2]"),
];

/// One table for each, of the types that this gives.
fn tables(of: impl Fn(usize) -> &'static str) -> String {
    let tables = (0..KEPT.len())
        .map(|at| format!("CREATE TABLE t{at} (id int PRIMARY KEY, v {});\n", of(at)));
    tables.collect()
}

#[tokio::test]
async fn postgres_values_are_kept_exactly_or_refused() {
    let mut walk = Walk::new(&tables(|at| KEPT[at].0), &tables(|at| KEPT[at].2)).await;
    assert!(walk.draft.up.losses.is_empty(), "{:?}", walk.draft.up.losses);
    for (at, (_, value, ..)) in KEPT.iter().enumerate() {
        walk.psql(&format!("INSERT INTO t{at} VALUES (1, {value}), (2, NULL)"));
    }
    let read = |walk: &Walk, at: usize| {
        let text = format!("SET timezone TO 'UTC'; SELECT v FROM t{at} ORDER BY id LIMIT 1");
        walk.psql(&text).trim_start_matches("SET\n").to_owned()
    };
    let to = walk.to.clone();
    // Those that are refused one by one, the others together.
    for (at, (from, value, of, _)) in KEPT.iter().enumerate().filter(|(_, kept)| kept.3.is_empty())
    {
        walk.leads_to(&to, |name| name == format!("t{at}"));
        let before = read(&walk, at);
        walk.refused("").await;
        assert_eq!(read(&walk, at), before, "{value}::{from} to {of}");
    }
    walk.leads_to(&to, |name| !KEPT[name[1..].parse::<usize>().unwrap()].3.is_empty());
    walk.up().await;
    for (at, (from, value, of, want)) in KEPT.iter().enumerate().filter(|(_, k)| !k.3.is_empty()) {
        assert_eq!(read(&walk, at), *want, "{value}::{from} to {of}");
        let nulls = format!("SELECT count(*) FROM t{at} WHERE v IS NULL");
        assert_eq!(walk.psql(&nulls), "1", "{value}::{from} to {of}");
    }
}

#[tokio::test]
async fn postgres_values_that_cannot_be_kept_are_told_to_be_lost() {
    for (from, to) in [
        ("double precision", "numeric(18,8)"),
        ("double precision", "bigint"),
        ("uuid", "bigint"),
        ("timestamp", "timestamptz"),
        ("bigint", "timestamptz"),
    ] {
        let schema = |of: &str| {
            format!(
                "CREATE TABLE t (id int PRIMARY KEY, v {of}); CREATE INDEX i ON t (v); \
                 CREATE INDEX j ON t (id, v)"
            )
        };
        let walk = Walk::new(&schema(from), &schema(to)).await;
        walk.psql("INSERT INTO t VALUES (1, NULL)");
        let losses = &walk.draft.up.losses;
        assert_eq!(losses.len(), 1, "{from} to {to}: {losses:?}");
        assert_eq!((losses[0].table.as_str(), losses[0].column.as_deref()), ("t", Some("v")));
        assert!(walk.draft.up.files[0].sql.contains("-- loses: t.v\n"), "{:?}", walk.draft.up);
        walk.up().await;
        walk.down().await;
    }
}

#[tokio::test]
async fn postgres_keys_and_what_points_to_them_change_their_type_together() {
    let schema = |of: &str| {
        format!(
            "CREATE TABLE a (id {of} PRIMARY KEY, b {of});
             CREATE TABLE b (id {of} PRIMARY KEY, a {of} NOT NULL REFERENCES a ON DELETE CASCADE);
             ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b; CREATE INDEX i ON b (a)"
        )
    };
    let walk = Walk::new(&schema("bigint"), &schema("text")).await;
    walk.psql("INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES (7, 1); UPDATE a SET b = 7");
    walk.up().await;
    assert_eq!(walk.psql("SELECT a || '<' || id FROM b"), "1<7");
    walk.down().await;
    assert_eq!(walk.psql("SELECT id + b FROM a ORDER BY id"), "8\n9");
}

#[tokio::test]
async fn postgres_defaults_checks_and_views_follow_a_change_of_type() {
    let schema = |of: &str, default: &str, check: &str| {
        format!(
            "CREATE TABLE t (id int PRIMARY KEY, v {of} DEFAULT {default}, \
             CONSTRAINT c CHECK ({check}));
             CREATE VIEW w AS SELECT v FROM t; CREATE VIEW x AS SELECT * FROM w;
             CREATE VIEW other AS SELECT id FROM t WHERE id > 3;
             CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
             CREATE TRIGGER g BEFORE UPDATE OF v ON t FOR EACH ROW EXECUTE FUNCTION f()"
        )
    };
    let text = schema("text", "'5'", "v <> 'x'");
    let walk = Walk::new(&text, &schema("int", "7", "v > 0")).await;
    walk.psql("INSERT INTO t VALUES (1, DEFAULT), (2, '12')");
    walk.up().await;
    walk.psql("INSERT INTO t VALUES (3)");
    assert_eq!(walk.psql("SELECT sum(v) FROM x"), "24");
    walk.down().await;
    assert_eq!(walk.psql("SELECT string_agg(v, '+' ORDER BY id) FROM t"), "5+12+7");
}
