//! The records of a program, registered.

use serde::{Deserialize, Serialize};
use tradebase_core::schema::{TableSchema, tables};
use tradebase_core::{Code, Error, Result, Table};

/// Registers records: `records![Bot, Order, Fill]`.
///
/// ```
/// use tradebase::{Record, records};
///
/// #[derive(Record)]
/// #[record(table = "bots")]
/// struct Bot {
///     #[record(key)]
///     id: i64,
///     name: String,
/// }
///
/// let registry = records![Bot];
/// assert_eq!(registry.tables()[0].name, "bots");
/// ```
#[macro_export]
macro_rules! records {
    ($($record:ty),* $(,)?) => {
        $crate::Records::new([$(<$record as $crate::Record>::TABLE),*])
    };
}

/// The version of the form of `schema.json`.
const FORM: u32 = 1;

/// The records of a program: what [`Opening::records`](crate::Opening::records) makes tables of,
/// and what the command line knows.
#[derive(Clone, Debug, Default)]
pub struct Records {
    tables: Vec<&'static Table>,
}

/// What stands in `schema.json`.
#[derive(Serialize, Deserialize)]
struct File {
    tradebase: u32,
    records: Vec<TableSchema>,
}

impl Records {
    /// The records of these tables; see [`records!`](crate::records!).
    pub fn new(tables: impl IntoIterator<Item = &'static Table>) -> Self {
        let mut records = Self::default();
        records.extend(tables);
        records
    }

    /// These records and others. Where both have a table of one name, it is that of these.
    #[must_use]
    pub fn and(mut self, others: &Records) -> Self {
        self.extend(others.tables.iter().copied());
        self
    }

    fn extend(&mut self, tables: impl IntoIterator<Item = &'static Table>) {
        for table in tables {
            if !self.tables.iter().any(|known| known.name == table.name) {
                self.tables.push(table);
            }
        }
    }

    /// Their tables, in the order of registration.
    pub fn tables(&self) -> &[&'static Table] {
        &self.tables
    }

    /// The table of that name, or of the record of that name.
    pub fn find(&self, name: &str) -> Option<&'static Table> {
        self.tables.iter().copied().find(|table| table.name == name || table.record == name)
    }

    /// Those that are tables of the relational and analytics rooms.
    pub(crate) fn relational(&self) -> impl Iterator<Item = &'static Table> + '_ {
        self.tables.iter().copied().filter(|table| table.is_relational())
    }

    /// Those that are time series.
    #[cfg(feature = "duckdb")]
    pub(crate) fn series(&self) -> impl Iterator<Item = &'static Table> + '_ {
        self.tables.iter().copied().filter(|table| table.series.is_some())
    }

    /// Their tables, with those they point to.
    fn with_parents(&self) -> Vec<&'static Table> {
        let mut all = self.tables.clone();
        let mut at = 0;
        while let Some(table) = all.get(at).copied() {
            for parent in table.columns.iter().filter_map(|column| column.parent) {
                let parent = parent.table();
                if !all.iter().any(|known| known.name == parent.name) {
                    all.push(parent);
                }
            }
            at += 1;
        }
        all
    }

    /// Their schemas as a JSON text, for `schema.json`: what the stock command needs to know of
    /// another program's records. Those that they point to are there too.
    pub fn to_json(&self) -> Result<String> {
        let records = self.with_parents().iter().map(|&table| TableSchema::from(table)).collect();
        serde_json::to_string_pretty(&File { tradebase: FORM, records })
            .map(|text| text + "\n")
            .map_err(|e| Error::new(Code::Internal, "the schemas cannot be written").because(e))
    }

    /// Reads what [`to_json`](Records::to_json) wrote. Rules of fields are not part of a schema.
    pub fn from_json(text: &str) -> Result<Records> {
        let file: File = serde_json::from_str(text).map_err(|e| {
            Error::new(Code::Config, format!("not a schema.json of tradebase: {e}")).because(e)
        })?;
        if file.tradebase != FORM {
            let message = format!(
                "the schema.json is of another form, this program reads form {FORM}: {}",
                file.tradebase
            );
            return Err(Error::new(Code::Config, message));
        }
        Ok(Records::new(tables(&file.records)?))
    }
}
