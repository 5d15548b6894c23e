//! The statements of a plan, put in order.

use std::collections::BTreeMap;

use super::super::super::plan::{Loss, Plan, PlannedFile};
use super::texts::with_ending;
use crate::naming::quoted;

/// When a statement comes. Up to [`RENAME_TABLE`](Phase::RenameTable) a table has its old name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Looks at rows, changes nothing.
    Guard,
    /// Asks for the keys that are to be given next, before what gives them goes.
    Numbers,
    DropView,
    DropTrigger,
    DropReference,
    DropConstraint,
    DropIndex,
    DropKey,
    DropColumn,
    DropTable,
    RenameTable,
    /// Tables whose names others had to give up first.
    RenameMoved,
    RenameColumn,
    RenameOther,
    Columns,
    Key,
    Table,
    Fill,
    Constraint,
    Index,
    Reference,
    Trigger,
    View,
    // From here on no transaction.
    BuildIndex,
    Validate,
    NotNull,
}

impl Phase {
    fn transactional(self) -> bool {
        self < Phase::BuildIndex
    }
}

/// A new constraint that the rows which are there must keep to.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    /// The table, by its new name.
    pub(super) table: String,
    /// What the rows are asked: a condition that none of them may meet, or, if they are to be
    /// unique in some columns, those.
    pub(super) asks: Asks,
    /// What is said of rows that break it.
    pub(super) says: String,
    /// The server's code for that.
    pub(super) code: &'static str,
}

#[derive(Clone, Debug)]
pub(super) enum Asks {
    /// No row may meet this, in terms of the new columns.
    None(String),
    /// No row may meet this and have no row of this table for which that holds.
    Orphans { of: String, parent: String, same: String },
    /// No two rows may be equal in these.
    Unique(Vec<String>),
    /// This query, in terms of the tables as they are, may find nothing.
    Rows(String),
}

/// The statements of a plan.
#[derive(Debug, Default)]
pub(super) struct Script {
    steps: BTreeMap<Phase, Vec<String>>,
    losses: Vec<Loss>,
    guards: Vec<Guard>,
    /// Names of indexes that the transactional file makes.
    made: Vec<String>,
    /// What is to have another name, as the statement up to its old name, the old one, the new one.
    renames: Vec<[String; 3]>,
}

impl Script {
    /// Adds a statement, without its semicolon.
    pub(super) fn add(&mut self, phase: Phase, statement: impl Into<String>) {
        let mut text = statement.into();
        text.push_str(";\n");
        self.steps.entry(phase).or_default().push(text);
    }

    /// Adds a statement in front of all others of its phase.
    pub(super) fn first(&mut self, phase: Phase, statement: impl Into<String>) {
        let text = format!("{};\n", statement.into());
        self.steps.entry(phase).or_default().insert(0, text);
    }

    /// Adds a statement with a comment above it.
    pub(super) fn explain(&mut self, phase: Phase, comment: &str, statement: &str) {
        self.add(phase, format!("-- {comment}\n{statement}"));
    }

    /// Adds a statement that loses something.
    pub(super) fn lose(
        &mut self,
        phase: Phase,
        (table, column): (&str, Option<&str>),
        why: &str,
        statement: &str,
    ) {
        self.explain(phase, &loses(table, column), statement);
        self.lost(table, column, why);
    }

    /// Notes a loss.
    pub(super) fn lost(&mut self, table: &str, column: Option<&str>, why: &str) {
        let (table, column) = (table.to_owned(), column.map(str::to_owned));
        self.losses.push(Loss { table, column, why: why.to_owned() });
    }

    /// Gives an index or constraint another name. `head` is the statement up to the old one.
    pub(super) fn rename(&mut self, head: &str, old: &str, new: &str) {
        if old != new {
            self.renames.push([head.to_owned(), old.to_owned(), new.to_owned()]);
        }
    }

    /// Adds the statements for other names: what takes a name that another one is to give up has
    /// one of its own in between.
    fn add_renames(&mut self) {
        let renames = std::mem::take(&mut self.renames);
        let (mut aside, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new());
        for [head, old, new] in &renames {
            let between = match renames.iter().any(|[_, other, _]| other == new) {
                true => with_ending(old, "__moving"),
                false => new.clone(),
            };
            let to = if head.ends_with("INDEX") { "RENAME TO" } else { "TO" };
            let step = format!("{head} {} {to} {}", quoted(old), quoted(&between));
            if between == *new {
                first.push(step);
            } else {
                aside.push(step);
                last.push(format!("{head} {} {to} {}", quoted(&between), quoted(new)));
            }
        }
        // What others wait for moves first.
        aside.append(&mut first);
        for statement in aside.into_iter().chain(last) {
            self.add(Phase::RenameOther, statement);
        }
    }

    pub(super) fn guard(&mut self, guard: Guard) {
        self.guards.push(guard);
    }

    pub(super) fn take_guards(&mut self) -> Vec<Guard> {
        std::mem::take(&mut self.guards)
    }

    /// Says that an index of that name is made inside the transaction.
    pub(super) fn makes(&mut self, index: &str) {
        self.made.push(index.to_owned());
    }

    /// Whether the transaction makes an index of that name.
    pub(super) fn is_made(&self, index: &str) -> bool {
        self.made.iter().any(|name| name == index)
    }

    /// The files.
    pub(super) fn plan(mut self) -> Plan {
        self.add_renames();
        let (mut first, mut second) = (String::new(), String::new());
        let changes = self.steps.keys().any(|p| p.transactional() && *p != Phase::Guard);
        for (phase, steps) in &self.steps {
            // If nothing else is transactional, looking at rows is no file of its own.
            let is_first = phase.transactional() && (changes || *phase != Phase::Guard);
            let file = if is_first { &mut first } else { &mut second };
            steps.iter().for_each(|step| file.push_str(step));
        }
        let files = [(true, first), (false, second)].into_iter().filter(|(_, sql)| !sql.is_empty());
        let files = files.map(|(transactional, sql)| PlannedFile { transactional, sql });
        Plan { files: files.collect(), losses: self.losses, notes: Vec::new() }
    }
}

/// The comment that names what is lost.
pub(super) fn loses(table: &str, column: Option<&str>) -> String {
    // A line break in a name would end the comment.
    let name = match column {
        Some(column) => format!("{table}.{column}"),
        None => table.to_owned(),
    };
    format!("loses: {}", name.replace(['\n', '\r'], " "))
}
