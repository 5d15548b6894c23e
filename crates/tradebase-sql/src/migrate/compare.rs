//! Comparing a database with what is wanted of it.

#[cfg(not(feature = "postgres"))]
use tradebase_core::{Code, Error};
use tradebase_core::{Result, Table};

use super::plan::{Draft, Plan};
#[cfg(feature = "postgres")]
use super::postgres;
use super::shape::{Shape, Storage};
use super::split::{Statement, split};
use super::sqlite;
use super::strangers::{Stay, left_alone};
use super::wanted::{Renames, Wanted};
use crate::engine::Engine;
use crate::naming;
use crate::raw::Dialect;
use crate::schema;
use crate::sql::Sql;

/// The bounds of the part that takes the rows no other part has room for.
const DEFAULT_PART: &str = "DEFAULT";

impl Sql {
    /// What the database consists of.
    pub async fn shape(&self) -> Result<Shape> {
        let mut connection = self.connection().await?;
        let shape = match &self.engine {
            Engine::Sqlite(_) => sqlite::shape(&mut connection).await?,
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => postgres::shape(&mut connection).await?,
        };
        connection.release().await?;
        Ok(shape)
    }

    /// What these records and those they point to want it to consist of. They are made on the
    /// same engine for that, aside, and nothing of it stays.
    pub async fn wanted(&self, tables: &[&'static Table]) -> Result<Wanted> {
        let all = schema::with_parents(tables)?;
        all.iter().try_for_each(|table| naming::check(table))?;
        let text = match &self.engine {
            Engine::Sqlite(_) => crate::sqlite::definitions(&all)?,
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => crate::postgres::definitions(&all)?,
        };
        let statements = split(self.engine.dialect(), &text, 1)?;
        let shape = self.replayed(&statements).await?;
        Ok(Wanted { shape, renames: Renames::of(&all)? })
    }

    /// What the database consists of, to be compared with that: on SQLite names that differ by
    /// case alone are the same.
    pub(crate) async fn shape_beside(&self, wanted: &Shape) -> Result<Shape> {
        let shape = self.shape().await?;
        Ok(match self.engine.dialect() {
            Dialect::Sqlite => sqlite::respelled(&shape, wanted, &Renames::default()),
            Dialect::Postgres => shape,
        })
    }

    /// What an empty database consists of after these statements.
    pub(crate) async fn replayed(&self, statements: &[Statement]) -> Result<Shape> {
        match &self.engine {
            Engine::Sqlite(_) => sqlite::replayed(statements).await,
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => {
                let mut connection = self.connection().await?;
                let shape = postgres::replayed(&mut connection, statements).await?;
                connection.release().await?;
                Ok(shape)
            }
        }
    }

    /// The way from what the database is to what is wanted, and back. `drop_unknown` says whether
    /// tables and indexes that are not wanted go; else they are noted and left alone.
    pub async fn draft(&self, wanted: &Wanted, drop_unknown: bool) -> Result<Draft> {
        let now = self.shape().await?;
        Draft::between(self.engine.dialect(), &now, wanted, drop_unknown)
    }
}

impl Draft {
    /// The way from one shape to another of the same engine, and back.
    pub fn between(
        engine: Dialect,
        now: &Shape,
        wanted: &Wanted,
        drop_unknown: bool,
    ) -> Result<Draft> {
        let respelled = match engine {
            Dialect::Sqlite => Some(sqlite::respelled(now, &wanted.shape, &wanted.renames)),
            Dialect::Postgres => None,
        };
        let now = respelled.as_ref().unwrap_or(now);
        // Those that count are all that may be taken back.
        let renames = &wanted.renames.counting(now, &wanted.shape);
        let (mut to, notes) = completed(engine, now, &wanted.shape, renames, drop_unknown);
        if engine == Dialect::Sqlite {
            to = sqlite::carried(now, &to, &wanted.shape, renames)?;
        }
        let mut draft = Draft {
            up: plan(engine, now, &to, renames)?,
            down: plan(engine, &to, now, &renames.reversed())?,
        };
        draft.up.notes.extend(notes);
        Ok(draft)
    }
}

fn plan(engine: Dialect, from: &Shape, to: &Shape, renames: &Renames) -> Result<Plan> {
    match engine {
        Dialect::Sqlite => sqlite::plan(from, to, renames),
        #[cfg(feature = "postgres")]
        Dialect::Postgres => postgres::plan(from, to, renames),
        #[cfg(not(feature = "postgres"))]
        Dialect::Postgres => {
            let message = "built without PostgreSQL: switch on the feature postgres";
            Err(Error::new(Code::Unsupported, message))
        }
    }
}

/// What is wanted, with what is there and nobody asked for, unless that is to go. Triggers are
/// part of no record: they stay in any case.
fn completed(
    engine: Dialect,
    now: &Shape,
    wanted: &Shape,
    renames: &Renames,
    drop_unknown: bool,
) -> (Shape, Vec<String>) {
    let (mut to, mut notes) = (wanted.clone(), Vec::new());
    for (name, table) in &now.tables {
        let renamed = renames.tables.iter().find(|(_, old)| *old == name);
        let new = renamed.map_or(name, |(new, _)| new).clone();
        match to.tables.get_mut(&new) {
            Some(kept) => {
                let stay = Stay { engine, now, wanted, renames, old: name, new: &new, table };
                stay.keep(kept, !drop_unknown, &mut notes);
                let cut = |storage: &Storage| matches!(storage, Storage::Parts { .. });
                if cut(&kept.storage) && cut(&table.storage) {
                    // They come and go with time, whatever a migration does; but the one that
                    // takes all rows must be there.
                    let has = |bounds: &str| table.parts.iter().any(|have| have.bounds == bounds);
                    kept.parts.retain(|part| part.bounds == DEFAULT_PART && !has(&part.bounds));
                    kept.parts.extend_from_slice(&table.parts);
                }
            }
            None if drop_unknown => {}
            None => {
                notes.push(format!("the table {name} is left alone: no record has it"));
                let left = match engine {
                    // The engine lets them point to others itself.
                    Dialect::Sqlite => table.clone(),
                    Dialect::Postgres => {
                        left_alone((name, table), now, wanted, renames, &mut notes)
                    }
                };
                to.tables.insert(name.clone(), left);
            }
        }
    }
    for (name, text) in now.views.iter().filter(|(name, _)| !wanted.views.contains_key(*name)) {
        // The readable view of a table goes with it.
        let of = name.strip_suffix("_readable");
        let stays = of.is_none_or(|of| !now.tables.contains_key(of) || to.tables.contains_key(of));
        if !drop_unknown && stays {
            notes.push(format!("the view {name} is left alone: no record has it"));
            to.views.insert(name.clone(), text.clone());
        }
    }
    (to, notes)
}
