//! What somebody made by hand and no record has: it stays, by the names that things bear then.
//!
//! On SQLite the engine itself renames inside of texts (`sqlite/carry.rs`), so there only what
//! cannot stay is told from what can. On PostgreSQL the names are replaced here, piece by piece:
//! the texts are those of the server, which quotes what it must.

use super::shape::{CheckShape, IndexShape, ReferenceShape, Shape, TableShape};
use super::wanted::Renames;
use crate::naming::{self, quoted};
use crate::raw::{Dialect, TokenKind, Tokens};

/// A table that stays, before and after.
pub(super) struct Stay<'s> {
    pub(super) engine: Dialect,
    pub(super) now: &'s Shape,
    pub(super) wanted: &'s Shape,
    pub(super) renames: &'s Renames,
    /// Its names.
    pub(super) old: &'s str,
    pub(super) new: &'s str,
    pub(super) table: &'s TableShape,
}

/// What becomes of a text.
enum Text {
    Stays(String),
    /// It names this column, which goes.
    Goes(String),
}

impl Stay<'_> {
    /// Keeps what no record has. Triggers are part of none, so they stay in any case, others if
    /// `all`.
    pub(super) fn keep(&self, kept: &mut TableShape, all: bool, notes: &mut Vec<String>) {
        self.triggers(kept, notes);
        if all {
            self.dropped(kept, notes);
            self.indexes(kept, notes);
            self.checks(kept, notes);
            self.references(kept, notes);
        }
    }

    fn triggers(&self, kept: &mut TableShape, notes: &mut Vec<String>) {
        kept.triggers.clone_from(&self.table.triggers);
        if self.engine == Dialect::Sqlite {
            // What they do is not known without the engine, which is asked when the plan is tried.
            return;
        }
        kept.triggers.retain_mut(|trigger| match self.text(&trigger.text, true) {
            Text::Stays(text) => {
                trigger.text = text;
                true
            }
            Text::Goes(column) => {
                notes.push(self.goes("trigger", &trigger.name, &column));
                false
            }
        });
    }

    fn indexes(&self, kept: &mut TableShape, notes: &mut Vec<String>) {
        for index in self.table.indexes.iter().filter(|index| !self.is_ours(&index.name)) {
            let becomes = self.text(&index.text, false);
            // A constraint of SQLite that makes an index has no name as one.
            let same = |have: &IndexShape| match (index.name.as_str(), &becomes) {
                ("", Text::Stays(text)) => have.text == *text,
                ("", Text::Goes(_)) => false,
                _ => have.name == index.name,
            };
            if kept.indexes.iter().any(same) {
                continue;
            }
            let named = if index.name.is_empty() { &index.text } else { &index.name };
            match becomes {
                Text::Stays(text) => {
                    notes.push(self.stays("index", named));
                    let text = self.renamed(&index.text, text);
                    kept.indexes.push(IndexShape { text, ..index.clone() });
                }
                Text::Goes(column) => notes.push(self.goes("index", named, &column)),
            }
        }
    }

    /// Says which unique indexes of ours no record has any more.
    fn dropped(&self, kept: &TableShape, notes: &mut Vec<String>) {
        let ours = self.table.indexes.iter().filter(|index| self.is_ours(&index.name));
        for index in ours.filter(|index| index.unique) {
            let same = |have: &IndexShape| {
                let same =
                    matches!(self.text(&index.text, false), Text::Stays(t) if t == have.text);
                have.unique && (same || have.name == index.name)
            };
            if !kept.indexes.iter().any(same) {
                let (name, table) = (&index.name, self.old);
                notes.push(format!("the unique index {name} of {table} goes: no record has it"));
            }
        }
    }

    fn checks(&self, kept: &mut TableShape, notes: &mut Vec<String>) {
        for check in &self.table.checks {
            let name = check.name.as_deref().unwrap_or_default();
            if self.is_ours(name) {
                continue;
            }
            match self.text(&check.text, false) {
                Text::Stays(text) => {
                    if !kept.checks.iter().any(|have| have.text == text) {
                        notes.push(self.stays("check", &check.text));
                        let text = self.renamed(&check.text, text);
                        kept.checks.push(CheckShape { text, ..check.clone() });
                    }
                }
                Text::Goes(column) => notes.push(self.goes("check", &check.text, &column)),
            }
        }
    }

    fn references(&self, kept: &mut TableShape, notes: &mut Vec<String>) {
        for reference in &self.table.references {
            let name = reference.name.as_deref().unwrap_or_default();
            if self.is_ours(name) {
                continue;
            }
            let said = reference.columns.join(", ");
            let new = match self.reference(reference) {
                Ok(new) => new,
                Err(column) => {
                    notes.push(self.goes("reference", &said, &column));
                    continue;
                }
            };
            let same = |have: &ReferenceShape| {
                (&have.columns, &have.parent) == (&new.columns, &new.parent)
            };
            if !kept.references.iter().any(same) {
                notes.push(self.stays("reference", &said));
                // On SQLite it is renamed as it was.
                let as_it_was = self.engine == Dialect::Sqlite;
                kept.references.push(if as_it_was { reference.clone() } else { new });
            }
        }
    }

    /// A reference by the new names, or the column that goes.
    fn reference(&self, reference: &ReferenceShape) -> Result<ReferenceShape, String> {
        let mut new = reference.clone();
        for column in &mut new.columns {
            *column = self.column(column).ok_or_else(|| column.clone())?;
        }
        pointed(&mut new, self.now, self.wanted, self.renames)?;
        Ok(new)
    }

    /// What a column is called then; none if it goes.
    fn column(&self, old: &str) -> Option<String> {
        becomes(self.renames, self.new, self.wanted.tables.get(self.new)?, old)
    }

    /// A text by the new names of the columns, and that of the table where a trigger names it.
    fn text(&self, text: &str, is_trigger: bool) -> Text {
        let (mut new, mut before, mut pieces) = (String::new(), "", Vec::new());
        for token in Tokens::new(self.engine, text) {
            // What cannot be cut stays as it is, for the engine to judge.
            let Ok(token) = token else { return Text::Stays(text.to_owned()) };
            pieces.push(token);
        }
        for (at, piece) in pieces.iter().enumerate() {
            let mut rest = pieces.iter().skip(at + 1);
            let next = rest.find(|piece| piece.kind != TokenKind::Blank);
            let name = name_of(self.engine, piece.kind, piece.text);
            let calls = next.is_some_and(|next| next.kind == TokenKind::Open);
            let is_call = piece.kind == TokenKind::Word && calls;
            // The row of old or new values is no column, whatever columns are called.
            let is_row = next.is_some_and(|next| next.text == ".");
            let name = name.filter(|_| !is_call && !is_row && !NO_COLUMN_BEHIND.contains(&before));
            match name.filter(|name| self.table.column(name).is_some()) {
                _ if is_trigger && before == "ON" && self.old != self.new => {
                    // The server writes the name of the schema where it must.
                    let is_table = name_of(self.engine, piece.kind, piece.text);
                    let is_table = is_table.is_some_and(|name| name == self.old);
                    new.push_str(&if is_table { quoted(self.new) } else { piece.text.to_owned() });
                }
                Some(_) if is_trigger && matches!(before, "ON" | "TRIGGER" | "FUNCTION") => {
                    new.push_str(piece.text);
                }
                Some(old) => match self.column(&old) {
                    None => return Text::Goes(old),
                    Some(name) if name == old => new.push_str(piece.text),
                    Some(name) => new.push_str(&quoted(&name)),
                },
                None => new.push_str(piece.text),
            }
            if piece.kind != TokenKind::Blank {
                before = piece.text;
            }
        }
        Text::Stays(new)
    }

    /// What is planned with: the engine of SQLite renames by itself.
    fn renamed(&self, was: &str, is: String) -> String {
        if self.engine == Dialect::Sqlite { was.to_owned() } else { is }
    }

    /// Whether a name is one that records give.
    fn is_ours(&self, name: &str) -> bool {
        [self.old, self.new].into_iter().any(|table| naming::is_generated(table, name))
    }

    fn stays(&self, what: &str, name: &str) -> String {
        format!("the {what} {name} of {} is left alone: no record has it", self.old)
    }

    fn goes(&self, what: &str, name: &str, column: &str) -> String {
        format!("the {what} {name} of {} goes with the column {column}: no record has it", self.old)
    }
}

/// Behind these stands no column, whatever it is called: a type, a collation, a kind of index.
const NO_COLUMN_BEHIND: [&str; 4] = [":", "COLLATE", "USING", "EXECUTE"];

/// The name that a piece is, if it may be one.
fn name_of(engine: Dialect, kind: TokenKind<'_>, text: &str) -> Option<String> {
    match kind {
        // SQLite's words are no columns: those are in quotes in every text of a shape.
        TokenKind::Word if engine != Dialect::Sqlite => Some(text.to_owned()),
        TokenKind::Value => {
            let inside = text.strip_prefix('"')?.strip_suffix('"')?;
            Some(inside.replace("\"\"", "\""))
        }
        _ => None,
    }
}

/// What a column of a table that stays is called then; none if it goes.
fn becomes(renames: &Renames, table: &str, wanted: &TableShape, old: &str) -> Option<String> {
    let of = |column: &str| renames.columns.get(&(table.to_owned(), column.to_owned()));
    let mut columns = wanted.columns.iter().map(|column| column.name.as_str());
    let renamed = columns.clone().find(|column| of(column).is_some_and(|was| was == old));
    let same = || columns.find(|column| *column == old && of(column).is_none());
    renamed.or_else(same).map(str::to_owned)
}

/// Lets a reference point to a table by its new names; an error is the column that goes there.
fn pointed(
    reference: &mut ReferenceShape,
    now: &Shape,
    wanted: &Shape,
    renames: &Renames,
) -> Result<(), String> {
    if !now.tables.contains_key(&reference.parent) {
        return Ok(());
    }
    let renamed = renames.tables.iter().find(|(_, old)| **old == reference.parent);
    if let Some((new, _)) = renamed {
        reference.parent.clone_from(new);
    }
    let Some(parent) = wanted.tables.get(&reference.parent) else { return Ok(()) };
    for column in &mut reference.parent_columns {
        *column =
            becomes(renames, &reference.parent, parent, column).ok_or_else(|| column.clone())?;
    }
    Ok(())
}

/// Lets the references of a table that is left alone point to others by their new names.
pub(super) fn left_alone(
    (name, table): (&str, &TableShape),
    now: &Shape,
    wanted: &Shape,
    renames: &Renames,
    notes: &mut Vec<String>,
) -> TableShape {
    let mut left = table.clone();
    left.references.retain_mut(|reference| {
        let said = reference.columns.join(", ");
        pointed(reference, now, wanted, renames)
            .map_err(|column| {
                notes.push(format!(
                    "the reference {said} of {name} goes with the column {column} that it points to"
                ));
            })
            .is_ok()
    });
    left
}
