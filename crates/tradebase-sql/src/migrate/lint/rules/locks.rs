//! What keeps others waiting.

use std::collections::BTreeSet;

use super::scans::is_long;
use super::{Check, LintRule, POSTGRES};
use crate::migrate::lint::scene::{Scene, Step};
use crate::migrate::statement::{Action, Command, ConstraintKind, Rewrite, rewrite};

pub(super) const INDEX: LintRule = LintRule {
    code: "M007",
    title: "an index is built or dropped while others wait",
    reason: "CREATE INDEX keeps all writers of the table waiting until it is built, DROP INDEX \
             the readers too until all who use it are through.",
    safer: "CREATE INDEX CONCURRENTLY and DROP INDEX CONCURRENTLY, in a file with \
            `-- transactional: no`; a table of parts, where the server knows no such form, is not \
            looked at",
    engines: POSTGRES,
    down: true,
    fails: "\
-- 0002_prices.up.sql, transactional: yes
CREATE INDEX \"trades__price__index\" ON \"trades\" (\"price\");
",
    passes: "\
-- 0002_prices.up.sql, transactional: no
CREATE INDEX CONCURRENTLY \"trades__price__index\" ON \"trades\" (\"price\");
",
    check: Check::File(indexes),
};

fn indexes(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, step) in scene.steps.iter().enumerate() {
        match &step.command {
            Command::CreateIndex(index)
                if !index.concurrently
                    && !index.only
                    && step.is_old(&index.table)
                    && !step.is_cut(&index.table) =>
            {
                hits.push((at, format!("the writers of {} wait for the index", index.table)));
            }
            Command::DropIndex { names, concurrently: false, .. } => {
                for name in names {
                    let table = step.before.table_of_index(name);
                    let in_use = |table| step.is_old(table) && !step.is_cut(table);
                    if table.is_none_or(in_use) && !goes_with_column(scene, step, name) {
                        let table = table.unwrap_or("its table");
                        hits.push((at, format!("all users of {table} wait for {name} to go")));
                    }
                }
            }
            _ => {}
        }
    }
    hits
}

/// Whether all wait for the table of an index in any case: one of its columns goes in the same
/// transaction, or becomes another.
fn goes_with_column(scene: &Scene<'_>, step: &Step, index: &str) -> bool {
    let Some(name) = step.before.table_of_index(index).filter(|_| scene.file.transactional) else {
        return false;
    };
    let table = step.before.table(name);
    let indexes = table.map(|table| table.indexes.as_slice()).unwrap_or_default();
    let index = indexes.iter().find(|other| other.name.as_deref() == Some(index));
    let has = |column: &String| index.is_some_and(|index| index.columns.contains(column));
    scene.actions().any(|(_, of, action)| {
        let column = match action {
            Action::DropColumn { column, .. } | Action::SetType { column, .. } => column,
            Action::RenameColumn { from, .. } => from,
            _ => return false,
        };
        of == name && has(column)
    })
}

pub(super) const VALIDATE: LintRule = LintRule {
    code: "M010",
    title: "VALIDATE in the transaction that added the constraint",
    reason: "The lock that ADD CONSTRAINT took is kept to the end of the transaction, so all wait \
             while the rows are looked at: as long as without NOT VALID.",
    safer: "VALIDATE in a version of its own, or in a file with `-- transactional: no`",
    engines: POSTGRES,
    down: true,
    fails: "\
-- 0002_price_is_above_0.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD CONSTRAINT \"above_0\" CHECK (\"price\" > 0) NOT VALID;
ALTER TABLE \"trades\" VALIDATE CONSTRAINT \"above_0\";
",
    passes: "\
-- 0002_price_is_above_0.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD CONSTRAINT \"above_0\" CHECK (\"price\" > 0) NOT VALID;
-- 0003_price_is_above_0.up.sql, transactional: yes
ALTER TABLE \"trades\" VALIDATE CONSTRAINT \"above_0\";
",
    check: Check::File(validated_at_once),
};

fn validated_at_once(scene: &Scene<'_>) -> Vec<(usize, String)> {
    if !scene.file.transactional {
        return Vec::new();
    }
    let mut added = BTreeSet::new();
    let mut hits = Vec::new();
    for (at, table, action) in scene.actions_in_use() {
        match action {
            Action::AddConstraint(constraint) if constraint.not_valid => {
                added.insert((table, constraint.name.as_deref()));
            }
            Action::Validate { constraint } if added.contains(&(table, Some(constraint))) => {
                hits.push((at, format!("all users of {table} wait until its rows are read")));
            }
            _ => {}
        }
    }
    hits
}

pub(super) const UNIQUE: LintRule = LintRule {
    code: "M011",
    title: "a key or unique constraint builds its index while others wait",
    reason: "The index is built under a lock that nobody can read beside.",
    safer: "CREATE UNIQUE INDEX CONCURRENTLY in a file with `-- transactional: no`, then ADD \
            CONSTRAINT … UNIQUE USING INDEX in the next version",
    engines: POSTGRES,
    down: true,
    fails: "\
-- 0002_names_are_unique.up.sql, transactional: yes
ALTER TABLE \"bots\" ADD CONSTRAINT \"bots__name__unique\" UNIQUE (\"name\");
",
    passes: "\
-- 0002_index_names.up.sql, transactional: no
CREATE UNIQUE INDEX CONCURRENTLY \"bots__name__unique\" ON \"bots\" (\"name\");
-- 0003_names_are_unique.up.sql, transactional: yes
ALTER TABLE \"bots\" ADD CONSTRAINT \"bots__name__unique\"
    UNIQUE USING INDEX \"bots__name__unique\";
",
    check: Check::File(unique_constraints),
};

fn unique_constraints(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, table, action) in scene.actions_in_use() {
        let builds = match action {
            Action::AddConstraint(constraint) => matches!(
                constraint.kind,
                ConstraintKind::Unique { using_index: false, .. }
                    | ConstraintKind::Key { using_index: false, .. }
            ),
            Action::AddColumn { column, .. } => column.key || column.unique,
            _ => false,
        };
        if builds {
            hits.push((at, format!("all users of {table} wait until the index is built")));
        }
    }
    hits
}

pub(super) const SEVERAL: LintRule = LintRule {
    code: "M020",
    title: "a long statement while another table is locked",
    reason: "A transaction keeps each lock to its end. Users of a table that was altered first \
             wait until the rows of another one are through.",
    safer: "put the long statement into a version of its own",
    engines: POSTGRES,
    down: true,
    fails: "\
-- 0002_note_bots.up.sql, transactional: yes
ALTER TABLE \"bots\" ADD COLUMN \"note\" TEXT;
UPDATE \"trades\" SET \"note\" = 'old' WHERE \"note\" IS NULL;
",
    passes: "\
-- 0002_note_bots.up.sql, transactional: yes
ALTER TABLE \"bots\" ADD COLUMN \"note\" TEXT;
-- 0003_note_trades.up.sql, transactional: yes
UPDATE \"trades\" SET \"note\" = 'old' WHERE \"note\" IS NULL;
",
    check: Check::File(several),
};

fn several(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    if !scene.file.transactional {
        return hits;
    }
    let mut locked: Vec<&str> = Vec::new();
    for (at, step) in scene.steps.iter().enumerate() {
        if let Some(table) = long_for(scene, at, step)
            && let Some(other) = locked.iter().find(|other| **other != table)
        {
            hits.push((at, format!("{other} stays locked while the rows of {table} are read")));
        }
        locked.extend(locks(step).into_iter().filter(|table| step.is_old(table)));
    }
    hits
}

/// The table in use through all of whose rows a statement goes.
fn long_for<'s>(scene: &Scene<'_>, at: usize, step: &'s Step) -> Option<&'s str> {
    let table = match &step.command {
        Command::AlterTable { table, actions } => {
            actions.iter().any(|action| is_long(scene, at, table, action)).then_some(table)
        }
        Command::CreateIndex(index) if !index.concurrently && !index.only => Some(&index.table),
        Command::Update { table, .. } => Some(table),
        _ => None,
    }?;
    step.is_old(table).then_some(table)
}

/// The tables that nobody can read after a statement until the transaction is over.
fn locks(step: &Step) -> Vec<&str> {
    match &step.command {
        Command::AlterTable { table, actions }
            if !actions.iter().all(|action| matches!(action, Action::Validate { .. })) =>
        {
            vec![table]
        }
        Command::DropTable { names: tables, .. }
        | Command::Truncate { tables }
        | Command::Lock { tables } => tables.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

pub(super) const REWRITE: LintRule = LintRule {
    code: "M025",
    title: "a table or an index is written anew while others wait",
    reason: "VACUUM FULL, CLUSTER, SET LOGGED, SET UNLOGGED and SET TABLESPACE write all rows \
             anew, REINDEX an index, REFRESH MATERIALIZED VIEW its rows, and nobody can even read \
             them meanwhile. A table that is UNLOGGED is empty behind a crash.",
    safer: "REINDEX and REFRESH MATERIALIZED VIEW know CONCURRENTLY, in a file with \
            `-- transactional: no`; do the others by hand, when nobody needs the table",
    engines: POSTGRES,
    down: true,
    fails: "\
-- 0002_reindex.up.sql, transactional: yes
REINDEX TABLE \"trades\";
",
    passes: "\
-- 0002_reindex.up.sql, transactional: no
REINDEX TABLE CONCURRENTLY \"trades\";
",
    check: Check::File(rewritten),
};

fn rewritten(scene: &Scene<'_>) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for (at, step) in scene.steps.iter().enumerate() {
        // The text was read before: it has no open ends.
        let Ok(Some(Rewrite { by, name })) = rewrite(&step.text) else { continue };
        if name.as_ref().is_none_or(|name| step.is_old(name)) {
            let name = name.unwrap_or_else(|| "each table".to_owned());
            hits.push((at, format!("all users of {name} wait for {by}")));
        }
    }
    hits
}
