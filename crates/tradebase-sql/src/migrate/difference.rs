//! What differs between two shapes, for people and programs.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use tradebase_core::{Result, Table};

use super::shape::{ColumnShape, ReferenceShape, Shape, Storage, TableShape};
use crate::sql::Sql;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// The table or view.
    pub table: String,
    /// The column, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What it is about: `table`, `type`, `index trades__at__index` …
    pub what: String,
    /// What is there; none if nothing is.
    pub have: Option<String>,
    /// What should be; none if nothing should.
    pub want: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table)?;
        if let Some(column) = &self.column {
            write!(f, ".{column}")?;
        }
        let said = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, ": {} is {}, should be {}", self.what, said(&self.have), said(&self.want))
    }
}

impl Sql {
    /// How the database differs from what these records and those they point to want: nothing if
    /// it is as it should be. Tables and triggers that no record has are left out, as is the order
    /// of columns.
    pub async fn drift(&self, tables: &[&'static Table]) -> Result<Vec<Difference>> {
        let mut wanted = self.wanted(tables).await?.shape;
        let shape = self.shape_beside(&wanted).await?;
        for (name, table) in &mut wanted.tables {
            if let Some(have) = shape.tables.get(name) {
                // They are part of no record.
                table.triggers.clone_from(&have.triggers);
            }
        }
        Ok(shape.differences(&wanted))
    }
}

impl Shape {
    /// How it differs from one that is wanted. Tables and views that are not wanted are left out,
    /// as is the order of columns.
    pub fn differences(&self, wanted: &Shape) -> Vec<Difference> {
        let mut found = Vec::new();
        for (name, want) in &wanted.tables {
            let mut differ = Differing { table: name, found: &mut found };
            match self.tables.get(name) {
                Some(have) => differ.table(have, want),
                None => differ.note(None, "table", None, Some("there".to_owned())),
            }
        }
        for (name, want) in &wanted.views {
            let have = self.views.get(name);
            let mut differ = Differing { table: name, found: &mut found };
            differ.compare(None, "view", have.cloned(), Some(want.clone()));
        }
        found
    }
}

/// The differences of a table, as they are found.
struct Differing<'d> {
    table: &'d str,
    found: &'d mut Vec<Difference>,
}

impl Differing<'_> {
    fn table(&mut self, have: &TableShape, want: &TableShape) {
        self.columns(have, want);
        let key = |table: &TableShape| table.key.as_ref().map(|key| key.columns.join(", "));
        self.compare(None, "key", key(have), key(want));
        let storage = |table: &TableShape| Some(storage(&table.storage));
        self.compare(None, "storage", storage(have), storage(want));
        let checks = |table: &TableShape| {
            let checks = table.checks.iter();
            checks.map(|c| (c.name.clone().unwrap_or_else(|| c.text.clone()), check(c))).collect()
        };
        self.named("check", checks(have), checks(want));
        let references = |table: &TableShape| {
            let references = table.references.iter();
            references.map(|r| (r.columns.join(", "), reference(r))).collect()
        };
        self.named("reference of", references(have), references(want));
        let indexes = |table: &TableShape| {
            let indexes = table.indexes.iter();
            indexes
                .map(|index| {
                    let unique = if index.unique { "unique " } else { "" };
                    let invalid =
                        if index.valid { "" } else { ", invalid: its build was broken off" };
                    let name = if index.name.is_empty() { &index.text } else { &index.name };
                    (name.clone(), format!("{unique}{}{invalid}", index.text))
                })
                .collect()
        };
        self.named("index", indexes(have), indexes(want));
        let triggers = |table: &TableShape| {
            table.triggers.iter().map(|t| (t.name.clone(), t.text.clone())).collect()
        };
        self.named("trigger", triggers(have), triggers(want));
    }

    fn columns(&mut self, have: &TableShape, want: &TableShape) {
        for column in &want.columns {
            match have.column(&column.name) {
                Some(there) => self.column(there, column),
                None => {
                    let want = Some(column.type_text.clone());
                    self.note(Some(&column.name), "column", None, want);
                }
            }
        }
        for column in have.columns.iter().filter(|c| want.column(&c.name).is_none()) {
            self.note(Some(&column.name), "column", Some(column.type_text.clone()), None);
        }
    }

    fn column(&mut self, have: &ColumnShape, want: &ColumnShape) {
        let name = Some(want.name.as_str());
        let word = |is: bool, yes: &str, no: &str| Some(if is { yes } else { no }.to_owned());
        self.compare(name, "type", Some(have.type_text.clone()), Some(want.type_text.clone()));
        if have.meaning.is_some() && want.meaning.is_some() {
            self.compare(name, "meaning", have.meaning.clone(), want.meaning.clone());
        }
        let null = |column: &ColumnShape| word(column.nullable, "nullable", "not null");
        self.compare(name, "nullability", null(have), null(want));
        self.compare(name, "default", have.default.clone(), want.default.clone());
        let assigned = |c: &ColumnShape| word(c.assigned, "assigned", "given by the writer");
        self.compare(name, "value", assigned(have), assigned(want));
        self.compare(name, "definition", have.more.clone(), want.more.clone());
    }

    /// Compares what has names.
    fn named(
        &mut self,
        what: &str,
        have: BTreeMap<String, String>,
        want: BTreeMap<String, String>,
    ) {
        for (name, text) in &want {
            let have = have.get(name).cloned();
            self.compare(None, &format!("{what} {name}"), have, Some(text.clone()));
        }
        for (name, text) in have.into_iter().filter(|(name, _)| !want.contains_key(name)) {
            self.note(None, &format!("{what} {name}"), Some(text), None);
        }
    }

    fn compare(
        &mut self,
        column: Option<&str>,
        what: &str,
        have: Option<String>,
        want: Option<String>,
    ) {
        if have != want {
            self.note(column, what, have, want);
        }
    }

    fn note(
        &mut self,
        column: Option<&str>,
        what: &str,
        have: Option<String>,
        want: Option<String>,
    ) {
        let (table, column) = (self.table.to_owned(), column.map(str::to_owned));
        self.found.push(Difference { table, column, what: what.to_owned(), have, want });
    }
}

fn check(check: &super::shape::CheckShape) -> String {
    format!("{}{}", check.text, if check.validated { "" } else { ", not validated" })
}

fn reference(reference: &ReferenceShape) -> String {
    let ReferenceShape { parent, parent_columns, actions, validated, .. } = reference;
    let to = format!("to {parent} ({})", parent_columns.join(", "));
    let actions = if actions.is_empty() { String::new() } else { format!(" {actions}") };
    format!("{to}{actions}{}", if *validated { "" } else { ", not validated" })
}

fn storage(storage: &Storage) -> String {
    match storage {
        Storage::Plain => "plain".to_owned(),
        Storage::Strict => "STRICT".to_owned(),
        Storage::Clustered => "STRICT, WITHOUT ROWID".to_owned(),
        Storage::Other(text) => text.clone(),
        Storage::Parts { column } => format!("cut into parts by {column}"),
    }
}
