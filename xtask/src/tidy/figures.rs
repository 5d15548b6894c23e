//! How long a file, a function and a line may be.

use super::Finding;
use super::source::Source;
use super::tokens::Holds;

const FILE_LINES_WARN: usize = 400;
const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_COLUMNS_MAX: usize = 100;

pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(file(source));
    for at in 0..source.tokens.len() {
        findings.extend(function(source, at));
    }
    for (number, line) in source.lines.iter().enumerate() {
        if line.holds == Holds::Code && line.columns > LINE_COLUMNS_MAX {
            let message = format!("line of {} columns, at most {LINE_COLUMNS_MAX}", line.columns);
            findings.push(Finding::at(&source.path, number + 1, message));
        }
    }
    findings
}

fn file(source: &Source) -> Option<Finding> {
    if source.is_test() {
        return None;
    }
    let tests: Vec<_> = source.test_lines().collect();
    let counts = |number: usize| {
        source.lines[number].holds > Holds::Doc
            && !tests.iter().any(|lines| lines.contains(&number))
    };
    let count = (0..source.lines.len()).filter(|&number| counts(number)).count();
    let finding = |limit| {
        let message = format!("file of {count} lines without docs and tests, at most {limit}");
        Finding::file(&source.path, message)
    };
    match count {
        _ if count > FILE_LINES_MAX => Some(finding(FILE_LINES_MAX)),
        _ if count > FILE_LINES_WARN => Some(finding(FILE_LINES_WARN).warning()),
        _ => None,
    }
}

fn function(source: &Source, at: usize) -> Option<Finding> {
    let function = source.function(at)?;
    let lines = &source.lines[function.first..=function.last];
    let count = lines.iter().filter(|line| line.holds > Holds::Comment).count();
    (count > FUNCTION_LINES_MAX).then(|| {
        let name = function.name;
        let message = format!("function of {count} lines, at most {FUNCTION_LINES_MAX}: {name}");
        Finding::at(&source.path, function.first + 1, message)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let source = Source::new(Path::new(path), text);
        check(&source).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_long_file_warns_and_a_longer_one_fails() {
        let lines = |count| "const A: u8 = 1;\n".repeat(count);
        assert_eq!(found("crates/a.rs", &lines(400)), Vec::<String>::new());
        let warning = "warning: crates/a.rs: file of 401 lines without docs and tests, at most 400";
        assert_eq!(found("crates/a.rs", &lines(401)), [warning]);
        let error = "error: crates/a.rs: file of 801 lines without docs and tests, at most 800";
        assert_eq!(found("crates/a.rs", &lines(801)), [error]);
    }

    #[test]
    fn docs_blank_lines_and_tests_do_not_make_a_file_long() {
        let text = "/// Doc.\n\n".repeat(500) + &"// why\n".repeat(400);
        assert_eq!(found("crates/a.rs", &text), Vec::<String>::new());
        let test = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "const A: u8 = 1;\n".repeat(900));
        assert_eq!(found("crates/a.rs", &test), Vec::<String>::new());
        let lines = "const A: u8 = 1;\n".repeat(900);
        assert_eq!(found("crates/a/tests/b.rs", &lines), Vec::<String>::new());
    }

    #[test]
    fn a_long_function_fails() {
        let text =
            |count| format!("\nfn long() {{\n{}}}\n", "    a();\n\n    // why\n".repeat(count));
        assert_eq!(found("crates/a.rs", &text(68)), Vec::<String>::new());
        let error = "error: crates/a.rs:2: function of 71 lines, at most 70: long";
        assert_eq!(found("crates/a.rs", &text(69)), [error]);
    }

    #[test]
    fn a_wide_line_of_code_fails_and_a_wide_comment_does_not() {
        let wide = format!("let a = {};\n", "1".repeat(92));
        let error = "error: crates/a.rs:1: line of 101 columns, at most 100";
        assert_eq!(found("crates/a.rs", &wide), [error]);
        assert_eq!(found("crates/a.rs", &format!("// {wide}")), Vec::<String>::new());
        let literal = format!("let a = \"\n{}\n\";\n", "1".repeat(200));
        assert_eq!(found("crates/a.rs", &literal), Vec::<String>::new());
    }
}
