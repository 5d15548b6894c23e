//! Files of migrations: written by us, read from a folder, put into a program.

use std::fs;
use std::path::{Path, PathBuf};

use tradebase_core::Code;
use tradebase_sql::{
    Direction, Draft, MigrationEngine, MigrationFile, MigrationSet, PlannedFile, migrations,
};
use tradebase_testkit::TempFolder;

/// A folder `app` of a test's own.
struct Folder {
    _temp: TempFolder,
    app: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let temp = TempFolder::new().expect("a temp folder");
        let app = temp.file("migrations/app");
        Self { _temp: temp, app }
    }

    fn set(&self) -> MigrationSet {
        if !self.app.exists() {
            let none: [(&str, &str); 0] = [];
            return MigrationSet::new("app", none).expect("an empty set");
        }
        MigrationSet::from_folder(&self.app).expect("the files are a set")
    }

    /// The names of the files in it.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.app).expect("the folder is there");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> =
            entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn body(&self, id: &str, engine: MigrationEngine, direction: Direction) -> String {
        let set = self.set();
        let version = set.version(id).expect("the version is there");
        version.file(engine, direction).expect("the file is there").body.trim().to_owned()
    }
}

const SQLITE: MigrationEngine = MigrationEngine::Sqlite;
const POSTGRES: MigrationEngine = MigrationEngine::Postgres;

fn names(paths: &[PathBuf]) -> Vec<&str> {
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str().map(str::len));
    paths
        .iter()
        .map(|path| {
            let text = path.to_str().expect("a text");
            &text[text.len() - name(path).expect("a name")..]
        })
        .collect()
}

fn draft(up: &[(bool, &str)], down: &[(bool, &str)]) -> Draft {
    let files = |of: &[(bool, &str)]| {
        let file = |&(transactional, sql): &(bool, &str)| {
            let mut file = PlannedFile::default();
            (file.transactional, file.sql) = (transactional, sql.to_owned());
            file
        };
        of.iter().map(file).collect()
    };
    let mut draft = Draft::default();
    draft.up.files = files(up);
    draft.down.files = files(down);
    draft
}

#[test]
fn a_new_version_follows_the_newest_one_and_is_signed_when_it_is_done() {
    let folder = Folder::new();
    let written = folder.set().write_new(&folder.app, "Add fees!", None).expect("written");
    assert_eq!(names(&written), ["0001_add_fees.up.sql", "0001_add_fees.down.sql"]);
    assert_eq!(folder.set().versions[0].title, "Add fees!");
    let text = fs::read_to_string(&written[0]).expect("read");
    assert!(text.contains("-- checksum: none\n"), "{text}");
    folder.set().versions[0].up(SQLITE).expect("up").check().expect("not signed is no mistake");

    let text = text + "SELECT 1;\n";
    fs::write(&written[0], &text).expect("edited");
    let signed = MigrationSet::sign(&folder.app).expect("signed");
    assert_eq!(names(&signed), ["0001_add_fees.down.sql", "0001_add_fees.up.sql"]);
    assert!(MigrationSet::sign(&folder.app).expect("signed").is_empty(), "all of them are");

    let text = fs::read_to_string(&written[0]).expect("read").replace("SELECT 1", "SELECT 2");
    fs::write(&written[0], text).expect("edited");
    let changed = folder.set().versions[0].up(SQLITE).expect("up").check().unwrap_err();
    assert_eq!(changed.code(), Code::MigrationChanged);
    let signed = MigrationSet::sign(&folder.app).expect("signed");
    assert_eq!(names(&signed), ["0001_add_fees.up.sql"]);

    let written = folder.set().write_new(&folder.app, "next", Some(SQLITE)).expect("written");
    let want = [
        "0002_next.sqlite.up.sql",
        "0002_next.sqlite.down.sql",
        "0002_next.postgres.up.sql",
        "0002_next.postgres.down.sql",
    ];
    assert_eq!(names(&written), want, "the set serves both engines, so the version does too");
}

#[test]
fn nothing_is_written_over_and_a_version_is_written_whole_or_not() {
    let folder = Folder::new();
    fs::create_dir_all(&folder.app).expect("made");
    let there = folder.app.join("0001_add_fees.down.sql");
    fs::write(&there, "mine").expect("written");
    let none: [(&str, &str); 0] = [];
    let set = MigrationSet::new("app", none).expect("a set");
    let error = set.write_new(&folder.app, "add fees", None).unwrap_err();
    assert_eq!(error.code(), Code::MigrationFile);
    assert!(error.message().contains("0001_add_fees.down.sql"), "{error}");
    assert_eq!(folder.names(), ["0001_add_fees.down.sql"], "no other file is left");
    assert_eq!(fs::read_to_string(there).expect("read"), "mine");
    for title in ["", "two\nlines"] {
        assert!(set.write_new(&folder.app, title, None).is_err(), "{title}");
    }
}

#[test]
fn a_draft_is_written_signed_with_its_way_back() {
    let folder = Folder::new();
    let sql = draft(&[(true, "CREATE TABLE a (b);\n")], &[(true, "DROP TABLE a;\n")]);
    let written = folder.set().write_draft(&folder.app, "begin", SQLITE, &sql).expect("written");
    assert_eq!(names(&written), ["0001_begin.sqlite.up.sql", "0001_begin.sqlite.down.sql"]);
    let set = folder.set();
    let up = set.versions[0].up(SQLITE).expect("up");
    assert_eq!(up.signed.as_deref(), Some(up.checksum.as_str()));
    assert_eq!(folder.body("1", SQLITE, Direction::Up), "CREATE TABLE a (b);");
    assert_eq!(folder.body("1", SQLITE, Direction::Down), "DROP TABLE a;");
    let nothing = set.write_draft(&folder.app, "nothing", SQLITE, &Draft::default());
    assert!(nothing.expect("written").is_empty(), "an empty draft is no version");
}

#[test]
fn postgres_what_is_no_transaction_is_a_version_of_its_own() {
    let folder = Folder::new();
    let sql = draft(
        &[
            (true, "ALTER TABLE t ADD fee int;\n"),
            (false, "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (fee);\n"),
        ],
        &[(true, "DROP INDEX i;\nALTER TABLE t DROP fee;\n")],
    );
    folder.set().write_draft(&folder.app, "fees", POSTGRES, &sql).expect("written");
    let set = folder.set();
    let titles: Vec<_> = set.versions.iter().map(|version| version.title.as_str()).collect();
    assert_eq!(titles, ["fees (1 of 2)", "fees (2 of 2)"]);
    let beside = &set.versions[1];
    assert!(!beside.up(POSTGRES).expect("up").transactional);
    assert!(!beside.down(POSTGRES).expect("down").transactional);
    let down = folder.body("2", POSTGRES, Direction::Down);
    assert_eq!(down, "DROP INDEX CONCURRENTLY IF EXISTS \"i\";");
    assert_eq!(folder.body("1", POSTGRES, Direction::Down), "ALTER TABLE t DROP fee;");
    assert_eq!(beside.parent(), Some("0001"));
    assert_eq!(set.lint(POSTGRES).expect("read"), []);
}

#[test]
fn the_second_engine_gets_its_files_for_the_same_versions() {
    let folder = Folder::new();
    let sqlite = draft(&[(true, "CREATE TABLE a (b);\n")], &[(true, "DROP TABLE a;\n")]);
    let postgres = draft(
        &[(true, "CREATE TABLE a (b int);\n"), (false, "ANALYZE a;\n")],
        &[(true, "DROP TABLE a;\n")],
    );
    folder.set().write_draft(&folder.app, "begin", SQLITE, &sqlite).expect("written");
    let written =
        folder.set().write_draft_into(&folder.app, "1", POSTGRES, &postgres).expect("written");
    assert_eq!(written.len(), 6, "the second file and its like for SQLite follow: {written:?}");
    assert_eq!(folder.body("1", POSTGRES, Direction::Up), "CREATE TABLE a (b int);");
    assert_eq!(folder.body("1", SQLITE, Direction::Up), "CREATE TABLE a (b);");
    assert_eq!(folder.body("2", POSTGRES, Direction::Up), "ANALYZE a;");
    assert_eq!(folder.body("2", SQLITE, Direction::Up), "-- nothing to do");

    let error = folder.set().write_draft_into(&folder.app, "1", POSTGRES, &postgres).unwrap_err();
    assert!(error.message().contains("has a file for this engine"), "{error}");
    let error = folder.set().write_draft_into(&folder.app, "7", POSTGRES, &postgres).unwrap_err();
    assert!(error.message().contains("no version 7"), "{error}");

    // From here on the set serves both engines: what one gets, the other gets as nothing, which
    // is then replaced.
    let more = draft(&[(true, "DROP TABLE a;\n")], &[(true, "CREATE TABLE a (b);\n")]);
    folder.set().write_draft(&folder.app, "end", SQLITE, &more).expect("written");
    assert_eq!(folder.body("3", POSTGRES, Direction::Down), "-- nothing to do");
    let written =
        folder.set().write_draft_into(&folder.app, "3", POSTGRES, &more).expect("written");
    assert_eq!(names(&written), ["0003_end.postgres.up.sql", "0003_end.postgres.down.sql"]);
    assert_eq!(folder.body("3", POSTGRES, Direction::Down), "CREATE TABLE a (b);");
    for version in &folder.set().versions {
        version.files().for_each(|file| file.check().expect("each file is signed"));
    }
}

#[test]
fn what_another_version_needs_is_kept_in_the_files_of_the_second_engine() {
    let folder = Folder::new();
    fs::create_dir_all(&folder.app).expect("made");
    let mut file = MigrationFile::new("", "0001", "begin", None, true, "CREATE TABLE a (b);\n");
    file.needs = vec!["trading/0003".to_owned()];
    file.sign();
    fs::write(folder.app.join("0001_begin.sqlite.up.sql"), file.text()).expect("written");
    let sql = draft(&[(true, "CREATE TABLE a (b int);\n")], &[]);
    folder.set().write_draft_into(&folder.app, "0001", POSTGRES, &sql).expect("written");
    let set = folder.set();
    assert_eq!(set.versions.len(), 1, "{set:?}");
    assert_eq!(set.versions[0].up(POSTGRES).expect("up").needs, ["trading/0003"]);
}

#[test]
fn the_files_of_a_folder_are_part_of_the_program() {
    let set = migrations!("tests/migrating/sets/app").expect("the files are a set");
    assert_eq!(set.name, "app");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/migrating/sets/app");
    let read = MigrationSet::from_folder(folder).expect("the files are a set");
    assert_eq!(set.versions.len(), read.versions.len());
    for (one, other) in set.versions.iter().zip(&read.versions) {
        let texts =
            |of: &tradebase_sql::Migration| of.files().map(MigrationFile::text).collect::<Vec<_>>();
        assert_eq!(texts(one), texts(other));
        one.files().for_each(|file| file.check().expect("as it was signed"));
    }
    let up = set.versions[0].up(SQLITE).expect("up");
    assert_eq!(up.name, "tests/migrating/sets/app/0001_begin.up.sql", "no path of the builder's");
}

#[tokio::test]
async fn sqlite_runs_no_file_that_is_not_signed() {
    let folder = Folder::new();
    folder.set().write_new(&folder.app, "add fees", None).expect("written");
    let sql = tradebase_sql::Sql::open("sqlite::memory:").await.expect("open");
    let migrator = || {
        let options = tradebase_sql::MigrateOptions::default();
        sql.migrator([folder.set()], options).expect("a migrator")
    };
    let end = tradebase_sql::Target::End;
    let refused = [
        migrator().up(end.clone()).await.expect_err("up").error,
        migrator().adopt(end.clone()).await.expect_err("adopt"),
        migrator().script(SQLITE, end.clone(), end.clone()).expect_err("script"),
    ];
    for error in refused {
        assert_eq!(error.code(), Code::MigrationFile);
        assert!(error.message().contains("verify --sign"), "{error}");
    }
    let status = migrator().status().await.expect("status");
    assert_eq!(status.sets[0].versions.len(), 1, "what is there is told all the same");
    let codes: Vec<_> = folder.set().lint(SQLITE).expect("lint").iter().map(|f| f.code).collect();
    assert_eq!(codes, ["M023", "M023"]);

    MigrationSet::sign(&folder.app).expect("signed");
    assert_eq!(migrator().up(end).await.expect("up").applied.len(), 1);
}
