//! A statement that reads, without its types: what is asked, and how its rows are read.

use std::marker::PhantomData;

use tradebase_core::{Column, Comparison, Condition, Result, Row, Sort, Source, Table, Value};

/// A statement that reads, as an engine renders it.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    pub(crate) table: &'static Table,
    /// A second table, whose row may be missing.
    pub(crate) joined: Option<Joined>,
    pub(crate) output: Vec<Item>,
    /// Whether rows that are equal are given once.
    pub(crate) distinct: bool,
    pub(crate) condition: Condition,
    /// What rows are put together by.
    pub(crate) groups: Vec<Group>,
    /// What groups must pass.
    pub(crate) having: Vec<Having>,
    pub(crate) orders: Vec<By>,
    /// The values of a row in each column of the whole order: only rows behind it are given.
    pub(crate) behind: Vec<Value>,
    pub(crate) limit: Option<u32>,
    pub(crate) offset: Option<u64>,
}

/// A table that is joined by what points to its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joined {
    pub(crate) table: &'static Table,
    /// The position of the column that points to it.
    pub(crate) by: usize,
}

/// What is given of each row or group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Item {
    /// Every column of the table.
    Every,
    /// One column of the table.
    Column(usize),
    /// Every column of the joined table.
    EveryJoined,
    /// What a group was put together by.
    Group(Group),
    /// What is reckoned over a group.
    Measure(Reckoned),
    /// How many rows of the table pass, whatever the limit.
    Total,
}

/// What rows are put together by: a column, or the span of time that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    pub(crate) at: usize,
    pub(crate) span: Option<Span>,
}

/// A span of time, from its beginning on, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Minute,
    Hour,
    Day,
}

/// Something that is reckoned over a group of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reckoned {
    pub(crate) how: How,
    /// The column; none for the number of rows.
    pub(crate) at: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Count,
    CountDistinct,
    /// Exact for what is exact: integers and decimals come as decimals.
    Sum,
    Min,
    Max,
}

/// What a group must pass.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Having {
    pub(crate) reckoned: Reckoned,
    pub(crate) how: Comparison,
    pub(crate) value: Value,
}

/// An order of rows or groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum By {
    Column(Sort),
    Group { group: Group, sort: Sort },
    Measure { reckoned: Reckoned, down: bool },
}

impl By {
    /// Whether both order by the same, in whatever direction.
    fn is_of_the_same(self, other: By) -> bool {
        match (self, other) {
            (By::Column(a), By::Column(b)) => a.at == b.at,
            (By::Group { group: a, .. }, By::Group { group: b, .. }) => a == b,
            (By::Measure { reckoned: a, .. }, By::Measure { reckoned: b, .. }) => a == b,
            _ => false,
        }
    }
}

impl Reckoned {
    /// The number of rows.
    pub(crate) const ROWS: Reckoned = Reckoned { how: How::Count, at: None };
}

impl Select {
    /// Every row, whole.
    pub(crate) fn of(table: &'static Table) -> Self {
        Self {
            table,
            joined: None,
            output: vec![Item::Every],
            distinct: false,
            condition: Condition::Always,
            groups: Vec::new(),
            having: Vec::new(),
            orders: Vec::new(),
            behind: Vec::new(),
            limit: None,
            offset: None,
        }
    }

    /// Rows that pass.
    pub(crate) fn that(mut self, condition: Condition) -> Self {
        self.condition = condition;
        self
    }

    /// In the order of the key.
    pub(crate) fn by_key(mut self) -> Self {
        self.orders = self.table.key.iter().map(|&at| By::Column(Sort::by(at, false))).collect();
        self
    }

    /// At most so many.
    pub(crate) fn limit(mut self, rows: u32) -> Self {
        self.limit = Some(rows);
        self
    }

    /// The order, made whole: rows that are equal in it come in the order of the key, in the
    /// direction of the last column, so that one index serves both and pages do not overlap;
    /// groups in the order of what they are put together by. What stands there again is left out,
    /// for it orders nothing.
    pub(crate) fn whole_order(&self) -> Vec<By> {
        let mut whole: Vec<By> = Vec::with_capacity(self.orders.len() + self.table.key.len());
        let add = |whole: &mut Vec<By>, by: By| {
            if !whole.iter().any(|have| have.is_of_the_same(by)) {
                whole.push(by);
            }
        };
        for &by in &self.orders {
            add(&mut whole, by);
        }
        let down = match whole.last() {
            None => return whole,
            Some(By::Column(sort) | By::Group { sort, .. }) => sort.down,
            Some(By::Measure { down, .. }) => *down,
        };
        for &group in &self.groups {
            add(&mut whole, By::Group { group, sort: Sort::by(group.at, down) });
        }
        if self.groups.is_empty() && !self.distinct {
            for &at in self.table.key {
                add(&mut whole, By::Column(Sort::by(at, down)));
            }
        }
        whole
    }

    /// How many values of a row an item gives.
    fn width(&self, item: Item) -> usize {
        match item {
            Item::Every => self.table.columns.len(),
            Item::EveryJoined => self.joined.map_or(0, |joined| joined.table.columns.len()),
            Item::Column(_) | Item::Group(_) | Item::Measure(_) | Item::Total => 1,
        }
    }

    /// Where a row has the value of that column of the table, which is given as well if it is not
    /// yet; and whether that was so.
    pub(crate) fn give(&mut self, at: usize) -> (usize, bool) {
        let mut before = 0;
        for &item in &self.output {
            match item {
                Item::Every => return (before + at, false),
                Item::Column(have) if have == at => return (before, false),
                _ => before += self.width(item),
            }
        }
        self.output.push(Item::Column(at));
        (before, true)
    }
}

/// How the rows of a statement are read.
pub trait Decode: Send + Sync + 'static {
    /// What a row is read as.
    type Out: Send + 'static;

    /// The columns that are read, in order; none where the statement's own are not known.
    fn columns(&self) -> Vec<&'static Column>;

    /// Reads one row.
    fn decode<S: Source>(&self, source: &mut S) -> Result<Self::Out>;
}

/// Rows that are read by their type.
#[derive(Debug)]
pub struct Typed<R>(PhantomData<fn() -> R>);

impl<R> Default for Typed<R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<R: Row> Decode for Typed<R> {
    type Out = R;

    fn columns(&self) -> Vec<&'static Column> {
        let mut columns = Vec::with_capacity(R::WIDTH);
        R::list(&mut columns);
        columns
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decode<S: Source>(&self, source: &mut S) -> Result<R> {
        R::read(source)
    }
}
