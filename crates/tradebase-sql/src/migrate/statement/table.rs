//! What CREATE TABLE says: columns and constraints.

use super::reader::Reader;
use crate::raw::Dialect;

/// CREATE TABLE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableDefinition {
    /// Its name.
    pub(crate) name: String,
    /// Its columns.
    pub(crate) columns: Vec<Column>,
    /// Its constraints, but those that stand with a column.
    pub(crate) constraints: Vec<Constraint>,
    /// Whether it may be there: IF NOT EXISTS.
    pub(crate) tolerant: bool,
    /// Whether it is cut into parts: PARTITION BY.
    pub(crate) partitioned: bool,
}

/// A column, as CREATE TABLE and ADD COLUMN say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// Its type in small letters, `numeric(18,8)`.
    pub(crate) type_text: String,
    /// NOT NULL.
    pub(crate) not_null: bool,
    /// Its default: whether it is one value for all rows. None if it has none.
    pub(crate) default: Option<bool>,
    /// PRIMARY KEY.
    pub(crate) key: bool,
    /// UNIQUE.
    pub(crate) unique: bool,
    /// CHECK.
    pub(crate) check: bool,
    /// Whether the database gives each row its own value: an identity, a serial, a generated one
    /// that is stored.
    pub(crate) assigned: bool,
    /// REFERENCES.
    pub(crate) references: Option<Reference>,
    /// The name in front of its REFERENCES.
    pub(crate) reference_name: Option<String>,
}

/// A reference to another table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The columns that point.
    pub(crate) columns: Vec<String>,
    /// The table they point to.
    pub(crate) parent: String,
}

/// A constraint of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Constraint {
    /// Its name, if it has one.
    pub(crate) name: Option<String>,
    /// What it is.
    pub(crate) kind: ConstraintKind,
    /// Whether the rows that are there are not looked at: NOT VALID.
    pub(crate) not_valid: bool,
}

/// What a constraint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConstraintKind {
    /// CHECK.
    Check {
        /// The column, if it says that one is not NULL and nothing else.
        not_null: Option<String>,
    },
    /// FOREIGN KEY.
    ForeignKey(Reference),
    /// UNIQUE.
    Unique {
        /// Its columns.
        columns: Vec<String>,
        /// Whether it takes an index that is there: USING INDEX.
        using_index: bool,
    },
    /// PRIMARY KEY.
    Key {
        /// Its columns.
        columns: Vec<String>,
        /// Whether it takes an index that is there: USING INDEX.
        using_index: bool,
    },
    /// Something else: EXCLUDE.
    Other,
}

/// What ends a type or a default.
const BEHIND_TYPE: &[&str] = &[
    "CONSTRAINT",
    "NOT",
    "NULL",
    "DEFAULT",
    "CHECK",
    "UNIQUE",
    "PRIMARY",
    "REFERENCES",
    "COLLATE",
    "GENERATED",
    "AS",
    "STORAGE",
    "COMPRESSION",
    "USING",
    "ON",
];

/// What begins a constraint of a table.
const CONSTRAINTS: &[&str] =
    &["CONSTRAINT", "CHECK", "FOREIGN", "UNIQUE", "PRIMARY", "EXCLUDE", "LIKE"];

/// Functions of PostgreSQL that have one value during a statement.
const STABLE: &[&str] = &[
    "now",
    "current_timestamp",
    "localtimestamp",
    "transaction_timestamp",
    "statement_timestamp",
    "current_setting",
    "make_date",
    "make_timestamptz",
    "make_interval",
    "to_timestamp",
    "to_date",
    "decode",
    "coalesce",
    "lower",
    "upper",
    "numeric",
    "decimal",
    "varchar",
    "char",
];

/// What stands behind CREATE … TABLE.
pub(super) fn definition(mut reader: Reader<'_>) -> Option<TableDefinition> {
    let tolerant = reader.words(&["IF", "NOT", "EXISTS"]);
    let mut table = TableDefinition {
        name: reader.name()?,
        columns: Vec::new(),
        constraints: Vec::new(),
        tolerant,
        partitioned: false,
    };
    for part in reader.group().map(Reader::parts).unwrap_or_default() {
        if part.sees_one_of(CONSTRAINTS) {
            table.constraints.push(constraint(part));
        } else {
            table.columns.extend(column(part));
        }
    }
    table.partitioned = reader.has(&["PARTITION", "BY"]);
    Some(table)
}

/// A column.
pub(super) fn column(mut reader: Reader<'_>) -> Option<Column> {
    let mut column = Column { name: reader.name()?, ..Column::default() };
    if !reader.is_done() && !reader.sees_one_of(BEHIND_TYPE) {
        column.type_text = reader.until(BEHIND_TYPE).text();
    }
    column.assigned = column.type_text.contains("serial");
    let mut name = None;
    while !reader.is_done() {
        if reader.word("CONSTRAINT") {
            name = reader.name();
        } else if reader.words(&["NOT", "NULL"]) {
            column.not_null = true;
        } else if reader.word("DEFAULT") {
            let default = reader.until(BEHIND_TYPE);
            // A default of NULL is none.
            column.default = (default.text() != "null").then(|| is_one_value(&default));
        } else if reader.word("CHECK") {
            column.check = true;
            reader.group();
        } else if reader.word("UNIQUE") {
            column.unique = true;
        } else if reader.words(&["PRIMARY", "KEY"]) {
            column.key = true;
        } else if reader.word("REFERENCES") {
            let columns = vec![column.name.clone()];
            column.references = reference(&mut reader, columns);
            column.reference_name = name.take();
        } else if reader.word("IDENTITY") || reader.word("STORED") {
            column.assigned = true;
        } else {
            reader.skip_whole();
        }
    }
    Some(column)
}

/// What stands behind REFERENCES.
fn reference(reader: &mut Reader<'_>, columns: Vec<String>) -> Option<Reference> {
    let parent = reader.name()?;
    reader.group();
    loop {
        if reader.word("ON") {
            reader.skip();
            // SET NULL and SET DEFAULT, NO ACTION; CASCADE and RESTRICT are one word.
            if reader.one_of(&["SET", "NO"]) {
                reader.skip();
                reader.group();
            } else {
                reader.skip();
            }
        } else if reader.one_of(&["MATCH", "INITIALLY"]) {
            reader.skip();
        } else if !(reader.word("DEFERRABLE") || reader.words(&["NOT", "DEFERRABLE"])) {
            return Some(Reference { columns, parent });
        }
    }
}

/// A constraint of a table.
pub(super) fn constraint(mut reader: Reader<'_>) -> Constraint {
    let name = if reader.word("CONSTRAINT") { reader.name() } else { None };
    let kind = if reader.word("CHECK") {
        ConstraintKind::Check { not_null: reader.group().and_then(not_null) }
    } else if reader.words(&["FOREIGN", "KEY"]) {
        let columns = reader.group().map(Reader::columns).unwrap_or_default();
        reader.word("REFERENCES");
        match reference(&mut reader, columns) {
            Some(reference) => ConstraintKind::ForeignKey(reference),
            None => ConstraintKind::Other,
        }
    } else if reader.word("UNIQUE") {
        while reader.one_of(&["NULLS", "NOT", "DISTINCT"]) {}
        let (columns, using_index) = columns_or_index(&mut reader);
        ConstraintKind::Unique { columns, using_index }
    } else if reader.words(&["PRIMARY", "KEY"]) {
        let (columns, using_index) = columns_or_index(&mut reader);
        ConstraintKind::Key { columns, using_index }
    } else {
        ConstraintKind::Other
    };
    Constraint { name, kind, not_valid: reader.has(&["NOT", "VALID"]) }
}

fn columns_or_index(reader: &mut Reader<'_>) -> (Vec<String>, bool) {
    let using_index = reader.words(&["USING", "INDEX"]);
    (reader.group().map(Reader::columns).unwrap_or_default(), using_index)
}

/// The column of which a check says that it is not NULL, and no more.
fn not_null(mut reader: Reader<'_>) -> Option<String> {
    while let Some(inside) = reader.group() {
        reader = inside;
    }
    let column = reader.name()?;
    (reader.words(&["IS", "NOT", "NULL"]) && reader.is_done()).then_some(column)
}

/// Whether a default is one value for all rows that are there.
fn is_one_value(default: &Reader<'_>) -> bool {
    match default.dialect {
        // SQLite takes a constant alone for a column that is added.
        Dialect::Sqlite => {
            default.all_words().all(|word| matches!(word.as_str(), "NULL" | "TRUE" | "FALSE" | "X"))
        }
        Dialect::Postgres => default.calls().iter().all(|name| STABLE.contains(&name.as_str())),
    }
}
