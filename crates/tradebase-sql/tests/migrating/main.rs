//! What migrations promise, in one program: it links once, and its tests share a server.

#[path = "../common/mod.rs"]
#[macro_use]
mod common;

mod back;
mod files;
mod partitions;
mod parts;
mod postgres;
mod rules;
mod run;
mod sqlite;
