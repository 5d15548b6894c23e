//! `cargo xtask demo`: builds the command and runs its demo.

use std::time::Instant;

use crate::checkout::{self, Checkout};
use crate::problem::Problem;
use crate::setup;

pub fn command(checkout: &Checkout, yes: bool, args: &[String]) -> Result<(), Problem> {
    setup::to_run(checkout, yes)?;
    let start = Instant::now();
    let mut build = checkout.cargo();
    build.args(["build", "--release", "--locked", "-p", "tradebase-cli"]);
    checkout::run(&mut build)?;
    let built = start.elapsed();
    let mut demo = checkout.cargo();
    demo.args(["run", "--quiet", "--release", "--locked", "-p", "tradebase-cli", "--"]);
    demo.arg("demo").args(args);
    checkout::run(&mut demo)?;
    // Not on standard output, which belongs to the demo.
    eprintln!(
        "built in {:.0} s, ran in {:.1} s",
        built.as_secs_f64(),
        (start.elapsed() - built).as_secs_f64()
    );
    Ok(())
}
