//! Migrations without async.

use tradebase_core::Result;

use super::{Blocking, Tradebase};
use crate::sql::{
    Difference, Entry, MigrateOptions, MigrationReport, MigrationSet, MigrationStatus,
    MigrationStopped, Migrator, Sql, Target,
};

impl Tradebase {
    /// See [`crate::Tradebase::migrator`].
    pub fn migrator(&self, options: MigrateOptions) -> Result<Blocking<Migrator>> {
        Ok(self.room(self.0.migrator(options)?))
    }

    /// See [`crate::Tradebase::setup`].
    pub fn setup(&self) -> Result<MigrationReport, MigrationStopped> {
        self.0.runtime().wait(self.0.setup())?
    }

    /// See [`crate::Tradebase::reset`].
    pub fn reset(&self) -> Result<MigrationReport, MigrationStopped> {
        self.0.runtime().wait(self.0.reset())?
    }

    /// See [`crate::Tradebase::reset_even_in_production`].
    pub fn reset_even_in_production(&self) -> Result<MigrationReport, MigrationStopped> {
        self.0.runtime().wait(self.0.reset_even_in_production())?
    }

    /// See [`crate::Tradebase::drift`].
    pub fn drift(&self) -> Result<Vec<Difference>> {
        self.wait(self.0.drift())
    }
}

impl Blocking<Sql> {
    /// See [`Sql::migrator`].
    pub fn migrator(
        &self,
        sets: impl IntoIterator<Item = MigrationSet>,
        options: MigrateOptions,
    ) -> Result<Blocking<Migrator>> {
        let room = self.room.migrator(sets, options)?;
        Ok(Blocking { db: self.db.clone(), room })
    }
}

impl Blocking<Migrator> {
    /// See [`Migrator::status`].
    pub fn status(&self) -> Result<MigrationStatus> {
        self.wait(self.room.status())
    }

    /// See [`Migrator::history`].
    pub fn history(&self) -> Result<Vec<Entry>> {
        self.wait(self.room.history())
    }

    /// See [`Migrator::up`].
    pub fn up(&self, to: Target) -> Result<MigrationReport, MigrationStopped> {
        self.block_on(self.room.up(to))?
    }

    /// See [`Migrator::down`].
    pub fn down(&self, to: Target) -> Result<MigrationReport, MigrationStopped> {
        self.block_on(self.room.down(to))?
    }

    /// See [`Migrator::would_take_back`].
    pub fn would_take_back(&self, to: &Target) -> Result<Vec<String>> {
        self.wait(self.room.would_take_back(to))
    }

    /// See [`Migrator::verify`].
    pub fn verify(&self) -> Result<()> {
        self.wait(self.room.verify())
    }

    /// See [`Migrator::adopt`].
    pub fn adopt(&self, to: Target) -> Result<MigrationStatus> {
        self.wait(self.room.adopt(to))
    }
}
