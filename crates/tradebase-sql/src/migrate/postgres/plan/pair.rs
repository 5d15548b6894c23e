//! Which table and which column becomes which.

use std::collections::BTreeMap;

use super::super::super::shape::{ColumnShape, Shape, Storage, TableShape};
use super::super::super::wanted::Renames;
use super::convert::{Conversion, conversion};
use super::texts::{Renamed, generated, same};
use crate::naming::quoted;

/// What becomes of the tables of a shape.
#[derive(Debug)]
pub(super) struct Ways<'p> {
    pub(super) from: &'p Shape,
    pub(super) to: &'p Shape,
    /// Those that stay.
    pub(super) pairs: Vec<Pair<'p>>,
    pub(super) created: Vec<(&'p str, &'p TableShape)>,
    pub(super) dropped: Vec<(&'p str, &'p TableShape)>,
    /// New names of those that have another one.
    pub(super) renamed: Renamed<'p>,
}

/// A table before and after.
#[derive(Debug)]
pub(super) struct Pair<'p> {
    pub(super) old: &'p str,
    pub(super) new: &'p str,
    pub(super) from: &'p TableShape,
    pub(super) to: &'p TableShape,
    /// The columns that are to be, with what they come from.
    pub(super) columns: Vec<Way<'p>>,
    pub(super) dropped: Vec<&'p ColumnShape>,
    /// New names of columns that have another one.
    pub(super) renamed: Renamed<'p>,
}

/// A column that is to be.
#[derive(Debug)]
pub(super) struct Way<'p> {
    pub(super) to: &'p ColumnShape,
    /// What it was; none if it is new.
    pub(super) from: Option<&'p ColumnShape>,
    /// What becomes of its values.
    pub(super) values: Conversion,
}

impl<'p> Ways<'p> {
    pub(super) fn new(from: &'p Shape, to: &'p Shape, renames: &'p Renames) -> Self {
        let mut olds: BTreeMap<&str, &str> = BTreeMap::new();
        for (new, old) in &renames.tables {
            let is_one = to.tables.contains_key(new)
                && from.tables.contains_key(old)
                && !olds.values().any(|taken| taken == old);
            if is_one {
                olds.insert(new, old);
            }
        }
        let taken: Vec<&str> = olds.values().copied().collect();
        let (mut pairs, mut created) = (Vec::new(), Vec::new());
        for (new, table) in &to.tables {
            let old = olds
                .get(new.as_str())
                .copied()
                .or_else(|| Some(new.as_str()).filter(|name| !taken.contains(name)));
            match old.and_then(|old| from.tables.get_key_value(old)) {
                Some((old, before)) => pairs.push(Pair::new((old, before), (new, table), renames)),
                None => created.push((new.as_str(), table)),
            }
        }
        let stays = |name: &str| pairs.iter().any(|pair: &Pair<'_>| pair.old == name);
        let tables = from.tables.iter().map(|(name, table)| (name.as_str(), table));
        let dropped = tables.filter(|(name, _)| !stays(name)).collect();
        let renamed = pairs.iter().filter(|p| p.old != p.new).map(|p| (p.old, p.new)).collect();
        Self { from, to, pairs, created, dropped, renamed }
    }

    /// The table that had this name.
    pub(super) fn of_old(&self, name: &str) -> Option<&Pair<'p>> {
        self.pairs.iter().find(|pair| pair.old == name)
    }

    /// The table that has this name in the end, if it was there before.
    pub(super) fn of_new(&self, name: &str) -> Option<&Pair<'p>> {
        self.pairs.iter().find(|pair| pair.new == name)
    }
}

impl<'p> Pair<'p> {
    fn new(
        (old, from): (&'p String, &'p TableShape),
        (new, to): (&'p String, &'p TableShape),
        renames: &'p Renames,
    ) -> Self {
        let mut taken: Vec<&str> = Vec::new();
        let mut olds: BTreeMap<&str, &ColumnShape> = BTreeMap::new();
        for column in &to.columns {
            let place = (new.clone(), column.name.clone());
            let Some(was) = renames.columns.get(&place) else { continue };
            if !taken.contains(&was.as_str())
                && let Some(before) = from.column(was)
            {
                taken.push(was);
                olds.insert(&column.name, before);
            }
        }
        let way = |column: &'p ColumnShape| {
            let same_name = || from.column(&column.name).filter(|c| !taken.contains(&&*c.name));
            let before = olds.get(column.name.as_str()).copied().or_else(same_name);
            let values =
                before.map_or(Conversion::Same, |before| conversion(before, column, &column.name));
            Way { to: column, from: before, values }
        };
        let columns: Vec<_> = to.columns.iter().map(way).collect();
        let stays = |name: &str| columns.iter().any(|w| w.from.is_some_and(|c| c.name == name));
        let dropped = from.columns.iter().filter(|column| !stays(&column.name)).collect();
        let renamed = columns
            .iter()
            .filter(|way| !way.is_remade())
            .filter_map(|way| Some((way.from?.name.as_str(), way.to.name.as_str())))
            .filter(|(old, new)| old != new)
            .collect();
        Self { old, new, from, to, columns, dropped, renamed }
    }

    /// Whether the table must be made anew, because its rows stand in another way.
    pub(super) fn rebuilt(&self) -> bool {
        match (&self.from.storage, &self.to.storage) {
            (Storage::Parts { column: old }, Storage::Parts { column: new }) => {
                let old = old.as_str();
                // The server lets the column have another name, and no other type.
                self.touched().contains(&old)
                    || self.renamed.get(old).copied().unwrap_or(old) != new.as_str()
            }
            (Storage::Other(old), Storage::Other(new)) => !same(old, new, &self.renamed),
            (old, new) => old != new,
        }
    }

    /// Whether its parts hold its rows: then nothing is made beside the writers.
    pub(super) fn is_cut(&self) -> bool {
        !matches!(self.to.storage, Storage::Plain)
    }

    /// Whether every row is written anew, while all others wait.
    pub(super) fn rewritten(&self) -> bool {
        self.columns.iter().any(|way| matches!(way.values, Conversion::Using(_)))
    }

    /// The old names of columns that go, with all that hangs on them.
    pub(super) fn gone(&self) -> Vec<&'p str> {
        let remade = self.columns.iter().filter(|way| way.is_remade());
        let remade = remade.filter_map(|way| Some(way.from?.name.as_str()));
        self.dropped.iter().map(|column| column.name.as_str()).chain(remade).collect()
    }

    /// The old names of columns that go or become another type.
    pub(super) fn touched(&self) -> Vec<&'p str> {
        let converted = self.columns.iter().filter(|way| way.is_converted());
        let converted = converted.filter_map(|way| Some(way.from?.name.as_str()));
        self.gone().into_iter().chain(converted).collect()
    }
}

impl Way<'_> {
    /// Whether the column is dropped and made anew.
    pub(super) fn is_remade(&self) -> bool {
        matches!(self.values, Conversion::None(_))
    }

    pub(super) fn is_converted(&self) -> bool {
        matches!(self.values, Conversion::Plain | Conversion::Using(_))
    }

    /// Whether it is added to a table, anew or for the first time.
    pub(super) fn is_added(&self) -> bool {
        self.from.is_none() || self.is_remade()
    }

    /// Its value, reckoned from a row of the table as it was; none if no row of before has one
    /// that the server knows before it is there.
    pub(super) fn of_old_row(&self) -> Option<String> {
        let type_text = &self.to.type_text;
        match self.from.filter(|_| !self.is_remade()) {
            Some(from) => Some(match conversion(from, self.to, &from.name) {
                Conversion::Using(value) => format!("({value})::{type_text}"),
                Conversion::Plain => format!("{}::{type_text}", quoted(&from.name)),
                _ => quoted(&from.name),
            }),
            None if self.to.assigned || generated(self.to).is_some() => None,
            None => {
                let value = self.to.default.as_deref().unwrap_or("NULL");
                (!value.contains("nextval(")).then(|| format!("({value})::{type_text}"))
            }
        }
    }

    /// Whether the values that it had are lost.
    pub(super) fn loss(&self) -> Option<&'static str> {
        match self.values {
            // What is reckoned from other columns is reckoned again.
            Conversion::None(_) if self.from.is_some_and(|from| generated(from).is_some()) => None,
            Conversion::None(why) => Some(why),
            _ => None,
        }
    }
}
