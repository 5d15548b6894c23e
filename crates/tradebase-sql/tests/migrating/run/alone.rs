//! Statements of PostgreSQL that refuse a transaction, and locks that are not free.
#![cfg(feature = "postgres")]

use std::time::{Duration, Instant};

use tradebase_core::Code;
use tradebase_sql::{MigrateOptions, MigrationSet, Migrator, Sql, Target};

use super::common::{PostgresStore, built};
use super::files::{house, migrator, set, stepwise, version};

const BUILD: &str = "CREATE UNIQUE INDEX CONCURRENTLY \"By Cents\" ON accounts (cents);\n";

const DROP: &str = "DROP INDEX CONCURRENTLY \"By Cents\";\n";

fn indexed() -> MigrationSet {
    let mut versions = house()[..1].to_vec();
    versions.push(stepwise(BUILD, DROP));
    set("app", &versions)
}

/// Whether the index is valid; none if it is not there.
async fn valid(sql: &Sql) -> Option<bool> {
    let text = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('\"By Cents\"')";
    sql.query_at_most_one::<tradebase_sql::Fields<(bool,)>>(text, ()).await.unwrap().map(|f| f.0.0)
}

#[tokio::test]
async fn postgres_builds_and_drops_an_index_beside_the_running_readers() {
    let store = PostgresStore::new().await;
    let migrator = migrator(&store.sql, [indexed()]);
    migrator.up(Target::End).await.unwrap();
    assert_eq!(valid(&store.sql).await, Some(true));
    migrator.down(Target::End).await.unwrap();
    assert_eq!(valid(&store.sql).await, None);
}

#[tokio::test]
async fn postgres_rebuilds_an_index_whose_build_was_broken_off() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    let migrator = migrator(sql, [indexed()]);
    migrator.up(Target::Steps(1)).await.unwrap();
    // A build that fails leaves an index behind that nobody uses.
    sql.execute("INSERT INTO accounts VALUES (3, 7)", ()).await.unwrap();
    let stopped = migrator.up(Target::End).await.unwrap_err();
    assert!(stopped.to_string().contains("0 of 1 statements"), "{stopped}");
    assert_eq!(valid(sql).await, Some(false));
    sql.execute("UPDATE accounts SET cents = 8 WHERE id = 3", ()).await.unwrap();
    migrator.up(Target::End).await.unwrap();
    assert_eq!(valid(sql).await, Some(true));
}

#[tokio::test]
async fn postgres_takes_no_index_of_somebody_else_for_its_own() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    let migrator = migrator(sql, [indexed()]);
    migrator.up(Target::Steps(1)).await.unwrap();
    sql.execute("CREATE INDEX \"By Cents\" ON accounts (id)", ()).await.unwrap();
    for _ in 0..2 {
        let stopped = migrator.up(Target::End).await.unwrap_err();
        assert!(stopped.to_string().contains("already exists"), "{stopped}");
    }
    sql.execute("DROP INDEX \"By Cents\"", ()).await.unwrap();
    migrator.up(Target::End).await.unwrap();
    assert_eq!(valid(sql).await, Some(true));
}

#[tokio::test]
async fn postgres_takes_no_index_for_its_own_that_came_after_it_had_failed() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    let mut versions = house()[..1].to_vec();
    let up = "CREATE INDEX CONCURRENTLY late ON accounts (cents, nowhere);\n";
    versions.push(stepwise(up, "DROP INDEX CONCURRENTLY missing;\n"));
    let migrator = migrator(sql, [set("app", &versions)]);
    migrator.up(Target::End).await.unwrap_err();
    sql.execute("CREATE INDEX late ON accounts (id)", ()).await.unwrap();
    sql.execute("ALTER TABLE accounts ADD COLUMN nowhere BIGINT", ()).await.unwrap();
    let stopped = migrator.up(Target::End).await.unwrap_err();
    assert!(stopped.to_string().contains("already exists"), "{stopped}");
    // Nor is a drop done because there was never anything.
    sql.execute("DROP INDEX late", ()).await.unwrap();
    migrator.up(Target::End).await.unwrap();
    for _ in 0..2 {
        let stopped = migrator.down(Target::End).await.unwrap_err();
        assert!(stopped.to_string().contains("does not exist"), "{stopped}");
    }
}

#[tokio::test]
async fn postgres_index_that_may_be_there_must_be_the_one_that_is_asked_for() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    let mut versions = house()[..2].to_vec();
    let up = "CREATE INDEX CONCURRENTLY IF NOT EXISTS taken ON accounts (cents);\n";
    versions.push(stepwise(up, ""));
    let migrator = migrator(sql, [set("app", &versions)]);
    migrator.up(Target::Steps(2)).await.unwrap();
    let others = [
        "CREATE INDEX taken ON orders (account)",
        "CREATE INDEX taken ON accounts (id)",
        "CREATE UNIQUE INDEX taken ON accounts (cents)",
        "CREATE INDEX taken ON accounts (cents) WHERE cents > 1",
        "CREATE INDEX taken ON accounts (cents, id)",
    ];
    for other in others {
        sql.execute(other, ()).await.unwrap();
        let stopped = migrator.up(Target::End).await.unwrap_err();
        assert!(stopped.to_string().contains("has this name already"), "{other}: {stopped}");
        sql.execute("DROP INDEX taken", ()).await.unwrap();
    }
    sql.execute("CREATE INDEX taken ON accounts (cents)", ()).await.unwrap();
    migrator.up(Target::End).await.unwrap();
}

#[tokio::test]
async fn postgres_procedure_that_did_not_end_is_not_called_again_unless_told() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    let begin = "CREATE TABLE done (id BIGINT);\nCREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ \
                 BEGIN INSERT INTO done VALUES (1); COMMIT; PERFORM 1 / count(*) FROM done WHERE \
                 id = 2; END $$;\n";
    let sets = |call: &str| [set("app", &[version(begin, ""), stepwise(call, "")])];
    migrator(sql, sets("CALL fill();\n")).up(Target::End).await.unwrap_err();
    sql.execute("INSERT INTO done VALUES (2)", ()).await.unwrap();
    let stopped = migrator(sql, sets("CALL fill();\n")).up(Target::End).await.unwrap_err();
    assert!(stopped.to_string().contains("called before and did not end"), "{stopped}");
    let count = "SELECT count(*) FROM done";
    assert_eq!(sql.query_scalar::<i64>(count, ()).await.unwrap(), 2);
    migrator(sql, sets("CALL /* again */ fill();\n")).up(Target::End).await.unwrap();
    assert_eq!(sql.query_scalar::<i64>(count, ()).await.unwrap(), 3);
}

#[tokio::test]
async fn postgres_finishes_what_was_interrupted_between_statement_and_note() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    let migrator = migrator(sql, [indexed()]);
    // As a kill leaves it: the index is built, or dropped, and the history only knows it has begun.
    let half = "UPDATE tradebase_migrations SET outcome = :outcome, statements_done = 0, \
                statements_begun = 1, statements_marks = \
                left(encode(sha256(convert_to(:text, 'UTF8')), 'hex'), 16) WHERE version = '0002'";
    let half = |outcome: &'static str, text: &'static str| {
        let text = text.trim_end().trim_end_matches(';');
        sql.execute(half, [("outcome", outcome.into()), ("text", text.into())])
    };
    migrator.up(Target::End).await.unwrap();
    half("begun", BUILD).await.unwrap();
    migrator.up(Target::End).await.unwrap();
    assert_eq!(valid(sql).await, Some(true));
    migrator.down(Target::End).await.unwrap();
    let down = "UPDATE tradebase_migrations SET checksum = :sum WHERE version = '0002'";
    let set = indexed();
    let file = set.versions[1].files().find(|file| file.name.contains("down")).unwrap();
    half("reverting", DROP).await.unwrap();
    sql.execute(down, [("sum", file.checksum.as_str().into())]).await.unwrap();
    migrator.down(Target::End).await.unwrap();
    assert_eq!(valid(sql).await, None);
}

#[tokio::test]
async fn postgres_finishes_the_detaching_of_a_part() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    let parts = "CREATE TABLE t (id BIGINT) PARTITION BY RANGE (id);\n\
                 CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (1) TO (2);\n";
    let versions = [
        version(parts, "DROP TABLE t"),
        stepwise("ALTER TABLE t DETACH PARTITION t_1 CONCURRENTLY;\n", ""),
    ];
    let migrator = migrator(sql, [set("app", &versions)]);
    migrator.up(Target::Steps(1)).await.unwrap();
    // An old reader keeps the detaching from its end, until the time for it runs out.
    let mut reader = sql.connection().await.unwrap();
    reader.batch("BEGIN; SELECT count(*) FROM t").await.unwrap();
    let mut options = MigrateOptions::default();
    options.statement_wait = Some(Duration::from_millis(300));
    let hasty = sql.migrator([set("app", &versions)], options).unwrap();
    let stopped = hasty.up(Target::End).await.unwrap_err();
    assert!(stopped.to_string().contains("timeout"), "{stopped}");
    let text = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending";
    assert_eq!(sql.query_scalar::<i64>(text, ()).await.unwrap(), 1, "it is half done");
    reader.release().await.unwrap();
    migrator.up(Target::End).await.unwrap();
    let text = "SELECT count(*) FROM pg_inherits";
    assert_eq!(sql.query_scalar::<i64>(text, ()).await.unwrap(), 0);
}

/// A migrator that gives way soon.
fn hasty(sql: &Sql, attempts: u32) -> Migrator {
    let mut options = MigrateOptions::default();
    options.statement_lock_wait = Duration::from_millis(50);
    options.attempts = attempts;
    sql.migrator([set("app", &house())], options).unwrap()
}

#[tokio::test]
async fn postgres_gives_way_and_tries_again_when_a_lock_is_not_free() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    hasty(sql, 1).up(Target::Steps(2)).await.unwrap();
    let mut reader = sql.connection().await.unwrap();
    reader.batch("BEGIN; SELECT * FROM accounts").await.unwrap();
    let stopped = hasty(sql, 2).up(Target::End).await.unwrap_err();
    let failed = stopped.report.failed.unwrap();
    assert_eq!((failed.code, failed.position), (Code::Locked.as_str(), 1), "{}", stopped.error);
    let migrator = hasty(sql, 1000);
    let up = tokio::spawn(async move { migrator.up(Target::End).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    reader.release().await.unwrap();
    let report = up.await.unwrap().unwrap();
    assert_eq!(report.applied.len(), 1);
}

#[tokio::test]
async fn postgres_waits_for_another_migrator_without_a_snapshot() {
    let store = PostgresStore::new().await;
    let sql = &store.sql;
    migrator(sql, [indexed()]).up(Target::Steps(1)).await.unwrap();
    let mut holder = sql.connection().await.unwrap();
    let lock = "SELECT pg_advisory_lock(hashtextextended('tradebase_migrations of ' || \
                current_schema(), 0))";
    holder.batch(lock).await.unwrap();
    let waiter = migrator(sql, [indexed()]);
    let waiter = tokio::spawn(async move { waiter.up(Target::End).await });
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(500) {
        let text = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_try_advisory%' \
                    AND state <> 'active' AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()";
        assert_eq!(sql.query_scalar::<i64>(text, ()).await.unwrap(), 0);
    }
    // The very build that a blocking wait would keep from its end.
    let build = "CREATE INDEX CONCURRENTLY other ON accounts (id)";
    holder.batch(built(build)).await.unwrap();
    holder.release().await.unwrap();
    waiter.await.unwrap().unwrap();
    assert_eq!(valid(sql).await, Some(true));
}

#[tokio::test]
async fn postgres_behind_pgbouncer_is_refused() {
    let store = PostgresStore::new().await;
    let options = tradebase_sql::SqlOptions::new(store.url()).pgbouncer(true);
    let sql = Sql::open_with(options).await.unwrap();
    let stopped = migrator(&sql, [indexed()]).up(Target::End).await.unwrap_err();
    assert_eq!(stopped.error.code(), Code::Unsupported);
    assert!(stopped.to_string().contains("straight to the server"), "{stopped}");
}
