//! Files that are written lead back and there again, version by version.

use tradebase_core::Record;
use tradebase_sql::{MigrateOptions, MigrationEngine, MigrationSet, Migrator, Sql, Target};
use tradebase_testkit::TempFolder;

use super::common::{self, built};

mod before {
    use super::Record;

    #[derive(Record)]
    #[record(table = "notes")]
    pub struct Note {
        #[record(key)]
        id: i64,
        text: String,
        #[record(index)]
        tag: String,
    }
}

mod after {
    use super::Record;

    /// Without the column that an index stands on, and with a limit, for which SQLite builds the
    /// table anew.
    #[derive(Record)]
    #[record(table = "notes")]
    pub struct Note {
        #[record(key)]
        id: i64,
        #[record(length(..=40))]
        text: String,
    }
}

/// A migrator of the files that `diff` writes for the way from one record to the other.
async fn migrator(sql: &Sql, engine: MigrationEngine, temp: &TempFolder) -> Migrator {
    let wanted = sql.wanted(&[after::Note::TABLE]).await.unwrap();
    let draft = sql.draft(&wanted, false).await.unwrap();
    let none: [(&str, &str); 0] = [];
    let folder = temp.file("app");
    let empty = MigrationSet::new("app", none).unwrap();
    empty.write_draft(&folder, "no tags", engine, &draft).unwrap();
    let mut options = MigrateOptions::default();
    options.backup = false;
    sql.migrator([MigrationSet::from_folder(&folder).unwrap()], options).unwrap()
}

#[tokio::test]
async fn sqlite_triggers_come_back_as_they_were_written() {
    let store = common::SqliteStore::new().await;
    let sql = &store.sql;
    sql.create_table::<before::Note>().await.unwrap();
    let trigger = "CREATE TRIGGER told AFTER INSERT ON notes BEGIN\n  UPDATE notes SET text = \
                   'a;b' WHERE id = new.id;\n\n\n  -- twice\n  DELETE FROM notes WHERE \
                   id < 0;\nEND";
    sql.execute(built(trigger), ()).await.unwrap();
    let text = "SELECT sql FROM sqlite_schema WHERE name = 'told'";
    let before = sql.query_values(text, ()).await.unwrap().rows;

    let temp = TempFolder::new().unwrap();
    let migrator = migrator(sql, MigrationEngine::Sqlite, &temp).await;
    migrator.up(Target::End).await.unwrap();
    migrator.down(Target::End).await.unwrap();
    assert_eq!(sql.query_values(text, ()).await.unwrap().rows, before);
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_files_are_gone_again_from_each_version_between() {
    let store = common::PostgresStore::new().await;
    let sql = &store.sql;
    sql.create_table::<before::Note>().await.unwrap();
    let temp = TempFolder::new().unwrap();
    let migrator = migrator(sql, MigrationEngine::Postgres, &temp).await;
    let versions = migrator.up(Target::End).await.unwrap().applied.len();
    assert!(versions > 1, "one to go back to between");
    for steps in 1..=versions {
        migrator.down(Target::Steps(steps)).await.unwrap();
        migrator.up(Target::End).await.unwrap();
        let wanted = sql.wanted(&[after::Note::TABLE]).await.unwrap();
        assert!(sql.draft(&wanted, false).await.unwrap().up.files.is_empty(), "{steps}");
    }
}
