//! The script that a shell runs leads to the same end as the migrator.

use tradebase_sql::{MigrateOptions, MigrationEngine, MigrationSet, Sql, Target};
use tradebase_testkit::TempFolder;

use super::common::url;
use super::files::{Version, house, migrator, set, stepwise, version};

fn to(version: &str) -> Target {
    Target::Version(version.to_owned())
}

fn sets(engine: MigrationEngine) -> [MigrationSet; 2] {
    let mut app: Vec<Version> = house();
    app[2] = app[2].clone().needs("base/0001");
    if engine == MigrationEngine::Postgres {
        let up = "CREATE INDEX CONCURRENTLY late ON accounts (cents);\nUPDATE accounts SET name = \
                  'a' WHERE id = 2;\n";
        app.push(stepwise(up, "DROP INDEX CONCURRENTLY late;\n"));
    } else {
        let trigger = "CREATE TRIGGER t AFTER INSERT ON orders BEGIN\n  UPDATE accounts SET cents \
                       = cents + 1;\nEND;\nVACUUM;\nCREATE VIEW v AS SELECT 1 -- one\n";
        app.push(stepwise(trigger, "DROP TRIGGER t;\nDROP VIEW v;\n"));
    }
    let base = version("CREATE TABLE quotes (text TEXT DEFAULT 'it''s')", "DROP TABLE quotes");
    [set("app", &app), set("base", &[base])]
}

/// The history but for who, when and how long.
const HISTORY: &str = "SELECT set_name, version, title, checksum, outcome, statements_done, \
                       statements_begun, number FROM tradebase_migrations ORDER BY number";

#[tokio::test]
async fn sqlite_script_and_migrator_lead_to_the_same_end() {
    let engine = MigrationEngine::Sqlite;
    let folder = TempFolder::new().unwrap();
    let [scripted, online] = ["script.db", "online.db"].map(|name| folder.file(name));
    let sql = Sql::open(&url(&online)).await.unwrap();
    let migrator = migrator(&sql, sets(engine));
    let run = |script: &str| tradebase_testkit::sqlite3(&scripted, script).unwrap();
    let same = |when: &str| {
        let look = |path| {
            let dump = tradebase_testkit::sqlite3(path, ".schema\n").unwrap();
            let data = "SELECT * FROM accounts; SELECT * FROM orders;";
            let data = tradebase_testkit::sqlite3(path, data).unwrap_or_default();
            dump + &data + &tradebase_testkit::sqlite3(path, HISTORY).unwrap()
        };
        assert_eq!(look(&scripted), look(&online), "{when}");
    };
    migrator.up(Target::End).await.unwrap();
    run(&migrator.script(engine, Target::End, Target::End).unwrap());
    same("up");
    // The set must be said where there are several, but for the empty one.
    let only = only_app(&sql, engine);
    only.down(to("2")).await.unwrap();
    run(&only.script(engine, to("4"), to("2")).unwrap());
    same("down");
    only.up(Target::Steps(1)).await.unwrap();
    run(&only.script(engine, to("2"), Target::Steps(1)).unwrap());
    same("up again");
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_script_and_migrator_lead_to_the_same_end() {
    use tradebase_testkit::{Postgres, pg_dump_schema, psql};

    let engine = MigrationEngine::Postgres;
    let [scripted, online] = [(), ()].map(|()| Postgres::shared().database());
    let sql = Sql::open(&online.url()).await.unwrap();
    let migrator = migrator(&sql, sets(engine));
    let run = |script: &str| psql(&scripted.url(), script).unwrap();
    let same = |when: &str| {
        let look = |url: String| {
            let data = "SELECT * FROM accounts ORDER BY id; SELECT * FROM orders;";
            let rows = psql(&url, data).unwrap() + &psql(&url, HISTORY).unwrap();
            pg_dump_schema(&url).unwrap() + &rows
        };
        assert_eq!(look(scripted.url()), look(online.url()), "{when}");
    };
    migrator.up(Target::End).await.unwrap();
    run(&migrator.script(engine, Target::End, Target::End).unwrap());
    same("up");
    let only = only_app(&sql, engine);
    only.down(to("2")).await.unwrap();
    run(&only.script(engine, to("4"), to("2")).unwrap());
    same("down");
    only.up(Target::Steps(1)).await.unwrap();
    run(&only.script(engine, to("2"), Target::Steps(1)).unwrap());
    same("up again");
}

fn only_app(sql: &Sql, engine: MigrationEngine) -> tradebase_sql::Migrator {
    let mut options = MigrateOptions::default();
    options.set = Some("app".to_owned());
    sql.migrator(sets(engine), options).unwrap()
}

#[tokio::test]
async fn an_empty_way_is_a_comment_and_opens_nothing() {
    let sql = Sql::later(tradebase_sql::SqlOptions::new("sqlite:/nowhere/at/all.db")).unwrap();
    for engine in [MigrationEngine::Sqlite, MigrationEngine::Postgres] {
        let migrator = only_app(&sql, engine);
        let script = migrator.script(engine, to("4"), Target::End).unwrap();
        assert!(script.lines().all(|line| line.starts_with("--")), "{script}");
        let script = migrator.script(engine, Target::End, to("1")).unwrap();
        assert!(script.contains("CREATE TABLE accounts"), "{script}");
        assert!(!script.contains("CREATE TABLE orders"), "{script}");
    }
}

#[tokio::test]
async fn sqlite_script_stops_at_the_first_error() {
    let folder = TempFolder::new().unwrap();
    let path = folder.file("a.db");
    let sql = Sql::open(&url(&folder.file("other.db"))).await.unwrap();
    let mut versions = house();
    // Rows that point to nothing are refused in the script too.
    versions[1].up = "CREATE TABLE orders (id BIGINT, account BIGINT REFERENCES accounts (id));\n\
                      INSERT INTO orders VALUES (1, 77);\n"
        .to_owned();
    let script = migrator(&sql, [set("app", &versions)])
        .script(MigrationEngine::Sqlite, Target::End, Target::End)
        .unwrap();
    let error = tradebase_testkit::sqlite3(&path, &script).unwrap_err();
    assert!(error.to_string().contains("point to what is not there"), "{error}");
    let look = "SELECT name FROM sqlite_schema WHERE name = 'orders'; SELECT version FROM \
                tradebase_migrations";
    assert_eq!(tradebase_testkit::sqlite3(&path, look).unwrap(), "0001");
    // It is for an empty database.
    let error = tradebase_testkit::sqlite3(&path, &script).unwrap_err();
    assert!(error.to_string().contains("not at the version"), "{error}");
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_script_stops_at_the_first_error() {
    use tradebase_testkit::{Postgres, psql};

    let database = Postgres::shared().database();
    let sql = Sql::open(&database.url()).await.unwrap();
    let mut versions = house();
    versions[1].up += "INSERT INTO nowhere VALUES (1);\n";
    let script = migrator(&sql, [set("app", &versions)])
        .script(MigrationEngine::Postgres, Target::End, Target::End)
        .unwrap();
    let error = psql(&database.url(), &script).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    let look = "SELECT to_regclass('orders') IS NULL, string_agg(version, ',') FROM \
                tradebase_migrations";
    assert_eq!(psql(&database.url(), look).unwrap(), "t|0001");
    let error = psql(&database.url(), &script).unwrap_err();
    assert!(error.to_string().contains("not at the version"), "{error}");
}
