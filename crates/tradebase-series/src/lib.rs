//! The time-series room of tradebase: InfluxDB and an embedded engine.
