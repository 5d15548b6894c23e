//! A file among what is there when it runs.

use std::collections::BTreeSet;

use tradebase_core::Result;

use super::catalogue::{Catalogue, Place};
use super::unread;
use crate::migrate::file::{Direction, MigrationFile};
use crate::migrate::statement::{Action, Command, read};
use crate::raw::Dialect;

/// A file, statement by statement.
#[derive(Debug)]
pub(super) struct Scene<'s> {
    pub(super) engine: Dialect,
    pub(super) file: &'s MigrationFile,
    pub(super) direction: Direction,
    pub(super) steps: Vec<Step>,
    /// What is there when the file has run.
    pub(super) after: Catalogue,
    /// Whether there is a file that leads back.
    pub(super) has_down: bool,
    pub(super) rebuilds: Vec<Rebuild>,
}

/// A statement.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) command: Command,
    pub(super) text: String,
    pub(super) line: usize,
    /// What is there when it runs.
    pub(super) before: Catalogue,
    /// The tables that the file has made until then.
    pub(super) new: BTreeSet<String>,
}

impl Step {
    /// Whether a table may have rows and be in use: the file did not make it.
    pub(super) fn is_old(&self, table: &str) -> bool {
        !self.new.contains(table)
    }

    /// Whether a table is cut into parts.
    pub(super) fn is_cut(&self, table: &str) -> bool {
        self.before.table(table).is_some_and(|table| table.partitioned)
    }

    pub(super) fn last_line(&self) -> usize {
        self.line + self.text.matches('\n').count()
    }
}

/// A table that is made anew under another name, filled, and put in the place of the old one,
/// which is how SQLite changes what it cannot alter.
#[derive(Debug)]
pub(super) struct Rebuild {
    /// The name of the table.
    pub(super) table: String,
    /// What the new one is called until then.
    pub(super) aside: String,
    /// The step that drops the old one.
    pub(super) drop: usize,
}

impl<'s> Scene<'s> {
    pub(super) fn new(
        engine: Dialect,
        file: &'s MigrationFile,
        direction: Direction,
        mut catalogue: Catalogue,
        place: usize,
    ) -> Result<Self> {
        let mut steps: Vec<Step> = Vec::new();
        let mut new = BTreeSet::new();
        for statement in file.statements(engine)? {
            let command = read(engine, &statement.text)
                .map_err(|error| unread(file, statement.line, &error))?;
            let (before, known) = (catalogue.clone(), new.clone());
            note_new(&command, &catalogue, &mut new);
            catalogue.apply(&command, Place { file: place, step: steps.len() });
            let (text, line) = (statement.text, statement.line);
            steps.push(Step { command, text, line, before, new: known });
        }
        let rebuilds = rebuilds(&steps);
        Ok(Self { engine, file, direction, steps, after: catalogue, has_down: false, rebuilds })
    }

    /// What is done to tables by ALTER TABLE: step, table and action.
    pub(super) fn actions(&self) -> impl Iterator<Item = (usize, &str, &Action)> {
        self.steps.iter().enumerate().flat_map(|(at, step)| {
            let (table, actions) = match &step.command {
                Command::AlterTable { table, actions } => (table.as_str(), actions.as_slice()),
                _ => ("", [].as_slice()),
            };
            actions.iter().map(move |action| (at, table, action))
        })
    }

    /// The same, of the tables that may have rows and be in use.
    pub(super) fn actions_in_use(&self) -> impl Iterator<Item = (usize, &str, &Action)> {
        self.actions().filter(|(at, table, _)| self.is_old(*at, table))
    }

    pub(super) fn is_old(&self, step: usize, table: &str) -> bool {
        self.steps.get(step).is_none_or(|step| step.is_old(table))
    }
}

fn note_new(command: &Command, before: &Catalogue, new: &mut BTreeSet<String>) {
    match command {
        Command::CreateTable(table) if !(table.tolerant && before.has(&table.name)) => {
            new.insert(table.name.clone());
        }
        Command::DropTable { names, .. } => {
            for name in names {
                new.remove(name);
            }
        }
        Command::AlterTable { table, actions } => {
            for action in actions {
                if let Action::RenameTable { to } = action
                    && new.remove(table)
                {
                    new.insert(to.clone());
                }
            }
        }
        _ => {}
    }
}

fn rebuilds(steps: &[Step]) -> Vec<Rebuild> {
    let mut found = Vec::new();
    for (rename, step) in steps.iter().enumerate() {
        let Command::AlterTable { table: aside, actions } = &step.command else { continue };
        let [Action::RenameTable { to }] = actions.as_slice() else { continue };
        let drop = steps.iter().take(rename).rposition(|earlier| {
            matches!(&earlier.command, Command::DropTable { names, .. } if names.contains(to))
                && earlier.is_old(to)
        });
        if let Some(drop) = drop
            && step.new.contains(aside)
        {
            found.push(Rebuild { table: to.clone(), aside: aside.clone(), drop });
        }
    }
    found
}
