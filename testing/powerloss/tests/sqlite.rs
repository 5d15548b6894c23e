//! The tool finds what SQLite loses when it is told not to sync, and nothing when it is.

use std::path::Path;

use rusqlite::Connection;
use tradebase_powerloss::Recorder;
use tradebase_testkit::TempFolder;

const ROWS: i64 = 120;

/// What was written in one setting of SQLite, and after how many changes each row was answered.
struct Run {
    recorder: Recorder,
    answered: Vec<usize>,
    _folder: TempFolder,
}

fn run(journal: &str, synchronous: &str) -> Run {
    let folder = TempFolder::new().unwrap();
    let recorder = Recorder::of(folder.path()).unwrap();
    let ledger = Connection::open(folder.file("a.db")).unwrap();
    let settings = format!(
        "PRAGMA journal_mode = {journal}; PRAGMA synchronous = {synchronous}; \
         PRAGMA wal_autocheckpoint = 40; CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)"
    );
    ledger.execute_batch(&settings).unwrap();
    let mut answered = vec![recorder.position()];
    for id in 1..=ROWS {
        ledger.execute("INSERT INTO rows VALUES (?, ?)", (id, "x".repeat(700))).unwrap();
        answered.push(recorder.position());
    }
    Run { recorder, answered, _folder: folder }
}

/// The rows in the files, or none if SQLite cannot read them.
fn rows(folder: &Path) -> rusqlite::Result<i64> {
    let found = Connection::open(folder.join("a.db"))?;
    let sound: String = found.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    assert_eq!(sound, "ok");
    let sql = "SELECT count(*), coalesce(max(id), 0), coalesce(min(length(text)), 700) FROM rows";
    let (count, last, length): (i64, i64, i64) =
        found.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    // The rows are written one after the other, so none may be missing in between.
    assert_eq!((count, length), (last, 700));
    Ok(count)
}

/// How many of so many power failures lose a row that was answered before.
fn losses(run: &Run, failures: usize) -> usize {
    let all = run.recorder.position();
    let lost = |number: &usize| {
        let cut = number * all / failures;
        let answered = run.answered.iter().filter(|&&position| position <= cut).count();
        let after = TempFolder::new().unwrap();
        run.recorder
            .disk_after(cut, number.wrapping_mul(31) as u64)
            .write_to(after.path())
            .unwrap();
        match rows(after.path()) {
            // The first answer is that of the table.
            Ok(found) => found + 1 < i64::try_from(answered).unwrap(),
            Err(_) => answered > 0,
        }
    };
    (0..failures).filter(lost).count()
}

#[test]
fn sqlite_that_syncs_every_commit_loses_nothing() {
    assert_eq!(losses(&run("WAL", "FULL"), 400), 0);
}

#[test]
fn sqlite_with_a_rollback_journal_and_its_folder_synced_loses_nothing() {
    assert_eq!(losses(&run("DELETE", "EXTRA"), 300), 0);
}

#[test]
fn sqlite_that_syncs_checkpoints_only_loses_answered_rows_and_stays_sound() {
    let lost = losses(&run("WAL", "NORMAL"), 200);
    assert!(lost > 50, "{lost}");
}

#[test]
fn sqlite_files_elsewhere_are_not_recorded() {
    let (folder, other) = (TempFolder::new().unwrap(), TempFolder::new().unwrap());
    let recorder = Recorder::of(folder.path()).unwrap();
    let ledger = Connection::open(other.file("a.db")).unwrap();
    ledger.execute_batch("CREATE TABLE a (b)").unwrap();
    assert_eq!(recorder.position(), 0);
    Connection::open(folder.file("a.db")).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
    assert!(recorder.position() > 0);
}

#[test]
fn sqlite_files_that_were_there_before_are_there_after() {
    let folder = TempFolder::new().unwrap();
    let ledger = Connection::open(folder.file("a.db")).unwrap();
    ledger.execute_batch("CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)").unwrap();
    drop(ledger);
    let recorder = Recorder::of(folder.path()).unwrap();
    let ledger = Connection::open(folder.file("a.db")).unwrap();
    ledger.execute_batch("PRAGMA synchronous = OFF").unwrap();
    ledger.execute("INSERT INTO rows VALUES (1, ?)", ["x".repeat(700)]).unwrap();
    drop(ledger);
    assert_eq!(rows(folder.path()), Ok(1));
    let disk = recorder.disk_after(0, 1);
    let after = TempFolder::new().unwrap();
    disk.write_to(after.path()).unwrap();
    assert_eq!(rows(after.path()), Ok(0));
}
