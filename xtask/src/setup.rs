//! Makes a fresh machine ready: the DuckDB library, and the servers and clients of the tests.
//!
//! Every step first looks whether there is anything to do, so that a second run costs
//! milliseconds.

mod library;
mod packages;
mod programs;
mod squawk;

use crate::checkout::Checkout;
use crate::problem::Problem;

/// What is needed to build and to run tests.
pub fn everything(checkout: &Checkout, yes: bool) -> Result<(), Problem> {
    let mut needed: Vec<_> = programs::FOR_TESTS.iter().collect();
    if library::wants_npm(checkout) {
        needed.push(&programs::NPM);
    }
    programs::find_or_install(&needed, yes)?;
    squawk::ensure(yes)?;
    library::ensure(checkout)
}

/// What is needed to build and run the command.
pub fn to_run(checkout: &Checkout, yes: bool) -> Result<(), Problem> {
    let mut needed = vec![&programs::CC];
    if library::wants_npm(checkout) {
        needed.push(&programs::NPM);
    }
    programs::find_or_install(&needed, yes)?;
    library::ensure(checkout)
}

/// What is needed to build.
pub fn to_build(checkout: &Checkout) -> Result<(), Problem> {
    library::ensure(checkout)
}
