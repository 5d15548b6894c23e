//! Migrations of PostgreSQL.

mod catalog;
mod plan;
mod replay;

pub(super) use catalog::shape;
pub(super) use plan::plan;
pub(super) use replay::replayed;
