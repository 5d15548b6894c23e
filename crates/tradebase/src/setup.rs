//! The tables of a program: set up, made anew, compared with its records.

use tradebase_core::{Code, Error, Result, Table};
use tradebase_sql::{
    Difference, Entry, MigrateOptions, MigrationReport, MigrationStopped, Migrator, Target,
};

use crate::{Profile, Tradebase};

impl Tradebase {
    /// What migrates the relational room by the sets that
    /// [`Opening::migrations`](crate::Opening::migrations) was given. Where nobody says who
    /// migrates, it is the server's user, or of an embedded store the user of the process.
    pub fn migrator(&self, mut options: MigrateOptions) -> Result<Migrator> {
        if options.who.is_none() && self.house().settings.sql.is_embedded() {
            options.who = crate::config::user();
        }
        self.sql().migrator(self.house().migrations.iter().cloned(), options)
    }

    /// Brings the tables of the relational room to where the program wants them: applies the
    /// migrations that are missing, or, where it was opened without migrations, creates the
    /// missing tables of its records, on servers too; refused where some have been applied.
    ///
    /// Several processes may call it at once: one works, the others wait and find it done.
    pub async fn setup(&self) -> Result<MigrationReport, MigrationStopped> {
        if !self.house().migrations.is_empty() {
            return self.migrator(MigrateOptions::default())?.up(Target::End).await;
        }
        self.check_unmigrated().await?;
        for table in self.records().relational() {
            self.sql().table(table).create_table().await?;
        }
        Ok(MigrationReport::default())
    }

    /// Empties the relational room and sets it up again: takes all migrations back and applies
    /// them anew, or, without migrations, drops the tables of the records and creates them.
    /// **All rows are lost.** Refused under the profile `production`.
    ///
    /// On SQLite a file is backed up before, see [`MigrateOptions::backup`]; without migrations
    /// it is not.
    pub async fn reset(&self) -> Result<MigrationReport, MigrationStopped> {
        if self.house().settings.profile == Profile::Production {
            let message = format!(
                "under the profile production nothing is reset unless it is forced: {}",
                self.sql().address()
            );
            return Err(Error::new(Code::Config, message).into());
        }
        self.reset_even_in_production().await
    }

    /// As [`reset`](Tradebase::reset), whatever the profile is.
    pub async fn reset_even_in_production(&self) -> Result<MigrationReport, MigrationStopped> {
        if self.house().migrations.is_empty() {
            self.check_unmigrated().await?;
            for table in children_first(self.records().relational().collect()) {
                self.sql().table(table).drop_table().await?;
            }
            return self.setup().await;
        }
        let migrator = self.migrator(MigrateOptions::default())?;
        let down = migrator.down(Target::Version("0".to_owned())).await?;
        let mut report = migrator.up(Target::End).await?;
        report.applied.splice(0..0, down.applied);
        report.backup = report.backup.or(down.backup);
        Ok(report)
    }

    /// Refuses to go by the records where migrations have been applied: the history would then say
    /// what is not so, and what they did besides would be missing.
    async fn check_unmigrated(&self) -> Result<()> {
        let history = self.migrator(MigrateOptions::default())?.history().await;
        let entries = match history {
            // Behind PgBouncer nobody migrates, and the records' own verbs say what goes.
            Err(error) if error.code() == Code::Unsupported => return Ok(()),
            read => read?,
        };
        let is_live = |entry: &&Entry| entry.outcome.is_there() || entry.outcome.is_half();
        match entries.iter().rfind(is_live) {
            None => Ok(()),
            Some(entry) => {
                let message = format!(
                    "the database is at {}/{} of its migrations, and none are at hand: open it \
                     with them, or say where they are by DATABASE_MIGRATIONS: {}",
                    entry.set,
                    entry.version,
                    self.sql().address()
                );
                Err(Error::new(Code::MigrationFile, message))
            }
        }
    }

    /// How the relational room differs from what the registered records want of it. Nothing is
    /// changed; empty where it is as they want it.
    pub async fn drift(&self) -> Result<Vec<Difference>> {
        let tables: Vec<_> = self.records().relational().collect();
        self.sql().drift(&tables).await
    }
}

/// The tables, each before all those it points to. Of those that point to each other in a circle
/// any one goes first, and the engine says what it thinks of it.
fn children_first(mut left: Vec<&'static Table>) -> Vec<&'static Table> {
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_free = |table: &&'static Table| {
            !left.iter().any(|other| other.name != table.name && points_to(other, table))
        };
        let next = left.iter().position(is_free).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

fn points_to(table: &Table, parent: &Table) -> bool {
    let mut parents = table.columns.iter().filter_map(|column| column.parent);
    parents.any(|reference| reference.table().name == parent.name)
}
