//! `cargo xtask test`: runs the tests, counts them, and counts them per engine.

mod tally;

use std::io::{self, Read, Write};
use std::process::{Command, Stdio};

use crate::checkout::{self, Checkout};
use crate::problem::Problem;
use crate::setup;

pub use tally::Tally;

/// Read buffer for the output of cargo.
const CHUNK_BYTES: usize = 8 << 10;

/// How a test run ended.
#[derive(Debug)]
pub struct Verdict {
    /// `N passed, N failed, N skipped`.
    pub closing: String,
    /// Why the run is not good; empty if it is.
    pub problems: Vec<String>,
}

pub fn command(checkout: &Checkout, yes: bool, args: &[String]) -> Result<(), Problem> {
    setup::everything(checkout, yes)?;
    let verdict = run(checkout, args)?;
    for problem in &verdict.problems {
        eprintln!("error: {problem}");
    }
    println!("{}", verdict.closing);
    if verdict.problems.is_empty() { Ok(()) } else { Err(Problem::Told) }
}

/// Runs the tests and prints the table of engines. The closing line is left to the caller.
pub fn run(checkout: &Checkout, args: &[String]) -> Result<Verdict, Problem> {
    let mut tally = Tally::default();
    for mut cargo in commands(checkout, args) {
        println!("running {}", checkout::shown(&cargo));
        stream(&mut cargo, &mut tally)?;
    }
    print!("\n{}\n", tally.table());
    let full = args.is_empty();
    Ok(Verdict { closing: tally.closing(), problems: problems(&tally, full) })
}

/// Runs one cargo command; its output goes through at once and is counted on the way.
pub fn stream(cargo: &mut Command, tally: &mut Tally) -> Result<(), Problem> {
    let shown = checkout::shown(cargo);
    let broken = |error: io::Error| Problem::failed(format!("{shown}: {error}"));
    let mut child = cargo.stdout(Stdio::piped()).spawn().map_err(broken)?;
    if let Some(mut output) = child.stdout.take() {
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            let count = match output.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(broken(error)),
            };
            let mut ours = io::stdout().lock();
            ours.write_all(&chunk[..count]).and_then(|()| ours.flush()).map_err(broken)?;
            tally.feed(&chunk[..count]);
        }
    }
    let status = child.wait().map_err(broken)?;
    tally.end_of_command(status.success());
    Ok(())
}

fn problems(tally: &Tally, full: bool) -> Vec<String> {
    let mut problems = Vec::new();
    if tally.failed > 0 {
        problems.push(format!("tests failed, see above: {}", tally.failed));
    }
    if tally.passed + tally.failed == 0 {
        problems.push("no test ran".to_owned());
    }
    if full {
        problems.extend(tally.untested().map(|engine| format!("no test ran against {engine}")));
    }
    problems
}

/// The cargo commands of a run. Documentation tests are a command of their own, because
/// `--all-targets` leaves them out.
fn commands(checkout: &Checkout, args: &[String]) -> Vec<Command> {
    let ours = args.iter().take_while(|arg| *arg != "--");
    let has = |names: &[&str]| {
        ours.clone().any(|arg| names.contains(&arg.split('=').next().unwrap_or_default()))
    };
    let package = has(&["-p", "--package", "--workspace", "--all", "--manifest-path"]);
    let target = has(&[
        "--lib",
        "--bin",
        "--bins",
        "--test",
        "--tests",
        "--bench",
        "--benches",
        "--example",
        "--examples",
        "--all-targets",
        "--doc",
    ]);
    let command = |targets: Option<&str>| {
        let mut cargo = checkout.cargo();
        cargo.arg("test");
        cargo.args((!package).then_some("--workspace"));
        cargo.args(targets);
        cargo.arg("--no-fail-fast");
        cargo.args(args);
        cargo
    };
    if target {
        vec![command(None)]
    } else {
        vec![command(Some("--all-targets")), command(Some("--doc"))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(args: &[&str]) -> Vec<String> {
        let args: Vec<_> = args.iter().map(|&arg| arg.to_owned()).collect();
        commands(&Checkout::at("/"), &args).iter().map(checkout::shown).collect()
    }

    #[test]
    fn a_full_run_is_all_targets_and_then_the_documentation() {
        assert_eq!(
            lines(&[]),
            [
                "cargo test --workspace --all-targets --no-fail-fast",
                "cargo test --workspace --doc --no-fail-fast"
            ]
        );
    }

    #[test]
    fn a_package_takes_the_place_of_the_workspace() {
        assert_eq!(
            lines(&["--package=x", "orders", "--", "--nocapture"]),
            [
                "cargo test --all-targets --no-fail-fast --package=x orders -- --nocapture",
                "cargo test --doc --no-fail-fast --package=x orders -- --nocapture"
            ]
        );
    }

    #[test]
    fn a_target_takes_the_place_of_all_targets() {
        let expected = ["cargo test --no-fail-fast -p x --lib -- --test"];
        assert_eq!(lines(&["-p", "x", "--lib", "--", "--test"]), expected);
    }

    #[test]
    fn an_engine_without_a_test_fails_a_full_run_only() {
        let mut tally = Tally::default();
        tally.feed(b"running 1 test\ntest sqlite::works ... ok\n\n");
        tally.feed(b"test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured\n");
        tally.end_of_command(true);
        assert_eq!(problems(&tally, false), Vec::<String>::new());
        let problems = problems(&tally, true);
        assert_eq!(problems.len(), 6);
        assert!(problems.contains(&"no test ran against postgres".to_owned()), "{problems:?}");
    }

    #[test]
    fn a_run_without_tests_fails() {
        assert_eq!(problems(&Tally::default(), false), ["no test ran"]);
    }
}
