//! Tables and views that some statements make on their way, whether or not they last.

use std::collections::BTreeSet;

use tradebase_core::Result;

use super::difference::Difference;
use super::shape::Shape;
use super::split::Statement;
use super::statement::{Action, Command, read};
use crate::raw::Dialect;

/// The names of tables and views that statements make or rename something to.
#[derive(Debug)]
pub(super) struct Names {
    engine: Dialect,
    names: BTreeSet<String>,
}

pub(super) fn names(engine: Dialect, statements: &[Statement]) -> Result<Names> {
    let mut names = BTreeSet::new();
    for statement in statements {
        match read(engine, &statement.text)? {
            Command::CreateTable(table) => _ = names.insert(table.name),
            Command::Create { what, name: Some(name), .. } if what == "VIEW" => {
                names.insert(name);
            }
            Command::AlterTable { actions, .. } => {
                names.extend(actions.into_iter().filter_map(|action| match action {
                    Action::RenameTable { to } => Some(to),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    Ok(Names { engine, names })
}

impl Names {
    fn has(&self, name: &str) -> bool {
        self.names.contains(&folded(self.engine, name))
    }
}

/// A name as the engine compares it.
fn folded(engine: Dialect, name: &str) -> String {
    match engine {
        Dialect::Sqlite => name.to_ascii_lowercase(),
        Dialect::Postgres => name.to_owned(),
    }
}

impl Shape {
    /// What is there and should not be: it was made on the way to what is wanted, and is no part of
    /// that. What nobody made is a stranger's, and left out.
    pub(super) fn left_over(&self, wanted: &Shape, made: &Names) -> Vec<Difference> {
        let fold = |name: &String| folded(made.engine, name);
        let wanted: BTreeSet<_> =
            wanted.tables.keys().chain(wanted.views.keys()).map(fold).collect();
        let tables = self.tables.keys().map(|name| (name, "table"));
        let views = self.views.keys().map(|name| (name, "view"));
        let over = tables.chain(views);
        over.filter(|(name, _)| made.has(name) && !wanted.contains(&fold(name)))
            .map(|(name, what)| Difference {
                table: name.clone(),
                column: None,
                what: what.to_owned(),
                have: Some("there".to_owned()),
                want: None,
            })
            .collect()
    }
}
