//! The description of one column: what every room needs to know of a field.

use std::sync::OnceLock;

use crate::error::Result;
use crate::kind::Kind;
use crate::rule::Rule;
use crate::table::Table;
use crate::value::Value;

/// One column of a row, as the derive describes it at compile time.
///
/// Sinks and sources are handed the column as a constant, so that after inlining its fields
/// cost nothing. Made by the derives; read by everyone.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Column {
    /// The name in every store, with its renderings.
    pub name: Name,
    /// The name it had before, for a migration to rename it by.
    pub was: Option<&'static str>,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be null.
    pub nullable: bool,
    /// What part it plays.
    pub roles: Roles,
    /// The value domain of the row it stands in.
    pub domain: Domain,
    /// The value of new and of absent columns, never of null ones.
    pub default: Option<Preset>,
    /// What a value must keep to before it is written.
    pub rules: &'static [Rule],
    /// The stored texts of an enum; empty for other types.
    pub labels: &'static [&'static str],
    /// Whether no other text than `labels` may be stored.
    pub closed: bool,
    /// The record this column points to.
    pub parent: Option<Parent>,
    /// Checks a value as the field's own type does; none for tables that are made from a schema.
    pub check: Option<Check>,
}

/// Checks a value, which is not null, as a type checks it: whether it can be one, and whether it
/// may be written to the column.
pub type Check = fn(&'static Column, &Value) -> Result<()>;

impl Column {
    /// A column of that name and kind, with nothing else said.
    pub const fn new(name: &'static str, kind: Kind, nullable: bool) -> Self {
        Self {
            name: Name { text: name, line: "", quoted: "", json: "" },
            was: None,
            kind,
            nullable,
            roles: Roles::NONE,
            domain: Domain::FREE,
            default: None,
            rules: &[],
            labels: &[],
            closed: false,
            parent: None,
            check: None,
        }
    }

    /// The same column, playing these parts too.
    pub const fn with_roles(mut self, roles: Roles) -> Self {
        self.roles = self.roles.and(roles);
        self
    }

    /// The same column, of another kind.
    pub const fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The same column, with a default.
    pub const fn with_default(mut self, preset: Preset) -> Self {
        self.default = Some(preset);
        self
    }

    /// The same column, with rules.
    pub const fn with_rules(mut self, rules: &'static [Rule]) -> Self {
        self.rules = rules;
        self
    }

    /// The same column, with the stored texts of an enum.
    pub const fn with_labels(mut self, labels: &'static [&'static str], closed: bool) -> Self {
        self.labels = labels;
        self.closed = closed;
        self
    }

    /// The same column, pointing to another record.
    pub const fn with_parent(mut self, parent: Parent) -> Self {
        self.parent = Some(parent);
        self
    }

    /// The same column, which had another name before.
    pub const fn with_was(mut self, was: &'static str) -> Self {
        self.was = Some(was);
        self
    }

    /// The same column, whose values a type checks.
    pub const fn with_check(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// Whether the column plays that part.
    pub const fn is(&self, role: Roles) -> bool {
        self.roles.has(role)
    }
}

/// A column's name and the forms in which text protocols want it, rendered at compile time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Name {
    /// `price`
    pub text: &'static str,
    /// `,price=`
    pub line: &'static str,
    /// `,price="`
    pub quoted: &'static str,
    /// `,"price":`
    pub json: &'static str,
}

/// The parts a column plays, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles(u16);

impl Roles {
    /// No part.
    pub const NONE: Roles = Roles(0);
    /// Part of the key.
    pub const KEY: Roles = Roles(1);
    /// An indexed tag in a time series.
    pub const TAG: Roles = Roles(1 << 1);
    /// The time of a time series.
    pub const TIME: Roles = Roles(1 << 2);
    /// Indexed.
    pub const INDEX: Roles = Roles(1 << 3);
    /// Unique.
    pub const UNIQUE: Roles = Roles(1 << 4);
    /// Names the owner, for scoped handles.
    pub const OWNER: Roles = Roles(1 << 5);
    /// Counts the writes of a row, filled by the layer.
    pub const VERSION: Roles = Roles(1 << 6);
    /// When the row was made, filled by the layer.
    pub const CREATED: Roles = Roles(1 << 7);
    /// When the row was last written, filled by the layer.
    pub const UPDATED: Roles = Roles(1 << 8);
    /// A key that the database assigns.
    pub const ASSIGNED: Roles = Roles(1 << 9);
    /// Keeps points of equal tags and time apart: 0 to 999, added as nanoseconds.
    pub const SEQUENCE: Roles = Roles(1 << 10);

    /// Whether all of `other` is in the set.
    pub const fn has(self, other: Roles) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    pub const fn and(self, other: Roles) -> Roles {
        Roles(self.0 | other.0)
    }

    /// The role of that bit.
    pub(crate) const fn bit(bit: u32) -> Roles {
        Roles(1 << bit)
    }

    /// Each role that is set, by its word.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        const WORDS: [&str; 11] = [
            "key", "tag", "time", "index", "unique", "owner", "version", "created", "updated",
            "assigned", "sequence",
        ];
        WORDS.into_iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, w)| w)
    }
}

/// Which stores a row may reach, and so which values it may hold.
///
/// A value is checked against the whole domain before it is written anywhere: else a row would
/// commit in one store and be refused by the next for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Domain {
    /// Goes to tables: the limits of SQLite, PostgreSQL and DuckDB together.
    pub table: bool,
    /// Goes to a time series: the limits of InfluxDB too.
    pub series: bool,
}

impl Domain {
    /// No store's limits: for rows that are only read, and for records that are only cached.
    pub const FREE: Domain = Domain { table: false, series: false };

    /// A domain with these limits.
    pub const fn new(table: bool, series: bool) -> Domain {
        Domain { table, series }
    }
}

/// A column's default, as DDL and absent columns use it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Preset {
    /// For a bool.
    Bool(bool),
    /// For an integer.
    Int(i64),
    /// For a float.
    Float(f64),
    /// For text and enums, and the written form of decimals, dates, times, UUIDs and JSON.
    Text(&'static str),
}

impl Preset {
    /// Whether it can be the default of such a column.
    pub const fn fits(self, kind: Kind, labels: &[&str]) -> bool {
        match (self, kind) {
            (Preset::Bool(_), Kind::Bool) | (Preset::Float(_), Kind::F64) => true,
            (Preset::Int(_), Kind::Decimal { .. } | Kind::F64) => true,
            (Preset::Int(v), Kind::I16) => v >= i16::MIN as i64 && v <= i16::MAX as i64,
            (Preset::Int(v), Kind::I32) => v >= i32::MIN as i64 && v <= i32::MAX as i64,
            (Preset::Int(_), Kind::I64) => true,
            (Preset::Text(text), Kind::Text { .. }) => {
                labels.is_empty() || crate::join::contains(labels, text)
            }
            (Preset::Text(text), Kind::Decimal { .. }) => is_number(text),
            (
                Preset::Text(_),
                Kind::Uuid | Kind::Timestamp | Kind::TimestampNs | Kind::Date | Kind::Json,
            ) => true,
            _ => false,
        }
    }
}

const fn is_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut i, mut digits, mut points) = (0, 0, 0);
    while i < bytes.len() {
        match bytes[i] {
            b'0'..=b'9' => digits += 1,
            b'.' => points += 1,
            b'-' if i == 0 => {}
            _ => return false,
        }
        i += 1;
    }
    digits > 0 && points <= 1
}

/// The record that a column points to.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Parent {
    table: TableRef,
    /// What becomes of this row when the parent is deleted.
    pub on_delete: OnDelete,
}

/// A table that is known when it is asked for, because two tables may point to each other.
#[derive(Clone, Copy, Debug)]
enum TableRef {
    Derived(fn() -> &'static Table),
    /// Of tables that are made from a schema: filled when all of them are.
    Made(&'static OnceLock<&'static Table>),
}

impl Parent {
    /// A reference to that table.
    pub const fn new(table: fn() -> &'static Table, on_delete: OnDelete) -> Parent {
        Parent { table: TableRef::Derived(table), on_delete }
    }

    /// A reference to a table that is still to be made.
    pub(crate) fn made(table: &'static OnceLock<&'static Table>, on_delete: OnDelete) -> Parent {
        Parent { table: TableRef::Made(table), on_delete }
    }

    /// The table.
    pub fn table(&self) -> &'static Table {
        match self.table {
            TableRef::Derived(table) => table(),
            TableRef::Made(table) => match table.get() {
                Some(table) => table,
                None => panic!("a parent is asked for before its table is made"),
            },
        }
    }
}

/// What becomes of a row when the row it points to is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDelete {
    /// The delete is refused. The default: nothing is lost unasked.
    Restrict,
    /// The row is deleted too.
    Cascade,
    /// The column becomes null.
    SetNull,
}

impl OnDelete {
    const ALL: [OnDelete; 3] = [OnDelete::Restrict, OnDelete::Cascade, OnDelete::SetNull];

    /// Its word, as records and schemas say it.
    pub const fn word(self) -> &'static str {
        match self {
            OnDelete::Restrict => "restrict",
            OnDelete::Cascade => "cascade",
            OnDelete::SetNull => "set_null",
        }
    }

    /// The one of that word.
    pub(crate) fn of_word(word: &str) -> Option<OnDelete> {
        Self::ALL.into_iter().find(|what| what.word() == word)
    }
}
