//! How far a migrator goes, and in which order.

use tradebase_core::Code;
use tradebase_sql::{Direction, MigrateOptions, Outcome, Sql, Target};

use super::common;
use super::files::{house, migrator, set, version};

fn to(version: &str) -> Target {
    Target::Version(version.to_owned())
}

async fn number(sql: &Sql, text: &str) -> i64 {
    sql.query_scalar(common::built(text), ()).await.unwrap()
}

/// The versions that are there, as `set/id`.
async fn there(sql: &Sql, sets: &[tradebase_sql::MigrationSet]) -> Vec<String> {
    let status = migrator(sql, sets.to_vec()).status().await.unwrap();
    let mut found = Vec::new();
    for set in status.sets {
        let versions = set.versions.into_iter();
        let versions = versions.filter(|v| v.outcome.is_some_and(Outcome::is_there));
        found.extend(versions.map(|v| format!("{}/{}", set.set, v.version)));
    }
    found
}

promises! {
    async fn up_applies_what_is_missing_and_down_takes_it_back(sql: &Sql) {
        let migrator = migrator(sql, [set("app", &house())]);
        assert_eq!(migrator.history().await.unwrap(), []);
        let report = migrator.up(Target::End).await.unwrap();
        let done: Vec<_> =
            report.applied.iter().map(|a| (a.version.as_str(), a.statements)).collect();
        assert_eq!(done, [("0001", 2), ("0002", 3), ("0003", 2)]);
        assert!(report.failed.is_none() && report.remaining.is_empty(), "{report:?}");
        assert_eq!(number(sql, "SELECT count(*) FROM accounts WHERE name = 'n;'").await, 1);
        let again = migrator.up(Target::End).await.unwrap();
        assert!(again.applied.is_empty(), "{again:?}");

        let history = migrator.history().await.unwrap();
        let outcomes: Vec<_> = history.iter().map(|e| (e.version.as_str(), e.outcome)).collect();
        assert_eq!(
            outcomes,
            ["0001", "0002", "0003"].map(|version| (version, Outcome::Applied))
        );
        assert!(history.iter().all(|e| !e.who.is_empty() && e.title == "a step"), "{history:?}");
        let age = tradebase_core::clock::now().as_micros() - history[0].at.as_micros();
        assert!((0..600_000_000).contains(&age), "{history:?}");

        let report = migrator.down(Target::End).await.unwrap();
        assert_eq!(report.applied.len(), 1);
        assert_eq!(report.applied[0].direction, Direction::Down);
        assert_eq!(number(sql, "SELECT CAST(sum(cents) AS BIGINT) FROM accounts").await, 507);
        migrator.down(to("0")).await.unwrap();
        let history = migrator.history().await.unwrap();
        assert!(history.iter().all(|e| e.outcome == Outcome::Reverted), "{history:?}");
        // And there again.
        migrator.up(Target::End).await.unwrap();
        assert_eq!(number(sql, "SELECT count(*) FROM orders").await, 1);
    }

    async fn targets_are_versions_and_steps(sql: &Sql) {
        let sets = [set("app", &house())];
        let migrator = migrator(sql, sets.clone());
        migrator.up(Target::Steps(1)).await.unwrap();
        assert_eq!(there(sql, &sets).await, ["app/0001"]);
        migrator.up(to("2")).await.unwrap();
        assert_eq!(there(sql, &sets).await, ["app/0001", "app/0002"]);
        // Going up to what is below changes nothing.
        migrator.up(to("0001")).await.unwrap();
        migrator.up(to("0")).await.unwrap();
        migrator.up(Target::End).await.unwrap();
        migrator.down(Target::Steps(2)).await.unwrap();
        assert_eq!(there(sql, &sets).await, ["app/0001"]);
        for unknown in ["4", "x", ""] {
            let stopped = migrator.up(to(unknown)).await.unwrap_err();
            assert_eq!(stopped.error.code(), Code::MigrationFile);
            assert!(stopped.to_string().ends_with("it has 0, 0001, 0002, 0003"), "{stopped}");
        }
    }

    async fn sets_go_by_what_they_need(sql: &Sql) {
        let base = set("base", &[
            version("CREATE TABLE a (id BIGINT PRIMARY KEY)", "DROP TABLE a"),
            version("CREATE TABLE b (id BIGINT PRIMARY KEY)", "DROP TABLE b"),
        ]);
        let app = set("app", &[
            version("CREATE TABLE c (id BIGINT REFERENCES b (id))", "DROP TABLE c")
                .needs("base/0002"),
        ]);
        // The one that needs the other comes first here.
        let sets = [app, base];
        let only = |name: &str| {
            let mut options = MigrateOptions::default();
            options.set = Some(name.to_owned());
            sql.migrator(sets.clone(), options).unwrap()
        };
        let stopped = only("app").up(Target::End).await.unwrap_err();
        assert!(stopped.to_string().contains("app/0001 needs base/0002"), "{stopped}");
        only("base").up(to("1")).await.unwrap();
        let stopped = only("app").up(Target::End).await.unwrap_err();
        assert!(stopped.to_string().contains("needs base/0002"), "{stopped}");

        let all = migrator(sql, sets.clone());
        let report = all.up(Target::End).await.unwrap();
        let order: Vec<_> = report.applied.iter().map(|a| a.set.as_str()).collect();
        assert_eq!(order, ["base", "app"]);
        let stopped = only("base").down(Target::End).await.unwrap_err();
        assert!(stopped.to_string().contains("base/0002 is needed by app/0001"), "{stopped}");
        let stopped = all.up(to("1")).await.unwrap_err();
        assert!(stopped.to_string().contains("say which set, of app, base"), "{stopped}");
        all.down(to("0")).await.unwrap();
        assert!(there(sql, &sets).await.is_empty());
        // A set that is not given is nobody's business.
        only("base").up(Target::End).await.unwrap();
        migrator(sql, [sets[0].clone(), sets[1].clone()]).up(Target::End).await.unwrap();
    }

    async fn an_edited_file_is_refused_with_both_checksums(sql: &Sql) {
        let before = set("app", &house());
        migrator(sql, [before.clone()]).up(to("1")).await.unwrap();
        let mut edited = house();
        edited[0].up += "-- and more\nSELECT 1;\n";
        let after = set("app", &edited);
        let sums = [&before, &after].map(|set| {
            set.versions[0].files().next().unwrap().checksum.clone()
        });
        let migrator = migrator(sql, [after]);
        for refused in [
            migrator.up(Target::End).await.unwrap_err().error,
            migrator.down(Target::End).await.unwrap_err().error,
            migrator.verify().await.unwrap_err(),
        ] {
            assert_eq!(refused.code(), Code::MigrationChanged);
            let said = refused.to_string();
            assert!(said.contains("0001_step.up.sql"), "{said}");
            assert!(sums.iter().all(|sum| said.contains(sum)), "{said}");
        }
        let status = migrator.status().await.unwrap();
        assert!(status.sets[0].versions[0].changed);
        assert_eq!(number(sql, "SELECT count(*) FROM accounts").await, 2);
    }

    async fn a_history_of_other_files_is_a_fork(sql: &Sql) {
        migrator(sql, [set("app", &house())]).up(Target::End).await.unwrap();
        let older = migrator(sql, [set("app", &house()[..2])]);
        let stopped = older.up(Target::End).await.unwrap_err();
        assert_eq!(stopped.error.code(), Code::MigrationFork);
        assert!(stopped.to_string().contains("app/0003"), "{stopped}");
        assert_eq!(older.status().await.unwrap().sets[0].current.as_deref(), Some("0003"));
        let forget = "DELETE FROM tradebase_migrations WHERE version = '0002'";
        sql.execute(forget, ()).await.unwrap();
        let stopped = migrator(sql, [set("app", &house())]).up(Target::End).await.unwrap_err();
        assert_eq!(stopped.error.code(), Code::MigrationFork);
        assert!(stopped.to_string().contains("app/0003 is applied and app/0002"), "{stopped}");
    }
}
