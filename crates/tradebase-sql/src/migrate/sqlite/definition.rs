//! Reading the definition of a table, whoever wrote it.

use tradebase_core::Result;

use super::pieces::Pieces;
use super::write::named;
use crate::migrate::shape::{
    CheckShape, ColumnShape, IndexShape, KeyShape, ReferenceShape, Storage, TableShape,
};
use crate::naming::quoted;
use crate::raw::TokenKind;

/// How the definition of a column goes on behind its type.
const BEHIND_TYPE: [&str; 11] = [
    "CONSTRAINT",
    "PRIMARY",
    "NOT",
    "NULL",
    "UNIQUE",
    "CHECK",
    "DEFAULT",
    "COLLATE",
    "REFERENCES",
    "GENERATED",
    "AS",
];
/// How a constraint of the table begins.
const TABLE_WORDS: [&str; 5] = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];

/// The table that a statement creates.
pub(super) fn table(text: &str) -> Result<TableShape> {
    let mut pieces = Pieces::of(text)?;
    while !pieces.take(&["TABLE"]) {
        pieces.word()?;
    }
    pieces.take(&["IF", "NOT", "EXISTS"]);
    let name = pieces.name_in_schema()?;
    // The table has another name while it is built anew.
    let parts = pieces.inside()?.without_table(&name).parts();
    let mut reading = Reading { table: TableShape::default(), names: columns(&parts) };
    for part in parts {
        reading.part(part)?;
    }
    let mut table = reading.table;
    table.storage = storage(&pieces);
    settle(&mut table);
    Ok(table)
}

/// The names of the columns, which expressions may use before they are defined.
fn columns(parts: &[Pieces<'_>]) -> Vec<String> {
    let first = parts.iter().filter_map(Pieces::peek);
    first.filter(|p| !TABLE_WORDS.iter().any(|word| p.is(word))).filter_map(|p| p.name()).collect()
}

fn storage(behind: &Pieces<'_>) -> Storage {
    let text = behind.canonical(&[]).to_ascii_uppercase();
    let mut words: Vec<_> = text.split(',').map(str::trim).filter(|w| !w.is_empty()).collect();
    words.sort_unstable();
    match words.as_slice() {
        [] => Storage::Plain,
        ["STRICT"] => Storage::Strict,
        ["STRICT", "WITHOUT ROWID"] => Storage::Clustered,
        _ => Storage::Other(words.join(", ")),
    }
}

/// Says outright what goes without saying.
fn settle(table: &mut TableShape) {
    let key = table.key.as_ref().map(|key| key.columns.as_slice()).unwrap_or_default();
    let clustered = match &table.storage {
        Storage::Plain => false,
        Storage::Other(words) => words.contains("WITHOUT ROWID"),
        _ => true,
    };
    for column in &mut table.columns {
        let alone = key == [column.name.clone()] && column.type_text == "INTEGER";
        if (alone || clustered) && key.contains(&column.name) {
            column.nullable = false;
        }
    }
}

struct Reading {
    table: TableShape,
    names: Vec<String>,
}

impl Reading {
    fn part(&mut self, mut part: Pieces<'_>) -> Result<()> {
        let is_column = !part.peek().is_some_and(|p| TABLE_WORDS.iter().any(|word| p.is(word)));
        if is_column {
            return self.column(part);
        }
        // Commas between constraints of the table may be left out.
        while part.peek().is_some() {
            self.constraint(&mut part)?;
        }
        Ok(())
    }

    /// A name as the column has it.
    fn known(&self, name: String) -> String {
        self.names.iter().find(|have| have.eq_ignore_ascii_case(&name)).cloned().unwrap_or(name)
    }

    fn names_inside(&self, pieces: &mut Pieces<'_>) -> Result<Vec<String>> {
        let parts = pieces.inside()?.parts().into_iter();
        parts.map(|mut part| Ok(self.known(part.name()?))).collect()
    }

    fn constraint(&mut self, part: &mut Pieces<'_>) -> Result<()> {
        let name = if part.take(&["CONSTRAINT"]) { Some(part.name()?) } else { None };
        if part.take(&["CHECK"]) {
            self.check(name, part)
        } else if part.take(&["FOREIGN", "KEY"]) {
            let columns = self.names_inside(part)?;
            if !part.take(&["REFERENCES"]) {
                return Err(part.unread());
            }
            self.reference(name, columns, part)
        } else if part.take(&["PRIMARY", "KEY"]) {
            let inside = part.inside()?;
            let columns = inside.clone().parts();
            let assigned = inside.last().eq_ignore_ascii_case("AUTOINCREMENT");
            let plain = columns.iter().all(Pieces::is_part_of_key);
            let conflict = on_conflict(part)?;
            if plain && conflict.is_empty() {
                let names = columns.into_iter().map(|mut c| Ok(self.known(c.name()?)));
                let columns: Vec<_> = names.collect::<Result<_>>()?;
                if let ([only], true) = (columns.as_slice(), assigned) {
                    let of = self.table.columns.iter_mut().filter(|column| column.name == *only);
                    of.for_each(|column| column.assigned = true);
                }
                self.table.key = Some(KeyShape { name, columns });
            } else {
                let columns = inside.canonical(&self.names);
                self.as_it_stands(name, &format!("PRIMARY KEY ({columns}){conflict}"), true);
            }
            Ok(())
        } else if part.take(&["UNIQUE"]) {
            let columns = part.inside()?.canonical(&self.names);
            let conflict = on_conflict(part)?;
            self.as_it_stands(name, &format!("UNIQUE ({columns}){conflict}"), true);
            Ok(())
        } else {
            Err(part.unread())
        }
    }

    /// A constraint that makes an index which has no name of its own.
    fn as_it_stands(&mut self, name: Option<String>, text: &str, unique: bool) {
        let name = name.map(|name| format!("CONSTRAINT {} ", quoted(&name))).unwrap_or_default();
        let text = format!("{name}{text}");
        self.table.indexes.push(IndexShape { name: String::new(), unique, text, valid: true });
    }

    fn check(&mut self, name: Option<String>, pieces: &mut Pieces<'_>) -> Result<()> {
        let text = pieces.inside()?.canonical(&self.names);
        self.table.checks.push(CheckShape { name, text, validated: true });
        Ok(())
    }

    fn reference(
        &mut self,
        name: Option<String>,
        columns: Vec<String>,
        pieces: &mut Pieces<'_>,
    ) -> Result<()> {
        let parent = pieces.name()?;
        let mut parent_columns = Vec::new();
        if pieces.peek().is_some_and(|piece| piece.kind == TokenKind::Open) {
            for mut part in pieces.inside()?.parts() {
                parent_columns.push(part.name()?);
            }
        }
        let actions = actions(pieces)?;
        let validated = true;
        let reference =
            ReferenceShape { name, columns, parent, parent_columns, actions, validated };
        self.table.references.push(reference);
        Ok(())
    }

    fn column(&mut self, mut part: Pieces<'_>) -> Result<()> {
        let name = part.name()?;
        let mut column = ColumnShape { name, nullable: true, ..ColumnShape::default() };
        column.type_text = type_text(&mut part)?;
        let mut more = Vec::new();
        while part.peek().is_some() {
            self.of_column(&mut column, &mut more, &mut part)?;
        }
        column.more = (!more.is_empty()).then(|| more.join(" "));
        self.table.columns.push(column);
        Ok(())
    }

    fn of_column(
        &mut self,
        column: &mut ColumnShape,
        more: &mut Vec<String>,
        part: &mut Pieces<'_>,
    ) -> Result<()> {
        let name = if part.take(&["CONSTRAINT"]) { Some(part.name()?) } else { None };
        let own = || quoted(&column.name);
        if part.take(&["CHECK"]) {
            self.check(name, part)
        } else if part.take(&["REFERENCES"]) {
            self.reference(name, vec![column.name.clone()], part)
        } else if part.take(&["NOT", "NULL"]) {
            column.nullable = false;
            let conflict = on_conflict(part)?;
            if !conflict.is_empty() {
                more.push(format!("NOT NULL{conflict}"));
            }
            Ok(())
        } else if part.take(&["NULL"]) {
            Ok(())
        } else if part.take(&["UNIQUE"]) {
            let conflict = on_conflict(part)?;
            self.as_it_stands(name, &format!("UNIQUE ({}){conflict}", own()), true);
            Ok(())
        } else if part.take(&["PRIMARY", "KEY"]) {
            self.key_of_column(column, more, name, part)
        } else if part.take(&["DEFAULT"]) {
            column.default = Some(default(part, &self.names)?);
            Ok(())
        } else if part.take(&["COLLATE"]) {
            more.push(format!("COLLATE {}", quoted(&part.name()?)));
            Ok(())
        } else if part.take(&["GENERATED", "ALWAYS", "AS"]) || part.take(&["AS"]) {
            let text = part.inside()?.canonical(&self.names);
            let stored = if part.take(&["STORED"]) { " STORED" } else { "" };
            part.take(&["VIRTUAL"]);
            more.push(format!("GENERATED ALWAYS AS ({text}){stored}"));
            Ok(())
        } else {
            Err(part.unread())
        }
    }

    fn key_of_column(
        &mut self,
        column: &mut ColumnShape,
        more: &mut Vec<String>,
        name: Option<String>,
        part: &mut Pieces<'_>,
    ) -> Result<()> {
        part.take(&["ASC"]);
        let order = if part.take(&["DESC"]) { " DESC" } else { "" };
        let conflict = on_conflict(part)?;
        column.assigned = part.take(&["AUTOINCREMENT"]);
        let columns = vec![column.name.clone()];
        if order.is_empty() && (conflict.is_empty() || column.assigned) {
            self.table.key = Some(KeyShape { name, columns });
        } else {
            // A key of the table in descending order would be another one: the number of a row.
            more.push(format!("{}PRIMARY KEY{order}{conflict}", named(&name)));
        }
        Ok(())
    }
}

impl Pieces<'_> {
    /// Whether it is a column of a key, and nothing that the key does not say by itself.
    fn is_part_of_key(&self) -> bool {
        let mut pieces = self.clone();
        let is_name = pieces.name().is_ok();
        pieces.take(&["ASC"]);
        pieces.take(&["AUTOINCREMENT"]);
        is_name && pieces.peek().is_none()
    }
}

/// The words of a type, in one form for all ways to write it.
fn type_text(part: &mut Pieces<'_>) -> Result<String> {
    let mut text = String::new();
    while let Some(piece) = part.peek() {
        if BEHIND_TYPE.iter().any(|word| piece.is(word)) {
            break;
        }
        if piece.kind == TokenKind::Open {
            let inside: Vec<_> = part.inside()?.parts().iter().map(|p| p.canonical(&[])).collect();
            text.push_str(&format!("({})", inside.join(", ")));
        } else {
            part.next();
            let space = if text.is_empty() { "" } else { " " };
            let word = piece.name().unwrap_or_else(|| piece.text.to_owned());
            text.push_str(&format!("{space}{}", word.to_ascii_uppercase()));
        }
    }
    Ok(text)
}

/// A default, as it is written.
fn default(part: &mut Pieces<'_>, names: &[String]) -> Result<String> {
    if part.peek().is_some_and(|piece| piece.kind == TokenKind::Open) {
        let inside = part.inside()?;
        // In parentheses or without them, a literal is the same.
        let text = inside.canonical(names);
        let literal =
            inside.parts().pop().is_some_and(|mut p| number(&mut p) && p.peek().is_none());
        return Ok(if literal { text } else { format!("({text})") });
    }
    for sign in ["-", "+"] {
        if part.take_sign(sign) {
            let value = part.next().ok_or_else(|| part.unread())?.text;
            return Ok(if sign == "-" { format!("-{value}") } else { value.to_owned() });
        }
    }
    let piece = part.next().ok_or_else(|| part.unread())?;
    let constant = ["NULL", "TRUE", "FALSE", "CURRENT_TIME", "CURRENT_DATE", "CURRENT_TIMESTAMP"];
    Ok(match constant.iter().find(|word| piece.is(word)) {
        Some(word) => (*word).to_owned(),
        None => piece.text.to_owned(),
    })
}

/// Whether a number or a text in quotes comes next; passes over it.
fn number(pieces: &mut Pieces<'_>) -> bool {
    pieces.take_sign("-");
    pieces
        .next()
        .is_some_and(|p| p.kind == TokenKind::Value && !p.text.starts_with(['"', '`', '[']))
}

fn on_conflict(part: &mut Pieces<'_>) -> Result<String> {
    if !part.take(&["ON", "CONFLICT"]) {
        return Ok(String::new());
    }
    // What happens anyway.
    let word = part.word()?;
    Ok(if word == "ABORT" { String::new() } else { format!(" ON CONFLICT {word}") })
}

/// What is said behind REFERENCES that is not what would happen anyway. RESTRICT differs from
/// NO ACTION only within one statement, and older databases of ours have it.
fn actions(part: &mut Pieces<'_>) -> Result<String> {
    let (mut delete, mut update, mut deferred) = (String::new(), String::new(), "");
    loop {
        if part.take(&["ON"]) {
            let event = part.word()?;
            let mut action = part.word()?;
            if matches!(action.as_str(), "SET" | "NO") {
                action = format!("{action} {}", part.word()?);
            }
            if matches!(action.as_str(), "NO ACTION" | "RESTRICT") {
                action.clear();
            }
            *(if event == "DELETE" { &mut delete } else { &mut update }) = action;
        } else if part.take(&["MATCH"]) {
            part.word()?;
        } else if part.take(&["NOT", "DEFERRABLE"]) {
            initially(part)?;
        } else if part.take(&["DEFERRABLE"]) {
            if initially(part)? {
                deferred = "DEFERRABLE INITIALLY DEFERRED";
            }
        } else {
            break;
        }
    }
    let said = [("ON DELETE ", delete), ("ON UPDATE ", update), ("", deferred.to_owned())];
    let said = said.into_iter().filter(|(_, action)| !action.is_empty());
    Ok(said.map(|(event, action)| format!("{event}{action}")).collect::<Vec<_>>().join(" "))
}

fn initially(part: &mut Pieces<'_>) -> Result<bool> {
    Ok(part.take(&["INITIALLY"]) && part.word()? == "DEFERRED")
}
