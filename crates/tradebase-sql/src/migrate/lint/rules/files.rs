//! How files are made: what runs in a transaction, what can be repeated, what leads back.

use super::{BOTH, Check, LintRule};
use crate::migrate::file::Direction;
use crate::migrate::lint::catalogue::{Catalogue, Place};
use crate::migrate::lint::scene::{Scene, Step};
use crate::migrate::statement::{Action, Command};
use crate::raw::mentions;

pub(super) const RENAME: LintRule = LintRule {
    code: "M013",
    title: "a table or column is renamed under running readers",
    reason: "A program of the former version, which runs on for a while, fails at each statement \
             that has the old name.",
    safer: "add a column of the new name, write both from the program, fill the old rows in \
            steps, and drop the old one later; or stop all programs first and say so",
    engines: BOTH,
    down: false,
    fails: "\
-- 0002_call_notes_remarks.up.sql, transactional: yes
ALTER TABLE \"trades\" RENAME COLUMN \"note\" TO \"remark\";
",
    passes: "\
-- 0002_call_notes_remarks.up.sql, transactional: yes
-- allow: M013 because all programs are stopped for this release
ALTER TABLE \"trades\" RENAME COLUMN \"note\" TO \"remark\";
",
    check: Check::File(renamed),
};

fn renamed(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, table, action) in scene.actions_in_use() {
        match action {
            Action::RenameColumn { from, to } => {
                hits.push((at, format!("readers of {table}.{from} do not find it as {to}")));
            }
            Action::RenameTable { to } => {
                let known = scene.steps.get(at).map(|step| &step.before);
                // PostgreSQL lets ALTER TABLE rename an index too, which no reader names.
                let is_index = known.is_some_and(|known| known.table_of_index(table).is_some());
                if !is_index {
                    hits.push((at, format!("readers of {table} do not find it as {to}")));
                }
            }
            _ => {}
        }
    }
    hits
}

pub(super) const NO_WAY_BACK: LintRule = LintRule {
    code: "M014",
    title: "no file leads back",
    reason: "When the release fails, nobody can take the version back; going down stops before \
             it.",
    safer: "write the down file beside it, by hand or by `tradebase migrate diff`; it may be \
            empty behind its header if there is nothing to take back",
    engines: BOTH,
    down: false,
    fails: "\
-- 0002_add_fee.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"fee\" BIGINT;
",
    passes: "\
-- 0002_add_fee.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"fee\" BIGINT;
-- 0002_add_fee.down.sql, transactional: yes
ALTER TABLE \"trades\" DROP COLUMN \"fee\";
",
    check: Check::File(no_way_back),
};

fn no_way_back(scene: &Scene<'_>) -> Vec<(usize, String)> {
    if scene.direction == Direction::Down || scene.has_down {
        return Vec::new();
    }
    vec![(0, format!("the version {} has no down file", scene.file.id))]
}

pub(super) const APART: LintRule = LintRule {
    code: "M015",
    title: "a statement that cannot be part of a transaction",
    reason: "The engine refuses it inside a transaction, as it does CONCURRENTLY and VACUUM, or \
             passes over it in silence, as SQLite does over PRAGMA foreign_keys.",
    safer: "put it into a file with `-- transactional: no`; foreign keys of SQLite are off while \
            a migration runs, and checked before it commits",
    engines: BOTH,
    down: true,
    fails: "\
-- 0002_smaller.up.sql, transactional: yes
VACUUM;
",
    passes: "\
-- 0002_smaller.up.sql, transactional: no
VACUUM;
",
    check: Check::File(apart),
};

/// Pragmas that do nothing inside a transaction.
const OUTSIDE: &[&str] = &["foreign_keys", "journal_mode", "synchronous"];

fn apart(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, step) in scene.steps.iter().enumerate() {
        let what = match &step.command {
            Command::CreateIndex(index) if index.concurrently => "CREATE INDEX CONCURRENTLY",
            Command::DropIndex { concurrently: true, .. } => "DROP INDEX CONCURRENTLY",
            Command::AlterTable { actions, .. }
                if actions.contains(&Action::Detach { concurrently: true }) =>
            {
                "DETACH PARTITION CONCURRENTLY"
            }
            Command::Pragma { name, sets: true } if OUTSIDE.contains(&name.as_str()) => name,
            Command::Apart => step.text.split_whitespace().next().unwrap_or_default(),
            _ => continue,
        };
        if scene.file.transactional {
            hits.push((at, format!("not inside a transaction: {what}")));
        }
    }
    hits
}

pub(super) const NOT_REPEATABLE: LintRule = LintRule {
    code: "M016",
    title: "a statement outside of a transaction that cannot be repeated",
    reason: "When a file that is not transactional is interrupted, what was done of it stays. A \
             statement that fails or counts twice when it is run again, by hand or from a \
             printed script, leaves a database that is neither before nor behind the version.",
    safer: "put it into a transactional file of another version, or write it so that running it \
            again changes nothing: IF NOT EXISTS, IF EXISTS, ON CONFLICT, WHERE … IS NULL",
    engines: BOTH,
    down: true,
    fails: "\
-- 0002_add_fee.up.sql, transactional: no
ALTER TABLE \"trades\" ADD COLUMN \"fee\" BIGINT;
VACUUM;
",
    passes: "\
-- 0002_add_fee.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"fee\" BIGINT;
-- 0003_smaller.up.sql, transactional: no
VACUUM;
",
    check: Check::File(not_repeatable),
};

fn not_repeatable(scene: &Scene<'_>) -> Vec<(usize, String)> {
    if scene.file.transactional {
        return Vec::new();
    }
    let steps = scene.steps.iter().enumerate();
    let once = steps.filter(|(at, step)| {
        !is_repeatable(&step.command) && !is_made_way_for(scene, *at) && !only_looks(step)
    });
    once.map(|(at, _)| (at, "run again, it fails or counts twice".to_owned())).collect()
}

/// Whether a block of code changes nothing, as one that refuses rows that do not fit.
fn only_looks(step: &Step) -> bool {
    matches!(&step.command, Command::Other { word } if word == "DO")
        && !mentions(&step.text, CHANGES)
}

/// Words of code that changes something, or may.
const CHANGES: &[&str] = &[
    "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "TRUNCATE", "CREATE", "ALTER", "DROP",
    "EXECUTE", "CALL",
];

/// Whether a statement adds constraints that were dropped before, if they were there.
fn is_made_way_for(scene: &Scene<'_>, at: usize) -> bool {
    let Some(Command::AlterTable { table, actions }) = scene.steps.get(at).map(|s| &s.command)
    else {
        return false;
    };
    actions.iter().all(|action| match action {
        Action::AddConstraint(added) => scene.actions().any(|(before, of, action)| {
            let dropped = matches!(action, Action::DropConstraint { constraint, tolerant: true }
                if added.name.as_ref() == Some(constraint));
            dropped && before <= at && of == table
        }),
        other => is_action_repeatable(other),
    })
}

/// Statements that have the same effect when they are repeated, by their first word.
const REPEATABLE: &[&str] =
    &["SET", "RESET", "ANALYZE", "COMMENT", "GRANT", "REVOKE", "SELECT", "REINDEX", "REFRESH"];

fn is_repeatable(command: &Command) -> bool {
    match command {
        Command::CreateTable(table) => table.tolerant,
        Command::CreateIndex(index) => {
            // One that was interrupted is found by its name and built anew.
            index.tolerant || index.concurrently && index.name.is_some()
        }
        Command::DropIndex { concurrently, tolerant, .. } => *concurrently || *tolerant,
        Command::DropTable { tolerant, .. }
        | Command::Create { tolerant, .. }
        | Command::Drop { tolerant, .. }
        | Command::Insert { tolerant, .. } => *tolerant,
        Command::AlterTable { actions, .. } => actions.iter().all(is_action_repeatable),
        Command::Update { fills, .. } => *fills,
        Command::Delete { .. }
        | Command::Truncate { .. }
        | Command::Lock { .. }
        | Command::Pragma { .. }
        | Command::Apart
        | Command::Transaction => true,
        Command::RenameIndex { tolerant, .. } => *tolerant,
        Command::Other { word } => REPEATABLE.contains(&word.as_str()),
    }
}

fn is_action_repeatable(action: &Action) -> bool {
    match action {
        Action::AddColumn { tolerant, .. }
        | Action::DropColumn { tolerant, .. }
        | Action::DropConstraint { tolerant, .. } => *tolerant,
        Action::SetType { using, .. } => !using,
        Action::Detach { concurrently } => *concurrently,
        Action::SetNotNull { .. }
        | Action::AlterColumn
        | Action::Validate { .. }
        | Action::Other => true,
        Action::RenameColumn { .. }
        | Action::RenameTable { .. }
        | Action::AddConstraint(_)
        | Action::RenameConstraint { .. }
        | Action::Attach { .. } => false,
    }
}

pub(super) const WITHOUT_INDEX: LintRule = LintRule {
    code: "M017",
    title: "a foreign key without an index on its columns",
    reason: "Each delete and each change of key in the parent reads the whole child table to find \
             the rows that point there.",
    safer: "create an index that begins with the columns of the foreign key",
    engines: BOTH,
    down: false,
    fails: "\
-- 0002_fees.up.sql, transactional: yes
CREATE TABLE \"fees\" (\"id\" BIGINT PRIMARY KEY,
    \"trade_id\" BIGINT REFERENCES \"trades\" (\"id\"));
",
    passes: "\
-- 0002_fees.up.sql, transactional: yes
CREATE TABLE \"fees\" (\"id\" BIGINT PRIMARY KEY,
    \"trade_id\" BIGINT REFERENCES \"trades\" (\"id\"));
CREATE INDEX \"fees__trade_id__index\" ON \"fees\" (\"trade_id\");
",
    check: Check::Set(without_index),
};

fn without_index(catalogue: &Catalogue) -> Vec<(Place, String)> {
    let mut hits = Vec::new();
    for (name, table) in catalogue.tables() {
        for pointer in &table.references {
            let columns = &pointer.reference.columns;
            if !columns.is_empty() && !table.finds_by(columns) {
                let (columns, parent) = (columns.join(", "), &pointer.reference.parent);
                let reason = format!("no index of {name} begins with {columns}, for {parent}");
                hits.push((pointer.place, reason));
            }
        }
    }
    hits
}

pub(super) const TRANSACTION: LintRule = LintRule {
    code: "M022",
    title: "a file begins or ends transactions",
    reason: "Statements and history are one transaction, which the file would end half way.",
    safer: "leave BEGIN, COMMIT and their like out; the header says `-- transactional: yes` or \
            `no`",
    engines: BOTH,
    down: true,
    fails: "\
-- 0002_add_fee.up.sql, transactional: yes
BEGIN;
ALTER TABLE \"trades\" ADD COLUMN \"fee\" BIGINT;
COMMIT;
",
    passes: "\
-- 0002_add_fee.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"fee\" BIGINT;
",
    check: Check::File(transactions),
};

fn transactions(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let steps = scene.steps.iter().enumerate();
    let ends = steps.filter(|(_, step)| step.command == Command::Transaction);
    ends.map(|(at, _)| (at, "the transaction is not the file's".to_owned())).collect()
}
