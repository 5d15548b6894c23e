//! The commands that change tables, each as a process of its own, on both engines.

#[path = "migrate/place.rs"]
mod place;
mod support;

use std::fs;
use std::process::ExitCode;

use serde_json::{Value, json};
use tradebase::sql::MigrationSet;

use place::{Place, after, before};

/// Each promise, kept on both engines.
macro_rules! promises {
    ($($promise:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $promise() { super::$promise(&super::Place::sqlite()); })*
        }
        mod postgres {
            $(#[test] fn $promise() { super::$promise(&super::Place::postgres()); })*
        }
    };
}

promises![
    records_become_tables_and_change_and_go_back,
    the_script_leads_to_the_same_end_and_opens_nothing,
    an_edited_file_is_refused_with_both_checksums,
    a_failing_step_tells_where_and_what_state_the_database_is_in,
    going_down_asks_or_takes_yes,
    setting_up_and_resetting_go_by_migrations_or_by_records,
    a_database_made_otherwise_is_adopted,
    sets_stand_side_by_side,
    two_databases_are_compared,
    files_for_the_other_engine_join_a_version,
    a_diff_of_a_database_that_is_behind_is_refused,
    a_program_has_migrations_inside,
    lint_finds_and_a_waiver_quiets_it,
    mistakes_are_named_and_change_nothing,
];

/// A version of records that were changed, with a row that was there before.
fn changed(place: &Place) {
    place.records(&before());
    place.json(&["migrate", "diff", "first tables"]);
    place.json(&["migrate", "up"]);
    place.ask("INSERT INTO bots (id, name, capital) VALUES (1, 'momentum', 5)");
    place.records(&after());
    place.json(&["migrate", "diff", "names become labels"]);
}

fn records_become_tables_and_change_and_go_back(place: &Place) {
    changed(place);
    let drift = place.say(&["drift"]);
    assert_eq!(drift.code, Some(1), "{}", drift.all());
    assert!(drift.out.contains("label") && drift.out.contains("bots"), "{}", drift.out);
    let differences = place.say(&["drift", "--json"]);
    assert_eq!(differences.code, Some(1));
    let told: Value = serde_json::from_str(&differences.out).unwrap();
    assert!(!told["differences"].as_array().unwrap().is_empty(), "{told}");

    let status = place.say(&["migrate", "status"]);
    assert!(status.out.contains("names become labels"), "{}", status.out);
    assert!(status.out.contains("applied") && status.out.contains("missing"), "{}", status.out);
    let up = place.say(&["migrate", "up"]);
    assert_eq!(up.code, Some(0), "{}", up.all());
    assert!(up.out.contains("app/0002"), "{}", up.out);
    assert_eq!(place.ask("SELECT label FROM bots"), "momentum");
    assert_eq!(place.say(&["drift"]).code, Some(0));
    assert_eq!(place.json(&["drift"]), json!({ "differences": [] }));
    assert_eq!(place.json(&["migrate", "verify"]), json!({ "verified": true }));
    let again = place.say(&["migrate", "up"]);
    assert!(again.out.contains("there already"), "{}", again.all());
    let nothing = place.json(&["migrate", "diff", "nothing"]);
    assert_eq!(nothing["files"], json!([]), "{nothing}");

    let newest = place.json(&["migrate", "status"]);
    let versions = newest["sets"][0]["versions"].as_array().unwrap().len();
    let down = place.json(&["migrate", "down", "--to", "1", "--yes"]);
    assert_eq!(down["applied"].as_array().unwrap().len(), versions - 1, "{down}");
    assert_eq!(place.ask("SELECT name FROM bots"), "momentum");
    place.json(&["migrate", "down", "--to", "0", "--yes"]);
    assert!(!place.tables().contains("bots"));
}

fn the_script_leads_to_the_same_end_and_opens_nothing(place: &Place) {
    changed(place);
    place.json(&["migrate", "up"]);
    let other = place.beside();
    let engine = ["migrate", "sql", "--engine", place.engine()];
    let script = other.say(&engine);
    assert_eq!(script.code, Some(0), "{}", script.all());
    assert!(!other.file("ledger.db").exists(), "it opened the database");
    assert_eq!(other.json(&engine)["sql"].as_str().unwrap().trim(), script.out.trim());
    assert_eq!(other.say(&["migrate", "sql"]).out, script.out, "the engine is that of the address");

    other.ask(&script.out);
    assert_eq!(other.tables(), place.tables());
    assert_eq!(other.say(&["migrate", "verify"]).code, Some(0));
    assert_eq!(other.json(&["migrate", "up"])["applied"], json!([]));
    let steps = ["migrate", "sql", "--from", "1", "--to", "2"];
    let step = other.say(&steps);
    assert!(step.out.contains("label"), "{}", step.all());
}

fn an_edited_file_is_refused_with_both_checksums(place: &Place) {
    changed(place);
    let (before, now) = edited(place);
    for arguments in [&["migrate", "up"][..], &["migrate", "verify"], &["setup"]] {
        let said = place.say(arguments);
        assert_eq!(said.code, Some(3), "{arguments:?}: {}", said.all());
        for part in ["DB_MIG_003", "0001_first_tables", &before, &now] {
            assert!(said.err.contains(part), "{arguments:?} does not say {part}: {}", said.err);
        }
    }
    assert_eq!(place.ask("SELECT name FROM bots"), "momentum", "nothing was run");
    let status = place.say(&["migrate", "status"]);
    assert!(status.out.contains("file changed or gone"), "{}", status.all());
}

/// Edits the first file and signs it, so that only the history knows. Gives both checksums.
fn edited(place: &Place) -> (String, String) {
    let name = place.files().into_iter().find(|name| name.ends_with(".up.sql")).unwrap();
    let path = place.file("migrations/app").join(name);
    let checksum = || {
        let text = fs::read_to_string(&path).unwrap();
        let line = text.lines().find(|line| line.starts_with("-- checksum:")).unwrap();
        line.trim_start_matches("-- checksum:").trim().to_owned()
    };
    let before = checksum();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text + "\n-- one more\nSELECT 1;\n").unwrap();
    let unsigned = place.say(&["migrate", "up"]);
    assert_eq!(unsigned.code, Some(3), "{}", unsigned.all());
    assert!(unsigned.err.contains("--sign"), "{}", unsigned.err);
    let signed = place.json(&["migrate", "verify", "--sign"]);
    assert_eq!(signed["signed"].as_array().unwrap().len(), 1, "{signed}");
    (before, checksum())
}

fn a_failing_step_tells_where_and_what_state_the_database_is_in(place: &Place) {
    place.version("one", "CREATE TABLE one (id INTEGER PRIMARY KEY);", "DROP TABLE one;");
    let bad = "CREATE TABLE two (id INTEGER PRIMARY KEY);\n\nINSERT INTO nowhere VALUES (1);";
    place.version("two", bad, "DROP TABLE two;");
    place.version("three", "CREATE TABLE three (id INTEGER PRIMARY KEY);", "DROP TABLE three;");
    let said = place.say(&["migrate", "up", "--json"]);
    assert_eq!(said.code, Some(1), "{}", said.all());
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["applied"][0]["version"], "0001", "{report}");
    assert_eq!(report["failed"]["version"], "0002", "{report}");
    assert_eq!(report["failed"]["position"], 2, "{report}");
    assert_eq!(report["failed"]["statement"], "INSERT INTO nowhere VALUES (1)", "{report}");
    assert!(report["failed"]["error"].as_str().unwrap().contains("nowhere"), "{report}");
    assert!(!report["failed"]["state"].as_str().unwrap().is_empty(), "{report}");
    assert!(report["remaining"].to_string().contains("app/0003"), "{report}");
    assert!(said.err.contains("DB_MIG_004"), "{}", said.err);

    let people = place.say(&["migrate", "up"]);
    let file = fs::read_to_string(place.file("migrations/app/0002_two.up.sql")).unwrap();
    let line = file.lines().position(|line| line.starts_with("INSERT")).unwrap() + 1;
    for part in ["0002_two.up.sql", &format!("line {line}"), "INSERT INTO nowhere", "app/0003"] {
        assert!(people.out.contains(part), "does not say {part}: {}", people.all());
    }
    let tables = place.tables();
    assert!(tables.contains("one") && !tables.contains("two"), "{tables}");
}

fn going_down_asks_or_takes_yes(place: &Place) {
    place.version("one", "CREATE TABLE one (id INTEGER PRIMARY KEY);", "DROP TABLE one;");
    place.version("two", "CREATE TABLE two (id INTEGER PRIMARY KEY);", "DROP TABLE two;");
    place.json(&["migrate", "up"]);
    let said = place.say(&["migrate", "down"]);
    assert_eq!(said.code, Some(3), "{}", said.all());
    assert!(said.err.contains("--yes") && said.err.contains("nothing was run"), "{}", said.err);
    assert!(said.err.contains("app/0002") && !said.err.contains("app/0001"), "{}", said.err);
    assert!(place.tables().contains("two"));
    let said = place.say(&["migrate", "down", "--yes"]);
    assert!(said.out.contains("app/0002") && !said.out.contains("app/0001"), "{}", said.all());
    let tables = place.tables();
    assert!(tables.contains("one") && !tables.contains("two"), "{tables}");
    place.json(&["migrate", "up"]);
    place.json(&["migrate", "down", "--steps", "2", "--yes"]);
    assert!(!place.tables().contains("one"));
}

fn setting_up_and_resetting_go_by_migrations_or_by_records(place: &Place) {
    place.records(&before());
    let made = place.json(&["setup"]);
    assert_eq!(made, json!({ "tables": ["bots"] }), "without migrations the tables are created");
    place.ask("INSERT INTO bots (id, name, capital) VALUES (1, 'momentum', 5)");
    let unsure = place.say(&["reset"]);
    assert_eq!(unsure.code, Some(3), "{}", unsure.all());
    assert!(unsure.err.contains("--yes"), "{}", unsure.err);
    assert_eq!(place.ask("SELECT count(*) FROM bots"), "1");
    place.json(&["reset", "--yes"]);
    assert_eq!(place.ask("SELECT count(*) FROM bots"), "0");

    let other = place.another();
    other.json(&["migrate", "diff", "first tables"]);
    let said = other.say(&["setup"]);
    assert!(said.out.contains("app/0001"), "{}", said.all());
    assert!(other.say(&["setup"]).out.contains("set up already"));
    other.ask("INSERT INTO bots (id, name, capital) VALUES (1, 'momentum', 5)");
    let mut production = other.command(&["reset", "--yes"]);
    let refused = support::run(production.env("TRADEBASE_PROFILE", "production"));
    assert_eq!(refused.code, Some(3), "{}", refused.all());
    assert!(refused.err.contains("production"), "{}", refused.err);
    assert_eq!(other.ask("SELECT count(*) FROM bots"), "1");
    let mut forced = other.command(&["reset", "--yes", "--force", "--json"]);
    let report = support::run(forced.env("TRADEBASE_PROFILE", "production")).json();
    let ways: Vec<_> =
        report["applied"].as_array().unwrap().iter().map(|one| &one["direction"]).collect();
    assert_eq!(ways, ["down", "up"], "{report}");
    assert_eq!(other.ask("SELECT count(*) FROM bots"), "0");
}

fn a_database_made_otherwise_is_adopted(place: &Place) {
    place.records(&before());
    place.json(&["setup"]);
    place.json(&["migrate", "diff", "first tables", "--from-empty"]);
    place.ask("ALTER TABLE bots ADD COLUMN extra INTEGER");
    let refused = place.say(&["migrate", "adopt", "--to", "1"]);
    assert_ne!(refused.code, Some(0), "{}", refused.all());
    assert!(refused.err.contains("extra"), "{}", refused.err);
    place.ask("ALTER TABLE bots DROP COLUMN extra");
    let adopted = place.json(&["migrate", "adopt", "--to", "1"]);
    assert_eq!(adopted["sets"][0]["versions"][0]["outcome"], "adopted", "{adopted}");
    assert_eq!(place.json(&["migrate", "up"])["applied"], json!([]));
    assert_eq!(place.say(&["migrate", "verify"]).code, Some(0));
}

fn sets_stand_side_by_side(place: &Place) {
    place.version("mine", "CREATE TABLE mine (id INTEGER PRIMARY KEY);", "DROP TABLE mine;");
    place.json(&["migrate", "new", "theirs", "--set", "trading"]);
    let folder = place.file("migrations/trading");
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let up = path.display().to_string().ends_with(".up.sql");
        let sql = if up { "CREATE TABLE theirs (id INTEGER);" } else { "DROP TABLE theirs;" };
        let (head, _) = text.split_once("\n\n").unwrap();
        let head = head.replace("-- transactional", "-- needs: app/0001\n-- transactional");
        fs::write(&path, format!("{head}\n\n{sql}\n")).unwrap();
    }
    place.json(&["migrate", "verify", "--sign"]);
    let early = place.say(&["migrate", "up", "--set", "trading"]);
    assert_ne!(early.code, Some(0), "{}", early.all());
    assert!(early.err.contains("app/0001"), "{}", early.err);
    let report = place.json(&["migrate", "up"]);
    let order: Vec<_> =
        report["applied"].as_array().unwrap().iter().map(|one| &one["set"]).collect();
    assert_eq!(order, ["app", "trading"], "{report}");
    let needed = place.say(&["migrate", "down", "--set", "app", "--to", "0", "--yes"]);
    assert_ne!(needed.code, Some(0), "{}", needed.all());
    assert!(needed.err.contains("trading/0001"), "{}", needed.err);
    place.json(&["migrate", "down", "--set", "trading", "--to", "0", "--yes"]);
    assert!(!place.tables().contains("theirs"));
    let unknown = place.say(&["migrate", "status", "--set", "none"]);
    assert_eq!(unknown.code, Some(3), "{}", unknown.all());
    assert!(unknown.err.contains("app") && unknown.err.contains("trading"), "{}", unknown.err);
}

fn two_databases_are_compared(place: &Place) {
    place.records(&before());
    place.json(&["setup"]);
    let other = place.another();
    let url = place.url();
    let diff = ["migrate", "diff", "as the other", "--against", &url];
    let planned = other.json(&[&diff[..], &["--dry-run"]].concat());
    assert!(planned["sql"]["up"].to_string().contains("capital"), "{planned}");
    assert!(!other.file("migrations").exists(), "a dry run writes nothing");
    let people = other.say(&[&diff[..], &["--dry-run"]].concat());
    assert!(people.out.contains("CREATE TABLE"), "{}", people.all());
    other.json(&diff);
    other.json(&["migrate", "up"]);
    assert_eq!(other.json(&diff)["files"], json!([]), "now they are alike");
}

fn files_for_the_other_engine_join_a_version(place: &Place) {
    place.records(&before());
    place.json(&["migrate", "diff", "first tables"]);
    let alone = place.files();
    assert_eq!(alone.len(), 2, "{alone:?}");
    assert!(alone.iter().all(|name| name.contains(&format!(".{}.", place.engine()))), "{alone:?}");
    let other = if place.engine() == "sqlite" { Place::postgres() } else { Place::sqlite() };
    let on_other = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        support::run(command.env("DATABASE_URL", other.url()))
    };
    let missing = on_other(&["migrate", "up"]);
    assert_eq!(missing.code, Some(3), "{}", missing.all());
    assert!(missing.err.contains(other.engine()), "{}", missing.err);
    let added = on_other(&["migrate", "diff", "--into", "1", "--json"]).json();
    assert_eq!(added["files"].as_array().unwrap().len(), 2, "{added}");
    assert_eq!(on_other(&["migrate", "up"]).code, Some(0));
    assert_eq!(on_other(&["drift"]).code, Some(0));
    place.json(&["migrate", "up"]);
    assert_eq!(place.say(&["drift"]).code, Some(0));

    place.records(&after());
    place.json(&["migrate", "diff", "more"]);
    assert_eq!(on_other(&["migrate", "up"]).code, Some(0));
    let late = on_other(&["migrate", "diff", "--into", "2"]);
    assert_eq!(late.code, Some(3), "{}", late.all());
    assert!(late.err.contains("app/0002") && late.err.contains("new version"), "{}", late.err);
    assert_eq!(on_other(&["migrate", "up"]).code, Some(0), "no file was written over");
}

fn a_diff_of_a_database_that_is_behind_is_refused(place: &Place) {
    place.records(&before());
    place.json(&["migrate", "diff", "first tables"]);
    let said = place.say(&["migrate", "diff", "again"]);
    assert_eq!(said.code, Some(3), "{}", said.all());
    assert!(said.err.contains("app/0001") && said.err.contains("migrate up"), "{}", said.err);
    assert_eq!(place.files().len(), 2);
}

fn a_program_has_migrations_inside(place: &Place) {
    place.records(&before());
    place.json(&["migrate", "diff", "first tables"]);
    let files: Vec<_> = place
        .files()
        .into_iter()
        .map(|name| {
            let text = fs::read_to_string(place.file("migrations/app").join(&name)).unwrap();
            (name, text)
        })
        .collect();
    let url = format!("sql.url={}", place.url());
    let nowhere = place.file("nowhere");
    let run = |folder: Option<&str>| {
        let sets = MigrationSet::new("app", files.clone());
        let mut arguments = vec!["mine", "migrate", "up", "--quiet", "--set", &url];
        arguments.extend(folder.into_iter().flat_map(|folder| ["--folder", folder]));
        let arguments = arguments.into_iter().map(std::ffi::OsString::from);
        tradebase_cli::Command::new(before()).migrations([sets]).run_with(arguments)
    };
    assert_ne!(run(nowhere.to_str()), ExitCode::SUCCESS, "a named folder must be there");
    assert_eq!(run(None), ExitCode::SUCCESS);
    assert_eq!(place.json(&["migrate", "up"])["applied"], json!([]));
    assert_eq!(place.say(&["drift"]).code, Some(0));
}

fn lint_finds_and_a_waiver_quiets_it(place: &Place) {
    let up = "CREATE TABLE one (id INTEGER PRIMARY KEY);";
    place.version("one", up, "DROP TABLE one;");
    let clean = place.say(&["migrate", "lint", "--engine", place.engine()]);
    assert_eq!(clean.code, Some(0), "{}", clean.all());
    place.version("two", "DROP TABLE one;", up);
    let said = place.say(&["migrate", "lint", "--engine", place.engine(), "--json"]);
    assert_eq!(said.code, Some(1), "{}", said.all());
    let found: Value = serde_json::from_str(&said.out).unwrap();
    let code = found["findings"][0]["code"].as_str().unwrap();
    let file = found["findings"][0]["file"].as_str().unwrap();
    assert!(file.contains("0002_two.up.sql"), "{found}");
    let people = place.say(&["migrate", "lint", "--engine", place.engine()]);
    assert!(people.out.contains(code) && people.out.contains("safer"), "{}", people.all());
    let path = place.file("migrations/app/0002_two.up.sql");
    let text = fs::read_to_string(&path).unwrap();
    let waived = format!("-- allow: {code} because nobody used it\nDROP TABLE");
    fs::write(&path, text.replace("DROP TABLE", &waived)).unwrap();
    let quiet = place.say(&["migrate", "lint", "--engine", place.engine()]);
    assert_eq!(quiet.code, Some(0), "{}", quiet.all());
}

fn mistakes_are_named_and_change_nothing(place: &Place) {
    let refused = |arguments: &[&str], words: &[&str]| {
        let said = place.say(arguments);
        assert!(matches!(said.code, Some(2 | 3)), "{arguments:?}: {}", said.all());
        for word in words {
            assert!(said.err.contains(word), "{arguments:?}, {word}: {}", said.err);
        }
        assert!(!place.file("ledger.db").exists(), "{arguments:?} made a database");
    };
    refused(&["migrate", "up"], &["no migrations", "migrate diff"]);
    refused(&["migrate", "lint", "--folder", "typo"], &["typo"]);
    refused(&["setup", "--folder", "typo"], &["typo"]);
    refused(&["migrate", "up", "--set", "a", "--set", "b"], &["one set"]);
    refused(&["migrate", "down", "--to", "1", "--steps", "1"], &["--steps"]);
    place.version("one", "SELECT 1;", "SELECT 1;");
    refused(&["migrate", "sql", "--engine", "mysql"], &["postgres"]);
    refused(&["migrate", "sql", "--to", "7"], &["7", "0001"]);
    refused(&["migrate", "lint", "--set", "none"], &["none", "app"]);

    let app = place.file("migrations/app");
    fs::copy(app.join("0001_one.up.sql"), place.file("migrations/0001_one.up.sql")).unwrap();
    refused(&["migrate", "up"], &["migrations/app", "0001_one.up.sql"]);
    fs::remove_file(place.file("migrations/0001_one.up.sql")).unwrap();
    fs::write(app.join("0002_two.up.sql"), "CREATE TABLE two (id INTEGER);\n").unwrap();
    refused(&["migrate", "up"], &["0002_two.up.sql", "line 1", "-- tradebase: migration"]);
    let one = fs::read_to_string(app.join("0001_one.up.sql")).unwrap();
    fs::write(app.join("0002_two.up.sql"), one.replace("0001", "0002")).unwrap();
    refused(&["migrate", "up"], &["forked", "0001_one.up.sql", "0002_two.up.sql"]);
}
