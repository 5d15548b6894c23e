//! What a version sets for its session holds to its end, and no further.

use tradebase_sql::{MigrationEngine, Sql, Target};
use tradebase_testkit::{TempFolder, sqlite3};

use super::common::{SqliteStore, url};
use super::files::{Version, house, migrator, set, stepwise, version};

fn cascading() -> Vec<Version> {
    let mut versions = house();
    versions[1].up = versions[1].up.replace("accounts (id)", "accounts (id) ON DELETE CASCADE");
    versions[2] = stepwise("PRAGMA foreign_keys = ON;\nPRAGMA legacy_alter_table = ON;\n", "");
    let anew = "CREATE TABLE accounts_new (id BIGINT PRIMARY KEY, cents BIGINT NOT NULL);\n\
                INSERT INTO accounts_new SELECT id, cents FROM accounts;\n\
                DROP TABLE accounts;\nALTER TABLE accounts_new RENAME TO accounts;\n";
    versions.push(version(anew, ""));
    versions
}

#[tokio::test]
async fn sqlite_keys_that_a_version_puts_on_take_no_rows_along_in_the_next() {
    let look = "SELECT count(*) FROM orders; SELECT count(*) FROM accounts";
    let store = SqliteStore::new().await;
    let migrator = migrator(&store.sql, [set("app", &cascading())]);
    migrator.up(Target::End).await.unwrap();
    assert_eq!(sqlite3(store.path(), look).unwrap(), "1\n2");
    let folder = TempFolder::new().unwrap();
    let path = folder.file("script.db");
    let script = migrator.script(MigrationEngine::Sqlite, Target::End, Target::End).unwrap();
    sqlite3(&path, &script).unwrap();
    assert_eq!(sqlite3(&path, look).unwrap(), "1\n2");
}

#[tokio::test]
async fn sqlite_settings_of_what_is_done_hold_for_what_is_left() {
    let folder = TempFolder::new().unwrap();
    let sql = Sql::open(&url(&folder.file("a.db"))).await.unwrap();
    let up = "CREATE TABLE a (id BIGINT CHECK (id > 5));\n\
              PRAGMA ignore_check_constraints = ON;\n\
              INSERT INTO a SELECT 1 FROM late;\nINSERT INTO a VALUES (2);\n";
    let migrator = migrator(&sql, [set("app", &[stepwise(up, "")])]);
    migrator.up(Target::End).await.unwrap_err();
    sql.execute("CREATE TABLE late (id BIGINT)", ()).await.unwrap();
    migrator.up(Target::End).await.unwrap();
    let count: i64 = sql.query_scalar("SELECT count(*) FROM a", ()).await.unwrap();
    assert_eq!(count, 1);
}

#[cfg(feature = "postgres")]
mod postgres {
    use tradebase_testkit::psql;

    use super::*;
    use crate::common;

    const WHERE: &str = "SELECT string_agg(n.nspname || '.' || c.relname, ' ' ORDER BY c.relname) \
                         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE \
                         c.relkind = 'r' AND n.nspname IN ('public', 'x')";

    fn versions() -> [Version; 3] {
        [
            version("CREATE SCHEMA x;\nSET search_path = x;\nCREATE TABLE a (id BIGINT);\n", ""),
            version("CREATE TABLE b (id BIGINT);\n", ""),
            stepwise("SET search_path = x;\nCREATE TABLE c (id BIGINT);\n", ""),
        ]
    }

    #[tokio::test]
    async fn a_path_that_a_version_sets_holds_for_it_alone() {
        let store = common::PostgresStore::new().await;
        let migrator = migrator(&store.sql, [set("app", &versions())]);
        migrator.up(Target::End).await.unwrap();
        let tables: String = store.sql.query_scalar(WHERE, ()).await.unwrap();
        assert_eq!(tables, "x.a public.b x.c public.tradebase_migrations");
        assert_eq!(migrator.history().await.unwrap().len(), 3);

        let other = common::PostgresStore::new().await;
        let script = migrator.script(MigrationEngine::Postgres, Target::End, Target::End).unwrap();
        psql(&other.url(), &script).unwrap();
        assert_eq!(psql(&other.url(), WHERE).unwrap(), tables);
    }

    #[tokio::test]
    async fn a_path_that_is_set_holds_for_what_is_left() {
        let store = common::PostgresStore::new().await;
        let up = "CREATE SCHEMA x;\nSET search_path = x;\nINSERT INTO late VALUES (1);\n\
                  CREATE TABLE c (id BIGINT);\n";
        let migrator = migrator(&store.sql, [set("app", &[stepwise(up, "")])]);
        let stopped = migrator.up(Target::End).await.unwrap_err();
        assert!(stopped.to_string().contains("2 of 4 statements"), "{stopped}");
        store.sql.execute("CREATE TABLE x.late (id BIGINT)", ()).await.unwrap();
        migrator.up(Target::End).await.unwrap();
        let tables: String = store.sql.query_scalar(WHERE, ()).await.unwrap();
        assert_eq!(tables, "x.c x.late public.tradebase_migrations");
    }

    #[tokio::test]
    async fn a_history_of_another_schema_is_not_taken_for_ours() {
        let store = common::PostgresStore::new().await;
        migrator(&store.sql, [set("app", &house())]).up(Target::End).await.unwrap();
        let path = "DO $$ BEGIN CREATE SCHEMA x; EXECUTE format('ALTER DATABASE %I SET \
                    search_path = x, public', current_database()); END $$";
        store.sql.execute(path, ()).await.unwrap();
        let sql = Sql::open(&store.url()).await.unwrap();
        let there = migrator(&sql, [set("app", &house())]);
        let refused = there.up(Target::End).await.unwrap_err();
        assert!(refused.to_string().contains("public.tradebase_migrations"), "{refused}");
        assert!(there.status().await.is_err());
    }

    #[tokio::test]
    async fn a_script_keeps_colons_from_psql() {
        let store = common::PostgresStore::new().await;
        let up = "CREATE TABLE part AS SELECT (ARRAY[1, 2, 3])[1:PORT] AS ids, ':PORT'::text AS \
                  said FROM (SELECT 2 AS port) p;\n";
        let migrator = migrator(&store.sql, [set("app", &[version(up, "")])]);
        let script = migrator.script(MigrationEngine::Postgres, Target::End, Target::End).unwrap();
        psql(&store.url(), &script).unwrap();
        let look = "SELECT ids::text || said FROM part";
        assert_eq!(psql(&store.url(), look).unwrap(), "{1,2}:PORT");
    }
}
