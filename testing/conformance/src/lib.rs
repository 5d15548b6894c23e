//! One suite of promises, run against every engine of tradebase.

pub mod models;
