//! The order in which versions of several sets are applied.

use tradebase_core::{Code, Error, Result};

use super::set::{Migration, MigrationSet, number};

/// Sets with their versions in one order, each behind all that it needs.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    sets: Vec<MigrationSet>,
    /// Set and version, by their places.
    order: Vec<(usize, usize)>,
}

/// A version on the way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop<'r> {
    pub(crate) set: &'r MigrationSet,
    pub(crate) version: &'r Migration,
}

impl Route {
    pub(crate) fn new(sets: Vec<MigrationSet>) -> Result<Self> {
        for (at, set) in sets.iter().enumerate() {
            if sets[..at].iter().any(|other| other.name == set.name) {
                let message = format!("two sets of migrations have this name: {}", set.name);
                return Err(Error::new(Code::MigrationFile, message));
            }
        }
        let mut route = Self { sets, order: Vec::new() };
        route.order = route.ordered()?;
        Ok(route)
    }

    /// All versions, in the order in which they are applied.
    pub(crate) fn stops(&self) -> impl DoubleEndedIterator<Item = Stop<'_>> {
        self.order.iter().map(|&(set, version)| {
            let set = &self.sets[set];
            Stop { set, version: &set.versions[version] }
        })
    }

    pub(crate) fn sets(&self) -> &[MigrationSet] {
        &self.sets
    }

    /// The set of that name.
    pub(crate) fn set(&self, name: &str) -> Result<&MigrationSet> {
        self.sets.iter().find(|set| set.name == name).ok_or_else(|| {
            let known: Vec<_> = self.sets.iter().map(|set| set.name.as_str()).collect();
            let message =
                format!("there is no set {name} of migrations; known: {}", known.join(", "));
            Error::new(Code::MigrationFile, message)
        })
    }

    fn ordered(&self) -> Result<Vec<(usize, usize)>> {
        let mut done = vec![0; self.sets.len()];
        let mut order = Vec::new();
        loop {
            let before = order.len();
            for (at, set) in self.sets.iter().enumerate() {
                while let Some(version) = set.versions.get(done[at])
                    && self.met(version, &done)?
                {
                    order.push((at, done[at]));
                    done[at] += 1;
                }
            }
            if order.len() == before {
                break;
            }
        }
        let waiting =
            self.sets.iter().zip(&done).find_map(|(set, &done)| {
                Some(format!("{}/{}", set.name, set.versions.get(done)?.id))
            });
        match waiting {
            None => Ok(order),
            Some(waiting) => {
                let message = format!("the sets need each other in a circle, at {waiting}");
                Err(Error::new(Code::MigrationFork, message))
            }
        }
    }

    /// Whether all that a version needs comes before.
    fn met(&self, version: &Migration, done: &[usize]) -> Result<bool> {
        for need in &version.needs {
            let (name, id) = need.split_once('/').unwrap_or((need, ""));
            let set = self.set(name)?;
            let at = set.versions.iter().position(|v| number(&v.id) == number(id));
            let Some(at) = at else {
                let message =
                    format!("version {} needs {need}, which the set does not have", version.id);
                return Err(Error::new(Code::MigrationFile, message));
            };
            let place = self.sets.iter().position(|other| other.name == name).unwrap_or_default();
            if done[place] <= at {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
