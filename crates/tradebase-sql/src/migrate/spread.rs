//! A draft spread over versions, so that each of them can be taken back by itself.
//!
//! A plan of PostgreSQL has two parts: what is one transaction, and behind it what is built and
//! validated beside the running statements. The way back has the same two parts. They are laid
//! around each other: what was built beside goes first, then the transaction, then what is built
//! beside on the way back, which takes a version of its own that does nothing on the way up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use tradebase_core::Result;

use super::plan::{Draft, PlannedFile};
use super::statement::{Action, Command, IndexDefinition, read};
use crate::naming::quoted;
use crate::raw::{Bounds, Dialect, TokenKind, Tokens};

/// A version to be: what leads up to it, and back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Leg {
    pub(super) up: PlannedFile,
    pub(super) down: PlannedFile,
}

/// The versions for a draft, the first one first.
pub(super) fn spread(dialect: Dialect, draft: &Draft) -> Result<Vec<Leg>> {
    match (halves(&draft.up.files), halves(&draft.down.files)) {
        // Nothing stands beside a transaction, as never on SQLite: they go as they are.
        (Some([_, ""]), Some([_, ""])) => Ok(in_turn(&draft.up.files, &draft.down.files)),
        (Some([up, up_beside]), Some([down, down_beside])) => {
            let back = Back::new(dialect, [up, up_beside], [down, down_beside])?;
            let up = from_half_way(dialect, [up, up_beside], &back)?;
            Ok(laid_around([&up, up_beside], back))
        }
        _ => Ok(in_turn(&draft.up.files, &draft.down.files)),
    }
}

/// The SQL of the transaction and of what stands behind it; none if a plan is otherwise.
fn halves(files: &[PlannedFile]) -> Option<[&str; 2]> {
    match files {
        [] => Some(["", ""]),
        [one] if one.transactional => Some([&one.sql, ""]),
        [one] => Some(["", &one.sql]),
        [one, two] if one.transactional && !two.transactional => Some([&one.sql, &two.sql]),
        _ => None,
    }
}

/// Each file up a version, and the files down from the newest version on. If there are more of
/// those, the first versions do nothing on the way up.
fn in_turn(up: &[PlannedFile], down: &[PlannedFile]) -> Vec<Leg> {
    let versions = up.len().max(down.len());
    let file = |files: &[PlannedFile], at: Option<usize>| {
        at.and_then(|at| files.get(at)).cloned().unwrap_or_else(nothing)
    };
    let leg = |at: usize| Leg {
        up: file(up, (at + up.len()).checked_sub(versions)),
        down: file(down, versions.checked_sub(at + 1)),
    };
    (0..versions).map(leg).collect()
}

/// The way up, such that it can be gone from between two versions of the way back too: what is
/// built there last need not be there yet, and the checks that prove it may still be.
fn from_half_way(dialect: Dialect, [up, beside]: [&str; 2], back: &Back) -> Result<String> {
    let last = chunks(dialect, &back.beside_last)?;
    let (up, beside) = (chunks(dialect, up)?, chunks(dialect, beside)?);
    let built = built(&last);
    let (mut text, mut dropped) = (String::new(), BTreeSet::new());
    for (table, action) in actions(&last) {
        if let Action::DropConstraint { constraint, tolerant: true } = action
            && dropped.insert((table, constraint))
        {
            let (table, constraint) = (quoted(table), quoted(constraint));
            _ = writeln!(text, "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint};");
        }
    }
    for chunk in &last {
        // What is neither dropped nor replaced on the way up is to be there at its begin.
        if let Command::CreateIndex(IndexDefinition { name: Some(name), .. }) = &chunk.command
            && built.contains(name)
            && !up.iter().chain(&beside).any(|other| other.drops_index(name))
        {
            let create = chunk.text.replacen("INDEX CONCURRENTLY ", "INDEX ", 1);
            text.push_str("-- allow: M007 because it is there, but behind half of the way back\n");
            text.push_str(&create);
        }
    }
    for chunk in &up {
        match &chunk.command {
            Command::DropIndex { names, concurrently: false, tolerant: false }
                if names.iter().any(|name| built.contains(name)) =>
            {
                text.push_str(&chunk.text.replacen("DROP INDEX ", "DROP INDEX IF EXISTS ", 1));
            }
            _ => text.push_str(&chunk.text),
        }
    }
    Ok(text)
}

fn laid_around([up, up_beside]: [&str; 2], back: Back) -> Vec<Leg> {
    let Back { mut beside_first, transaction, beside_last } = back;
    let mut legs = Vec::new();
    let has_middle = !up.is_empty() || !transaction.is_empty();
    if has_middle && !beside_last.is_empty() {
        legs.push(Leg { up: nothing(), down: beside(beside_last) });
    } else {
        beside_first.push_str(&beside_last);
    }
    if has_middle {
        let down = PlannedFile { transactional: true, sql: transaction };
        legs.push(Leg { up: PlannedFile { transactional: true, sql: up.to_owned() }, down });
    }
    if !up_beside.is_empty() || !beside_first.is_empty() {
        legs.push(Leg { up: beside(up_beside.to_owned()), down: beside(beside_first) });
    }
    legs
}

pub(super) fn nothing() -> PlannedFile {
    PlannedFile { transactional: true, sql: String::new() }
}

/// A file of what stands beside the transaction; one of nothing may be one all the same.
fn beside(sql: String) -> PlannedFile {
    PlannedFile { transactional: sql.is_empty(), sql }
}

/// The way back, in the order in which it is gone.
#[derive(Debug, Default, PartialEq, Eq)]
struct Back {
    /// What takes back what was built beside.
    beside_first: String,
    transaction: String,
    /// What is built beside on the way back.
    beside_last: String,
}

impl Back {
    fn new(dialect: Dialect, up: [&str; 2], down: [&str; 2]) -> Result<Self> {
        let chunks = |sql| chunks(dialect, sql);
        let (up, beside) = (chunks(up[0])?, chunks(up[1])?);
        let (mut transaction, last) = (chunks(down[0])?, chunks(down[1])?);
        let touched = touched(&transaction);
        let tables = index_tables(&[&up, &beside, &transaction, &last]);
        let built = built(&beside);
        let waiting = waiting(&up, &last);
        let mut back = Back::default();
        let (mut gone, mut first, mut moved) = (BTreeSet::new(), String::new(), Vec::new());
        for chunk in &last {
            // What does not wait for the transaction goes before it.
            let free = !beside.is_empty() && chunk.is_free(&touched, &tables, &built, &waiting);
            if !free && let Some(proof) = proof(chunk, &last, &transaction) {
                // The check that only proves something is made where it is looked at: so this
                // leads back from the version before, too, where the transaction never was.
                back.beside_last.push_str(&proof.renewed());
                moved.push(proof.text.clone());
            }
            let place = if free { &mut first } else { &mut back.beside_last };
            place.push_str(&chunk.text);
            if free && let Command::DropIndex { names, .. } = &chunk.command {
                gone.extend(names.iter().cloned());
            }
        }
        transaction.retain(|chunk| !moved.contains(&chunk.text));
        for name in built.iter().filter(|name| !gone.contains(*name)) {
            let is_dropped = [&transaction, &last]
                .into_iter()
                .flatten()
                .any(|chunk| chunk.drops_index(name) || chunk.drops_table(tables.get(name)));
            transaction.retain(|chunk| !chunk.drops_index(name));
            if !is_dropped {
                // The way back goes on with it, so it is needed if it was never built, too.
                let made = beside.iter().find(|chunk| chunk.makes_index(name));
                back.transaction.push_str(
                    &made.map(|made| at_once(dialect, made)).transpose()?.unwrap_or_default(),
                );
            }
            let name = quoted(name);
            back.beside_first.push_str(&format!("DROP INDEX CONCURRENTLY IF EXISTS {name};\n"));
        }
        back.beside_first.push_str(&first);
        back.loosen(&up, &beside);
        transaction.iter().for_each(|chunk| back.transaction.push_str(&chunk.text));
        Ok(back)
    }

    /// Takes SET NOT NULL back, and gives back the check that proved it and was dropped then.
    fn loosen(&mut self, up: &[Chunk], beside: &[Chunk]) {
        for (table, action) in actions(beside) {
            let name = quoted(table);
            match action {
                Action::SetNotNull { column } => {
                    let column = quoted(column);
                    self.beside_first.push_str(&format!(
                        "ALTER TABLE {name} ALTER COLUMN {column} DROP NOT NULL;\n"
                    ));
                }
                Action::DropConstraint { constraint, .. } => {
                    let added = up.iter().find(|chunk| chunk.adds(table, constraint));
                    if let Some(added) = added {
                        self.beside_first.push_str(&added.renewed());
                        self.transaction.push_str(&drop_constraint(table, constraint));
                    }
                }
                _ => {}
            }
        }
    }
}

/// A statement with the comments in front of it and its semicolon.
#[derive(Debug)]
struct Chunk {
    text: String,
    command: Command,
}

impl Chunk {
    /// Whether a statement of the way back, beside the transaction, does not wait for it: its
    /// table is not touched there, or it drops what was built beside on the way up. What takes
    /// back something of the transaction up waits in any case.
    fn is_free(
        &self,
        touched: &BTreeSet<String>,
        tables: &BTreeMap<String, String>,
        built: &BTreeSet<String>,
        waiting: &BTreeSet<String>,
    ) -> bool {
        let untouched = |index: &String| {
            tables.get(index).is_some_and(|t| !touched.contains(t)) && !waiting.contains(index)
        };
        match &self.command {
            Command::CreateIndex(index) => {
                !touched.contains(&index.table)
                    && !index.name.as_ref().is_some_and(|name| waiting.contains(name))
            }
            Command::AlterTable { table, .. } => !touched.contains(table),
            Command::DropIndex { names, .. } => names
                .iter()
                .all(|name| untouched(name) || (built.contains(name) && !waiting.contains(name))),
            Command::RenameIndex { from, .. } => untouched(from),
            _ => false,
        }
    }

    fn drops_index(&self, name: &str) -> bool {
        matches!(&self.command, Command::DropIndex { names, .. } if *names == [name])
    }

    /// The statement that adds a constraint, with one before it that takes away the one that is
    /// there.
    fn renewed(&self) -> String {
        let drop = match &self.command {
            Command::AlterTable { table, actions } => match actions.as_slice() {
                [Action::AddConstraint(constraint)] => {
                    constraint.name.as_ref().map(|name| drop_constraint(table, name))
                }
                _ => None,
            },
            _ => None,
        };
        drop.unwrap_or_default() + &self.text
    }

    fn drops_table(&self, table: Option<&String>) -> bool {
        let Command::DropTable { names, .. } = &self.command else { return false };
        table.is_some_and(|table| names.contains(table))
    }

    fn makes_index(&self, name: &str) -> bool {
        let Command::CreateIndex(index) = &self.command else { return false };
        index.name.as_deref() == Some(name)
    }

    fn adds(&self, to: &str, name: &str) -> bool {
        let Command::AlterTable { table, actions } = &self.command else { return false };
        let [Action::AddConstraint(constraint)] = actions.as_slice() else { return false };
        table == to && constraint.name.as_deref() == Some(name)
    }
}

fn chunks(dialect: Dialect, sql: &str) -> Result<Vec<Chunk>> {
    let mut chunks = Vec::new();
    let (mut text, mut has_words) = (String::new(), false);
    let mut bounds = Bounds::new(dialect);
    for token in Tokens::new(dialect, sql) {
        let token = token?;
        bounds.pass(&token)?;
        // The line break behind a semicolon belongs to it.
        if text.is_empty() && token.kind == TokenKind::Blank {
            text.push_str(token.text.trim_start_matches('\n'));
            continue;
        }
        text.push_str(token.text);
        has_words |= token.kind == TokenKind::Word;
        if bounds.is_ended() {
            bounds = Bounds::new(dialect);
            text.push('\n');
            chunks.push(Chunk { command: read(dialect, &text)?, text: std::mem::take(&mut text) });
            has_words = false;
        }
    }
    if has_words {
        text.push_str(";\n");
        chunks.push(Chunk { command: read(dialect, &text)?, text });
    }
    Ok(chunks)
}

fn actions(chunks: &[Chunk]) -> impl Iterator<Item = (&str, &Action)> {
    chunks.iter().flat_map(|chunk| {
        let (table, actions) = match &chunk.command {
            Command::AlterTable { table, actions } => (table.as_str(), actions.as_slice()),
            _ => ("", [].as_slice()),
        };
        actions.iter().map(move |action| (table, action))
    })
}

/// The tables that a transaction makes, alters or drops.
fn touched(chunks: &[Chunk]) -> BTreeSet<String> {
    let mut tables = BTreeSet::new();
    for chunk in chunks {
        match &chunk.command {
            Command::CreateTable(table) => _ = tables.insert(table.name.clone()),
            Command::AlterTable { table, .. } => _ = tables.insert(table.clone()),
            Command::DropTable { names, .. } => tables.extend(names.iter().cloned()),
            _ => {}
        }
    }
    let renamed = actions(chunks).filter_map(|(_, action)| match action {
        Action::RenameTable { to } => Some(to.clone()),
        _ => None,
    });
    tables.extend(renamed);
    tables
}

/// The table of each index that is named.
fn index_tables(all: &[&[Chunk]]) -> BTreeMap<String, String> {
    let mut tables = BTreeMap::new();
    for chunk in all.iter().copied().flatten() {
        match &chunk.command {
            Command::CreateIndex(index) => {
                tables.extend(index.name.clone().map(|name| (name, index.table.clone())));
            }
            Command::RenameIndex { from, to, .. } => {
                if let Some(table) = tables.get(from).cloned() {
                    tables.insert(to.clone(), table);
                }
            }
            _ => {}
        }
    }
    tables
}

fn drop_constraint(table: &str, name: &str) -> String {
    format!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {};\n", quoted(table), quoted(name))
}

/// The statement of a transaction that adds the check which another one validates, if that is
/// dropped again right behind.
fn proof<'c>(chunk: &Chunk, beside: &[Chunk], transaction: &'c [Chunk]) -> Option<&'c Chunk> {
    let (of, validated) = actions(std::slice::from_ref(chunk)).find_map(|(table, action)| {
        let Action::Validate { constraint } = action else { return None };
        Some((table, constraint))
    })?;
    let drops = |(table, action): (&str, &Action)| match action {
        Action::DropConstraint { constraint, .. } => table == of && constraint == validated,
        _ => false,
    };
    transaction
        .iter()
        .find(|chunk| chunk.adds(of, validated))
        .filter(|_| actions(beside).any(drops))
}

/// The statement that makes an index, inside a transaction.
fn at_once(dialect: Dialect, made: &Chunk) -> Result<String> {
    let mut text = String::with_capacity(made.text.len());
    let mut left_out = false;
    for token in Tokens::new(dialect, &made.text) {
        let token = token?;
        let is_word = token.kind == TokenKind::Word;
        left_out = match left_out {
            // The blank behind it goes with it.
            true if token.kind == TokenKind::Blank => false,
            _ if is_word && token.text.eq_ignore_ascii_case("CONCURRENTLY") => true,
            _ => {
                text.push_str(token.text);
                false
            }
        };
    }
    Ok(text)
}

/// The indexes that the transaction up makes or drops, and what becomes one of those on the way
/// back.
fn waiting(up: &[Chunk], last: &[Chunk]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for chunk in up {
        match &chunk.command {
            Command::CreateIndex(index) => names.extend(index.name.clone()),
            Command::DropIndex { names: dropped, .. } => names.extend(dropped.iter().cloned()),
            _ => {}
        }
    }
    for chunk in last {
        if let Command::RenameIndex { from, to, .. } = &chunk.command
            && names.contains(to)
        {
            names.insert(from.clone());
        }
    }
    names
}

/// The indexes that are built and keep their name.
fn built(chunks: &[Chunk]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for chunk in chunks {
        match &chunk.command {
            Command::CreateIndex(index) => names.extend(index.name.clone()),
            Command::RenameIndex { from, .. } => _ = names.remove(from),
            Command::DropIndex { names: dropped, .. } => {
                dropped.iter().for_each(|name| _ = names.remove(name));
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests;
