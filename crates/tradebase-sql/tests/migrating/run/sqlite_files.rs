//! What SQLite needs: foreign keys aside while a table is made anew, and backups.

use tradebase_core::Code;
use tradebase_sql::{MigrateOptions, Sql, Target};
use tradebase_testkit::{TempFolder, sqlite3};

use super::common::{SqliteStore, url};
use super::files::{house, migrator, set, version};

async fn keys_are_on(sql: &Sql) -> bool {
    sql.execute("INSERT INTO orders VALUES (99, 12345)", ()).await.is_err()
}

#[tokio::test]
async fn sqlite_table_made_anew_keeps_the_rows_that_point_to_it() {
    let store = SqliteStore::new().await;
    let mut versions = house();
    versions[1].up = versions[1].up.replace("accounts (id)", "accounts (id) ON DELETE CASCADE");
    let anew = "CREATE TABLE accounts_new (id BIGINT PRIMARY KEY, cents BIGINT NOT NULL, x TEXT);\n\
                INSERT INTO accounts_new SELECT id, cents, 'x' FROM accounts;\n\
                DROP TABLE accounts;\nALTER TABLE accounts_new RENAME TO accounts;\n";
    versions[2] = version(anew, "");
    let report = migrator(&store.sql, [set("app", &versions)]).up(Target::End).await.unwrap();
    let look = "SELECT count(*) FROM orders; SELECT count(*) FROM accounts WHERE x = 'x'";
    assert_eq!(sqlite3(store.path(), look).unwrap(), "1\n2");
    assert!(keys_are_on(&store.sql).await);

    // The drop was backed up first: without it, and with all rows.
    let backup = report.backup.unwrap();
    let look = "SELECT group_concat(name) FROM pragma_table_info('accounts'); SELECT count(*) \
                FROM accounts; SELECT count(*) FROM tradebase_migrations";
    assert_eq!(sqlite3(&backup, look).unwrap(), "id,cents\n2\n2");
}

#[tokio::test]
async fn sqlite_row_that_would_point_to_nothing_is_named() {
    let store = SqliteStore::new().await;
    let sql = &store.sql;
    let mut versions = house();
    versions[2] = version("DELETE FROM accounts WHERE id = 1;\n", "");
    let migrator = migrator(sql, [set("app", &versions)]);
    let stopped = migrator.up(Target::End).await.unwrap_err();
    let said = stopped.to_string();
    assert!(
        said.contains("rowid 1 of orders would point to what is not there in accounts"),
        "{said}"
    );
    assert!(keys_are_on(sql).await, "also after an error");
    let count: i64 = sql.query_scalar("SELECT count(*) FROM accounts", ()).await.unwrap();
    assert_eq!(count, 2, "rolled back");

    // One that was there before is not the migration's.
    let old = "INSERT INTO orders VALUES (5, 777)";
    sqlite3(store.path(), old).unwrap();
    let mut versions = house();
    versions[2] = version("DELETE FROM accounts WHERE id = 2;\n", "");
    super::files::migrator(sql, [set("app", &versions)]).up(Target::End).await.unwrap();
}

#[tokio::test]
async fn sqlite_backups_are_not_overwritten_and_can_be_declined() {
    let store = SqliteStore::new().await;
    let sql = &store.sql;
    let first = migrator(sql, [set("app", &house())]);
    let two = first.up(Target::Steps(2)).await.unwrap();
    assert_eq!(two.backup, None, "nothing can be lost");
    let backup = first.up(Target::End).await.unwrap().backup.unwrap();
    assert!(backup.ends_with("before-app-0003-up.backup"), "values are written over: {backup}");
    let one = first.down(Target::Steps(2)).await.unwrap().backup.unwrap();
    first.up(Target::End).await.unwrap();
    let two = first.down(Target::Steps(1)).await.unwrap().backup.unwrap();
    assert_ne!(one, two);
    assert!(one.ends_with("test.db.before-app-0003-down.backup"), "{one}");
    assert!(two.ends_with("test.db.before-app-0003-down-2.backup"), "{two}");
    for backup in [&one, &two] {
        let look = "SELECT name FROM accounts WHERE id = 1";
        assert_eq!(sqlite3(backup, look).unwrap(), "n;");
    }
    let mut options = MigrateOptions::default();
    options.backup = false;
    let declined = sql.migrator([set("app", &house())], options.clone()).unwrap();
    declined.up(Target::End).await.unwrap();
    assert_eq!(declined.down(Target::Steps(1)).await.unwrap().backup, None);

    // One that cannot be made stops the step before it begins.
    let folder = TempFolder::new().unwrap();
    options.backup = true;
    options.backup_folder = Some(folder.file("missing"));
    let stuck = sql.migrator([set("app", &house())], options).unwrap();
    let stopped = stuck.down(Target::Steps(1)).await.unwrap_err();
    assert_eq!(stopped.error.code(), Code::MigrationFailed);
    assert!(stopped.to_string().contains("the backup cannot be written"), "{stopped}");
    let count: i64 = sql.query_scalar("SELECT count(*) FROM orders", ()).await.unwrap();
    assert_eq!(count, 1);
}

#[cfg(unix)]
#[tokio::test]
async fn sqlite_backup_may_be_read_by_those_who_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;

    let store = SqliteStore::new().await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode();
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(store.path(), private).unwrap();
    let report = migrator(&store.sql, [set("app", &house())]).up(Target::End).await.unwrap();
    let backup = std::path::PathBuf::from(report.backup.unwrap());
    assert_eq!(mode(&backup) & 0o777, 0o600);
    let folder = std::fs::read_dir(backup.parent().unwrap()).unwrap();
    let left: Vec<_> = folder.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".partial")), "{left:?}");
}

#[tokio::test]
async fn sqlite_rows_that_pointed_to_nothing_before_are_counted_and_no_new_ones_are_made() {
    let store = SqliteStore::new().await;
    let mut versions = house()[..2].to_vec();
    // Its rows have no numbers, so one cannot be told from another.
    versions[1].up += "CREATE TABLE notes (id BIGINT PRIMARY KEY, account BIGINT REFERENCES \
                       accounts (id)) WITHOUT ROWID;\nINSERT INTO notes VALUES (1, 2);\n";
    let sets = |more: &str| [set("app", &[&versions[..], &[version(more, "")]].concat())];
    migrator(&store.sql, sets("")).up(Target::Steps(2)).await.unwrap();
    sqlite3(store.path(), "INSERT INTO notes VALUES (7, 777); INSERT INTO orders VALUES (8, 888)")
        .unwrap();
    let worse = "DELETE FROM accounts WHERE id = 2";
    let stopped = migrator(&store.sql, sets(worse)).up(Target::End).await.unwrap_err();
    let said = stopped.to_string();
    let want = "more rows of notes than before would point to what is not there in accounts";
    assert!(said.contains(want), "{said}");
    // Old ones move along with their table, under another name or in another order.
    let moved = "ALTER TABLE notes RENAME TO remarks;\n\
                 CREATE TABLE anew (account BIGINT REFERENCES accounts (id), id BIGINT);\n\
                 INSERT INTO anew SELECT account, id FROM orders ORDER BY id DESC;\n\
                 DROP TABLE orders;\nALTER TABLE anew RENAME TO orders;\n";
    migrator(&store.sql, sets(moved)).up(Target::End).await.unwrap();
}

#[tokio::test]
async fn sqlite_version_is_applied_once_though_two_begin_it() {
    let store = SqliteStore::new().await;
    let mut versions = house();
    versions.push(version("UPDATE accounts SET cents = cents * 10;\n", ""));
    let sets = [set("app", &versions)];
    migrator(&store.sql, sets.clone()).up(Target::Steps(3)).await.unwrap();
    // Both look at the history, then wait for somebody who writes; their lock is taken away.
    let other = rusqlite::Connection::open(store.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut ups = Vec::new();
    for _ in 0..2 {
        let (url, sets) = (store.url(), sets.clone());
        ups.push(tokio::spawn(async move {
            let sql = Sql::open(&url).await.unwrap();
            migrator(&sql, sets).up(Target::End).await
        }));
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        std::fs::remove_file(format!("{}.migrate-lock", store.path().display())).unwrap();
    }
    let script = migrator(&store.sql, sets.clone())
        .script(tradebase_sql::MigrationEngine::Sqlite, Target::Version("3".into()), Target::End)
        .unwrap();
    let path = store.path();
    let script = std::thread::spawn(move || sqlite3(path, &script));
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    other.execute_batch("COMMIT").unwrap();
    let mut applied = usize::from(script.join().unwrap().is_ok());
    for up in ups {
        match up.await.unwrap() {
            Ok(report) => applied += report.applied.len(),
            Err(stopped) => {
                let code = stopped.report.failed.unwrap().code;
                assert_eq!(code, Code::MigrationBusy.as_str());
            }
        }
    }
    assert_eq!(applied, 1);
    let cents = sqlite3(store.path(), "SELECT sum(cents) FROM accounts").unwrap();
    assert_eq!(cents, "5070");
}

#[tokio::test]
async fn sqlite_lock_of_a_dropped_call_is_held_as_long_as_its_statement_runs() {
    let store = SqliteStore::new().await;
    let migrator = migrator(&store.sql, [set("app", &house())]);
    migrator.up(Target::Steps(1)).await.unwrap();
    let other = rusqlite::Connection::open(store.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Dropped while it waits for the writer, on a thread that cannot be dropped.
    let wait = std::time::Duration::from_millis(400);
    tokio::time::timeout(wait, migrator.up(Target::End)).await.unwrap_err();
    let lock = std::fs::File::open(format!("{}.migrate-lock", store.path().display())).unwrap();
    assert!(matches!(lock.try_lock(), Err(std::fs::TryLockError::WouldBlock)));
    other.execute_batch("COMMIT").unwrap();
    migrator.up(Target::End).await.unwrap();
    lock.lock().unwrap();
}

#[tokio::test]
async fn sqlite_in_memory_is_migrated_without_lock_and_backup() {
    let sql = Sql::open("sqlite::memory:").await.unwrap();
    let migrator = migrator(&sql, [set("app", &house())]);
    migrator.up(Target::End).await.unwrap();
    assert!(keys_are_on(&sql).await);
    assert_eq!(migrator.down(Target::Version("0".into())).await.unwrap().backup, None);
    assert_eq!(migrator.status().await.unwrap().sets[0].current, None);
}

#[tokio::test]
async fn sqlite_migrator_waits_for_other_writers() {
    let folder = TempFolder::new().unwrap();
    let path = folder.file("a.db");
    let options = tradebase_sql::SqlOptions::new(url(&path));
    let options = options.busy_wait(std::time::Duration::from_millis(50));
    let sql = Sql::open_with(options).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let up =
        tokio::spawn(async move { migrator(&sql, [set("app", &house())]).up(Target::End).await });
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(up.await.unwrap().unwrap().applied.len(), 3);
}
