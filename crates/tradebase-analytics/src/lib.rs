//! The analytics room of tradebase: records in DuckDB.
