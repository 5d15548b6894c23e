//! Reads what test binaries print, and counts.

use std::fmt::Write;

/// The engines a test can count for, by a segment of its path.
///
/// `memory` is the cache in process memory, `embedded` the time series kept in a file.
const ENGINES: [&str; 7] =
    ["sqlite", "postgres", "memory", "redis", "duckdb", "embedded", "influx"];

/// The longest line that is read as a result; a longer one is only output of a test.
const LINE_BYTES_MAX: usize = 4 << 10;

/// How many tests passed, failed, and were skipped.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// The sums of all test binaries so far.
#[derive(Debug, Default)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
    engines: [Count; ENGINES.len()],
    /// Test binaries that began, and those that gave their sums.
    begun: u64,
    ended: u64,
    /// Failures already counted when the present command began.
    failed_before: u64,
    /// A test whose result stands on a later line, because it printed something itself.
    waiting: Option<String>,
    line: Vec<u8>,
}

impl Tally {
    /// Takes the next bytes of output, cut anywhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.read(String::from_utf8_lossy(&line).trim_end());
            } else if self.line.len() < LINE_BYTES_MAX {
                self.line.push(byte);
            }
        }
    }

    /// Closes the books on one cargo command.
    ///
    /// A binary that began and gave no sums was killed or aborted: one failure each. A command
    /// that failed without any failed test, e.g. because nothing compiled, is one failure too.
    pub fn end_of_command(&mut self, success: bool) {
        self.feed(b"\n");
        self.failed += self.begun.saturating_sub(self.ended);
        (self.begun, self.ended, self.waiting) = (0, 0, None);
        if !success && self.failed == self.failed_before {
            self.failed += 1;
        }
        self.failed_before = self.failed;
    }

    /// The closing line.
    pub fn closing(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }

    /// The engines that no test ran against.
    pub fn untested(&self) -> impl Iterator<Item = &'static str> {
        let counts = ENGINES.iter().zip(&self.engines);
        counts.filter(|(_, count)| count.passed + count.failed == 0).map(|(engine, _)| *engine)
    }

    /// The table of engines.
    pub fn table(&self) -> String {
        let mut table = String::from("tests per engine\n");
        let mut row = |name: &str, cells: [&str; 3]| {
            let [passed, failed, skipped] = cells;
            // Writing to a string cannot fail.
            let _ = writeln!(table, "  {name:<10} {passed:>7} {failed:>7} {skipped:>8}");
        };
        row("engine", ["passed", "failed", "skipped"]);
        for (engine, Count { passed, failed, skipped }) in ENGINES.iter().zip(&self.engines) {
            row(engine, [&passed.to_string(), &failed.to_string(), &skipped.to_string()]);
        }
        table
    }

    fn read(&mut self, line: &str) {
        if let Some(sums) = line.strip_prefix("test result: ") {
            self.add(sums);
        } else if line.strip_prefix("running ").is_some_and(is_count_of_tests) {
            self.begun += 1;
        } else if let Some((name, result)) = line.strip_prefix("test ").and_then(split_result) {
            if !self.count(name, result) {
                self.waiting = Some(name.to_owned());
            }
        } else if let Some(name) = self.waiting.take()
            && !self.count(&name, line)
        {
            self.waiting = Some(name);
        }
    }

    /// Counts one test for its engines. False if the text is not a result.
    fn count(&mut self, name: &str, result: &str) -> bool {
        let one = match result {
            "ok" => Count { passed: 1, ..Count::default() },
            "FAILED" => Count { failed: 1, ..Count::default() },
            _ if result == "ignored" || result.starts_with("ignored, ") => {
                Count { skipped: 1, ..Count::default() }
            }
            _ => return false,
        };
        for (engine, count) in ENGINES.iter().zip(&mut self.engines) {
            if is_for(name, engine) {
                count.passed += one.passed;
                count.failed += one.failed;
                count.skipped += one.skipped;
            }
        }
        true
    }

    /// Adds the sums of one test binary: `ok. 3 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, sums: &str) {
        self.ended += 1;
        self.waiting = None;
        let sums = sums.split_once(". ").map_or(sums, |(_, sums)| sums);
        for sum in sums.split("; ") {
            let Some((count, word)) = sum.split_once(' ') else { continue };
            let Ok(count) = count.parse::<u64>() else { continue };
            match word {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.skipped += count,
                _ => {}
            }
        }
    }
}

/// `3 tests` or `1 test`.
fn is_count_of_tests(text: &str) -> bool {
    let count = text.strip_suffix(" tests").or_else(|| text.strip_suffix(" test"));
    count.is_some_and(|count| count.parse::<u64>().is_ok())
}

/// `path::name ... ok`; a note such as ` - should panic` is not part of the name.
fn split_result(text: &str) -> Option<(&str, &str)> {
    let (name, result) =
        text.split_once(" ... ").or_else(|| Some((text.strip_suffix(" ...")?, "")))?;
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    Some((name, result))
}

/// Whether a test path has a segment that is the engine's name, or begins with it and `_`.
///
/// The path of a documentation test is `file.rs - path::item (line 3)`.
fn is_for(name: &str, engine: &str) -> bool {
    let path = name.split_once(" - ").map_or(name, |(_, path)| path);
    path.split([':', ' ']).any(|segment| {
        segment.strip_prefix(engine).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 5 tests
test round_trip::sqlite::trades ... ok
test round_trip::postgres::trades ... FAILED
test round_trip::redis_cluster::trades ... ignored, needs six servers
test names::sqlitex ... ok
test refuses - should panic ... ok
test slow has been running for over 60 seconds

failures:
test result: FAILED. 3 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s


running 2 tests
test crates/x/src/lib.rs - memory::open (line 3) ... ok
test crates/x/src/sqlite/lib.rs - open (line 9) - compile fail ... ok

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s
";

    fn tally(output: &str, success: bool) -> Tally {
        let mut tally = Tally::default();
        tally.feed(output.as_bytes());
        tally.end_of_command(success);
        tally
    }

    fn count(tally: &Tally, engine: &str) -> (u64, u64, u64) {
        let at = ENGINES.iter().position(|name| *name == engine).unwrap();
        let Count { passed, failed, skipped } = tally.engines[at];
        (passed, failed, skipped)
    }

    #[test]
    fn sums_come_from_the_result_lines() {
        assert_eq!(tally(OUTPUT, false).closing(), "5 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn engines_are_counted_by_segment() {
        let tally = tally(OUTPUT, false);
        assert_eq!(count(&tally, "sqlite"), (1, 0, 0));
        assert_eq!(count(&tally, "postgres"), (0, 1, 0));
        assert_eq!(count(&tally, "redis"), (0, 0, 1));
        assert_eq!(count(&tally, "memory"), (1, 0, 0));
        let untested: Vec<_> = tally.untested().collect();
        assert_eq!(untested, ["redis", "duckdb", "embedded", "influx"]);
        assert!(tally.table().contains("  postgres         0       1        0\n"));
    }

    #[test]
    fn output_cut_anywhere_gives_the_same_sums() {
        let mut cut = Tally::default();
        OUTPUT.as_bytes().chunks(3).for_each(|bytes| cut.feed(bytes));
        cut.end_of_command(false);
        assert_eq!(cut.closing(), tally(OUTPUT, false).closing());
        assert_eq!(cut.table(), tally(OUTPUT, false).table());
    }

    #[test]
    fn a_result_after_output_of_the_test_itself_is_found() {
        let output = "running 1 test\ntest duckdb::loud ... hello\nworld\nok\n\
            test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured\n";
        assert_eq!(count(&tally(output, true), "duckdb"), (1, 0, 0));
    }

    #[test]
    fn a_binary_that_dies_is_a_failure() {
        let output = "running 9 tests\ntest a ... ok\n";
        assert_eq!(tally(output, false).closing(), "0 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn a_command_that_does_not_compile_is_a_failure() {
        assert_eq!(tally("", false).closing(), "0 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn a_test_binary_inside_a_test_binary_is_no_crash() {
        let inner = "running 1 test\ntest b ... ok\n\
            test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured\n";
        let output = format!(
            "running 1 test\n{inner}test a ... ok\n\
            test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured\n"
        );
        assert_eq!(tally(&output, true).failed, 0);
    }
}
