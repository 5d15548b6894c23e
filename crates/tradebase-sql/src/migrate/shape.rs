//! What a database consists of, as its own catalogue tells it.
//!
//! Texts are those of the engine, in the form in which it gives them back. So two shapes of one
//! engine are compared as they stand: what records want is made on the same engine first, aside,
//! and read from there (see [`Wanted`](super::Wanted)).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// What a database consists of: the tables and views that are no part of the engine, of this
/// library's own books, or of another schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Shape {
    /// The tables by name; parts of a table are not among them.
    pub tables: BTreeMap<String, TableShape>,
    /// The text of each view by its name: the query behind AS.
    pub views: BTreeMap<String, String>,
    /// What stands beside.
    #[serde(skip)]
    pub(super) beside: Beside,
}

/// What is no part of a shape and makes no difference, but must be known to lead from it to
/// another one.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    /// The columns of the tables that modules of SQLite keep, by their names.
    pub(super) modules: BTreeMap<String, Vec<String>>,
    /// The tables of which SQLite has counted the values.
    pub(super) counted: BTreeSet<String>,
}

impl PartialEq for Beside {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Beside {}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableShape {
    /// Its columns, in the order in which the table has them.
    pub columns: Vec<ColumnShape>,
    /// Its key.
    pub key: Option<KeyShape>,
    /// Its checks, by name.
    pub checks: Vec<CheckShape>,
    /// Its references to other tables.
    pub references: Vec<ReferenceShape>,
    /// Its indexes but that of the key.
    pub indexes: Vec<IndexShape>,
    /// Its triggers: not part of any record, and kept.
    pub triggers: Vec<TriggerShape>,
    /// How its rows stand.
    pub storage: Storage,
    /// The parts of a table that is cut by time.
    pub parts: Vec<PartShape>,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ColumnShape {
    /// Its name.
    pub name: String,
    /// Its type, as the engine writes it.
    pub type_text: String,
    /// What it means, where the type does not tell, as [`Kind`](tradebase_core::Kind) is
    /// displayed: on SQLite `decimal(18, 8)` of an INTEGER, known from the readable view. None
    /// if nobody said.
    pub meaning: Option<String>,
    /// Whether it may be null.
    pub nullable: bool,
    /// Its default, as SQL.
    pub default: Option<String>,
    /// Whether the database gives it its values, so that none is given twice.
    pub assigned: bool,
    /// What else its definition says, as SQL: a collation, how it is generated.
    pub more: Option<String>,
}

/// The key of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyShape {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its columns, in order.
    pub columns: Vec<String>,
}

/// A check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CheckShape {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// What must be true, as SQL, without the parentheses around it.
    pub text: String,
    /// Whether the rows that were there are known to keep to it.
    pub validated: bool,
}

/// A reference to another table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReferenceShape {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The columns that point.
    pub columns: Vec<String>,
    /// The table they point to.
    pub parent: String,
    /// The columns there.
    pub parent_columns: Vec<String>,
    /// What happens on a delete and on an update of the parent, and when it is checked, as SQL:
    /// `ON DELETE CASCADE`; empty if nothing is said or it says what would happen anyway.
    pub actions: String,
    /// Whether the rows that were there are known to keep to it.
    pub validated: bool,
}

/// An index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct IndexShape {
    /// Its name; empty on SQLite if it is that of a constraint, which its text is then.
    pub name: String,
    /// Whether no two rows may be equal in it.
    pub unique: bool,
    /// What stands behind the table's name when it is created: `("bot_id", "at")`.
    pub text: String,
    /// Whether it is used. One that was built beside the running readers and interrupted is not.
    pub valid: bool,
}

/// A trigger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TriggerShape {
    /// Its name.
    pub name: String,
    /// The statement that creates it.
    pub text: String,
}

/// How the rows of a table stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Storage {
    /// As the engine does by itself.
    #[default]
    Plain,
    /// A STRICT table of SQLite.
    Strict,
    /// A STRICT table of SQLite in the tree of its key: WITHOUT ROWID.
    Clustered,
    /// Another form: what stands behind the parenthesis of its definition.
    Other(String),
    /// Cut into parts by time, on PostgreSQL.
    Parts {
        /// The column that holds the time.
        column: String,
    },
}

/// A part of a table that is cut by time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PartShape {
    /// Its name.
    pub name: String,
    /// What it holds, as the engine says it: `FOR VALUES FROM … TO …`, `DEFAULT`.
    pub bounds: String,
}

impl Shape {
    /// The same without what makes no difference: in which order a table has its columns, its
    /// checks and the like, and which parts there are, of which more are made as time goes on.
    ///
    /// Two shapes of one engine are the same if these are equal.
    #[must_use]
    pub fn in_order(&self) -> Self {
        let mut shape = self.clone();
        for table in shape.tables.values_mut() {
            table.columns.sort_by(|a, b| a.name.cmp(&b.name));
            table.checks.sort_by(|a, b| (&a.name, &a.text).cmp(&(&b.name, &b.text)));
            table.references.sort_by(|a, b| (&a.name, &a.columns).cmp(&(&b.name, &b.columns)));
            table.indexes.sort_by(|a, b| (&a.name, &a.text).cmp(&(&b.name, &b.text)));
            table.triggers.sort_by(|a, b| a.name.cmp(&b.name));
            table.parts.clear();
        }
        shape
    }
}

impl TableShape {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&ColumnShape> {
        self.columns.iter().find(|column| column.name == name)
    }
}
