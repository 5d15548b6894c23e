//! Which names stand for a WITH query where, so that none is taken for one that is not in sight
//! there: an engine would read a table of that name.

use sqlparser::ast::{Ident, Query, With};

use super::Dialect;

/// The WITH queries in sight, the innermost last.
#[derive(Debug, Default)]
pub(super) struct Scopes(Vec<Scope>);

#[derive(Debug)]
struct Scope {
    /// Each with the address of its query.
    names: Vec<(String, usize)>,
    /// How many of them are in sight: all in a recursive one, else those before.
    seen: usize,
}

impl Scopes {
    /// A query begins.
    pub(super) fn begin(&mut self, query: &Query, dialect: Dialect) {
        let scope = match &query.with {
            None => Scope { names: Vec::new(), seen: 0 },
            Some(with) => Scope::of(with, dialect),
        };
        self.0.push(scope);
    }

    /// A query ends, which may be one that has a name from here on.
    pub(super) fn end(&mut self, query: &Query) {
        self.0.pop();
        let Some(outer) = self.0.last_mut() else { return };
        if let Some(at) = outer.names.iter().position(|(_, of)| *of == address(query)) {
            outer.seen = outer.seen.max(at + 1);
        }
    }

    /// Whether the name is one of a WITH query here.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.0.iter().any(|scope| scope.names.iter().take(scope.seen).any(|(n, _)| n == name))
    }
}

impl Scope {
    fn of(with: &With, dialect: Dialect) -> Self {
        let names = with.cte_tables.iter();
        let names: Vec<_> =
            names.map(|cte| (dialect.folded(&cte.alias.name), address(&cte.query))).collect();
        let seen = if with.recursive { names.len() } else { 0 };
        Self { names, seen }
    }
}

fn address(query: &Query) -> usize {
    std::ptr::from_ref(query).addr()
}

impl Dialect {
    /// A name as the engine understands it.
    pub(super) fn folded(self, name: &Ident) -> String {
        match (self, name.quote_style) {
            (Dialect::Postgres, Some(_)) => name.value.clone(),
            _ => name.value.to_ascii_lowercase(),
        }
    }
}
