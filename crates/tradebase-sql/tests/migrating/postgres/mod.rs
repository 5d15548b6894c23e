//! What a migration of PostgreSQL makes of a database: from one hand-made schema to another and
//! back, with rows.

#![cfg(feature = "postgres")]

mod catalogue;
mod conversions;
mod names;
mod numbers;
mod parts;
mod refusals;
mod strangers;
mod versions;
mod walk;
