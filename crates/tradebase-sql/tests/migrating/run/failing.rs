//! What is wrong is told with its place, and leaves nothing by halves.

use std::time::Duration;

use tradebase_core::Code;
use tradebase_sql::{MigrateOptions, Outcome, Sql, Target};

use super::common;
use super::files::{house, migrator, set, stepwise, version};

async fn count(sql: &Sql, table: &str) -> Option<i64> {
    sql.query_scalar(common::built(format!("SELECT count(*) FROM {table}")), ()).await.ok()
}

promises! {
    async fn a_failing_statement_is_told_with_its_place_and_rolled_back(sql: &Sql) {
        let mut versions = house();
        versions[1].up = "\nCREATE TABLE orders (id BIGINT);\n\n-- twice\nINSERT INTO nowhere\n\
                          VALUES (1);\n"
            .to_owned();
        let migrator = migrator(sql, [set("app", &versions)]);
        let stopped = migrator.up(Target::End).await.unwrap_err();
        assert_eq!(stopped.error.code(), Code::MigrationFailed);
        let failed = stopped.report.failed.as_ref().unwrap();
        let text = super::files::texts(&versions)[2].1.clone();
        let line = text.lines().position(|line| line == "INSERT INTO nowhere").unwrap() + 1;
        assert_eq!((failed.file.as_str(), failed.line), ("0002_step.up.sql", line));
        assert_eq!((failed.position, failed.version.as_str()), (2, "0002"));
        assert_eq!(failed.statement, "INSERT INTO nowhere\nVALUES (1)");
        assert!(failed.error.contains("nowhere"), "{failed:?}");
        assert!(failed.state.contains("app/0002 was not applied"), "{failed:?}");
        assert_eq!(stopped.report.applied.len(), 1);
        assert_eq!(stopped.report.remaining, ["app/0003"]);
        let said = stopped.to_string();
        assert!(said.contains(&format!("0002_step.up.sql, line {line}")), "{said}");
        assert!(!said.contains('\n'), "{said}");
        assert_eq!((count(sql, "accounts").await, count(sql, "orders").await), (Some(2), None));
        let history = migrator.history().await.unwrap();
        assert_eq!(history.len(), 1, "{history:?}");
    }

    async fn what_cannot_be_run_is_found_before_anything_is(sql: &Sql) {
        for ender in ["COMMIT", "begin", "ROLLBACK TO a", "SAVEPOINT a", "END"] {
            let mut versions = house();
            versions[2].up = format!("SELECT 1;\n{ender};\n");
            let stopped =
                migrator(sql, [set("app", &versions)]).up(Target::End).await.unwrap_err();
            assert_eq!(stopped.error.code(), Code::MigrationFile);
            assert!(stopped.to_string().contains("0003_step.up.sql, line "), "{stopped}");
        }
        let mut versions = house();
        versions[2].up = "VACUUM;".to_owned();
        let stopped = migrator(sql, [set("app", &versions)]).up(Target::End).await.unwrap_err();
        assert!(stopped.to_string().contains("transactional: no"), "{stopped}");
        assert_eq!(count(sql, "tradebase_migrations").await, None, "not even the history");

        let mut versions = house();
        versions[1] = versions[1].clone().without_down();
        let migrator = migrator(sql, [set("app", &versions)]);
        migrator.up(Target::End).await.unwrap();
        let stopped = migrator.down(Target::Version("0".to_owned())).await.unwrap_err();
        assert!(stopped.to_string().contains("no down file"), "{stopped}");
        assert_eq!(migrator.status().await.unwrap().sets[0].current.as_deref(), Some("0003"));
    }

    async fn what_is_no_transaction_goes_on_behind_what_is_done(sql: &Sql) {
        let versions = [
            version("CREATE TABLE a (id BIGINT PRIMARY KEY); INSERT INTO a VALUES (2);", ""),
            stepwise(
                "INSERT INTO a VALUES (1);\nVACUUM;\nINSERT INTO a SELECT id FROM late;\n\
                 INSERT INTO a VALUES (4);\n",
                "DELETE FROM a WHERE id = 1;\nDELETE FROM late2;\nDELETE FROM a WHERE id = 4;\n",
            ),
        ];
        let migrator = migrator(sql, [set("app", &versions)]);
        let stopped = migrator.up(Target::End).await.unwrap_err();
        let failed = stopped.report.failed.unwrap();
        assert_eq!(failed.position, 3);
        assert!(failed.state.contains("2 of 4 statements of app/0002 are done"), "{failed:?}");
        assert_eq!(count(sql, "a").await, Some(2));
        let history = migrator.history().await.unwrap();
        assert_eq!((history[1].outcome, history[1].statements_done), (Outcome::Begun, 2));
        let stopped = migrator.down(Target::End).await.unwrap_err();
        assert!(stopped.to_string().contains("app/0002 is half applied"), "{stopped}");

        sql.execute("CREATE TABLE late (id BIGINT)", ()).await.unwrap();
        let report = migrator.up(Target::End).await.unwrap();
        assert_eq!(report.applied[0].statements, 2, "those that were left");
        assert_eq!(count(sql, "a").await, Some(3), "1 is not there twice");

        let stopped = migrator.down(Target::End).await.unwrap_err();
        assert!(stopped.to_string().contains("1 of 3 statements"), "{stopped}");
        let stopped = migrator.up(Target::End).await.unwrap_err();
        assert!(stopped.to_string().contains("app/0002 is half taken back"), "{stopped}");
        sql.execute("CREATE TABLE late2 (id BIGINT)", ()).await.unwrap();
        migrator.down(Target::End).await.unwrap();
        assert_eq!(count(sql, "a").await, Some(1));
        migrator.up(Target::End).await.unwrap();
    }

    async fn one_migrator_works_and_the_others_find_it_done(sql: &Sql) {
        let sets = [set("app", &house())];
        let ups = (0..4).map(|_| {
            let (sql, sets) = (sql.clone(), sets.clone());
            tokio::spawn(async move { migrator(&sql, sets).up(Target::End).await.unwrap() })
        });
        let mut applied = 0;
        for up in ups.collect::<Vec<_>>() {
            applied += up.await.unwrap().applied.len();
        }
        assert_eq!(applied, 3);
    }

    async fn a_migrator_does_not_wait_for_another_without_end(sql: &Sql) {
        let versions = [stepwise("CREATE TABLE a (id BIGINT);\nINSERT INTO a VALUES (1);\n", "")];
        migrator(sql, [set("app", &versions)]).up(Target::End).await.unwrap();
        // Held by hand, as another migrator would hold it.
        let mut connection = sql.connection().await.unwrap();
        let file = if sql.capabilities().engine == "postgres" {
            let text = "SELECT pg_advisory_lock(hashtextextended('tradebase_migrations of ' || \
                        current_schema(), 0))";
            connection.batch(text).await.unwrap();
            None
        } else {
            let path = format!("{}.migrate-lock", sql.address());
            let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            file.lock().unwrap();
            Some(file)
        };
        let mut options = MigrateOptions::default();
        options.lock_wait = Duration::from_millis(200);
        let waiting = sql.migrator([set("app", &versions)], options).unwrap();
        let stopped = waiting.up(Target::End).await.unwrap_err();
        assert_eq!(stopped.error.code(), Code::MigrationBusy);
        assert!(stopped.to_string().contains("process "), "it tells who: {stopped}");
        drop(file);
        connection.release().await.unwrap();
        waiting.up(Target::End).await.unwrap();
    }

    async fn a_dropped_call_leaves_what_is_committed(sql: &Sql) {
        let migrator = migrator(sql, [set("app", &house())]);
        let idle = super::files::migrator(sql, [set("idle", &[version("SELECT 1;", "")])]);
        for polls in [1, 3, 6, 10, 15, 21, 28, 40] {
            let up = Box::pin(migrator.up(Target::End));
            _ = tradebase_testkit::drop_after(up, polls, true).await;
            let adopt = Box::pin(idle.adopt(Target::End));
            _ = tradebase_testkit::drop_after(adopt, polls, true).await;
        }
        let status = idle.adopt(Target::End).await.unwrap();
        assert_eq!(status.sets[0].current.as_deref(), Some("0001"));
        migrator.up(Target::End).await.unwrap();
        assert_eq!(count(sql, "accounts").await, Some(2));
        assert_eq!(count(sql, "orders").await, Some(1));
    }
}
