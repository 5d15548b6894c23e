//! Conditions over columns by name.

use tradebase_core::{
    Comparison, Condition, Error, Pattern, Result, Table, Value, Violation, Violations,
};

use super::names::{position, proposal, shown};

/// How deep the parts of a filter may stand in each other.
pub const FILTER_LEVELS_MAX: usize = 32;
/// Comparisons in a filter at most.
pub const FILTER_TERMS_MAX: usize = 500;
/// Values of one list in a filter at most.
pub const FILTER_VALUES_MAX: usize = 10_000;

/// A filter over columns by name, as [`Filter`](tradebase_core::Filter) is one by type. What it
/// names is looked for, and its values are checked, when it is used.
///
/// Operators are words: `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `in`, `between`, `like`,
/// `starts_with`, `ends_with`, `contains`, `is_null`, `is_not_null`.
///
/// ```
/// # use tradebase_core::Value;
/// # use tradebase_sql::DynamicFilter;
/// let dear = DynamicFilter::new("price", "ge", [Value::Int(100)]);
/// let ours = DynamicFilter::new("bot", "in", ["a", "b"].map(Value::from));
/// _ = dear.and(!ours);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct DynamicFilter(pub(super) Node);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Term { column: String, op: String, values: Vec<Value>, ignores_case: bool },
    All(Vec<DynamicFilter>),
    Any(Vec<DynamicFilter>),
    Not(Box<DynamicFilter>),
}

/// What an operator asks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    Compare(Comparison),
    In,
    Between,
    Like(fn(&str) -> Pattern),
    Null(bool),
}

const OPS: [(&str, Op); 14] = [
    ("eq", Op::Compare(Comparison::Equal)),
    ("ne", Op::Compare(Comparison::NotEqual)),
    ("lt", Op::Compare(Comparison::Less)),
    ("le", Op::Compare(Comparison::AtMost)),
    ("gt", Op::Compare(Comparison::Greater)),
    ("ge", Op::Compare(Comparison::AtLeast)),
    ("in", Op::In),
    ("between", Op::Between),
    ("like", Op::Like(|text| Pattern::new(text))),
    ("starts_with", Op::Like(Pattern::starting_with)),
    ("ends_with", Op::Like(Pattern::ending_with)),
    ("contains", Op::Like(Pattern::containing)),
    ("is_null", Op::Null(true)),
    ("is_not_null", Op::Null(false)),
];

impl Op {
    pub(super) fn of(column: &str, word: &str) -> Result<Self> {
        let known = OPS.iter().find(|(known, _)| *known == word).map(|(_, op)| *op);
        known.ok_or_else(|| {
            let message = format!("has no operator {:?}: {}", shown(word), proposed(word));
            Error::invalid(vec![Violation::new(shown(column), "op", message)])
        })
    }
}

fn proposed(word: &str) -> String {
    let words = OPS.map(|(word, _)| word);
    match proposal(word, &words) {
        close if close.starts_with("did") => close,
        _ => format!("there is {}", words.join(", ")),
    }
}

impl DynamicFilter {
    /// A comparison of a column with values: one, as many as there are for `in`, two for
    /// `between`, none for the tests for null.
    pub fn new(
        column: impl Into<String>,
        op: impl Into<String>,
        values: impl IntoIterator<Item = Value>,
    ) -> Self {
        let values = values.into_iter().collect();
        Self(Node::Term { column: column.into(), op: op.into(), values, ignores_case: false })
    }

    /// The same, for which the letters A to Z are the letters a to z; for patterns only.
    pub fn ignoring_case(mut self) -> Self {
        if let Node::Term { ignores_case, .. } = &mut self.0 {
            *ignores_case = true;
        }
        self
    }

    /// All of these; none of them is everything.
    pub fn all(filters: impl IntoIterator<Item = DynamicFilter>) -> Self {
        Self(Node::All(filters.into_iter().collect()))
    }

    /// Any of these; none of them is nothing.
    pub fn any(filters: impl IntoIterator<Item = DynamicFilter>) -> Self {
        Self(Node::Any(filters.into_iter().collect()))
    }

    /// This and the other.
    pub fn and(self, other: Self) -> Self {
        Self::all([self, other])
    }

    /// This or the other.
    pub fn or(self, other: Self) -> Self {
        Self::any([self, other])
    }

    /// The same over columns of a table, checked as the typed filters are.
    pub(super) fn condition(&self, table: &'static Table) -> Result<Condition> {
        let mut maker = Maker { table, terms: 0, found: Violations::new() };
        let condition = maker.node(&self.0, 0)?;
        maker.found.into_result()?;
        Ok(condition)
    }
}

impl std::ops::Not for DynamicFilter {
    type Output = Self;

    fn not(self) -> Self {
        Self(Node::Not(Box::new(self)))
    }
}

/// Makes a condition, and gathers what is at fault in all its terms.
struct Maker {
    table: &'static Table,
    terms: usize,
    found: Violations,
}

impl Maker {
    fn node(&mut self, node: &Node, level: usize) -> Result<Condition> {
        check_level(level)?;
        let mut several = |filters: &[DynamicFilter]| -> Result<Vec<Condition>> {
            filters.iter().map(|filter| self.node(&filter.0, level + 1)).collect()
        };
        match node {
            Node::All(filters) => several(filters).map(Condition::All),
            Node::Any(filters) => several(filters).map(Condition::Any),
            Node::Not(filter) => {
                self.node(&filter.0, level + 1).map(|inner| Condition::Not(Box::new(inner)))
            }
            Node::Term { column, op, values, ignores_case } => {
                self.terms += 1;
                check_terms(self.terms)?;
                match term(self.table, column, op, values, *ignores_case) {
                    Ok(condition) => Ok(condition),
                    Err(error) => {
                        self.found.absorb(error)?;
                        Ok(Condition::Always)
                    }
                }
            }
        }
    }
}

pub(super) fn check_level(level: usize) -> Result<()> {
    if level < FILTER_LEVELS_MAX {
        return Ok(());
    }
    Err(too_much(format!("a filter has at most {FILTER_LEVELS_MAX} levels")))
}

pub(super) fn check_terms(terms: usize) -> Result<()> {
    if terms <= FILTER_TERMS_MAX {
        return Ok(());
    }
    Err(too_much(format!("a filter has at most {FILTER_TERMS_MAX} comparisons")))
}

pub(super) fn too_much(message: String) -> Error {
    Error::new(tradebase_core::Code::Invalid, message)
}

fn term(
    table: &'static Table,
    name: &str,
    word: &str,
    values: &[Value],
    ignores_case: bool,
) -> Result<Condition> {
    let at = position(table, name)?;
    let column = &table.columns[at];
    let op = Op::of(name, word)?;
    let refuse = |rule, message: String| Err(Error::refused(column, rule, message));
    let (least, most) = match op {
        Op::In => (0, FILTER_VALUES_MAX),
        Op::Between => (2, 2),
        Op::Null(_) => (0, 0),
        Op::Compare(_) | Op::Like(_) => (1, 1),
    };
    if !(least..=most).contains(&values.len()) {
        let many = if least == most { format!("{most}") } else { format!("{least} to {most}") };
        return refuse("values", format!("takes {many} values with {word}, has {}", values.len()));
    }
    if ignores_case && !matches!(op, Op::Like(_)) {
        return refuse("op", format!("cannot ignore upper and lower case with {word}"));
    }
    if values.contains(&Value::Null) {
        return refuse("null", "is compared with null by is_null and is_not_null".to_owned());
    }
    if let (Op::Like(pattern), [Value::Text(text)]) = (op, values) {
        let pattern = pattern(text);
        let pattern = if ignores_case { pattern.ignoring_case() } else { pattern };
        return Ok(Condition::Like { at, pattern: pattern.checked(column)? });
    }
    let compare = |how, value: &Value| -> Result<Condition> {
        Ok(Condition::Compare { at, how, value: value.in_column(column)? })
    };
    match (op, values) {
        (Op::Null(null), _) => Ok(Condition::Null { at, null }),
        (Op::Compare(how), [value]) => compare(how, value),
        (Op::Between, [low, high]) => Ok(Condition::All(vec![
            compare(Comparison::AtLeast, low)?,
            compare(Comparison::AtMost, high)?,
        ])),
        (Op::In, values) => {
            let values = values.iter().map(|value| value.in_column(column));
            Ok(Condition::OneOf { at, values: values.collect::<Result<_>>()? })
        }
        _ => refuse("pattern", format!("takes a text with {word}")),
    }
}
