//! What a migration must make of rows.

use std::collections::{HashMap, HashSet};

use tradebase_core::{Column, Date, Kind, Roles, Table, Timestamp, Uuid, Value};
use tradebase_sql::{DynamicRow, Plan, Renames};

use super::rows::{Rows, same};

/// What must stand in a cell.
#[derive(Clone, Debug)]
pub enum Cell {
    /// This value.
    Is(Value),
    /// A text that reads as this value, which was one of that kind.
    TextOf(Value, Kind),
    /// A value, whichever: the engines may differ in how they read it.
    Free,
}

/// What must come of all rows.
#[derive(Debug, Default)]
pub struct Expected {
    pub rows: HashMap<&'static str, Vec<Vec<Cell>>>,
    /// Why it must be refused.
    pub refusals: Vec<String>,
    /// Why it may be refused.
    pub doubts: Vec<String>,
}

/// The way from tables to others.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    pub engine: &'static str,
    pub from: &'a [&'static Table],
    pub to: &'a [&'static Table],
    pub renames: &'a Renames,
}

/// The renames that count on the way to these tables: the old name is there, and the new one is
/// not, or goes to something else on the same way.
pub fn counting(renames: &Renames, from: &[&'static Table], to: &[&'static Table]) -> Renames {
    let mut count = Renames::default();
    let table = |name: &str| from.iter().find(|table| table.name == name).copied();
    loop {
        let next = to.iter().find_map(|new| {
            let old = renames.tables.get(new.name).filter(|old| table(old).is_some())?;
            let goes = |name: &str| count.tables.values().any(|old| old == name);
            let free = table(new.name).is_none() || goes(new.name);
            (free && !goes(old) && !count.tables.contains_key(new.name)).then_some((new.name, old))
        });
        let Some((new, old)) = next else { break };
        count.tables.insert(new.to_owned(), old.clone());
    }
    for new in to {
        let name = count.tables.get(new.name).map_or(new.name, String::as_str);
        let Some(was) = table(name) else { continue };
        let there = |name: &str| was.columns.iter().any(|column| column.name.text == name);
        let place = |column: &Column| (new.name.to_owned(), column.name.text.to_owned());
        let mut own: Vec<(&str, &String)> = Vec::new();
        loop {
            let next = new.columns.iter().find_map(|column| {
                let old = renames.columns.get(&place(column)).filter(|old| there(old))?;
                let goes = |name: &str| own.iter().any(|(_, old)| *old == name);
                let name = column.name.text;
                let free = !there(name) || goes(name);
                let known = own.iter().any(|(have, _)| *have == name);
                (free && !goes(old) && !known).then_some((name, old))
            });
            let Some(next) = next else { break };
            own.push(next);
        }
        for (column, old) in own {
            count.columns.insert((new.name.to_owned(), column.to_owned()), old.clone());
        }
    }
    count
}

impl Way<'_> {
    /// The table that one was before.
    pub fn before(&self, table: &Table) -> Option<&'static Table> {
        let there = |name: &str| self.from.iter().find(|table| table.name == name).copied();
        if let Some(old) = self.renames.tables.get(table.name) {
            return there(old);
        }
        let taken = self
            .to
            .iter()
            .any(|other| self.renames.tables.get(other.name).is_some_and(|old| old == table.name));
        there(table.name).filter(|_| !taken)
    }

    /// The column that one was before.
    pub fn column_before(
        &self,
        was: &'static Table,
        table: &Table,
        column: &Column,
    ) -> Option<&'static Column> {
        let there = |name: &str| was.columns.iter().find(|column| column.name.text == name);
        let hint = |column: &Column| {
            let place = (table.name.to_owned(), column.name.text.to_owned());
            self.renames.columns.get(&place)
        };
        if let Some(old) = hint(column) {
            return there(old);
        }
        let name = column.name.text;
        let taken = table.columns.iter().any(|other| hint(other).is_some_and(|old| old == name));
        there(name).filter(|_| !taken)
    }

    /// The pairs of columns that stay.
    pub fn columns(
        &self,
    ) -> Vec<(&'static Table, &'static Column, &'static Table, &'static Column)> {
        let mut pairs = Vec::new();
        for table in self.to {
            let Some(was) = self.before(table) else { continue };
            for column in table.columns {
                let before = self.column_before(was, table, column);
                pairs.extend(before.map(|before| (was, before, *table, column)));
            }
        }
        pairs
    }

    /// Whether a column changes between a number and nanoseconds, which are numbers too on
    /// PostgreSQL: what is then right cannot be told there.
    pub fn is_ambiguous(&self) -> bool {
        let number = |kind: Kind| {
            matches!(kind, Kind::Bool | Kind::F64) || kind.is_integer() || kind.is_decimal()
        };
        self.columns().iter().any(|(_, before, _, column)| {
            let ns = |kind: Kind| kind == Kind::TimestampNs;
            let (a, b) = (before.kind, column.kind);
            number(a) && ns(b) || ns(a) && number(b)
        })
    }

    /// Refuses a plan that says too much of its losses, or too little.
    pub fn check_losses(&self, plan: &Plan) {
        let kept: Vec<_> = self.to.iter().filter_map(|table| self.before(table)).collect();
        for table in self.from.iter().filter(|table| !kept.iter().any(|k| k.name == table.name)) {
            assert!(loses(plan, [table, table], None), "silent on the table {}", table.name);
        }
        let pairs = self.columns();
        for table in self.to {
            let Some(was) = self.before(table) else { continue };
            for column in was.columns {
                let stays = pairs.iter().any(|(a, before, ..)| {
                    a.name == was.name && before.name.text == column.name.text
                });
                let name = column.name.text;
                let said = loses(plan, [was, table], Some([name, name]));
                assert!(stays || said, "silent on {}.{name}", was.name);
            }
        }
        for (was, before, table, column) in pairs {
            let names = [before.name.text, column.name.text];
            let lost = loses(plan, [was, table], Some(names));
            let (a, b) = (before.kind, column.kind);
            // A name that is taken over is lost and kept at once.
            let twice = was
                .columns
                .iter()
                .any(|c| c.name.text == column.name.text && column.name.text != before.name.text);
            assert!(
                !lost || twice || !must_keep(self.engine, a, b),
                "{}.{} from {a} to {b} can be kept, the plan loses it: {:?}",
                table.name,
                column.name.text,
                plan.losses
            );
        }
    }

    /// What must come of these rows.
    pub fn expected(&self, plan: &Plan, rows: &Rows) -> Expected {
        let mut expected = Expected::default();
        for &table in self.to {
            let was = self.before(table);
            let before = was.and_then(|was| rows.get(was.name)).map_or(&[][..], Vec::as_slice);
            let made = before.iter().map(|row| {
                let cells = table.columns.iter().map(|column| {
                    self.cell(plan, was.unwrap_or(table), table, column, row, &mut expected)
                });
                cells.collect::<Vec<_>>()
            });
            let made = made.collect();
            expected.rows.insert(table.name, made);
        }
        expected.check_unique(self.to);
        expected.check_references(self.to);
        expected
    }

    fn cell(
        &self,
        plan: &Plan,
        was: &'static Table,
        table: &'static Table,
        column: &'static Column,
        row: &DynamicRow,
        expected: &mut Expected,
    ) -> Cell {
        let place = || format!("{}.{}", table.name, column.name.text);
        let Some(before) = self.column_before(was, table, column) else {
            return expected.fresh(column, place());
        };
        let keep = must_keep(self.engine, before.kind, column.kind);
        let names = [before.name.text, column.name.text];
        if !keep && loses(plan, [was, table], Some(names)) {
            return expected.fresh(column, place());
        }
        let value = row.get(before.name.text).unwrap();
        let (cell, doubt) = match value {
            Value::Null if column.nullable => return Cell::Is(Value::Null),
            Value::Null => (None, false),
            _ if keep => converted(before, column, value),
            _ => (Some(Cell::Free), true),
        };
        if doubt {
            expected.doubts.push(format!("{}: {value:?}", place()));
        } else if cell.is_none() {
            expected.refusals.push(format!("{}: {value:?}", place()));
        }
        cell.unwrap_or(Cell::Free)
    }
}

impl Expected {
    /// A cell of a column that was not there.
    fn fresh(&mut self, column: &'static Column, place: String) -> Cell {
        if column.is(Roles::ASSIGNED) {
            self.doubts.push(format!("{place}: assigned"));
            return Cell::Free;
        }
        match column.default {
            Some(preset) => Cell::Is(Value::from(preset).in_column(column).unwrap()),
            None if column.nullable => Cell::Is(Value::Null),
            None => {
                self.refusals.push(format!("{place}: has no default"));
                Cell::Free
            }
        }
    }

    fn check_unique(&mut self, tables: &[&'static Table]) {
        for table in tables {
            let singles = table.columns.iter().enumerate();
            let singles = singles.filter(|(_, column)| column.is(Roles::UNIQUE));
            let lists = table.indexes.iter().filter(|index| index.unique);
            let mut lists: Vec<_> = lists.map(|index| index.columns.to_vec()).collect();
            lists.extend(singles.map(|(at, _)| vec![at]).chain([table.key.to_vec()]));
            for list in lists {
                self.check_list(table, &list);
            }
        }
    }

    fn check_list(&mut self, table: &Table, list: &[usize]) {
        let mut seen = HashSet::new();
        let rows = &self.rows[table.name];
        for row in rows {
            let cells: Vec<_> = list.iter().map(|&at| &row[at]).collect();
            if cells.iter().any(|cell| matches!(cell, Cell::Is(Value::Null))) {
                continue;
            }
            let unsure = |cell: &&&Cell| matches!(cell, Cell::Free | Cell::Is(Value::Json(_)));
            if cells.iter().find(unsure).is_some() && rows.len() > 1 {
                self.doubts.push(format!("{}: perhaps not unique", table.name));
            } else if !seen.insert(format!("{cells:?}")) {
                self.refusals.push(format!("{}: not unique: {cells:?}", table.name));
            }
        }
    }

    fn check_references(&mut self, tables: &[&'static Table]) {
        for table in tables {
            for (at, column) in table.columns.iter().enumerate() {
                let Some(parent) = column.parent.map(|parent| parent.table()) else { continue };
                let keys: Vec<_> =
                    self.rows[parent.name].iter().map(|row| row[parent.key[0]].clone()).collect();
                let certain = keys.iter().all(|cell| matches!(cell, Cell::Is(_)));
                for cell in self.rows[table.name].iter().map(|row| row[at].clone()) {
                    if matches!(cell, Cell::Is(Value::Null)) {
                        continue;
                    }
                    let found = keys.iter().any(|key| format!("{key:?}") == format!("{cell:?}"));
                    let words = format!("{}.{}: {cell:?}", table.name, column.name.text);
                    match (&cell, found) {
                        (Cell::Is(_) | Cell::TextOf(..), true) => {}
                        (Cell::Is(_), false) if certain => self.refusals.push(words),
                        _ => self.doubts.push(words),
                    }
                }
            }
        }
    }
}

/// Whether a plan says that it loses that table, or that column of it.
fn loses(plan: &Plan, tables: [&Table; 2], columns: Option<[&str; 2]>) -> bool {
    plan.losses.iter().any(|loss| {
        let column = loss.column.as_deref();
        tables.iter().any(|table| table.name == loss.table)
            && match columns {
                None => column.is_none(),
                Some(names) => column.is_some_and(|column| names.contains(&column)),
            }
    })
}

/// Whether every value that fits the new kind must be kept.
fn must_keep(engine: &str, from: Kind, to: Kind) -> bool {
    let same = std::mem::discriminant(&from) == std::mem::discriminant(&to);
    let whole = |kind: Kind| kind == Kind::Bool || kind.is_integer();
    let moment = |kind: Kind| matches!(kind, Kind::Timestamp | Kind::TimestampNs);
    same || to.is_text()
        || whole(from) && whole(to)
        || from.is_integer() && to.is_decimal()
        || from.is_decimal() && to.is_integer()
        || engine == "sqlite" && moment(from) && moment(to)
        || matches!((from, to), (Kind::Date, Kind::Timestamp) | (Kind::Timestamp, Kind::Date))
        || from.is_text() && (to.is_integer() || matches!(to, Kind::Uuid | Kind::Json))
}

/// What becomes of a value that must be kept, none if it cannot be; and whether it may be refused
/// all the same.
fn converted(from: &Column, to: &'static Column, value: &Value) -> (Option<Cell>, bool) {
    let same = std::mem::discriminant(&from.kind) == std::mem::discriminant(&to.kind);
    if to.kind.is_text() && !same {
        let bounded = to.kind != Kind::TEXT || to.closed;
        return (Some(Cell::TextOf(value.clone(), from.kind)), bounded);
    }
    let kept = match (value, to.kind) {
        (Value::Bool(value), kind) if kind.is_integer() => Some(Value::Int((*value).into())),
        (Value::Int(value @ (0 | 1)), Kind::Bool) => Some(Value::Bool(*value == 1)),
        (Value::Int(_), Kind::Bool) => None,
        (Value::Decimal(units, scale), kind) if kind.is_integer() => {
            let unit = 10_i128.pow((*scale).into());
            let whole = (units % unit == 0).then(|| i64::try_from(units / unit).ok()).flatten();
            whole.map(Value::Int)
        }
        (Value::TimestampNs(value), Kind::Timestamp) => {
            let nanos = value.as_nanos();
            (nanos % 1000 == 0).then(|| Value::Timestamp(Timestamp::from_micros(nanos / 1000)))
        }
        (Value::Date(value), Kind::Timestamp) => {
            let micros = i64::from(value.as_days()) * DAY_MICROS;
            Some(Value::Timestamp(Timestamp::from_micros(micros)))
        }
        (Value::Timestamp(value), Kind::Date) => {
            let micros = value.as_micros();
            let days = i32::try_from(micros / DAY_MICROS).unwrap();
            (micros % DAY_MICROS == 0).then(|| Value::Date(Date::from_days(days)))
        }
        (Value::Text(text), kind) if !kind.is_text() => return read(to, text),
        _ => Some(value.clone()),
    };
    let closed = to.closed && !to.labels.is_empty();
    let kept = kept.and_then(|value| value.in_column(to).ok()).filter(|value| match value {
        Value::Text(text) => !closed || to.labels.contains(&text.as_str()),
        _ => true,
    });
    (kept.map(Cell::Is), false)
}

const DAY_MICROS: i64 = 86_400_000_000;

/// What a text reads as. Where it is one of several spellings, engines may read it or not.
fn read(to: &'static Column, text: &str) -> (Option<Cell>, bool) {
    let (value, plain) = match to.kind {
        Kind::Uuid => {
            let value = Uuid::parse_str(text).ok();
            (value.map(Value::Uuid), value.map(|value| value.to_string()))
        }
        Kind::Json => {
            let parsed = serde_json::from_str::<serde_json::Value>(text).is_ok();
            let value = parsed.then(|| Value::Json(text.to_owned()));
            (value, Some(text.to_owned()))
        }
        _ => {
            let value = text.trim().parse::<i64>().ok();
            (value.map(Value::Int), value.map(|value| value.to_string()))
        }
    };
    let kept = value.and_then(|value| value.in_column(to).ok());
    match kept {
        None => (None, false),
        Some(value) if plain.as_deref() == Some(text) => (Some(Cell::Is(value)), false),
        Some(_) => (Some(Cell::Free), true),
    }
}

impl Cell {
    /// Whether the value is what it must be.
    pub fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (Cell::Free, _) => true,
            (Cell::Is(want), value) => same(want, value),
            (Cell::TextOf(want, kind), Value::Text(text)) => reads_as(text, *kind, want),
            (Cell::TextOf(..), _) => false,
        }
    }
}

/// Whether a text is a readable form of a value, in the spelling of either engine.
fn reads_as(text: &str, kind: Kind, want: &Value) -> bool {
    let column: &'static Column = Box::leak(Box::new(Column::new("text", kind, false)));
    let text = match (kind, text) {
        (Kind::Bool, "1" | "t") => "true",
        (Kind::Bool, "0" | "f") => "false",
        (Kind::Bytes, text) => {
            let digits = text.strip_prefix("\\x").unwrap_or(text).to_ascii_lowercase();
            let Value::Bytes(bytes) = want else { return false };
            return digits == bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        }
        (Kind::TimestampNs, text) if text.parse::<i64>().is_ok() => {
            let Value::TimestampNs(want) = want else { return false };
            return text.parse() == Ok(want.as_nanos());
        }
        (Kind::Timestamp, text) if text.ends_with("+00") => {
            let moment = text.replacen(' ', "T", 1).replace("+00", "Z").parse();
            return moment.is_ok_and(|moment| *want == Value::Timestamp(moment));
        }
        (_, text) => text,
    };
    let value = match kind {
        Kind::Json => Ok(Value::Json(text.to_owned())),
        _ => Value::Text(text.to_owned()).in_column(column),
    };
    value.is_ok_and(|value| same(&value, want))
}

/// Whether rows can be told apart such that each is one that must be there.
pub fn all_there(table: &'static Table, want: &[Vec<Cell>], have: &[DynamicRow]) -> bool {
    let free = |cells: &Vec<Cell>| cells.iter().filter(|c| matches!(c, Cell::Free)).count();
    let mut want: Vec<_> = want.iter().collect();
    want.sort_by_key(|cells| free(cells));
    let mut left: Vec<_> = have.iter().collect();
    let fits =
        |cells: &[Cell], row: &DynamicRow| {
            table.columns.iter().zip(cells).all(|(column, cell)| {
                row.get(column.name.text).is_some_and(|value| cell.holds(value))
            })
        };
    let found = want.iter().all(|cells| {
        let at = left.iter().position(|row| fits(cells, row));
        at.map(|at| left.swap_remove(at)).is_some()
    });
    found && left.is_empty()
}
