//! The description of a whole record: its table, keys, indexes and series.

use std::any::Any;
use std::sync::OnceLock;

use crate::column::{Column, Roles};
use crate::error::{Result, Violations};
use crate::value::Value;

/// A record's place in the stores, made by the derive at compile time.
#[derive(Debug)]
#[non_exhaustive]
pub struct Table {
    /// The Rust name of the record, for messages.
    pub record: &'static str,
    /// The name of the table, or of whatever a store keeps records in.
    pub name: &'static str,
    /// The columns, in the order in which they are written and read.
    pub columns: &'static [Column],
    /// The positions of the key's columns.
    pub key: &'static [usize],
    /// Indexes over several columns; those of one column are roles of it.
    pub indexes: &'static [Index],
    /// The name of the time series, if the record is one.
    pub series: Option<&'static str>,
    /// The name it had before, for a migration to rename it by.
    pub was: Option<&'static str>,
    /// How it is cut into parts by time, if it is.
    pub partition: Option<Partition>,
    /// Checks a row by the rules of the record's own type; none for tables that are made from a
    /// schema.
    pub check: Option<RowCheck>,
    slots: [Slot; Room::COUNT],
}

/// What the rules of a record's own type find in a row that is known as values; an error if it
/// cannot be such a record.
pub type RowCheck = fn(&[Value]) -> Result<Violations>;

type Slot = OnceLock<Box<dyn Any + Send + Sync>>;

impl Table {
    /// A table of these columns.
    pub const fn new(
        record: &'static str,
        name: &'static str,
        columns: &'static [Column],
        key: &'static [usize],
        indexes: &'static [Index],
        series: Option<&'static str>,
    ) -> Self {
        Self {
            record,
            name,
            columns,
            key,
            indexes,
            series,
            was: None,
            partition: None,
            check: None,
            slots: [const { OnceLock::new() }; Room::COUNT],
        }
    }

    /// The same table, whose rows a type checks.
    pub const fn with_check(mut self, check: RowCheck) -> Self {
        self.check = Some(check);
        self
    }

    /// The same table, which had another name before.
    pub const fn with_was(mut self, was: &'static str) -> Self {
        self.was = Some(was);
        self
    }

    /// The same table, cut into parts by time.
    pub const fn with_partition(mut self, partition: Partition) -> Self {
        self.partition = Some(partition);
        self
    }

    /// The columns of the key, in order.
    pub fn key_columns(&self) -> impl ExactSizeIterator<Item = &'static Column> + '_ {
        self.key.iter().map(|&i| &self.columns[i])
    }

    /// Whether it is a table of the relational and analytics rooms, and not only a series or a
    /// cached record.
    pub fn is_relational(&self) -> bool {
        self.columns.iter().all(|column| column.domain.table)
    }

    /// The position of the column of that name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name.text == name)
    }

    /// The first column that plays that part, with its position.
    pub fn playing(&self, role: Roles) -> Option<(usize, &'static Column)> {
        self.columns.iter().enumerate().find(|(_, c)| c.is(role))
    }

    /// Whether the layer fills columns of this record on writing.
    pub fn is_filled_by_layer(&self) -> bool {
        const FILLED: [Roles; 4] =
            [Roles::CREATED, Roles::UPDATED, Roles::VERSION, Roles::ASSIGNED];
        self.columns.iter().any(|c| FILLED.iter().any(|&role| c.is(role)))
    }

    /// What a room keeps for this table, made on first use: rendered statements and the like.
    ///
    /// The slot stands in the table's own static, because a static inside a generic function is
    /// shared by all types.
    pub fn slot<S: Any + Send + Sync>(
        &'static self,
        room: Room,
        make: impl FnOnce() -> S,
    ) -> &'static S {
        let kept = self.slots[room as usize].get_or_init(|| Box::new(make()));
        match kept.downcast_ref() {
            Some(slot) => slot,
            None => panic!("one room keeps two kinds of slots, it must keep one: {room:?}"),
        }
    }
}

/// Whose slot of a [`Table`] it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Room {
    /// The relational room, on SQLite.
    Sqlite,
    /// The relational room, on PostgreSQL.
    Postgres,
    /// The cache room.
    Cache,
    /// The analytics room.
    Analytics,
    /// The series room.
    Series,
}

impl Room {
    const COUNT: usize = 5;
}

/// How a table is cut into parts by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Partition {
    /// The position of the column that holds the time, which is part of the key.
    pub column: usize,
    /// How much time a part holds.
    pub step: PartitionStep,
}

impl Partition {
    /// Parts of that length, by the column at that position.
    pub const fn new(column: usize, step: PartitionStep) -> Self {
        Self { column, step }
    }
}

/// How much time a part of a table holds, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartitionStep {
    /// A day.
    Day,
    /// A month.
    Month,
}

impl PartitionStep {
    const ALL: [PartitionStep; 2] = [PartitionStep::Day, PartitionStep::Month];

    /// Its word, as records and schemas say it.
    pub const fn word(self) -> &'static str {
        match self {
            PartitionStep::Day => "day",
            PartitionStep::Month => "month",
        }
    }

    /// The one of that word.
    pub fn of_word(word: &str) -> Option<PartitionStep> {
        Self::ALL.into_iter().find(|step| step.word() == word)
    }
}

/// An index over one or more columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Index {
    /// The positions of its columns, in order.
    pub columns: &'static [usize],
    /// Whether no two rows may be equal in them.
    pub unique: bool,
}

impl Index {
    /// An index over the columns at these positions.
    pub const fn new(columns: &'static [usize], unique: bool) -> Self {
        Self { columns, unique }
    }
}

/// The position of the column of that name, at compile time; the derive reports a missing one.
pub const fn position_of(columns: &[Column], name: &str) -> usize {
    let mut i = 0;
    while i < columns.len() {
        if crate::join::same(columns[i].name.text, name) {
            return i;
        }
        i += 1;
    }
    panic!("there is no column of that name in this record")
}
