//! Statements that read, as SQL. Values become parameters, never text.
//!
//! Both engines use the same three-valued logic for what is rendered here: a comparison with null
//! is neither true nor false, and a list of no values matches nothing, null or not.
//!
//! The text is a function of a statement's shape alone, and by it each connection keeps what it has
//! prepared: one statement per shape, whatever the values. The text itself is made anew for each
//! call. Measured for ten columns, two conditions and an order, that takes 0.7 µs with the encoding
//! of the parameters: 4 % of a find of one row on SQLite, 0.1 % of one of 1,000 rows. To look a
//! text up, the condition would have to be walked and hashed as well, and its values encoded all
//! the same.

mod behind;
mod like;
mod write;

use std::fmt::Write;

use tradebase_core::{
    Code, Column, Comparison, Condition, Error, Kind, Nulls, Pattern, Related, Result, Sort, Table,
    Value,
};

use crate::limits::FILTER_DEPTH_MAX;
use crate::naming::{quote, quoted};
use crate::select::{By, Group, Having, How, Item, Joined, Reckoned, Select, Span};

/// Room for the text of most statements, in bytes.
const TEXT_BYTES: usize = 512;

/// Where an engine keeps the values of a statement, and how it writes what the other one writes
/// otherwise.
pub(crate) trait Parameters {
    /// What stands before a parameter's number.
    const MARK: char;

    /// Adds a value.
    fn one(&mut self, column: &'static Column, value: &Value) -> Result<()>;

    /// Adds a list of values as one parameter.
    fn many(&mut self, column: &'static Column, values: &[Value]) -> Result<()>;

    /// Adds a number of rows.
    fn rows(&mut self, rows: u64) -> Result<()>;

    /// Adds a pattern, as [`like`](Parameters::like) wants it.
    fn pattern(&mut self, pattern: &Pattern) -> Result<()>;

    /// The test for a column's being in the list that is parameter `number`.
    fn in_list(out: &mut String, column: &str, number: usize);

    /// The test for a text's being like the pattern that is parameter `number`.
    fn like(out: &mut String, column: &str, number: usize, pattern: &Pattern);

    /// Where nulls come in an order, if the engine puts them elsewhere by itself.
    fn nulls(out: &mut String, column: &'static Column, sort: Sort);

    /// The sum of a column, exact for what is exact.
    fn sum(out: &mut String, column: &'static Column, name: &str);

    /// The least or the greatest value of a column.
    fn extreme(out: &mut String, column: &'static Column, name: &str, greatest: bool);

    /// The beginning of the span of time that a column is in.
    fn span(out: &mut String, name: &str, span: Span);
}

/// A statement, rendered: its text and its parameters.
pub(crate) struct Renderer<P> {
    pub(crate) text: String,
    pub(crate) parameters: P,
    count: usize,
    /// How many tables have a name of their own in the statement so far.
    tables: usize,
}

/// A table, as a part of a statement names it.
#[derive(Clone)]
struct Scope {
    table: &'static Table,
    /// What stands before the names of its columns; empty where there is no other table.
    before: String,
}

impl<P: Parameters> Renderer<P> {
    /// Nothing yet, or the beginning of a statement of another kind.
    pub(crate) fn new(text: impl Into<String>, parameters: P) -> Self {
        Self { text: text.into(), parameters, count: 0, tables: 0 }
    }

    /// A whole statement that reads.
    pub(crate) fn select(&mut self, select: &Select) -> Result<()> {
        // Grown in steps, the text costs as much again.
        self.text.reserve(TEXT_BYTES);
        let several = select.joined.is_some() || relates(&select.condition);
        let scope = self.scope(select.table, several);
        let joined = select.joined.map(|joined| (joined, self.scope(joined.table, true)));
        self.text.push_str(if select.distinct { "SELECT DISTINCT " } else { "SELECT " });
        for (i, item) in select.output.iter().enumerate() {
            if i > 0 {
                self.text.push_str(", ");
            }
            match item {
                Item::Every => self.every(&scope),
                Item::Column(at) => self.name(&scope, *at)?,
                Item::EveryJoined => {
                    if let Some((_, other)) = &joined {
                        self.every(other);
                    }
                }
                Item::Group(group) => self.grouped(&scope, *group)?,
                Item::Measure(reckoned) => self.measure(&scope, *reckoned)?,
                Item::Total => self.total(select)?,
            }
        }
        self.text.push_str(" FROM ");
        self.from(&scope);
        if let Some((joined, other)) = &joined {
            self.join(&scope, *joined, other)?;
        }
        self.rows_of(&scope, select)?;
        self.group(&scope, &select.groups, &select.having)?;
        self.orders(&scope, select)?;
        self.bounds(select)
    }

    /// Adds what must hold in a statement over one table.
    pub(crate) fn condition(&mut self, table: &'static Table, condition: &Condition) -> Result<()> {
        // Its columns are called by the table's name, so that those of related rows are not meant:
        // none of them may bear it.
        if let Some(Ok(number)) = table.name.strip_prefix('t').map(str::parse::<usize>) {
            self.tables = number.saturating_add(1);
        }
        let before =
            if relates(condition) { format!("{}.", quoted(table.name)) } else { String::new() };
        self.filter(&Scope { table, before }, condition)
    }

    /// Adds a value, and gives its number.
    pub(crate) fn value(&mut self, column: &'static Column, value: &Value) -> Result<usize> {
        self.parameters.one(column, value)?;
        self.count += 1;
        Ok(self.count)
    }

    fn scope(&mut self, table: &'static Table, several: bool) -> Scope {
        let before = if several { format!("t{}.", self.tables) } else { String::new() };
        self.tables += 1;
        Scope { table, before }
    }

    fn from(&mut self, scope: &Scope) {
        quote(&mut self.text, scope.table.name);
        if let Some(alias) = scope.before.strip_suffix('.') {
            _ = write!(self.text, " AS {alias}");
        }
    }

    fn every(&mut self, scope: &Scope) {
        for (i, column) in scope.table.columns.iter().enumerate() {
            self.text.push_str(if i > 0 { ", " } else { "" });
            self.text.push_str(&scope.before);
            quote(&mut self.text, column.name.text);
        }
    }

    fn name(&mut self, scope: &Scope, at: usize) -> Result<()> {
        let column = scope.column(at)?;
        self.text.push_str(&scope.before);
        quote(&mut self.text, column.name.text);
        Ok(())
    }

    fn join(&mut self, scope: &Scope, joined: Joined, other: &Scope) -> Result<()> {
        self.text.push_str(" LEFT JOIN ");
        self.from(other);
        let key = other.table.key.first().copied().unwrap_or_default();
        _ = write!(self.text, " ON {} = {}", other.name(key)?, scope.name(joined.by)?);
        Ok(())
    }

    fn measure(&mut self, scope: &Scope, reckoned: Reckoned) -> Result<()> {
        let Some(at) = reckoned.at else {
            self.text.push_str("COUNT(*)");
            return Ok(());
        };
        let (column, name) = (scope.column(at)?, scope.name(at)?);
        if reckoned.how != How::Count {
            comparable(column)?;
        }
        match reckoned.how {
            How::Count => _ = write!(self.text, "COUNT({name})"),
            How::CountDistinct => _ = write!(self.text, "COUNT(DISTINCT {name})"),
            How::Min => P::extreme(&mut self.text, column, &name, false),
            How::Max => P::extreme(&mut self.text, column, &name, true),
            How::Sum => P::sum(&mut self.text, column, &name),
        }
        Ok(())
    }

    fn grouped(&mut self, scope: &Scope, group: Group) -> Result<()> {
        let (column, name) = (scope.column(group.at)?, scope.name(group.at)?);
        comparable(column)?;
        match group.span {
            Some(span) => P::span(&mut self.text, &name, span),
            None => self.text.push_str(&name),
        }
        Ok(())
    }

    fn filter(&mut self, scope: &Scope, condition: &Condition) -> Result<()> {
        if !matches!(condition, Condition::Always) {
            crate::height::check(condition)?;
            self.text.push_str(" WHERE ");
            self.term(scope, condition, 0)?;
        }
        Ok(())
    }

    fn group(&mut self, scope: &Scope, groups: &[Group], having: &[Having]) -> Result<()> {
        for (i, &group) in groups.iter().enumerate() {
            self.text.push_str(if i == 0 { " GROUP BY " } else { ", " });
            self.grouped(scope, group)?;
        }
        for (i, Having { reckoned, how, value }) in having.iter().enumerate() {
            self.text.push_str(if i == 0 { " HAVING " } else { " AND " });
            self.measure(scope, *reckoned)?;
            let column = crate::measure::column(scope.table, *reckoned)?;
            let number = self.value(column, value)?;
            _ = write!(self.text, " {} {}{number}", sign(*how), P::MARK);
        }
        Ok(())
    }

    /// The order, made whole.
    fn orders(&mut self, scope: &Scope, select: &Select) -> Result<()> {
        for (i, &by) in select.whole_order().iter().enumerate() {
            self.text.push_str(if i == 0 { " ORDER BY " } else { ", " });
            let (column, sort) = match by {
                By::Column(sort) => {
                    comparable(scope.column(sort.at)?)?;
                    self.name(scope, sort.at)?;
                    (scope.column(sort.at)?, sort)
                }
                By::Group { group, sort } => {
                    self.grouped(scope, group)?;
                    (scope.column(group.at)?, sort)
                }
                By::Measure { reckoned, down } => {
                    self.measure(scope, reckoned)?;
                    (crate::measure::column(scope.table, reckoned)?, Sort::by(0, down))
                }
            };
            self.text.push_str(if sort.down { " DESC" } else { "" });
            if column.nullable || matches!(by, By::Measure { .. }) {
                P::nulls(&mut self.text, column, sort);
            }
        }
        Ok(())
    }

    /// The most rows that are wanted, and how many are passed over: behind a limit, since SQLite
    /// wants one there.
    fn bounds(&mut self, select: &Select) -> Result<()> {
        match (select.limit, select.offset) {
            (Some(rows), _) => self.rows("LIMIT", rows.into())?,
            (None, Some(_)) => self.rows("LIMIT", u64::MAX)?,
            (None, None) => {}
        }
        match select.offset {
            Some(rows) => self.rows("OFFSET", rows),
            None => Ok(()),
        }
    }

    fn rows(&mut self, word: &str, rows: u64) -> Result<()> {
        self.parameters.rows(rows)?;
        self.count += 1;
        _ = write!(self.text, " {word} {}{}", P::MARK, self.count);
        Ok(())
    }

    fn term(&mut self, scope: &Scope, condition: &Condition, depth: usize) -> Result<()> {
        if depth > FILTER_DEPTH_MAX {
            let message = format!("a filter nests its conditions at most {FILTER_DEPTH_MAX} deep");
            return Err(Error::new(Code::Unsupported, message));
        }
        match condition {
            Condition::Always => self.text.push_str("TRUE"),
            Condition::Compare { at, how, value } => self.compare(scope, *at, *how, value)?,
            Condition::OneOf { at, values } => self.one_of(scope, *at, values)?,
            Condition::Null { at, null } => {
                self.name(scope, *at)?;
                self.text.push_str(if *null { " IS NULL" } else { " IS NOT NULL" });
            }
            Condition::Like { at, pattern } => self.like(scope, *at, pattern)?,
            Condition::Related(related) => self.related(scope, related, depth)?,
            Condition::All(terms) => self.several(scope, terms, " AND ", "TRUE", depth)?,
            Condition::Any(terms) => self.several(scope, terms, " OR ", "FALSE", depth)?,
            Condition::Not(inner) => {
                self.text.push_str("NOT (");
                self.term(scope, inner, depth + 1)?;
                self.text.push(')');
            }
            _ => return Err(Error::new(Code::Unsupported, "a condition of an unknown kind")),
        }
        Ok(())
    }

    fn several(
        &mut self,
        scope: &Scope,
        terms: &[Condition],
        between: &str,
        none: &str,
        depth: usize,
    ) -> Result<()> {
        if terms.is_empty() {
            self.text.push_str(none);
            return Ok(());
        }
        self.text.push('(');
        for (i, term) in terms.iter().enumerate() {
            if i > 0 {
                self.text.push_str(between);
            }
            self.term(scope, term, depth + 1)?;
        }
        self.text.push(')');
        Ok(())
    }

    fn compare(&mut self, scope: &Scope, at: usize, how: Comparison, value: &Value) -> Result<()> {
        let column = scope.column(at)?;
        comparable(column)?;
        let number = self.value(column, value)?;
        self.name(scope, at)?;
        _ = write!(self.text, " {} {}{number}", sign(how), P::MARK);
        Ok(())
    }

    fn one_of(&mut self, scope: &Scope, at: usize, values: &[Value]) -> Result<()> {
        let column = scope.column(at)?;
        comparable(column)?;
        if values.is_empty() {
            self.text.push_str("FALSE");
            return Ok(());
        }
        self.parameters.many(column, values)?;
        self.count += 1;
        P::in_list(&mut self.text, &scope.name(at)?, self.count);
        Ok(())
    }

    fn related(&mut self, scope: &Scope, related: &Related, depth: usize) -> Result<()> {
        let other = self.scope(related.table, true);
        self.text.push_str("EXISTS (SELECT 1 FROM ");
        self.from(&other);
        for (i, &(own, others)) in related.on.iter().enumerate() {
            self.text.push_str(if i == 0 { " WHERE " } else { " AND " });
            _ = write!(self.text, "{} = {}", other.name(others)?, scope.name(own)?);
        }
        if !matches!(*related.condition, Condition::Always) {
            self.text.push_str(" AND ");
            self.term(&other, &related.condition, depth + 1)?;
        }
        self.text.push(')');
        Ok(())
    }
}

impl Scope {
    fn column(&self, at: usize) -> Result<&'static Column> {
        let missing = || Error::new(Code::Internal, format!("a filter names no column: {at}"));
        self.table.columns.get(at).ok_or_else(missing)
    }

    fn name(&self, at: usize) -> Result<String> {
        Ok(format!("{}{}", self.before, quoted(self.column(at)?.name.text)))
    }
}

/// Whether rows of another table are asked for.
fn relates(condition: &Condition) -> bool {
    match condition {
        Condition::Related(_) => true,
        Condition::All(terms) | Condition::Any(terms) => terms.iter().any(relates),
        Condition::Not(inner) => relates(inner),
        _ => false,
    }
}

fn sign(how: Comparison) -> &'static str {
    match how {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::AtMost => "<=",
        Comparison::Greater => ">",
        Comparison::AtLeast => ">=",
    }
}

/// Where nulls come by themselves, if they are less than all values.
pub(crate) fn nulls_are_least(sort: Sort) -> bool {
    (sort.nulls == Nulls::First) != sort.down
}

/// JSON is text on one engine and a tree on the other: equality and order would differ.
fn comparable(column: &'static Column) -> Result<()> {
    if column.kind == Kind::Json {
        let message = "a JSON column can only be compared with null: the engines differ in what \
                       equal JSON is";
        return Err(Error::new(Code::Unsupported, message).column(column.name.text));
    }
    Ok(())
}
