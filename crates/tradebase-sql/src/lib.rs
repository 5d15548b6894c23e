//! The relational room of tradebase: SQLite and PostgreSQL.
