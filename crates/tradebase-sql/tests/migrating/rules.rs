//! The page of rules for migrations is that of the code, and its examples are what they say.

use std::fmt::Write;
use std::path::Path;

use tradebase_sql::{Finding, LINT_RULES, LintRule, MigrationEngine, MigrationFile, MigrationSet};

const HEAD: &str = "# Rules for migrations

<!-- @generated from the rules in the code by the tests of tradebase-sql; \
TRADEBASE_WRITE_REFERENCE=1 writes it anew -->

`tradebase migrate lint` looks through the files of a set and opens no database. It knows what is \
there from the files before; a table that none of them made counts as one with rows. A table that \
the file itself made has none, so nothing that is done to it is found. Of files that lead down \
only what they lock is looked at, where the rule says so.

Who knows better says so above the statement, with the reason:

```sql
-- allow: M003 because nothing was ever written to it
DROP TABLE \"trades\";
```

Each example follows this version, and has down files that are not shown:

```sql
";

const BASE: &str = "\
-- 0001_begin.up.sql, transactional: yes
CREATE TABLE \"bots\" (\"id\" BIGINT PRIMARY KEY, \"name\" TEXT NOT NULL);
CREATE TABLE \"trades\" (\"id\" BIGINT PRIMARY KEY, \"bot_id\" BIGINT NOT NULL,
    \"price\" NUMERIC(18, 8) NOT NULL, \"note\" TEXT);
CREATE INDEX \"trades__bot_id__index\" ON \"trades\" (\"bot_id\");
";

/// The rule whose examples show which down files there are.
const SHOWS_DOWN: &str = "M014";

/// The files of an example: name, what its header says of transaction and checksum, body.
fn files(example: &str) -> Vec<(&str, &str, String)> {
    let mut files: Vec<(&str, &str, String)> = Vec::new();
    for line in example.lines() {
        let head = line.strip_prefix("-- ").and_then(|line| line.split_once(", transactional: "));
        match (head, files.last_mut()) {
            (Some((name, word)), _) => files.push((name, word, String::new())),
            (None, Some((.., body))) => body.push_str(&format!("{line}\n")),
            (None, None) => panic!("an example begins with the name of a file: {line}"),
        }
    }
    files
}

fn set(example: &str, with_down: bool) -> MigrationSet {
    let mut texts: Vec<(String, String)> = Vec::new();
    let begin = [("0001_begin.down.sql", "yes", String::new())];
    for (name, word, body) in files(BASE).into_iter().chain(begin).chain(files(example)) {
        let (id, rest) = name.split_once('_').expect("a version");
        let before = id.parse::<u32>().expect("digits") - 1;
        let parent = (before > 0).then(|| format!("{before:04}"));
        let title = rest.split('.').next().expect("a title").replace('_', " ");
        let file = |body: String| {
            let transactional = word.starts_with("yes");
            let mut file =
                MigrationFile::new(name, id, &title, parent.clone(), transactional, body);
            file.signed = file.signed.filter(|_| !word.ends_with("checksum: none"));
            file.text()
        };
        let down = format!("{id}_{}.down.sql", title.replace(' ', "_"));
        if with_down && id != "0001" && !texts.iter().any(|(name, _)| *name == down) {
            texts.push((down, file(String::new())));
        }
        texts.push((name.to_owned(), file(body)));
    }
    MigrationSet::new("app", texts).expect("the files of an example are a set")
}

fn found(rule: &LintRule, example: &str, engine: MigrationEngine) -> Vec<Finding> {
    set(example, rule.code != SHOWS_DOWN).lint(engine).expect("an example is read")
}

#[test]
fn each_rule_finds_its_failing_example_and_nothing_in_the_passing_one() {
    for rule in LINT_RULES {
        for &engine in rule.engines {
            let failing = found(rule, rule.fails, engine);
            assert!(!failing.is_empty(), "{} on {engine:?} finds nothing", rule.code);
            let others: Vec<_> = failing.iter().filter(|f| f.code != rule.code).collect();
            assert!(others.is_empty(), "{} on {engine:?}: {others:?}", rule.code);
            let passing = found(rule, rule.passes, engine);
            assert!(passing.is_empty(), "{} on {engine:?}: {passing:?}", rule.code);
        }
    }
}

#[test]
fn rules_have_codes_in_order_and_texts() {
    for (at, rule) in LINT_RULES.iter().enumerate() {
        assert_eq!(rule.code, format!("M{:03}", at + 1));
        assert!(rule.reason.ends_with('.') && !rule.safer.ends_with('.'), "{}", rule.code);
    }
}

fn page() -> String {
    let mut page = format!("{HEAD}{BASE}```\n\n| code | what is found | engines | down files |\n");
    page.push_str("| --- | --- | --- | --- |\n");
    let mut line = |text: std::fmt::Arguments<'_>| page.write_fmt(text).expect("it is memory");
    for rule in LINT_RULES {
        let has = |engine| rule.engines.contains(&engine);
        let engines = match (has(MigrationEngine::Sqlite), has(MigrationEngine::Postgres)) {
            (true, true) => "both",
            (true, false) => "SQLite",
            _ => "PostgreSQL",
        };
        let down = if rule.down { "too" } else { "no" };
        line(format_args!("| `{}` | {} | {engines} | {down} |\n", rule.code, rule.title));
    }
    for rule in LINT_RULES {
        let LintRule { code, title, reason, safer, fails, passes, .. } = rule;
        line(format_args!("\n## {code}: {title}\n\n{reason}\n\nSafer: {safer}.\n\n"));
        line(format_args!("Fails:\n\n```sql\n{fails}```\n\nPasses:\n\n```sql\n{passes}```\n"));
    }
    page
}

#[test]
fn the_page_of_rules_is_that_of_the_code() {
    let page = page();
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/migration-rules.md");
    if std::env::var_os("TRADEBASE_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, &page).expect("the page is written");
    }
    let found = std::fs::read_to_string(&path).expect("the page is there");
    assert_eq!(found, page, "write it anew with TRADEBASE_WRITE_REFERENCE=1");
}
