//! What is there after the files so far, as far as they tell.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::migrate::statement::{
    Action, Column, Command, Constraint, ConstraintKind, Reference, TableDefinition,
};

/// The tables that the files made. Few of them change from step to step, so they are shared.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalogue {
    tables: BTreeMap<String, Rc<Table>>,
    /// What was dropped, which a table made anew may take the place of.
    dropped: BTreeMap<String, Rc<Table>>,
}

/// A table.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    /// Indexes, keys and unique constraints.
    pub(super) indexes: Vec<Index>,
    pub(super) checks: Vec<Check>,
    pub(super) references: Vec<Pointer>,
    pub(super) triggers: Vec<String>,
    /// Whether it is cut into parts.
    pub(super) partitioned: bool,
}

/// What finds rows by columns.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub(super) name: Option<String>,
    pub(super) columns: Vec<String>,
    /// Whether it is an index of its own, and no part of a key or a constraint.
    pub(super) own: bool,
}

/// A check that a column is not NULL.
#[derive(Clone, Debug)]
pub(super) struct Check {
    name: Option<String>,
    pub(super) not_null: Option<String>,
    pub(super) valid: bool,
}

/// A reference, and the statement that made it.
#[derive(Clone, Debug)]
pub(super) struct Pointer {
    name: String,
    pub(super) reference: Reference,
    pub(super) place: Place,
}

/// A statement: which file, which one in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) step: usize,
}

impl Catalogue {
    pub(super) fn has(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name).map(Rc::as_ref)
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = (&str, &Table)> {
        self.tables.iter().map(|(name, table)| (name.as_str(), table.as_ref()))
    }

    /// The table that has the index of that name.
    pub(super) fn table_of_index(&self, index: &str) -> Option<&str> {
        let has = |table: &Table| table.indexes.iter().any(|i| i.name.as_deref() == Some(index));
        self.tables().find(|(_, table)| has(table)).map(|(name, _)| name)
    }

    /// Does what a statement does.
    pub(super) fn apply(&mut self, command: &Command, place: Place) {
        match command {
            Command::CreateTable(table) if !(table.tolerant && self.has(&table.name)) => {
                self.tables.insert(table.name.clone(), Rc::new(Table::made(table, place)));
            }
            Command::CreateIndex(index) => {
                let (name, columns) = (index.name.clone(), index.columns.clone());
                let table = self.change(&index.table);
                if name.is_none() || !table.indexes.iter().any(|i| i.name == name) {
                    table.indexes.push(Index { name, columns, own: true });
                }
            }
            Command::DropIndex { names, .. } => {
                for name in names {
                    if let Some(table) = self.table_of_index(name).map(str::to_owned) {
                        let dropped = |i: &Index| i.name.as_deref() == Some(name);
                        self.change(&table).indexes.retain(|i| !dropped(i));
                    }
                }
            }
            Command::RenameIndex { from, to, .. } => self.rename_index(from, to),
            Command::DropTable { names, .. } => {
                for name in names {
                    if let Some(table) = self.tables.remove(name) {
                        self.dropped.insert(name.clone(), table);
                    }
                }
            }
            Command::AlterTable { table, actions } => {
                for action in actions {
                    self.act(table, action, place);
                }
            }
            Command::Create { what, name: Some(name), table: Some(table), .. }
                if what == "TRIGGER" =>
            {
                self.change(table).triggers.push(name.clone());
            }
            Command::Drop { what, name: Some(name), .. } if what == "TRIGGER" => {
                for table in self.tables.values_mut().filter(|t| t.triggers.contains(name)) {
                    Rc::make_mut(table).triggers.retain(|trigger| trigger != name);
                }
            }
            _ => {}
        }
    }

    /// The table of that name; one that the files did not make is known from here on.
    fn change(&mut self, table: &str) -> &mut Table {
        Rc::make_mut(self.tables.entry(table.to_owned()).or_default())
    }

    fn rename_index(&mut self, from: &str, to: &str) {
        if let Some(table) = self.table_of_index(from).map(str::to_owned) {
            for index in &mut self.change(&table).indexes {
                if index.name.as_deref() == Some(from) {
                    index.name = Some(to.to_owned());
                }
            }
        }
    }

    fn act(&mut self, name: &str, action: &Action, place: Place) {
        if let Action::RenameTable { to } = action {
            match self.tables.remove(name) {
                Some(mut table) => {
                    if let Some(former) = self.dropped.get(to) {
                        Rc::make_mut(&mut table).stands_in_for(former);
                    }
                    self.tables.insert(to.clone(), table);
                }
                // PostgreSQL lets ALTER TABLE rename an index too.
                None => self.rename_index(name, to),
            }
            return;
        }
        let table = self.change(name);
        match action {
            Action::AddColumn { column, tolerant }
                if !(*tolerant && table.column(&column.name).is_some()) =>
            {
                table.add_column(name, column, place);
            }
            Action::DropColumn { column, .. } => table.drop_column(column),
            Action::RenameColumn { from, to } => table.rename_column(from, to),
            Action::SetType { column, type_text, .. } => {
                for found in table.columns.iter_mut().filter(|c| c.name == *column) {
                    found.type_text.clone_from(type_text);
                }
            }
            Action::AddConstraint(constraint) => table.constrain(name, constraint, place),
            Action::Validate { constraint } => {
                for check in &mut table.checks {
                    check.valid |= check.name.as_ref() == Some(constraint);
                }
            }
            Action::DropConstraint { constraint, .. } => {
                table.indexes.retain(|i| i.own || i.name.as_ref() != Some(constraint));
                table.checks.retain(|check| check.name.as_ref() != Some(constraint));
                table.references.retain(|pointer| pointer.name != *constraint);
            }
            Action::RenameConstraint { from, to } => {
                for pointer in table.references.iter_mut().filter(|p| p.name == *from) {
                    pointer.name.clone_from(to);
                }
                for check in &mut table.checks {
                    if check.name.as_ref() == Some(from) {
                        check.name = Some(to.clone());
                    }
                }
            }
            _ => {}
        }
    }
}

impl Table {
    fn made(definition: &TableDefinition, place: Place) -> Self {
        let mut table = Table { partitioned: definition.partitioned, ..Table::default() };
        for column in &definition.columns {
            table.add_column(&definition.name, column, place);
        }
        for constraint in &definition.constraints {
            table.constrain(&definition.name, constraint, place);
        }
        table
    }

    /// Takes over the places of the references that the former table had too.
    fn stands_in_for(&mut self, former: &Table) {
        for pointer in &mut self.references {
            if let Some(same) = former.references.iter().find(|f| f.reference == pointer.reference)
            {
                pointer.place = same.place;
            }
        }
    }

    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether a check is sure that its rows are some and not others.
    pub(super) fn is_checked(&self) -> bool {
        self.checks.iter().any(|check| check.valid) || self.columns.iter().any(|c| c.check)
    }

    /// Whether an index begins with these columns, in whatever order.
    pub(super) fn finds_by(&self, columns: &[String]) -> bool {
        self.indexes.iter().any(|index| {
            let first = index.columns.get(..columns.len()).unwrap_or_default();
            !first.is_empty() && columns.iter().all(|column| first.contains(column))
        })
    }

    fn add_column(&mut self, table: &str, column: &Column, place: Place) {
        if column.key || column.unique {
            let columns = vec![column.name.clone()];
            let kind = if column.key { "pkey" } else { "key" };
            let name = if column.key {
                format!("{table}_{kind}")
            } else {
                format!("{table}_{}_{kind}", column.name)
            };
            self.indexes.push(Index { name: Some(name), columns, own: false });
        }
        if let Some(reference) = &column.references {
            self.point(table, column.reference_name.as_deref(), reference, place);
        }
        self.columns.push(column.clone());
    }

    fn drop_column(&mut self, column: &str) {
        let named = |name: &String| name == column;
        self.columns.retain(|c| c.name != column);
        self.indexes.retain(|index| !index.columns.iter().any(named));
        self.references.retain(|pointer| !pointer.reference.columns.iter().any(named));
        self.checks.retain(|check| check.not_null.as_deref() != Some(column));
    }

    fn rename_column(&mut self, from: &str, to: &str) {
        let columns = self.columns.iter_mut().map(|column| &mut column.name);
        let indexes = self.indexes.iter_mut().flat_map(|index| &mut index.columns);
        let pointers = self.references.iter_mut().flat_map(|p| &mut p.reference.columns);
        let checks = self.checks.iter_mut().filter_map(|check| check.not_null.as_mut());
        for name in columns.chain(indexes).chain(pointers).chain(checks) {
            if name == from {
                to.clone_into(name);
            }
        }
    }

    fn constrain(&mut self, table: &str, constraint: &Constraint, place: Place) {
        let name = constraint.name.clone();
        match &constraint.kind {
            ConstraintKind::Check { not_null } => {
                let (not_null, valid) = (not_null.clone(), !constraint.not_valid);
                self.checks.push(Check { name, not_null, valid });
            }
            ConstraintKind::ForeignKey(reference) => {
                self.point(table, name.as_deref(), reference, place);
            }
            ConstraintKind::Unique { columns, .. } | ConstraintKind::Key { columns, .. } => {
                self.indexes.push(Index { name, columns: columns.clone(), own: false });
            }
            ConstraintKind::Other => {}
        }
    }

    fn point(&mut self, table: &str, name: Option<&str>, reference: &Reference, place: Place) {
        // The name that PostgreSQL gives it.
        let given = || format!("{table}_{}_fkey", reference.columns.join("_"));
        let name = name.map_or_else(given, str::to_owned);
        self.references.push(Pointer { name, reference: reference.clone(), place });
    }
}
