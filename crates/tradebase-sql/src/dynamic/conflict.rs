//! What an upsert by name does when the row is there already.

use tradebase_core::{Result, Table};

use super::names::position;
use crate::conflict::{Action, Plan};

/// As [`Conflict`](crate::Conflict), with columns by name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct DynamicConflict {
    on: Vec<String>,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Keep,
    Replace,
    Set(Vec<String>),
}

impl DynamicConflict {
    /// The stored row stays as it is.
    pub fn keep() -> Self {
        Self { on: Vec::new(), what: What::Keep }
    }

    /// All columns of the stored row are written, but the key and when it was made.
    pub fn replace() -> Self {
        Self { on: Vec::new(), what: What::Replace }
    }

    /// Only these columns of the stored row are written, and those that the layer fills.
    pub fn set<N: Into<String>>(columns: impl IntoIterator<Item = N>) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Self { on: Vec::new(), what: What::Set(columns) }
    }

    /// Rows are the same that are equal in these columns, which a unique index must have; else
    /// those of one key.
    pub fn on<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.on = columns.into_iter().map(Into::into).collect();
        self
    }

    pub(super) fn plan(&self, table: &'static Table) -> Result<Plan> {
        let places = |names: &[String]| -> Result<Vec<usize>> {
            names.iter().map(|name| position(table, name)).collect()
        };
        let action = match &self.what {
            What::Keep => Action::Keep,
            What::Replace => Action::Replace,
            What::Set(columns) => Action::Set(places(columns)?),
        };
        let plan = Plan { on: places(&self.on)?, action };
        plan.check(table)?;
        Ok(plan)
    }
}
