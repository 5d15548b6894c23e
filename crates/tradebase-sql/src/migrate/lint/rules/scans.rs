//! What goes through all rows of a table, or rewrites them, while others wait.

use super::{BOTH, Check, LintRule, POSTGRES};
use crate::migrate::lint::catalogue::Table;
use crate::migrate::lint::scene::Scene;
use crate::migrate::statement::{Action, Constraint, ConstraintKind};
use crate::raw::Dialect;

pub(super) const TYPE: LintRule = LintRule {
    code: "M004",
    title: "the type of a column is changed",
    reason: "Values that do not fit the new type are cut or fail. PostgreSQL rewrites the whole \
             table and its indexes meanwhile, and nobody can even read it. Only a wider limit of \
             the same type costs nothing.",
    safer: "add a column of the new type, write both from the program, fill the old rows in \
            steps, and drop the old column in a later version",
    engines: BOTH,
    down: false,
    fails: "\
-- 0002_shorter_price.postgres.up.sql, transactional: yes
ALTER TABLE \"trades\" ALTER COLUMN \"price\" TYPE NUMERIC(12, 2);
-- 0002_shorter_price.sqlite.up.sql, transactional: yes
CREATE TABLE \"trades_new\" (\"id\" BIGINT PRIMARY KEY, \"bot_id\" BIGINT NOT NULL,
    \"price\" INTEGER NOT NULL, \"note\" TEXT);
INSERT INTO \"trades_new\" SELECT \"id\", \"bot_id\", \"price\", \"note\" FROM \"trades\";
DROP TABLE \"trades\";
ALTER TABLE \"trades_new\" RENAME TO \"trades\";
CREATE INDEX \"trades__bot_id__index\" ON \"trades\" (\"bot_id\");
",
    passes: "\
-- 0002_longer_price.postgres.up.sql, transactional: yes
ALTER TABLE \"trades\" ALTER COLUMN \"price\" TYPE NUMERIC(28, 8);
-- 0002_longer_price.sqlite.up.sql, transactional: yes
CREATE TABLE \"trades_new\" (\"id\" BIGINT PRIMARY KEY, \"bot_id\" BIGINT NOT NULL,
    \"price\" NUMERIC(28, 8) NOT NULL, \"note\" TEXT);
INSERT INTO \"trades_new\" SELECT \"id\", \"bot_id\", \"price\", \"note\" FROM \"trades\";
DROP TABLE \"trades\";
ALTER TABLE \"trades_new\" RENAME TO \"trades\";
CREATE INDEX \"trades__bot_id__index\" ON \"trades\" (\"bot_id\");
",
    check: Check::File(types),
};

fn types(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, table, action) in scene.actions_in_use() {
        if let Action::SetType { column, type_text, .. } = action
            && is_rewritten(scene, at, table, action)
        {
            hits.push((at, format!("{table}.{column} becomes {type_text}")));
        }
    }
    for rebuild in &scene.rebuilds {
        let old = scene.steps.get(rebuild.drop).and_then(|step| step.before.table(&rebuild.table));
        let (Some(old), Some(new)) = (old, scene.after.table(&rebuild.table)) else { continue };
        for column in &new.columns {
            let Some(was) = old.column(&column.name) else { continue };
            if !is_wider(&was.type_text, &column.type_text) {
                let (table, name) = (&rebuild.table, &column.name);
                let (from, to) = (&was.type_text, &column.type_text);
                hits.push((rebuild.drop, format!("{table}.{name} becomes {to}, it was {from}")));
            }
        }
    }
    hits
}

fn is_rewritten(scene: &Scene<'_>, at: usize, table: &str, action: &Action) -> bool {
    let Action::SetType { column, type_text, using } = action else { return false };
    let before = scene.steps.get(at).and_then(|step| step.before.table(table));
    let was = before.and_then(|table| table.column(column));
    *using || !was.is_some_and(|was| is_wider(&was.type_text, type_text))
}

/// Whether a type holds all values of another in the same form.
fn is_wider(from: &str, to: &str) -> bool {
    let (from, from_limits) = taken_apart(from);
    let (to, to_limits) = taken_apart(to);
    if from == to && from_limits == to_limits {
        return true;
    }
    match (from.as_str(), to.as_str()) {
        ("varchar", "text") => true,
        ("varchar", "varchar") => to_limits.is_empty() || from_limits < to_limits,
        ("numeric", "numeric") => match (from_limits.as_slice(), to_limits.as_slice()) {
            (_, []) => true,
            ([], _) => false,
            (from, to) => {
                from.first() <= to.first() && from.get(1).unwrap_or(&0) == to.get(1).unwrap_or(&0)
            }
        },
        _ => false,
    }
}

/// A type under one name, and its limits.
fn taken_apart(text: &str) -> (String, Vec<u32>) {
    let (name, rest) = text.split_once('(').unwrap_or((text, ""));
    let (limits, behind) = rest.split_once(')').unwrap_or((rest, ""));
    let limits = limits.split(',').filter_map(|limit| limit.trim().parse().ok()).collect();
    let name = format!("{} {}", name.trim(), behind.trim());
    let name = match name.trim() {
        "character varying" => "varchar",
        "decimal" => "numeric",
        "int" | "int4" => "integer",
        "int8" => "bigint",
        "timestamp with time zone" => "timestamptz",
        "bool" => "boolean",
        "timestamp without time zone" => "timestamp",
        other => other,
    };
    (name.to_owned(), limits)
}

pub(super) const NOT_NULL_COLUMN: LintRule = LintRule {
    code: "M005",
    title: "a column that must have a value is added without a default",
    reason: "The rows that are there have no value for it: PostgreSQL refuses it as soon as there \
             is one row, SQLite always. A program of the former version does not write it \
             either.",
    safer: "give it a default, or add it nullable, fill it in steps and make it NOT NULL later",
    engines: BOTH,
    down: true,
    fails: "\
-- 0002_add_fee.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"fee\" BIGINT NOT NULL;
",
    passes: "\
-- 0002_add_fee.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"fee\" BIGINT NOT NULL DEFAULT 0;
",
    check: Check::File(not_null_columns),
};

fn not_null_columns(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, table, action) in scene.actions_in_use() {
        if let Action::AddColumn { column, .. } = action
            && column.not_null
            && column.default.is_none()
            && !column.assigned
        {
            hits.push((at, format!("the rows of {table} have no value for {}", column.name)));
        }
    }
    hits
}

pub(super) const SET_NOT_NULL: LintRule = LintRule {
    code: "M006",
    title: "SET NOT NULL without a check that is validated",
    reason: "PostgreSQL reads all rows to see whether one is NULL, and meanwhile nobody can even \
             read the table. Where a validated check says so already, it reads none.",
    safer: "add CHECK (column IS NOT NULL) NOT VALID, validate it in another version, then SET \
            NOT NULL and drop the check",
    engines: POSTGRES,
    down: true,
    fails: "\
-- 0002_note_must_be.up.sql, transactional: yes
ALTER TABLE \"trades\" ALTER COLUMN \"note\" SET NOT NULL;
",
    passes: "\
-- 0002_note_should_be.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD CONSTRAINT \"note_is\" CHECK (\"note\" IS NOT NULL) NOT VALID;
-- 0003_note_is.up.sql, transactional: no
ALTER TABLE \"trades\" VALIDATE CONSTRAINT \"note_is\";
-- 0004_note_must_be.up.sql, transactional: yes
ALTER TABLE \"trades\" ALTER COLUMN \"note\" SET NOT NULL;
ALTER TABLE \"trades\" DROP CONSTRAINT \"note_is\";
",
    check: Check::File(set_not_null),
};

fn set_not_null(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, table, action) in scene.actions_in_use() {
        if let Action::SetNotNull { column } = action
            && !is_proved(scene, at, table, column)
            && !is_new_anyway(scene, at, table)
        {
            let reason = format!("all rows of {table} are read for {column} under the lock");
            hits.push((at, reason));
        }
    }
    hits
}

/// Whether all rows are written anew in the same transaction, for which all wait much longer.
fn is_new_anyway(scene: &Scene<'_>, before: usize, table: &str) -> bool {
    scene.file.transactional
        && scene.actions_in_use().any(|(at, of, action)| {
            at < before && of == table && is_rewritten(scene, at, table, action)
        })
}

fn is_proved(scene: &Scene<'_>, at: usize, table: &str, column: &str) -> bool {
    let before = scene.steps.get(at).and_then(|step| step.before.table(table));
    let checks = before.map(|table| table.checks.as_slice()).unwrap_or_default();
    checks.iter().any(|check| check.valid && check.not_null.as_deref() == Some(column))
}

pub(super) const FOREIGN_KEY: LintRule = LintRule {
    code: "M008",
    title: "a foreign key that looks at all rows at once",
    reason: "PostgreSQL looks up the parent of each row, and meanwhile nobody can write either \
             table.",
    safer: "add it NOT VALID, which holds for new rows at once, and VALIDATE it in another \
            version, beside all others; a table of parts, where older servers know no such form, \
            is not looked at",
    engines: POSTGRES,
    down: true,
    fails: "\
-- 0002_bots_of_trades.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD CONSTRAINT \"bot\" FOREIGN KEY (\"bot_id\") REFERENCES \"bots\" (\"id\");
",
    passes: "\
-- 0002_bots_of_trades.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD CONSTRAINT \"bot\" FOREIGN KEY (\"bot_id\") REFERENCES \"bots\" (\"id\")
    NOT VALID;
-- 0003_bots_of_trades.up.sql, transactional: no
ALTER TABLE \"trades\" VALIDATE CONSTRAINT \"bot\";
",
    check: Check::File(foreign_keys),
};

fn foreign_keys(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, table, action) in scene.actions_in_use() {
        let parent = match action {
            Action::AddConstraint(Constraint {
                kind: ConstraintKind::ForeignKey(reference),
                not_valid: false,
                ..
            }) => &reference.parent,
            // Without a default the new column is NULL everywhere, and nothing is looked up.
            Action::AddColumn { column, .. } => match &column.references {
                Some(reference) if column.default.is_some() => &reference.parent,
                _ => continue,
            },
            _ => continue,
        };
        if scene.steps.get(at).is_some_and(|step| step.is_cut(table)) {
            continue;
        }
        hits.push((at, format!("each row of {table} is looked up in {parent} under the lock")));
    }
    hits
}

pub(super) const CHECK: LintRule = LintRule {
    code: "M009",
    title: "a check that looks at all rows at once",
    reason: "PostgreSQL reads all rows, and meanwhile nobody can even read the table. It does so \
             too with a table that is attached as a part, for its bounds.",
    safer: "add it NOT VALID, which holds for new rows at once, and VALIDATE it in another \
            version, beside all others; so too a check that says the bounds of a part, before it \
            is attached",
    engines: POSTGRES,
    down: true,
    fails: "\
-- 0002_price_is_above_0.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD CONSTRAINT \"price_is_above_0\" CHECK (\"price\" > 0);
",
    passes: "\
-- 0002_price_is_above_0.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD CONSTRAINT \"price_is_above_0\" CHECK (\"price\" > 0) NOT VALID;
-- 0003_price_is_above_0.up.sql, transactional: no
ALTER TABLE \"trades\" VALIDATE CONSTRAINT \"price_is_above_0\";
",
    check: Check::File(checks),
};

fn checks(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, table, action) in scene.actions_in_use() {
        let checks = match action {
            Action::AddConstraint(Constraint {
                kind: ConstraintKind::Check { .. },
                not_valid,
                ..
            }) => !not_valid,
            Action::AddColumn { column, .. } => column.check,
            // A check that says what its bounds say spares the reading.
            Action::Attach { part } => {
                let step = scene.steps.get(at);
                let checked = step.and_then(|step| step.before.table(part));
                scene.is_old(at, part) && !checked.is_some_and(Table::is_checked)
            }
            _ => false,
        };
        if checks {
            hits.push((at, format!("all rows of {table} are read under the lock")));
        }
    }
    hits
}

pub(super) const DEFAULT: LintRule = LintRule {
    code: "M012",
    title: "a column is added with a value of its own for each row",
    reason: "PostgreSQL rewrites the whole table to store them, and meanwhile nobody can even \
             read it; a default that is one value for all rows is stored once. SQLite takes no \
             other default for a column that is added.",
    safer: "add the column without the default, set the default in a statement of its own, and \
            fill the old rows in steps",
    engines: BOTH,
    down: true,
    fails: "\
-- 0002_add_token.postgres.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"token\" UUID DEFAULT gen_random_uuid();
-- 0002_add_token.sqlite.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"token\" INTEGER DEFAULT (random());
",
    passes: "\
-- 0002_add_token.postgres.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"token\" UUID;
ALTER TABLE \"trades\" ALTER COLUMN \"token\" SET DEFAULT gen_random_uuid();
-- 0002_add_token.sqlite.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"token\" INTEGER DEFAULT 0;
",
    check: Check::File(defaults),
};

fn defaults(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, table, action) in scene.actions_in_use() {
        if let Action::AddColumn { column, .. } = action
            && (column.default == Some(false) || column.assigned)
        {
            let name = &column.name;
            let what = match scene.engine {
                Dialect::Sqlite => "has a default that is no constant",
                Dialect::Postgres => "rewrites the table",
            };
            hits.push((at, format!("{table}.{name} {what}")));
        }
    }
    hits
}

/// Whether an action on a table in use goes through all of its rows.
pub(super) fn is_long(scene: &Scene<'_>, at: usize, table: &str, action: &Action) -> bool {
    match action {
        Action::SetType { .. } => is_rewritten(scene, at, table, action),
        Action::SetNotNull { column } => !is_proved(scene, at, table, column),
        Action::AddConstraint(constraint) => match &constraint.kind {
            ConstraintKind::Unique { using_index, .. }
            | ConstraintKind::Key { using_index, .. } => !using_index,
            _ => !constraint.not_valid,
        },
        Action::AddColumn { column, .. } => {
            let pointed = column.references.is_some() && column.default.is_some();
            let indexed = column.key || column.unique;
            column.check || column.assigned || column.default == Some(false) || pointed || indexed
        }
        Action::Validate { .. } => true,
        _ => false,
    }
}
