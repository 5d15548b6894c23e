//! What the relational room promises, in one program: it links once, and its tests share a server.

#[path = "../common/mod.rs"]
#[macro_use]
mod common;

mod batches;
mod budget;
mod by_filter;
mod connecting;
mod constraints;
mod door;
mod dynamic;
mod dynamic_finding;
mod dynamic_writing;
mod errors;
mod finding;
mod foreign_values;
mod golden;
mod injection;
mod large;
mod many;
mod pages;
mod placeholders;
mod postgres_altered;
mod postgres_assigned;
mod postgres_bulk;
mod postgres_commits;
mod postgres_door;
mod postgres_errors;
mod postgres_lanes;
mod postgres_pgbouncer;
mod postgres_pool;
mod postgres_tls;
mod postgres_upserts;
mod raw;
mod readable;
mod reference;
mod relations;
mod sizes;
mod sqlite_busy;
mod sqlite_durability;
mod sqlite_foreign;
mod sqlite_lane;
mod sqlite_log;
mod streams;
mod sums;
mod transactions;
mod undisturbed;
mod values;
mod verbs;
