//! What stops half-way is mended and goes on; what the history says is believed, and nothing else.

use tradebase_core::Code;
use tradebase_sql::{MigrateOptions, MigrationEngine, Outcome, Sql, Target};

use super::common::{self, built};
use super::files::{house, migrator, set, stepwise, version};

async fn number(sql: &Sql, text: &str) -> i64 {
    sql.query_scalar(built(text), ()).await.unwrap()
}

async fn run(sql: &Sql, text: &str) {
    let mut connection = sql.connection().await.unwrap();
    connection.batch(built(text)).await.unwrap();
    connection.release().await.unwrap();
}

fn to(version: &str) -> Target {
    Target::Version(version.to_owned())
}

promises! {
    async fn a_half_applied_version_is_mended_behind_what_is_done(sql: &Sql) {
        let sets = |up: &str, down: &str| [set("app", &[stepwise(up, down)])];
        let first = "CREATE TABLE a (id BIGINT);\nINSERT INTO a VALUES (1);\n";
        let broken = format!("{first}INSERT INTO nowhere VALUES (2);\n");
        migrator(sql, sets(&broken, "")).up(Target::End).await.unwrap_err();
        // What is done must stay as it stands.
        let other = "CREATE TABLE a (id BIGINT);\nINSERT INTO a VALUES (9);\nSELECT 1;\n";
        let refused = migrator(sql, sets(other, "")).up(Target::End).await.unwrap_err();
        assert_eq!(refused.error.code(), Code::MigrationChanged);
        assert!(refused.to_string().contains("mend only those behind"), "{refused}");
        // What is not may be anything, also less, and fail again.
        let again = format!("{first}INSERT INTO a VALUES (2);\nINSERT INTO nowhere VALUES (3);\n");
        migrator(sql, sets(&again, "")).up(Target::End).await.unwrap_err();
        let good = format!("{first}INSERT INTO a VALUES (2);\n");
        let down = "DELETE FROM a WHERE id = 2;\nDROP TABLE nowhere;\n";
        let mended = migrator(sql, sets(&good, down));
        mended.up(Target::End).await.unwrap();
        assert_eq!(number(sql, "SELECT CAST(sum(id) AS BIGINT) FROM a").await, 3);
        // It is the file that the history keeps.
        assert!(!mended.status().await.unwrap().sets[0].versions[0].changed);
        // The way back is mended alike.
        mended.down(Target::End).await.unwrap_err();
        let down = "DELETE FROM a WHERE id = 2;\nDROP TABLE a;\n";
        migrator(sql, sets(&good, down)).down(Target::End).await.unwrap();
        let history = mended.history().await.unwrap();
        assert_eq!(history[0].outcome, Outcome::Reverted);
    }

    async fn down_takes_back_what_was_applied_last(sql: &Sql) {
        let one = |table: &str| {
            [version(&format!("CREATE TABLE {table} (id BIGINT)"), &format!("DROP TABLE {table}"))]
        };
        let sets = [set("early", &one("e")), set("late", &one("l"))];
        let only = |name: &str| {
            let mut options = MigrateOptions::default();
            options.set = Some(name.to_owned());
            sql.migrator(sets.clone(), options).unwrap()
        };
        only("late").up(Target::End).await.unwrap();
        only("early").up(Target::End).await.unwrap();
        let all = migrator(sql, sets.clone());
        assert_eq!(all.would_take_back(&Target::End).await.unwrap(), ["early/0001"]);
        let both = ["early/0001", "late/0001"];
        assert_eq!(all.would_take_back(&Target::Steps(2)).await.unwrap(), both);
        let report = all.down(Target::End).await.unwrap();
        assert_eq!(report.applied[0].set, "early");
        assert_eq!(all.would_take_back(&Target::End).await.unwrap(), ["late/0001"]);
    }

    async fn a_version_is_what_the_history_says_of_it_last(sql: &Sql) {
        let migrator = migrator(sql, [set("app", &house())]);
        migrator.up(Target::End).await.unwrap();
        // It was once written with other zeros, and taken back.
        run(sql, "INSERT INTO tradebase_migrations SELECT set_name, '1', title, checksum, \
                  'reverted', 0, 0, '', who, at, 0, 0 FROM tradebase_migrations WHERE version = \
                  '0001'").await;
        assert!(migrator.up(Target::End).await.unwrap().applied.is_empty());
        migrator.down(to("0")).await.unwrap();
        assert_eq!(migrator.up(Target::End).await.unwrap().applied.len(), 3);
    }

    async fn what_a_version_has_dropped_must_be_gone(sql: &Sql) {
        let versions = [
            version("CREATE TABLE old (id BIGINT); CREATE TABLE kept (id BIGINT)", ""),
            version("CREATE VIEW seen AS SELECT 1 AS a; DROP VIEW seen; DROP TABLE old", ""),
        ];
        let migrator = migrator(sql, [set("app", &versions)]);
        run(sql, "CREATE TABLE kept (id BIGINT); CREATE TABLE old (id BIGINT); \
                  CREATE VIEW seen AS SELECT 1 AS a; CREATE TABLE stranger (id BIGINT)").await;
        let refused = migrator.adopt(Target::Version("2".into())).await.unwrap_err().to_string();
        assert!(refused.contains("old: table is there, should be nothing"), "{refused}");
        assert!(refused.contains("seen: view is there, should be nothing"), "{refused}");
        assert!(!refused.contains("stranger"), "{refused}");
        run(sql, "DROP VIEW seen; DROP TABLE old").await;
        migrator.adopt(Target::Version("2".into())).await.unwrap();
        migrator.verify().await.unwrap();
        run(sql, "CREATE TABLE old (id BIGINT)").await;
        let refused = migrator.verify().await.unwrap_err().to_string();
        assert!(refused.contains("old: table is there"), "{refused}");
    }

    async fn nothing_is_adopted_before_what_it_needs(sql: &Sql) {
        let base = set("base", &[version("CREATE TABLE b (id BIGINT)", "")]);
        let app = set("app", &[version("CREATE TABLE a (id BIGINT)", "").needs("base/0001")]);
        let mut options = MigrateOptions::default();
        options.set = Some("app".to_owned());
        let only = sql.migrator([base, app], options).unwrap();
        run(sql, "CREATE TABLE a (id BIGINT); CREATE TABLE b (id BIGINT)").await;
        let refused = only.adopt(Target::End).await.unwrap_err().to_string();
        assert!(refused.contains("app/0001 needs base/0001"), "{refused}");
    }
}

/// Runs scripts for a database that is elsewhere: all are refused, and change nothing.
fn refused(sql: &Sql, engine: MigrationEngine, run: impl Fn(&str) -> Result<String, String>) {
    let base = set("base", &[version("CREATE TABLE b (id BIGINT)", "DROP TABLE b")]);
    let mut app = house();
    app[2] = app[2].clone().needs("base/0001");
    let mut options = MigrateOptions::default();
    options.set = Some("app".to_owned());
    let only = sql.migrator([base, set("app", &app)], options).unwrap();
    let script = |from: &str, way: &str| only.script(engine, to(from), to(way)).unwrap();
    let fails = |script: &str| {
        let error = run(script).unwrap_err();
        assert!(error.contains("not at the version"), "{error}");
    };
    fails(&script("1", "2"));
    fails(&script("2", "1"));
    run(&script("0", "2")).unwrap();
    fails(&script("2", "3"));
    fails(&script("1", "0"));
    fails(&script("0", "2"));
    let look = "SELECT count(*) FROM orders; SELECT count(*) FROM tradebase_migrations";
    assert_eq!(run(look).unwrap(), "1\n2");
    run(&script("2", "0")).unwrap();
    fails(&script("2", "0"));
}

#[tokio::test]
async fn sqlite_script_is_refused_by_a_database_at_another_version() {
    let folder = tradebase_testkit::TempFolder::new().unwrap();
    let path = folder.file("a.db");
    let sql = Sql::open("sqlite::memory:").await.unwrap();
    refused(&sql, MigrationEngine::Sqlite, |script| {
        tradebase_testkit::sqlite3(&path, script).map_err(|e| e.to_string())
    });
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_script_is_refused_by_a_database_at_another_version() {
    let database = tradebase_testkit::Postgres::shared().database();
    let sql = Sql::open("sqlite::memory:").await.unwrap();
    refused(&sql, MigrationEngine::Postgres, |script| {
        tradebase_testkit::psql(&database.url(), script).map_err(|e| e.to_string())
    });
}
