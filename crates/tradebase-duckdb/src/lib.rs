//! The DuckDB floor of tradebase: one engine per file, Arrow in and out.
