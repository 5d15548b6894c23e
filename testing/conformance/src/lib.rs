//! One suite of promises, run against every engine of tradebase.
//!
//! The records stand in [`models`]; with the feature `suite` there are also the engines under one
//! handle, rows with every edge, and the promises themselves.

pub mod models;

#[cfg(feature = "suite")]
pub mod promises;
#[cfg(feature = "suite")]
pub mod reference;
#[cfg(feature = "suite")]
pub mod rows;
#[cfg(feature = "suite")]
pub mod store;
