//! What records want a database to be.

use std::collections::BTreeMap;

use tradebase_core::{Result, Table};

use super::shape::Shape;
use crate::schema;

/// A shape to reach, with what is known of how it came about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wanted {
    /// The shape.
    pub shape: Shape,
    /// What had another name before.
    pub renames: Renames,
}

/// What had another name before. One counts only where the old name is there and the new one is
/// not: so it can stay in the record for as long as somebody may need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renames {
    /// The old name of a table, by the new one.
    pub tables: BTreeMap<String, String>,
    /// The old name of a column, by the table's and the column's new ones.
    pub columns: BTreeMap<(String, String), String>,
}

impl Renames {
    /// What these records say of themselves and of those they point to.
    pub fn of(tables: &[&'static Table]) -> Result<Self> {
        let mut renames = Self::default();
        for table in schema::with_parents(tables)? {
            if let Some(was) = table.was {
                renames.tables.insert(table.name.to_owned(), was.to_owned());
            }
            for column in table.columns {
                if let Some(was) = column.was {
                    let place = (table.name.to_owned(), column.name.text.to_owned());
                    renames.columns.insert(place, was.to_owned());
                }
            }
        }
        Ok(renames)
    }

    /// Those that count on the way from one shape to another: the old name is there, and the new
    /// one is not, or goes to something else on the same way.
    pub(crate) fn counting(&self, from: &Shape, to: &Shape) -> Self {
        let tables = counting(
            self.tables.iter().filter(|(new, _)| to.tables.contains_key(*new)),
            |_, name| from.tables.contains_key(name),
            |_, _| true,
        );
        let table = |new: &String| from.tables.get(tables.get(new).unwrap_or(new));
        let wanted = |(table, column): &(String, String)| {
            to.tables.get(table).is_some_and(|table| table.column(column).is_some())
        };
        let columns = counting(
            self.columns.iter().filter(|(place, _)| wanted(place)),
            |(of, _), name| table(of).is_some_and(|table| table.column(name).is_some()),
            |(one, _), (other, _)| one == other,
        );
        Self { tables, columns }
    }

    /// The same the other way round, to go back.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let tables: BTreeMap<_, _> =
            self.tables.iter().map(|(new, old)| (old.clone(), new.clone())).collect();
        let columns = self.columns.iter().map(|((table, new), old)| {
            let table = self.tables.get(table).unwrap_or(table);
            ((table.clone(), old.clone()), new.clone())
        });
        Self { columns: columns.collect(), tables }
    }
}

/// A name within its table, if it has one.
trait Named: Ord + Clone {
    fn name(&self) -> &String;
}

impl Named for String {
    fn name(&self) -> &String {
        self
    }
}

impl Named for (String, String) {
    fn name(&self) -> &String {
        &self.1
    }
}

/// The renames that count, of those whose new name is wanted. `there` says whether a name is there
/// in the table of a place, `beside` whether two places are in one table.
fn counting<'r, K: Named + 'r>(
    all: impl Iterator<Item = (&'r K, &'r String)>,
    there: impl Fn(&K, &str) -> bool,
    beside: impl Fn(&K, &K) -> bool,
) -> BTreeMap<K, String> {
    let mut left: Vec<_> = all.filter(|(place, old)| there(place, old)).collect();
    let mut count = BTreeMap::<K, String>::new();
    loop {
        let next = left.iter().position(|(place, old)| {
            let goes = |name: &String| {
                count.iter().any(|(other, old)| beside(place, other) && old == name)
            };
            let free = !there(place, place.name()) || goes(place.name());
            // Of two that claim to have been the same, the first one is.
            free && !goes(old)
        });
        let Some(at) = next else { return count };
        let (place, old) = left.remove(at);
        count.insert(place.clone(), old.clone());
    }
}
