//! No engine: for a program whose features and settings name none. Every call says so.

use std::path::PathBuf;

use tradebase_core::watch::Watch;
use tradebase_core::{Capabilities, Code, Error, Record, Result};

use crate::capability::NONE;
use crate::plan::Plan;
use crate::written::Written;

/// The place where an engine would be.
#[derive(Debug)]
pub struct Absent {
    /// What to do about it.
    remedy: &'static str,
    watch: Watch,
}

impl Absent {
    pub fn new(remedy: &'static str, watch: Watch) -> Self {
        Self { remedy, watch }
    }

    /// What every call answers.
    #[cold]
    pub fn error(&self) -> Error {
        Error::new(
            Code::Unsupported,
            format!("there is no engine for time series: {}", self.remedy),
        )
    }

    pub fn capabilities(&self) -> &'static Capabilities {
        &NONE
    }

    pub fn address(&self) -> String {
        "nowhere".to_owned()
    }

    pub fn is_ephemeral(&self) -> bool {
        false
    }

    pub fn instead_of(&self) -> Option<PathBuf> {
        None
    }

    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    pub fn is_connected(&self) -> bool {
        false
    }

    pub async fn connect(&self) -> Result<()> {
        Err(self.error())
    }

    pub async fn ping(&self) -> Result<()> {
        Err(self.error())
    }

    pub async fn create(&self, _: &'static Plan) -> Result<()> {
        Err(self.error())
    }

    pub async fn remove(&self, _: &'static Plan) -> Result<()> {
        Err(self.error())
    }

    pub async fn write<T: Record>(&self, _: &'static Plan, _: &[T]) -> Result<Written> {
        Err(self.error())
    }

    pub async fn read<T: Record>(&self, _: &'static Plan, _: (i64, i64)) -> Result<Vec<T>> {
        Err(self.error())
    }

    pub async fn close(&self) -> Result<()> {
        Ok(())
    }
}
