//! What takes rows or values away.

use super::{BOTH, Check, LintRule, POSTGRES, SQLITE};
use crate::migrate::lint::catalogue::{Index, Table};
use crate::migrate::lint::scene::{Rebuild, Scene};
use crate::migrate::statement::{Action, Command};
use crate::raw::mentions;

pub(super) const COLUMN: LintRule = LintRule {
    code: "M002",
    title: "a column is lost",
    reason: "Its values are gone for good, and a program of the former version, which runs on for \
             a while, fails at each statement that names it.",
    safer: "first release a program that does not name the column any more, then drop it in a \
            later version, with the reason why nobody needs its values",
    engines: BOTH,
    down: false,
    fails: "\
-- 0002_drop_note.up.sql, transactional: yes
ALTER TABLE \"trades\" DROP COLUMN \"note\";
",
    passes: "\
-- 0002_drop_note.up.sql, transactional: yes
-- allow: M002 because no program has named it since the release of March
ALTER TABLE \"trades\" DROP COLUMN \"note\";
",
    check: Check::File(lost_columns),
};

fn lost_columns(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, table, action) in scene.actions_in_use() {
        if let Action::DropColumn { column, .. } = action {
            hits.push((at, format!("the values of {table}.{column} are lost")));
        }
    }
    for rebuild in &scene.rebuilds {
        let Some((old, new)) = tables(scene, rebuild) else { continue };
        for column in old.columns.iter().filter(|column| new.column(&column.name).is_none()) {
            let (table, column) = (&rebuild.table, &column.name);
            hits.push((rebuild.drop, format!("the values of {table}.{column} are lost")));
        }
    }
    hits
}

pub(super) const TABLE: LintRule = LintRule {
    code: "M003",
    title: "a table is dropped",
    reason: "Its rows are gone for good, as are the references of others to it.",
    safer: "first release a program that does not use the table, keep a dump of it, then drop it \
            in a later version, with the reason why nobody needs its rows",
    engines: BOTH,
    down: false,
    fails: "\
-- 0002_drop_trades.up.sql, transactional: yes
DROP TABLE \"trades\";
",
    passes: "\
-- 0002_import.up.sql, transactional: yes
CREATE TABLE \"imported\" (\"id\" BIGINT PRIMARY KEY, \"note\" TEXT);
INSERT INTO \"imported\" (\"id\", \"note\") SELECT \"id\", \"note\" FROM \"trades\";
DROP TABLE \"imported\";
",
    check: Check::File(dropped_tables),
};

fn dropped_tables(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, step) in scene.steps.iter().enumerate() {
        if is_cascade(&step.command, &step.text) {
            hits.push((at, "the rows of all tables of the schema are lost".to_owned()));
        }
        let Command::DropTable { names, .. } = &step.command else { continue };
        let rebuilt = |name: &String| {
            scene.rebuilds.iter().any(|rebuild| rebuild.drop == at && rebuild.table == *name)
        };
        for name in names.iter().filter(|name| step.is_old(name) && !rebuilt(name)) {
            hits.push((at, format!("the rows of {name} are lost")));
        }
    }
    hits
}

fn is_cascade(command: &Command, text: &str) -> bool {
    matches!(command, Command::Drop { what, .. } if what == "SCHEMA")
        && mentions(text, &["CASCADE"])
}

pub(super) const ALL_ROWS: LintRule = LintRule {
    code: "M018",
    title: "all rows of a table are changed or deleted at once",
    reason: "Each row stays locked until the end, every other writer waits for that long, and the \
             log and the space of the old rows grow with the table.",
    safer: "change the rows in steps, each bounded by a WHERE over the key, and each committed by \
            itself; best by a program, outside of a migration",
    engines: BOTH,
    down: false,
    fails: "\
-- 0002_clear_notes.up.sql, transactional: yes
UPDATE \"trades\" SET \"note\" = 'none';
",
    passes: "\
-- 0002_clear_notes.up.sql, transactional: yes
UPDATE \"trades\" SET \"note\" = 'none' WHERE \"id\" BETWEEN 1 AND 1000 AND \"note\" IS NULL;
",
    check: Check::File(all_rows),
};

fn all_rows(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, step) in scene.steps.iter().enumerate() {
        if matches!(&step.command, Command::Other { word } if word == "DO")
            && mentions(&step.text, &["DELETE", "TRUNCATE"])
        {
            hits.push((at, "a block deletes rows, how many nobody can tell".to_owned()));
        }
        let (table, what) = match &step.command {
            Command::Update { table, filtered: false, .. } => (table, "changed"),
            Command::Delete { table, filtered: false } => (table, "deleted"),
            _ => continue,
        };
        if step.is_old(table) {
            hits.push((at, format!("all rows of {table} are {what} by one statement")));
        }
    }
    hits
}

pub(super) const WHOLE_TABLE: LintRule = LintRule {
    code: "M019",
    title: "a table is locked or emptied as a whole",
    reason: "LOCK TABLE and TRUNCATE wait for all who use the table, and whoever comes later \
             waits behind them, readers too. TRUNCATE loses all rows.",
    safer: "delete rows in steps; let each statement take the lock that it needs",
    engines: POSTGRES,
    down: true,
    fails: "\
-- 0002_empty.up.sql, transactional: yes
TRUNCATE TABLE \"trades\";
",
    passes: "\
-- 0002_empty.up.sql, transactional: yes
DELETE FROM \"trades\" WHERE \"id\" BETWEEN 1 AND 1000;
",
    check: Check::File(whole_tables),
};

fn whole_tables(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, step) in scene.steps.iter().enumerate() {
        let (tables, what) = match &step.command {
            Command::Truncate { tables } => (tables, "emptied"),
            Command::Lock { tables } => (tables, "locked"),
            _ => continue,
        };
        for table in tables.iter().filter(|table| step.is_old(table)) {
            hits.push((at, format!("{table} is {what} as a whole, and all others wait")));
        }
    }
    hits
}

pub(super) const REBUILD: LintRule = LintRule {
    code: "M021",
    title: "a table made anew forgets what the old one had",
    reason: "SQLite drops the indexes and triggers of a table with it, and rows that are not \
             copied first. The one that takes its place has only what it is given.",
    safer: "copy the rows before the old table is dropped, and behind the renaming create its \
            indexes and triggers again; drop by name, before, what shall go",
    engines: SQLITE,
    down: true,
    fails: "\
-- 0002_note_has_a_default.up.sql, transactional: yes
CREATE TABLE \"trades_new\" (\"id\" BIGINT PRIMARY KEY, \"bot_id\" BIGINT NOT NULL,
    \"price\" NUMERIC(18, 8) NOT NULL, \"note\" TEXT DEFAULT '');
INSERT INTO \"trades_new\"
    SELECT \"id\", \"bot_id\", \"price\", \"note\" FROM \"trades\";
DROP TABLE \"trades\";
ALTER TABLE \"trades_new\" RENAME TO \"trades\";
",
    passes: "\
-- 0002_note_has_a_default.up.sql, transactional: yes
CREATE TABLE \"trades_new\" (\"id\" BIGINT PRIMARY KEY, \"bot_id\" BIGINT NOT NULL,
    \"price\" NUMERIC(18, 8) NOT NULL, \"note\" TEXT DEFAULT '');
INSERT INTO \"trades_new\"
    SELECT \"id\", \"bot_id\", \"price\", \"note\" FROM \"trades\";
DROP TABLE \"trades\";
ALTER TABLE \"trades_new\" RENAME TO \"trades\";
CREATE INDEX \"trades__bot_id__index\" ON \"trades\" (\"bot_id\");
",
    check: Check::File(forgotten),
};

fn forgotten(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for rebuild in &scene.rebuilds {
        let Rebuild { table, aside, drop } = rebuild;
        let copied = scene.steps.iter().take(*drop).any(|step| {
            matches!(&step.command, Command::Insert { table: into, sources, .. }
                if into == aside && sources.contains(table))
        });
        if !copied {
            hits.push((*drop, format!("the rows of {table} are not copied to {aside}")));
        }
        let Some((old, new)) = tables(scene, rebuild) else { continue };
        let kept_columns =
            |index: &&Index| index.columns.iter().all(|column| new.column(column).is_some());
        for index in old.indexes.iter().filter(|index| index.own).filter(kept_columns) {
            let again = |other: &Index| other.name == index.name || other.columns == index.columns;
            if !new.indexes.iter().any(again) {
                let name = index.name.as_deref().unwrap_or_default();
                hits.push((*drop, format!("the index {name} of {table} is not made again")));
            }
        }
        for trigger in old.triggers.iter().filter(|trigger| !new.triggers.contains(trigger)) {
            hits.push((*drop, format!("the trigger {trigger} of {table} is not made again")));
        }
    }
    hits
}

/// The table before it is made anew, and what is there when the file has run.
fn tables<'s>(scene: &'s Scene<'_>, rebuild: &Rebuild) -> Option<(&'s Table, &'s Table)> {
    let old = scene.steps.get(rebuild.drop)?.before.table(&rebuild.table)?;
    Some((old, scene.after.table(&rebuild.table)?))
}

pub(super) const NARROWER: LintRule = LintRule {
    code: "M026",
    title: "a table made anew refuses rows that the old one took",
    reason: "A row that is NULL where there must be a value now, or that a new check refuses, \
             stops the migration; and so does it later with a program of the former version.",
    safer: "mend the rows in a version before it, and release a program first that writes none \
            of them any more",
    engines: SQLITE,
    down: false,
    fails: "\
-- 0002_note_must_be.up.sql, transactional: yes
CREATE TABLE \"trades_new\" (\"id\" BIGINT PRIMARY KEY, \"bot_id\" BIGINT NOT NULL,
    \"price\" NUMERIC(18, 8) NOT NULL, \"note\" TEXT NOT NULL);
INSERT INTO \"trades_new\"
    SELECT \"id\", \"bot_id\", \"price\", ifnull(\"note\", '') FROM \"trades\";
DROP TABLE \"trades\";
ALTER TABLE \"trades_new\" RENAME TO \"trades\";
CREATE INDEX \"trades__bot_id__index\" ON \"trades\" (\"bot_id\");
",
    passes: "\
-- 0002_price_may_be_missing.up.sql, transactional: yes
CREATE TABLE \"trades_new\" (\"id\" BIGINT PRIMARY KEY, \"bot_id\" BIGINT NOT NULL,
    \"price\" NUMERIC(18, 8), \"note\" TEXT);
INSERT INTO \"trades_new\" SELECT \"id\", \"bot_id\", \"price\", \"note\" FROM \"trades\";
DROP TABLE \"trades\";
ALTER TABLE \"trades_new\" RENAME TO \"trades\";
CREATE INDEX \"trades__bot_id__index\" ON \"trades\" (\"bot_id\");
",
    check: Check::File(narrower),
};

fn narrower(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for rebuild in &scene.rebuilds {
        let Some((old, new)) = tables(scene, rebuild) else { continue };
        let table = &rebuild.table;
        for column in &new.columns {
            let Some(was) = old.column(&column.name) else { continue };
            let name = &column.name;
            if column.not_null && !was.not_null && !was.key {
                hits.push((rebuild.drop, format!("{table}.{name} may not be NULL any more")));
            }
            if column.check && !was.check {
                hits.push((rebuild.drop, format!("{table}.{name} gets a check")));
            }
        }
        if new.checks.len() > old.checks.len() {
            hits.push((rebuild.drop, format!("{table} gets a check")));
        }
    }
    hits
}
