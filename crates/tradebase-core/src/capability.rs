//! What an engine can do, declared instead of discovered.

use crate::error::{Code, Error, Result};

/// Something that not every engine can do, or not every engine can do alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Keeps its data when the process ends.
    Durable,
    /// Can be used by several processes at once.
    Shared,
    /// Creates a record's table.
    CreateTable,
    /// Finds records by a filter.
    Filter,
    /// Changes a stored record in place.
    Update,
    /// Deletes single records.
    Delete,
    /// Refuses a second record of the same key.
    UniqueKey,
    /// Assigns integer keys.
    AssignedKey,
    /// Keeps a time to live per entry.
    TimeToLive,
    /// Tells null from absent on reading.
    StoredNull,
    /// Holds records that have no series.
    AnyRecord,
}

impl Capability {
    /// Every capability there is.
    pub const ALL: &'static [Capability] = &[
        Capability::Durable,
        Capability::Shared,
        Capability::CreateTable,
        Capability::Filter,
        Capability::Update,
        Capability::Delete,
        Capability::UniqueKey,
        Capability::AssignedKey,
        Capability::TimeToLive,
        Capability::StoredNull,
        Capability::AnyRecord,
    ];

    /// What it means, for the reference.
    pub const fn meaning(self) -> &'static str {
        match self {
            Capability::Durable => "keeps its data when the process ends",
            Capability::Shared => "serves several processes at once",
            Capability::CreateTable => "creates a record's table",
            Capability::Filter => "finds records by a typed filter",
            Capability::Update => "changes a stored record in place",
            Capability::Delete => "deletes single records",
            Capability::UniqueKey => "refuses a second record of the same key",
            Capability::AssignedKey => "assigns integer keys",
            Capability::TimeToLive => "lets entries expire",
            Capability::StoredNull => "tells null from absent",
            Capability::AnyRecord => "holds records that have no series",
        }
    }
}

/// An engine's declaration: what it can do, and for each thing it cannot, the engine's own limit.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Capabilities {
    /// The engine's name: `sqlite`, `postgres` …
    pub engine: &'static str,
    /// What it cannot do, and why the engine cannot.
    pub limits: &'static [(Capability, &'static str)],
    /// The versions it is tested with, as one line.
    pub tested: &'static str,
    /// The versions it should work with too, as one line.
    pub claimed: &'static str,
}

impl Capabilities {
    /// A declaration.
    pub const fn new(
        engine: &'static str,
        limits: &'static [(Capability, &'static str)],
        tested: &'static str,
        claimed: &'static str,
    ) -> Self {
        Self { engine, limits, tested, claimed }
    }

    /// The engine's limit in the way of that, if there is one.
    pub fn limit(&self, capability: Capability) -> Option<&'static str> {
        self.limits.iter().find(|(which, _)| *which == capability).map(|(_, why)| *why)
    }

    /// Whether the engine can do that.
    pub fn can(&self, capability: Capability) -> bool {
        self.limit(capability).is_none()
    }

    /// A typed error if the engine cannot do that.
    pub fn require(&self, capability: Capability) -> Result<()> {
        match self.limit(capability) {
            None => Ok(()),
            Some(why) => Err(Error::new(
                Code::Unsupported,
                format!("{} cannot do this ({}): {why}", self.engine, capability.meaning()),
            )),
        }
    }
}
