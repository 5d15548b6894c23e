//! Rows that break what is to be stop a plan before anything is changed.

use super::walk::{Walk, text};

#[tokio::test]
async fn postgres_rows_that_break_a_constraint_stop_it_before_anything_is_changed() {
    let table = |columns: &str| {
        format!(
            "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, {columns})"
        )
    };
    let from = table("v int");
    for (to, rows, words) in [
        (table("v int NOT NULL"), "(1, NULL)", "no value in v"),
        (table("v int CONSTRAINT c CHECK (v < 5)"), "(1, 7)", "break the check that is to be: c"),
        (table("v int CONSTRAINT r REFERENCES p"), "(1, 7)", "point to rows of p"),
        (table("v int CONSTRAINT r REFERENCES t"), "(1, 7)", "point to rows of t"),
        (table("v int") + "; CREATE UNIQUE INDEX i ON t (v)", "(1, 7), (2, 7)", "are equal in v"),
        (table("v text CONSTRAINT c CHECK (length(v) < 2)"), "(1, 70)", "break the check"),
        (table("v int, w int NOT NULL"), "(1, 7)", "contains null values"),
        (table("v uuid NOT NULL"), "(1, 7)", "contains null values"),
    ] {
        let to = to + "; CREATE TABLE fresh (id int)";
        let walk = Walk::new(&from, &to).await;
        walk.psql(&format!("INSERT INTO t VALUES {rows}"));
        walk.refused(words).await;
        walk.psql("DELETE FROM t; INSERT INTO p VALUES (7)");
        walk.up().await;
        walk.down().await;
    }
}

#[tokio::test]
async fn postgres_rows_that_keep_to_it_are_validated_beside_the_writers() {
    let from = "CREATE TABLE p (id int PRIMARY KEY); \
                CREATE TABLE t (id int PRIMARY KEY, v int, w text, x int)";
    let to = "CREATE TABLE p (id int PRIMARY KEY); \
              CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL CONSTRAINT c CHECK (v < 5), \
              w text CONSTRAINT d CHECK (w <> ''), x int REFERENCES p); \
              CREATE UNIQUE INDEX i ON t (v, w); CREATE INDEX j ON t (x)";
    let walk = Walk::new(from, to).await;
    walk.psql("INSERT INTO p VALUES (7); INSERT INTO t VALUES (1, 1, 'a', 7), (2, 1, NULL, NULL)");
    let told = text(&walk.draft.up);
    let (first, second) = told.split_once("-- transactional: false").unwrap();
    assert!(first.contains("NOT VALID") && !first.contains("INDEX"), "{told}");
    for words in ["VALIDATE CONSTRAINT \"c\"", "SET NOT NULL", "CREATE UNIQUE INDEX CONCURRENTLY"] {
        assert!(second.contains(words) && !first.contains(words), "{told}");
    }
    walk.up().await;
    let told = text(&walk.draft.down);
    assert!(told.contains("DROP INDEX CONCURRENTLY IF EXISTS \"j\""), "{told}");
    walk.down().await;
}

#[tokio::test]
async fn postgres_a_constraint_that_need_not_hold_for_old_rows_stays_so() {
    let schema = |valid: &str| {
        format!(
            "CREATE TABLE t (id int PRIMARY KEY, v int); \
             ALTER TABLE t ADD CONSTRAINT c CHECK (v > 0) {valid}; \
             ALTER TABLE t ADD CONSTRAINT r FOREIGN KEY (v) REFERENCES t {valid}"
        )
    };
    let walk = Walk::new("CREATE TABLE t (id int PRIMARY KEY, v int)", &schema("NOT VALID")).await;
    walk.psql("INSERT INTO t VALUES (1, -1)");
    walk.up().await;
    walk.down().await;
    let walk = Walk::new(&schema("NOT VALID"), &schema("")).await;
    walk.up().await;
    walk.down().await;
}

#[tokio::test]
async fn postgres_rows_are_looked_at_as_they_are_to_be() {
    let from = "CREATE TABLE a (id int PRIMARY KEY, old text, n int); CREATE INDEX i ON a (old)";
    let to = "CREATE TABLE b (id int PRIMARY KEY, new int NOT NULL CHECK (new > 5), n int, \
              extra int DEFAULT 3 REFERENCES b DEFERRABLE); \
              CREATE UNIQUE INDEX i ON b (new, extra)";
    let mut renames = tradebase_sql::Renames::default();
    renames.tables.insert("b".into(), "a".into());
    renames.columns.insert(("b".into(), "new".into()), "old".into());
    let walk = Walk::renaming(from, to, renames).await;
    walk.psql("INSERT INTO a VALUES (3, '5')");
    walk.refused("break the check").await;
    walk.psql("UPDATE a SET old = '6'");
    walk.up().await;
    assert_eq!(walk.psql("SELECT * FROM b ORDER BY id"), "3|6||3");
    walk.down().await;
    assert_eq!(walk.psql("SELECT id, old FROM a"), "3|6");
}

#[tokio::test]
async fn postgres_what_no_shape_tells_of_is_not_lost_in_silence() {
    let plain = "CREATE TABLE t (id int, at timestamptz NOT NULL, n int, \
                 CONSTRAINT k PRIMARY KEY (id, at))";
    let cut = format!("{plain} PARTITION BY RANGE (at)");
    let other_key = plain.replace("(id, at))", "(at, id))");
    let view = |of: &str| {
        format!(
            "CREATE TABLE t (id int, at timestamptz NOT NULL, n {of}, \
             CONSTRAINT k PRIMARY KEY (id, at)); CREATE VIEW v AS SELECT n FROM t"
        )
    };
    let (from, to) = (view("int"), view("bigint"));
    for (from, to, hidden, undone) in [
        (plain, cut.as_str(), "GRANT SELECT ON t TO PUBLIC", "REVOKE ALL ON t FROM PUBLIC"),
        (plain, &cut, "GRANT SELECT (n) ON t TO PUBLIC", "REVOKE ALL (n) ON t FROM PUBLIC"),
        (plain, &cut, "ALTER TABLE t SET UNLOGGED", "ALTER TABLE t SET LOGGED"),
        (
            plain,
            &cut,
            "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE t DISABLE ROW LEVEL SECURITY",
        ),
        (
            plain,
            &other_key,
            "ALTER TABLE t DROP CONSTRAINT k, ADD CONSTRAINT k PRIMARY KEY (id, at) INCLUDE (n)",
            "ALTER TABLE t DROP CONSTRAINT k, ADD CONSTRAINT k PRIMARY KEY (id, at)",
        ),
        (&from, &to, "GRANT SELECT ON v TO PUBLIC", "REVOKE ALL ON v FROM PUBLIC"),
    ] {
        let walk = Walk::new(from, to).await;
        walk.psql(hidden);
        walk.refused("made anew").await;
        walk.psql(undone);
        walk.up().await;
    }
}

#[tokio::test]
async fn postgres_a_trigger_that_is_switched_off_stays_so() {
    let schema = |of: &str| {
        format!(
            "CREATE TABLE t (id int PRIMARY KEY, n {of});
             CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER \"The one\" BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
             ALTER TABLE t DISABLE TRIGGER \"The one\""
        )
    };
    let walk = Walk::new(&schema("int"), &schema("bigint")).await;
    walk.up().await;
    walk.psql("INSERT INTO t VALUES (1, 1)");
    assert_eq!(walk.psql("SELECT count(*) FROM t"), "1");
    walk.down().await;
    let off = "SELECT tgenabled FROM pg_trigger WHERE tgname = 'The one'";
    assert_eq!(walk.psql(off), "D");
}
