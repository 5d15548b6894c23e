//! Which columns a name before a dot has. PostgreSQL takes `fills.f` for `f(fills)` where the
//! table has no such column, and calls any function by that.
//!
//! What is not known here for certain is no column. A name that stands for several tables in one
//! query has the columns that all of them have.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Statement, TableAlias, TableFactor, TableWithJoins,
    Values, Visit, Visitor,
};

use super::{Dialect, Rules};

type Columns = BTreeSet<String>;

/// The names of a statement on PostgreSQL.
pub(super) struct Names<'a> {
    rules: &'a Rules,
    /// The queries of WITH.
    queries: HashMap<String, Columns>,
    /// What stands before a dot.
    tables: HashMap<String, Columns>,
    /// The answers of queries that were looked at, by their address.
    answers: HashMap<usize, Columns>,
}

impl<'a> Names<'a> {
    /// Those of a statement.
    pub(super) fn of(statement: &Statement, rules: &'a Rules) -> Self {
        let (queries, tables, answers) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut names = Self { rules, queries, tables, answers };
        _ = statement.visit(&mut names);
        names
    }

    /// Whether this is a column with its table before it, for certain.
    pub(super) fn knows(&self, parts: &[Ident]) -> bool {
        let [table, column] = parts else { return false };
        let columns = self.tables.get(&folded(table));
        columns.is_some_and(|columns| columns.contains(&folded(column)))
    }

    /// Notes the queries that a query begins with.
    fn begin(&mut self, query: &Query) {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let columns = match listed(&cte.alias) {
                Some(columns) => columns,
                None => self.answer(&cte.query),
            };
            note(&mut self.queries, folded(&cte.alias.name), columns);
        }
    }

    /// The columns of a query's answer.
    fn answer(&mut self, query: &Query) -> Columns {
        let address = std::ptr::from_ref(query).addr();
        if let Some(columns) = self.answers.get(&address) {
            return columns.clone();
        }
        self.begin(query);
        let mut body = &*query.body;
        let columns = loop {
            match body {
                SetExpr::Select(select) => break self.selected(select),
                SetExpr::Query(query) => break self.answer(query),
                // The first one gives the names.
                SetExpr::SetOperation { left, .. } => body = left,
                SetExpr::Values(values) => break numbered(values),
                _ => break Columns::new(),
            }
        };
        self.answers.insert(address, columns.clone());
        columns
    }

    fn selected(&mut self, select: &Select) -> Columns {
        let mut columns = Columns::new();
        let is_all = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_));
        if select.projection.iter().any(is_all) {
            for from in &select.from {
                columns.extend(self.joined(from));
            }
        }
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => columns.extend(name_of(expr)),
                SelectItem::ExprWithAlias { alias, .. } => _ = columns.insert(folded(alias)),
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    _,
                ) => columns.extend(self.all_of(name, select)),
                SelectItem::Wildcard(_)
                | SelectItem::QualifiedWildcard(..)
                | SelectItem::ExprWithAliases { .. } => {}
            }
        }
        columns
    }

    fn joined(&mut self, from: &TableWithJoins) -> Columns {
        let mut columns = self.columns(&from.relation);
        for join in &from.joins {
            columns.extend(self.columns(&join.relation));
        }
        columns
    }

    /// The columns of the table that has this name in a select.
    fn all_of(&mut self, name: &ObjectName, select: &Select) -> Columns {
        let Some(name) = single(name) else { return Columns::new() };
        let joins = select.from.iter().flat_map(|from| from.joins.iter().map(|j| &j.relation));
        let mut tables = select.from.iter().map(|from| &from.relation).chain(joins);
        let found = tables.find(|factor| called(factor).as_ref() == Some(&name));
        found.map(|factor| self.columns(factor)).unwrap_or_default()
    }

    fn columns(&mut self, factor: &TableFactor) -> Columns {
        let (alias, columns) = match factor {
            TableFactor::Table { name, alias, .. } => (alias, self.of_relation(name)),
            TableFactor::Derived { subquery, alias, .. } => (alias, self.answer(subquery)),
            TableFactor::NestedJoin { table_with_joins, alias } => {
                (alias, self.joined(table_with_joins))
            }
            _ => return Columns::new(),
        };
        alias.as_ref().and_then(listed).unwrap_or(columns)
    }

    fn of_relation(&self, name: &ObjectName) -> Columns {
        let Some(name) = single(name) else { return Columns::new() };
        let table = self.rules.tables.iter().find(|table| table.name == name);
        let of_table = || {
            let columns = table.into_iter().flat_map(|table| table.columns);
            columns.map(|column| column.name.text.to_owned()).collect::<Columns>()
        };
        match self.queries.get(&name) {
            None => of_table(),
            Some(columns) if table.is_none() => columns.clone(),
            Some(columns) => columns.intersection(&of_table()).cloned().collect(),
        }
    }
}

impl Visitor for Names<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.begin(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let Some(name) = called(factor) {
            let columns = self.columns(factor);
            note(&mut self.tables, name, columns);
        }
        ControlFlow::Continue(())
    }
}

/// Notes the columns of a name, of which those stay that it has everywhere.
fn note(names: &mut HashMap<String, Columns>, name: String, columns: Columns) {
    names
        .entry(name)
        .and_modify(|known| known.retain(|column| columns.contains(column)))
        .or_insert(columns);
}

/// The name that stands before the columns of a table.
fn called(factor: &TableFactor) -> Option<String> {
    let (name, alias) = match factor {
        TableFactor::Table { name, alias, .. } => (single(name), alias),
        TableFactor::Derived { alias, .. } | TableFactor::NestedJoin { alias, .. } => (None, alias),
        _ => return None,
    };
    alias.as_ref().map(|alias| folded(&alias.name)).or(name)
}

/// The columns that stand behind an alias in brackets. There may be more, which have no name here.
fn listed(alias: &TableAlias) -> Option<Columns> {
    let columns = alias.columns.iter().map(|column| folded(&column.name));
    if alias.columns.is_empty() { None } else { Some(columns.collect()) }
}

/// How the server names a column of an answer.
fn name_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(folded(name)),
        Expr::CompoundIdentifier(names) => names.last().map(folded),
        // Those that guests may call: one of them does no harm as `table.function` either.
        Expr::Function(function) => single(&function.name),
        Expr::Nested(expr) => name_of(expr),
        _ => None,
    }
}

/// The columns of VALUES.
fn numbered(values: &Values) -> Columns {
    let count = values.rows.first().map_or(0, |row| row.content.len());
    (1..=count).map(|at| format!("column{at}")).collect()
}

fn single(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(only)] => Some(folded(only)),
        _ => None,
    }
}

fn folded(name: &Ident) -> String {
    Dialect::Postgres.folded(name)
}
