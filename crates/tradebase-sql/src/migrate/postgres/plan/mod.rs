//! The way from one shape to another.
//!
//! What may be one transaction comes first. What would keep writers waiting for as long as a
//! table is long comes in a second file, which is no transaction: indexes are built beside the
//! writers, and rows that were there are looked at for new constraints.
//!
//! So that the second file seldom fails when the first one stands, the first begins by looking at
//! the rows ([`guards`]): what breaks a constraint to be stops it before anything is changed.

mod columns;
mod constraints;
mod convert;
mod guards;
mod indexes;
mod keys;
mod pair;
mod rebuild;
mod script;
mod tables;
mod texts;
mod views;

use tradebase_core::Result;

use self::pair::Ways;
use self::script::Script;
use super::super::plan::Plan;
use super::super::shape::Shape;
use super::super::wanted::Renames;

/// The way from one shape to another: what the second does not have goes.
pub(in super::super) fn plan(from: &Shape, to: &Shape, renames: &Renames) -> Result<Plan> {
    let ways = Ways::new(from, to, renames);
    let mut script = Script::default();
    for (name, table) in &ways.dropped {
        tables::dropped(&mut script, &ways, name, table);
    }
    for (name, table) in &ways.created {
        tables::created(&mut script, name, table);
    }
    for pair in &ways.pairs {
        if pair.rebuilt() {
            rebuild::rebuilt(&mut script, pair);
        } else {
            tables::renamed(&mut script, &ways, pair);
            columns::changed(&mut script, pair);
            keys::changed(&mut script, pair);
            constraints::checks(&mut script, pair);
            indexes::changed(&mut script, &ways, pair);
        }
        views::triggers(&mut script, pair);
    }
    constraints::references(&mut script, &ways);
    views::changed(&mut script, &ways);
    guards::added(&mut script, &ways);
    Ok(script.plan())
}
