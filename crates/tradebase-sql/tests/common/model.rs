//! A store in memory that answers questions in the plainest way: what the engines must answer.

use std::cmp::Ordering;

use tradebase_core::{Code, Comparison, Condition, Nulls, Related, Sort, Table, Value};

/// A row of values, in the order of the record's columns.
pub type Row = Vec<Value>;

/// Tables with their rows.
#[derive(Default)]
pub struct Model {
    pub tables: Vec<(&'static Table, Vec<Row>)>,
}

/// What a question is grouped by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    pub at: usize,
    /// Microseconds of a span of time.
    pub span: Option<i64>,
}

/// What is reckoned over rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measured {
    Rows,
    Count(usize),
    Distinct(usize),
    Sum(usize),
    Mean(usize),
    Min(usize),
    Max(usize),
}

/// An order of groups.
#[derive(Clone, Copy, Debug)]
pub enum GroupBy {
    Key(Key, Sort),
    Measure(Measured, bool),
}

/// Groups that are asked for.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    pub keys: Vec<Key>,
    pub measures: Vec<Measured>,
    pub having: Vec<(Measured, Comparison, Value)>,
    pub orders: Vec<GroupBy>,
    pub limit: Option<u32>,
    pub offset: u64,
}

impl Model {
    /// The rows of a table that pass, as they were put in.
    pub fn find(&self, table: &Table, condition: &Condition) -> Vec<&Row> {
        let rows = self.rows(table).iter();
        rows.filter(|row| self.passes(condition, row)).collect()
    }

    /// Whether a row passes.
    pub fn passes(&self, condition: &Condition, row: &[Value]) -> bool {
        self.judge(condition, row) == Some(true)
    }

    /// The same, ordered, and cut.
    pub fn ordered(
        &self,
        table: &Table,
        condition: &Condition,
        orders: &[Sort],
        limit: Option<u32>,
    ) -> Vec<&Row> {
        let mut rows = self.find(table, condition);
        // A column that is ordered by already orders nothing any more.
        let mut orders: Vec<Sort> = orders.iter().fold(Vec::new(), |mut kept, sort| {
            if kept.iter().all(|have: &Sort| have.at != sort.at) {
                kept.push(*sort);
            }
            kept
        });
        if let Some(last) = orders.last().copied() {
            orders.extend(table.key.iter().map(|&at| Sort::by(at, last.down)));
        }
        rows.sort_by(|a, b| {
            let each = orders.iter().map(|sort| placed(&a[sort.at], &b[sort.at], *sort));
            each.fold(Ordering::Equal, Ordering::then)
        });
        rows.truncate(limit.map_or(usize::MAX, |rows| usize::try_from(rows).unwrap()));
        rows
    }

    /// The groups: what each was put together by, and what is reckoned over it. Without keys,
    /// all rows are one.
    pub fn groups(
        &self,
        table: &Table,
        condition: &Condition,
        asked: &Groups,
    ) -> Result<Vec<Row>, Code> {
        let mut groups: Vec<(Row, Vec<&Row>)> = Vec::new();
        if asked.keys.is_empty() {
            groups.push((Vec::new(), Vec::new()));
        }
        for row in self.find(table, condition) {
            let key: Row = asked.keys.iter().map(|key| key.of(row)).collect();
            match groups.iter_mut().find(|(k, _)| *k == key) {
                Some((_, rows)) => rows.push(row),
                None => groups.push((key, vec![row])),
            }
        }
        groups.retain(|(_, rows)| {
            asked.having.iter().all(|(measured, how, value)| {
                compare(&measured.of(table, rows), value).is_some_and(|order| holds(*how, order))
            })
        });
        groups.sort_by(|a, b| asked.compare(table, a, b));
        let offset = usize::try_from(asked.offset).unwrap();
        let limit = asked.limit.map_or(usize::MAX, |groups| usize::try_from(groups).unwrap());
        let groups = groups.into_iter().skip(offset).take(limit);
        let read = groups.map(|(mut key, rows)| {
            for measured in &asked.measures {
                key.push(told(measured.of(table, &rows), *measured)?);
            }
            Ok(key)
        });
        read.collect()
    }

    fn rows(&self, table: &Table) -> &[Row] {
        let found = self.tables.iter().find(|(t, _)| t.name == table.name);
        found.map(|(_, rows)| rows.as_slice()).unwrap()
    }

    /// What a condition says of a row: true, false, or neither, because of a null.
    fn judge(&self, condition: &Condition, row: &[Value]) -> Option<bool> {
        match condition {
            Condition::Always => Some(true),
            Condition::Compare { at, how, value } => {
                compare(&row[*at], value).map(|order| holds(*how, order))
            }
            Condition::OneOf { at, values } => {
                any(values.iter().map(|value| compare(&row[*at], value).map(Ordering::is_eq)))
            }
            Condition::Null { at, null } => Some((row[*at] == Value::Null) == *null),
            Condition::Like { at, pattern } => match &row[*at] {
                Value::Text(text) => Some(pattern.matches(text)),
                _ => None,
            },
            Condition::Related(related) => Some(self.is_related(related, row)),
            Condition::All(terms) => {
                any(terms.iter().map(|term| self.judge(term, row).map(|b| !b))).map(|b| !b)
            }
            Condition::Any(terms) => any(terms.iter().map(|term| self.judge(term, row))),
            Condition::Not(inner) => self.judge(inner, row).map(|b| !b),
            other => panic!("not judged: {other:?}"),
        }
    }

    fn is_related(&self, related: &Related, row: &[Value]) -> bool {
        self.find(related.table, &related.condition).into_iter().any(|other| {
            let equal = |(own, others): &(usize, usize)| compare(&row[*own], &other[*others]);
            related.on.iter().all(|pair| equal(pair) == Some(Ordering::Equal))
        })
    }
}

impl Key {
    fn of(self, row: &[Value]) -> Value {
        match (&row[self.at], self.span) {
            (Value::Timestamp(at), Some(span)) => {
                let start = at.as_micros().div_euclid(span) * span;
                Value::Timestamp(tradebase_core::Timestamp::from_micros(start))
            }
            (value, _) => value.clone(),
        }
    }
}

impl Groups {
    fn compare(&self, table: &Table, a: &(Row, Vec<&Row>), b: &(Row, Vec<&Row>)) -> Ordering {
        let key = |key: Key, sort: Sort| {
            let at = self.keys.iter().position(|k| *k == key).unwrap();
            placed(&a.0[at], &b.0[at], sort)
        };
        let (mut order, mut rest) = (Ordering::Equal, None);
        let again = |at: usize| {
            self.orders[..at].iter().any(|have| match (have, &self.orders[at]) {
                (GroupBy::Key(a, _), GroupBy::Key(b, _)) => a == b,
                (GroupBy::Measure(a, _), GroupBy::Measure(b, _)) => a == b,
                _ => false,
            })
        };
        for (at, by) in self.orders.iter().enumerate() {
            // What is ordered by already orders nothing any more.
            if again(at) {
                continue;
            }
            let (next, down) = match *by {
                GroupBy::Key(of, sort) => (key(of, sort), sort.down),
                GroupBy::Measure(measured, down) => {
                    let (a, b) = (measured.of(table, &a.1), measured.of(table, &b.1));
                    (placed(&a, &b, Sort::by(0, down)), down)
                }
            };
            (order, rest) = (order.then(next), Some(down));
        }
        let rest = rest.into_iter().flat_map(|down| self.keys.iter().map(move |k| (k, down)));
        rest.fold(order, |order, (k, down)| order.then(key(*k, Sort::by(0, down))))
    }
}

impl Measured {
    /// Sums are of any size here, and means are sums that are not divided yet.
    fn of(self, table: &Table, rows: &[&Row]) -> Value {
        let values =
            |at: usize| rows.iter().map(move |row| &row[at]).filter(|v| **v != Value::Null);
        let count = |count: usize| Value::Int(i64::try_from(count).unwrap());
        let extreme = |at: usize, wanted: Ordering| {
            let better = |a: &'_ Value, b: &'_ Value| compare(a, b) == Some(wanted);
            let best =
                values(at).reduce(|best, value| if better(value, best) { value } else { best });
            best.cloned().unwrap_or(Value::Null)
        };
        match self {
            Measured::Rows => count(rows.len()),
            Measured::Count(at) => count(values(at).count()),
            Measured::Distinct(at) => {
                let mut different: Vec<&Value> = Vec::new();
                for value in values(at) {
                    if !different.contains(&value) {
                        different.push(value);
                    }
                }
                count(different.len())
            }
            Measured::Sum(at) => sum(values(at), table.columns[at].kind.scale()),
            Measured::Mean(at) => {
                let scale = table.columns[at].kind.scale();
                mean(&sum(values(at), scale), values(at).count())
            }
            Measured::Min(at) => extreme(at, Ordering::Less),
            Measured::Max(at) => extreme(at, Ordering::Greater),
        }
    }
}

fn sum<'a>(values: impl Iterator<Item = &'a Value>, scale: u8) -> Value {
    values.fold(Value::Null, |sum, value| match (sum, value) {
        (Value::Null, Value::Float(v)) => Value::Float(*v),
        (Value::Float(sum), Value::Float(v)) => Value::Float(sum + v),
        (Value::Null, Value::Int(v)) => Value::Decimal(i128::from(*v), scale),
        (Value::Decimal(sum, _), Value::Int(v)) => Value::Decimal(sum + i128::from(*v), scale),
        (Value::Null, Value::Decimal(v, _)) => Value::Decimal(*v, scale),
        (Value::Decimal(sum, _), Value::Decimal(v, _)) => Value::Decimal(sum + v, scale),
        (sum, value) => panic!("not added: {sum:?} {value:?}"),
    })
}

/// By the rule: six digits more, no more than 28 all in all, half to even.
fn mean(sum: &Value, count: usize) -> Value {
    let count = i128::try_from(count).unwrap();
    match *sum {
        Value::Float(sum) => Value::Float(sum / f64::from(i32::try_from(count).unwrap())),
        Value::Decimal(sum, scale) => {
            let fine = |more: u8| {
                let units = sum * 10_i128.pow(more.into());
                let (floor, rest) = (units.div_euclid(count), units.rem_euclid(count));
                let up = 2 * rest > count || (2 * rest == count && floor % 2 != 0);
                floor + i128::from(up)
            };
            let fits = |more: &u8| fine(*more).unsigned_abs() < 10_u128.pow(28);
            let more = (0..=6.min(28 - scale)).rev().find(fits).unwrap();
            Value::Decimal(fine(more), scale + more)
        }
        _ => Value::Null,
    }
}

/// What is told of what was reckoned: no sum of more digits than a decimal has.
fn told(value: Value, measured: Measured) -> Result<Value, Code> {
    match (&value, measured) {
        (Value::Decimal(units, _), Measured::Sum(_)) if units.unsigned_abs() >= 10_u128.pow(28) => {
            Err(Code::Invalid)
        }
        _ => Ok(value),
    }
}

fn holds(how: Comparison, order: Ordering) -> bool {
    match how {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::AtMost => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::AtLeast => order.is_ge(),
    }
}

/// True if one is true; else neither if one is neither.
fn any(terms: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut answer = Some(false);
    for term in terms {
        match term {
            Some(true) => return Some(true),
            Some(false) => {}
            None => answer = None,
        }
    }
    answer
}

fn placed(a: &Value, b: &Value, sort: Sort) -> Ordering {
    let first = sort.nulls == Nulls::First;
    match (*a == Value::Null, *b == Value::Null) {
        (true, true) => Ordering::Equal,
        (true, false) => {
            if first {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (false, true) => {
            if first {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (false, false) => {
            let order = compare(a, b).unwrap();
            if sort.down { order.reverse() } else { order }
        }
    }
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    Some(match (a, b) {
        (Value::Null, _) | (_, Value::Null) => return None,
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b).unwrap(),
        (Value::Decimal(a, _), Value::Decimal(b, _)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Uuid(a), Value::Uuid(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::TimestampNs(a), Value::TimestampNs(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (a, b) => panic!("not compared: {a:?} {b:?}"),
    })
}
