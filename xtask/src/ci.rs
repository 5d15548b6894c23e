//! `cargo xtask ci`: everything a change must pass.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::checkout::{self, Checkout};
use crate::licences;
use crate::problem::Problem;
use crate::prove;
use crate::setup;
use crate::test;
use crate::tidy;

/// The steps done so far.
#[derive(Debug, Default)]
struct Steps {
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    took: Duration,
    failed: bool,
}

pub fn command(checkout: &Checkout, yes: bool) -> Result<(), Problem> {
    let mut steps = Steps::default();
    // Without the set-up no later step says anything of use.
    steps.run("setup", || setup::everything(checkout, yes))?;
    let mut closing = None;
    steps.go_on("format", || checkout::run(&mut format(checkout)));
    steps.go_on("tidy", || tidy::run(checkout));
    steps.go_on("clippy", || checkout::run(&mut clippy(checkout)));
    steps.go_on("documentation", || checkout::run(&mut documentation(checkout)));
    steps.go_on("licences", || licences::check(checkout));
    steps.go_on("tests", || {
        let verdict = test::run(checkout, &[])?;
        closing = Some(verdict.closing);
        if verdict.problems.is_empty() {
            return Ok(());
        }
        Err(Problem::failed(verdict.problems.join("\nerror: ")))
    });
    for proof in prove::PROOFS {
        steps.go_on(&format!("proof {}", proof.name), || prove::short(checkout, proof));
    }
    print!("\n{}", steps.table());
    if let Some(closing) = closing {
        println!("{closing}");
    }
    if steps.done.iter().any(|step| step.failed) { Err(Problem::Told) } else { Ok(()) }
}

impl Steps {
    /// Runs a step. A failure is told, and the next step begins: one run shows all that is to
    /// mend.
    fn go_on(&mut self, name: &str, step: impl FnOnce() -> Result<(), Problem>) {
        if let Err(problem) = self.run(name, step) {
            problem.print();
        }
    }

    fn run(
        &mut self,
        name: &str,
        step: impl FnOnce() -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        println!("\n== {name}");
        let start = Instant::now();
        let result = step();
        self.done.push(Step {
            name: name.to_owned(),
            took: start.elapsed(),
            failed: result.is_err(),
        });
        result
    }

    fn table(&self) -> String {
        let mut table = String::from("steps\n");
        for Step { name, took, failed } in &self.done {
            let end = if *failed { "  failed" } else { "" };
            table.push_str(&format!("  {name:<16} {:>7.1} s{end}\n", took.as_secs_f64()));
        }
        let all: Duration = self.done.iter().map(|step| step.took).sum();
        table.push_str(&format!("  {:<16} {:>7.1} s\n", "all", all.as_secs_f64()));
        table
    }
}

fn format(checkout: &Checkout) -> Command {
    let mut cargo = checkout.cargo();
    cargo.args(["fmt", "--all", "--check"]);
    cargo
}

fn clippy(checkout: &Checkout) -> Command {
    let mut cargo = checkout.cargo();
    cargo.args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]);
    cargo
}

fn documentation(checkout: &Checkout) -> Command {
    let mut cargo = checkout.cargo();
    cargo.args(["doc", "--workspace", "--no-deps", "--locked"]);
    cargo.env("RUSTDOCFLAGS", "-D warnings");
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_marked_and_the_next_one_runs() {
        let mut steps = Steps::default();
        steps.go_on("first", || Err(Problem::Told));
        steps.go_on("second", || Ok(()));
        let marks: Vec<_> =
            steps.done.iter().map(|step| (step.name.as_str(), step.failed)).collect();
        assert_eq!(marks, [("first", true), ("second", false)]);
        assert!(steps.table().contains("  failed\n"));
    }
}
