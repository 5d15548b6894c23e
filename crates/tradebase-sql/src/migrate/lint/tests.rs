use super::*;
use crate::migrate::MigrationFile;

const BASE: &str = "CREATE TABLE bots (id BIGINT PRIMARY KEY);\n\
                    CREATE TABLE trades (id BIGINT PRIMARY KEY, note TEXT, fee VARCHAR(8));\n\
                    CREATE INDEX trades__note ON trades (note);\n";

/// A set of the base and of these bodies, `up` or `down` each.
fn set(files: &[(&str, bool, &str)]) -> MigrationSet {
    let mut texts = vec![];
    let file = |name: &str, transactional, body: &str| {
        let id = &name[..4];
        let parent = id.parse::<u32>().unwrap() - 1;
        let parent = (parent > 0).then(|| format!("{parent:04}"));
        (name.to_owned(), MigrationFile::new(name, id, "x", parent, transactional, body).text())
    };
    texts.push(file("0001_x.up.sql", true, BASE));
    texts.push(file("0001_x.down.sql", true, ""));
    for (name, transactional, body) in files {
        texts.push(file(name, *transactional, body));
    }
    MigrationSet::new("app", texts).unwrap()
}

/// What is found in an up file behind the base: code and line of the body.
fn found(engine: Dialect, body: &str) -> Vec<(&'static str, usize)> {
    let set = set(&[("0002_x.up.sql", true, body), ("0002_x.down.sql", true, "")]);
    let head = set.versions[1].up(engine).unwrap().body_line;
    let findings = set.lint(engine).unwrap();
    findings.into_iter().map(|finding| (finding.code, finding.line - head)).collect()
}

fn postgres(body: &str) -> Vec<(&'static str, usize)> {
    found(Dialect::Postgres, body)
}

fn sqlite(body: &str) -> Vec<(&'static str, usize)> {
    found(Dialect::Sqlite, body)
}

#[test]
fn a_finding_stands_on_the_line_of_its_statement() {
    let body = "SELECT 1;\n\nSELECT 2; DROP TABLE\n trades;";
    assert_eq!(postgres(body), [("M003", 3)]);
    let set = set(&[("0002_x.up.sql", true, body), ("0002_x.down.sql", true, "")]);
    let finding = set.lint(Dialect::Postgres).unwrap().remove(0);
    assert_eq!(finding.statement, "DROP TABLE\n trades");
    assert_eq!(finding.file, "0002_x.up.sql");
    let line = set.versions[1].up(Dialect::Postgres).unwrap().text();
    assert_eq!(line.lines().nth(finding.line - 1), Some("SELECT 2; DROP TABLE"));
}

#[test]
fn a_waiver_allows_its_codes_at_the_next_statement_alone() {
    let dropped = "-- allow: M002 because it was never written\n\n-- really\n\
                   ALTER TABLE trades DROP note;\n";
    assert_eq!(sqlite(dropped), []);
    assert_eq!(sqlite(&format!("{dropped}ALTER TABLE trades DROP fee;")), [("M002", 5)]);
    let two = "-- allow: M002, M013 because all is stopped\n\
               ALTER TABLE trades DROP note, RENAME fee TO cost;";
    assert_eq!(postgres(two), []);
}

#[test]
fn a_waiver_without_reason_rule_or_need_is_found() {
    let drop = "ALTER TABLE trades DROP note;";
    for waiver in ["-- allow: M002", "-- allow: M002 because", "-- allow: M002 because  "] {
        assert_eq!(sqlite(&format!("{waiver}\n{drop}")), [("M001", 1), ("M002", 2)], "{waiver}");
    }
    let unknown = "-- allow: M999 because I say so\nSELECT 1";
    assert_eq!(sqlite(unknown), [("M001", 1)]);
    assert_eq!(sqlite("-- allow: M001 because I say so\nSELECT 1"), [("M001", 1)]);
    assert_eq!(sqlite("-- allow: M002 because I say so\nSELECT 1"), [("M001", 1)]);
    let behind = format!("{drop} -- allow: M002 because I say so\n");
    assert_eq!(sqlite(&behind), [("M001", 1), ("M002", 1)]);
    let inside = "ALTER TABLE trades\n-- allow: M002 because I say so\nDROP note;\n\
                  ALTER TABLE trades DROP fee";
    assert_eq!(sqlite(inside), [("M002", 1), ("M001", 2), ("M002", 4)]);
    let in_a_text = "INSERT INTO bots VALUES ('\n-- allow: M002\n');";
    assert_eq!(sqlite(in_a_text), []);
}

#[test]
fn a_waiver_for_the_other_engine_is_no_finding_in_a_shared_file() {
    let index = "-- allow: M007 because the table has ten rows\nCREATE INDEX i ON trades (fee);";
    assert_eq!(postgres(index), []);
    assert_eq!(sqlite(index), []);
    let set = set(&[
        ("0002_x.sqlite.up.sql", true, index),
        ("0002_x.postgres.up.sql", true, "SELECT 1"),
        ("0002_x.down.sql", true, ""),
    ]);
    assert_eq!(set.lint(Dialect::Sqlite).unwrap()[0].code, "M001");
    assert_eq!(set.lint(Dialect::Postgres).unwrap(), []);
}

#[test]
fn what_the_file_made_itself_may_be_changed_at_will() {
    let body = "CREATE TABLE fees (id BIGINT, bot_id BIGINT, note TEXT);\n\
                CREATE INDEX fees__bot ON fees (bot_id);\n\
                ALTER TABLE fees ADD FOREIGN KEY (bot_id) REFERENCES bots;\n\
                ALTER TABLE fees ALTER id SET NOT NULL, ADD UNIQUE (id), ADD CHECK (id > 0);\n\
                ALTER TABLE fees RENAME TO costs;\n\
                UPDATE costs SET note = 'x';\n\
                ALTER TABLE costs DROP note;\n\
                DROP INDEX fees__bot;\n\
                CREATE INDEX costs__bot ON costs (bot_id);";
    assert_eq!(postgres(body), []);
    let there = "CREATE TABLE IF NOT EXISTS trades (id BIGINT);\nDROP TABLE trades;";
    assert_eq!(postgres(there), [("M003", 2)]);
    assert_eq!(postgres("UPDATE foreign_table SET a = 1"), [("M018", 1)]);
}

#[test]
fn files_that_lead_down_are_looked_at_for_locks_alone() {
    let set = set(&[
        ("0002_x.up.sql", true, "CREATE TABLE fees (id BIGINT PRIMARY KEY);"),
        ("0002_x.down.sql", true, "DROP TABLE fees;\nDROP INDEX trades__note;"),
    ]);
    let codes = |engine| set.lint(engine).unwrap().into_iter().map(|f| f.code).collect::<Vec<_>>();
    assert_eq!(codes(Dialect::Postgres), ["M007"]);
    assert_eq!(codes(Dialect::Sqlite), [""; 0]);
}

#[test]
fn a_foreign_key_is_looked_at_over_all_versions() {
    let fees = "CREATE TABLE fees (id BIGINT PRIMARY KEY, bot_id BIGINT REFERENCES bots);";
    let down = ("0002_x.down.sql", true, "");
    let alone = set(&[("0002_x.up.sql", true, fees), down]);
    assert_eq!(alone.lint(Dialect::Sqlite).unwrap()[0].code, "M017");
    let later = set(&[
        ("0002_x.up.sql", true, fees),
        down,
        ("0003_x.up.sql", false, "CREATE INDEX CONCURRENTLY i ON fees (bot_id)"),
        ("0003_x.down.sql", true, ""),
    ]);
    assert_eq!(later.lint(Dialect::Postgres).unwrap(), []);
}

#[test]
fn a_table_made_anew_keeps_what_was_allowed_of_its_references() {
    let fees = "-- allow: M017 because bots are never deleted\n\
                CREATE TABLE fees (id BIGINT PRIMARY KEY, bot_id BIGINT REFERENCES bots);";
    let anew = "CREATE TABLE new (id BIGINT PRIMARY KEY, bot_id BIGINT REFERENCES bots, x TEXT);\n\
                INSERT INTO new (id, bot_id) SELECT id, bot_id FROM fees;\n\
                DROP TABLE fees;\nALTER TABLE new RENAME TO fees;";
    let set = set(&[
        ("0002_x.up.sql", true, fees),
        ("0002_x.down.sql", true, ""),
        ("0003_x.up.sql", true, anew),
        ("0003_x.down.sql", true, ""),
    ]);
    assert_eq!(set.lint(Dialect::Sqlite).unwrap(), []);
}

#[test]
fn a_table_made_anew_must_have_all_that_the_old_one_had() {
    let rebuild = |columns: &str, copy: &str, behind: &str| {
        sqlite(&format!(
            "CREATE TABLE n ({columns});\n{copy};\nDROP TABLE trades;\n\
             ALTER TABLE n RENAME TO trades;\n{behind}"
        ))
    };
    let columns = "id BIGINT PRIMARY KEY, note TEXT, fee VARCHAR(8)";
    let (copy, index) = ("INSERT INTO n SELECT * FROM trades", "CREATE INDEX i ON trades (note)");
    assert_eq!(rebuild(columns, copy, index), []);
    assert_eq!(rebuild(columns, "SELECT 1", index), [("M021", 3)]);
    assert_eq!(rebuild(columns, copy, ""), [("M021", 3)]);
    assert_eq!(rebuild("id BIGINT PRIMARY KEY, note TEXT", copy, index), [("M002", 3)]);
    let without_note = "id BIGINT PRIMARY KEY, fee VARCHAR(8)";
    assert_eq!(rebuild(without_note, copy, ""), [("M002", 3)]);
    let narrow = "id BIGINT PRIMARY KEY, note TEXT, fee INTEGER";
    assert_eq!(rebuild(narrow, copy, index), [("M004", 3)]);
}

#[test]
fn a_wider_limit_of_a_type_is_no_finding_on_postgres() {
    let to = |text: &str| postgres(&format!("ALTER TABLE trades ALTER fee TYPE {text}"));
    for text in ["varchar(8)", "varchar(9)", "character varying(20)", "varchar", "text"] {
        assert_eq!(to(text), [], "{text}");
    }
    for text in ["varchar(7)", "char(8)", "integer USING fee::integer", "text USING upper(fee)"] {
        assert_eq!(to(text), [("M004", 1)], "{text}");
    }
}

#[test]
fn sets_without_files_for_an_engine_have_nothing_to_be_found() {
    let set = MigrationSet::new(
        "app",
        [(
            "0001_x.sqlite.up.sql",
            MigrationFile::new("a", "0001", "x", None, true, "DROP TABLE a").text(),
        )],
    );
    let set = set.unwrap();
    assert_eq!(set.lint(Dialect::Postgres).unwrap(), []);
    let codes: Vec<_> = set.lint(Dialect::Sqlite).unwrap().iter().map(|f| f.code).collect();
    assert_eq!(codes, ["M003", "M014"]);
}

#[test]
fn a_long_statement_is_cut_and_an_open_string_is_an_error() {
    let body = format!("DELETE FROM trades -- {}\n", "é".repeat(300));
    let set = |body: &str| set(&[("0002_x.up.sql", true, body), ("0002_x.down.sql", true, "")]);
    let finding = set(&body).lint(Dialect::Sqlite).unwrap().remove(0);
    assert!(finding.statement.chars().count() <= STATEMENT_CHARS_MAX + 1);
    let error = set("SELECT 1;\nSELECT 'a").lint(Dialect::Sqlite).unwrap_err();
    assert_eq!(error.code(), Code::MigrationFile);
    assert!(error.message().contains("0002_x.up.sql"), "{error}");
}

#[test]
fn a_block_that_only_looks_may_be_repeated() {
    let codes = |body: &str| {
        let set = set(&[("0002_x.up.sql", false, body), ("0002_x.down.sql", true, "")]);
        set.lint(Dialect::Postgres).unwrap().into_iter().map(|f| f.code).collect::<Vec<_>>()
    };
    let looks = "DO $$ BEGIN IF EXISTS (SELECT FROM trades WHERE id IS NULL) THEN RAISE \
                 EXCEPTION 'no id'; END IF; END $$;";
    assert_eq!(codes(looks), [""; 0]);
    assert_eq!(codes("DO $$ BEGIN UPDATE trades SET id = id + 1; END $$;"), ["M016"]);
    let again = "ALTER TABLE trades DROP CONSTRAINT IF EXISTS c;\n\
                 ALTER TABLE trades ADD CONSTRAINT c CHECK (id > 0) NOT VALID;";
    assert_eq!(codes(again), [""; 0]);
}

#[test]
fn files_that_lead_down_are_looked_at_from_the_newest_on() {
    let check = "ALTER TABLE trades ADD CONSTRAINT c CHECK (note IS NOT NULL) NOT VALID;";
    let set = set(&[
        ("0002_x.up.sql", true, ""),
        (
            "0002_x.down.sql",
            false,
            "ALTER TABLE trades VALIDATE CONSTRAINT c;\n\
             ALTER TABLE trades ALTER note SET NOT NULL;",
        ),
        ("0003_x.up.sql", true, "ALTER TABLE trades ALTER note DROP NOT NULL;"),
        ("0003_x.down.sql", true, check),
    ]);
    assert_eq!(set.lint(Dialect::Postgres).unwrap(), []);
}

#[test]
fn what_the_server_knows_no_other_form_of_is_not_found() {
    let cut = "CREATE TABLE fills (id BIGINT, at TIMESTAMPTZ, bot_id BIGINT) PARTITION BY RANGE \
               (at);\nCREATE INDEX fills__bot ON fills (bot_id);";
    let later = "DROP INDEX fills__bot;\nCREATE INDEX fills__bot ON fills (bot_id);\n\
                 ALTER TABLE fills ADD FOREIGN KEY (bot_id) REFERENCES bots (id);";
    let set = set(&[
        ("0002_x.up.sql", true, cut),
        ("0002_x.down.sql", true, ""),
        ("0003_x.up.sql", true, later),
        ("0003_x.down.sql", true, ""),
    ]);
    assert_eq!(set.lint(Dialect::Postgres).unwrap(), []);
    let with_column = "-- allow: M002 because nobody reads it\nALTER TABLE trades DROP note;\n";
    assert_eq!(postgres(&format!("DROP INDEX trades__note;\n{with_column}")), []);
    assert_eq!(postgres("DROP INDEX trades__note;"), [("M007", 1)]);
    assert_eq!(postgres("ALTER TABLE trades DETACH PARTITION old FINALIZE;"), []);
}

#[test]
fn what_reads_or_loses_all_rows_is_found_in_every_form() {
    for (body, code) in [
        ("WITH a AS (SELECT 1) DELETE FROM trades;", "M018"),
        ("DO $$ BEGIN DELETE FROM trades; END $$;", "M018"),
        ("DROP SCHEMA old CASCADE;", "M003"),
        ("ALTER TABLE bots ATTACH PARTITION trades FOR VALUES FROM (1) TO (2);", "M009"),
        ("ALTER TABLE trades SET UNLOGGED;", "M025"),
        ("REFRESH MATERIALIZED VIEW v;", "M025"),
    ] {
        assert_eq!(postgres(body), [(code, 1)], "{body}");
    }
    let base = "CREATE TABLE t (at timestamp(6) with time zone);";
    let set = set(&[
        ("0002_x.up.sql", true, base),
        ("0002_x.down.sql", true, ""),
        ("0003_x.up.sql", true, "ALTER TABLE t ALTER at TYPE timestamp(6);"),
        ("0003_x.down.sql", true, ""),
    ]);
    assert_eq!(set.lint(Dialect::Postgres).unwrap()[0].code, "M004");
    let tolerant = "ALTER INDEX IF EXISTS a RENAME TO b;";
    let set = self::set(&[("0002_x.up.sql", false, tolerant), ("0002_x.down.sql", true, "")]);
    assert_eq!(set.lint(Dialect::Postgres).unwrap(), []);
}
