//! Migrations of SQLite.

mod add;
mod aside;
mod carry;
mod catalogue;
mod convert;
mod definition;
mod meaning;
mod pieces;
mod plan;
mod rebuild;
mod rename;
mod spelling;
mod wide;
mod write;

pub(super) use carry::carried;
pub(crate) use meaning::{Says, says};
pub(super) use plan::plan;
pub(super) use spelling::respelled;

use tradebase_core::Result;

use super::shape::Shape;
use super::split::Statement;
use crate::door::SqlConnection;

/// What the database consists of.
pub(super) async fn shape(connection: &mut SqlConnection) -> Result<Shape> {
    catalogue::read(connection).await
}

/// What an empty database consists of after these statements.
pub(super) async fn replayed(statements: &[Statement]) -> Result<Shape> {
    let aside = aside::Aside::empty()?;
    for statement in statements {
        aside.replay(statement)?;
    }
    aside.shape()
}
