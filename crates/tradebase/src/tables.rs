//! How a record's columns stand in each engine, for people.

use serde::Serialize;
use tradebase_core::Table;

/// The types of a table's columns in one engine, in the order of the columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EngineTypes {
    /// The engine: `sqlite`, `postgres` …
    pub engine: &'static str,
    /// A type for each column.
    pub types: Vec<String>,
}

/// The types of a table's columns in every engine that can hold it and that this program was
/// built with.
pub fn column_types(table: &Table) -> Vec<EngineTypes> {
    let mut engines = Vec::new();
    let mut add = |engine, type_of: &dyn Fn(&tradebase_core::Column) -> String| {
        let types = table.columns.iter().map(type_of).collect();
        engines.push(EngineTypes { engine, types });
    };
    if table.is_relational() {
        add("sqlite", &|column| tradebase_sql::sqlite_type(column.kind).to_owned());
        #[cfg(feature = "postgres")]
        add("postgres", &|column| tradebase_sql::postgres_type(column.kind));
        #[cfg(feature = "duckdb")]
        add("duckdb", &|column| tradebase_duckdb::duckdb_type(column.kind));
    }
    #[cfg(feature = "influx")]
    if table.series.is_some() {
        add("influx", &|column| tradebase_series::influx_type(column).to_owned());
    }
    engines
}
