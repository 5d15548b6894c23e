//! `cargo xtask bench`: hands everything to the bench program.

use crate::checkout::{self, Checkout};
use crate::problem::Problem;
use crate::setup;

pub fn command(checkout: &Checkout, yes: bool, args: &[String]) -> Result<(), Problem> {
    setup::everything(checkout, yes)?;
    let mut cargo = checkout.cargo();
    cargo.args(["run", "--quiet", "--release", "-p", "tradebase-bench", "--"]).args(args);
    checkout::run(&mut cargo)
}
