//! Which kind of statement it is.

use super::alter::actions;
use super::reader::Reader;
use super::table::definition;
use super::{Command, IndexDefinition};

/// Words that begin and end transactions.
const TRANSACTIONS: &[&str] =
    &["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"];

/// What REINDEX does to more than one table, table by table.
const MANY: &[&str] = &["SCHEMA", "DATABASE", "SYSTEM"];

pub(super) fn command(mut reader: Reader<'_>) -> Command {
    let whole = reader.clone();
    let word = reader.any_word().unwrap_or_default();
    let read = match word.as_str() {
        "CREATE" => create(reader),
        "DROP" => dropped(reader),
        "ALTER" => alter(reader),
        "INSERT" | "REPLACE" => insert(reader, word == "REPLACE"),
        "UPDATE" => update(reader),
        "DELETE" => delete(reader),
        "TRUNCATE" => {
            reader.word("TABLE");
            reader.word("ONLY");
            Some(Command::Truncate { tables: reader.names() })
        }
        "LOCK" => {
            reader.word("TABLE");
            reader.word("ONLY");
            Some(Command::Lock { tables: reader.names() })
        }
        "PRAGMA" => reader.name().map(|name| Command::Pragma { name, sets: !reader.is_done() }),
        "VACUUM" => Some(Command::Apart),
        "REINDEX" if reader.all_words().any(|word| word == "CONCURRENTLY") => Some(Command::Apart),
        "REINDEX" => {
            reader.group();
            reader.sees_one_of(MANY).then_some(Command::Apart)
        }
        "WITH" => with(reader),
        "CLUSTER" if reader.is_done() => Some(Command::Apart),
        "PREPARE" if reader.word("TRANSACTION") => Some(Command::Transaction),
        _ if whole.sees_one_of(TRANSACTIONS) => Some(Command::Transaction),
        _ => None,
    };
    read.unwrap_or(Command::Other { word })
}

fn create(mut reader: Reader<'_>) -> Option<Command> {
    let replace = reader.words(&["OR", "REPLACE"]);
    while reader.one_of(&["TEMP", "TEMPORARY", "UNLOGGED", "GLOBAL", "LOCAL", "RECURSIVE"]) {}
    if reader.word("TABLE") {
        return definition(reader).map(Command::CreateTable);
    }
    let unique = reader.word("UNIQUE");
    if reader.word("INDEX") {
        return index(reader, unique).map(Command::CreateIndex);
    }
    reader.word("MATERIALIZED");
    let what = reader.any_word()?;
    if matches!(what.as_str(), "DATABASE" | "TABLESPACE") {
        return Some(Command::Apart);
    }
    let tolerant = reader.words(&["IF", "NOT", "EXISTS"]) || replace;
    let name = reader.name();
    let table = match what.as_str() {
        "TRIGGER" => reader.names_behind(&["ON"]).into_iter().next(),
        _ => None,
    };
    Some(Command::Create { what, name, table, tolerant })
}

fn index(mut reader: Reader<'_>, unique: bool) -> Option<IndexDefinition> {
    let concurrently = reader.word("CONCURRENTLY");
    let tolerant = reader.words(&["IF", "NOT", "EXISTS"]);
    let name = if reader.sees("ON") { None } else { reader.name() };
    if !reader.word("ON") {
        return None;
    }
    let only = reader.word("ONLY");
    let table = reader.name()?;
    if reader.word("USING") {
        reader.skip();
    }
    let columns = reader.group().map(Reader::columns).unwrap_or_default();
    Some(IndexDefinition { name, table, columns, unique, concurrently, only, tolerant })
}

fn dropped(mut reader: Reader<'_>) -> Option<Command> {
    reader.word("MATERIALIZED");
    let what = reader.any_word()?;
    let concurrently = reader.word("CONCURRENTLY");
    let tolerant = reader.words(&["IF", "EXISTS"]);
    Some(match what.as_str() {
        "TABLE" => Command::DropTable { names: reader.names(), tolerant },
        "INDEX" => Command::DropIndex { names: reader.names(), concurrently, tolerant },
        "DATABASE" | "TABLESPACE" => Command::Apart,
        _ => Command::Drop { what, name: reader.name(), tolerant },
    })
}

fn alter(mut reader: Reader<'_>) -> Option<Command> {
    if reader.word("SYSTEM") {
        return Some(Command::Apart);
    }
    if reader.word("TABLE") {
        reader.words(&["IF", "EXISTS"]);
        reader.word("ONLY");
        let table = reader.name()?;
        reader.sign("*");
        return Some(Command::AlterTable { table, actions: actions(reader) });
    }
    if reader.word("INDEX") {
        let tolerant = reader.words(&["IF", "EXISTS"]);
        let from = reader.name()?;
        if reader.words(&["RENAME", "TO"]) {
            return Some(Command::RenameIndex { from, to: reader.name()?, tolerant });
        }
    }
    None
}

fn insert(mut reader: Reader<'_>, replaces: bool) -> Option<Command> {
    let tolerant = replaces
        || reader.words(&["OR", "IGNORE"])
        || reader.words(&["OR", "REPLACE"])
        || reader.has(&["ON", "CONFLICT"]);
    if reader.word("OR") {
        reader.skip();
    }
    if !reader.word("INTO") {
        return None;
    }
    let table = reader.name()?;
    Some(Command::Insert { table, sources: reader.names_behind(&["FROM", "JOIN"]), tolerant })
}

fn update(mut reader: Reader<'_>) -> Option<Command> {
    if reader.word("OR") {
        reader.skip();
    }
    reader.word("ONLY");
    let table = reader.name()?;
    reader.until(&["WHERE"]);
    let filtered = reader.word("WHERE");
    Some(Command::Update { table, filtered, fills: reader.has(&["IS", "NULL"]) })
}

fn delete(mut reader: Reader<'_>) -> Option<Command> {
    if !reader.word("FROM") {
        return None;
    }
    reader.word("ONLY");
    Some(Command::Delete { table: reader.name()?, filtered: reader.has(&["WHERE"]) })
}

/// The first change of rows behind WITH, in its parentheses or behind them.
fn with(mut reader: Reader<'_>) -> Option<Command> {
    const CHANGES: &[&str] = &["INSERT", "UPDATE", "DELETE", "REPLACE"];
    while !reader.is_done() {
        if reader.sees_one_of(CHANGES) {
            return Some(command(reader));
        }
        match reader.group() {
            Some(inside) if inside.sees_one_of(CHANGES) => return Some(command(inside)),
            Some(_) => {}
            None => reader.skip(),
        }
    }
    None
}
