//! What may not stay: open ends in code, and tests that prove nothing.

use super::Finding;
use super::source::Source;

const MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];

pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut finding = |at: usize, message: String| {
        findings.push(Finding::at(&source.path, source.tokens[at].line + 1, message));
    };
    let mut is_test = false;
    for at in 0..source.tokens.len() {
        let text = source.text(at);
        if MACROS.contains(&text) && source.text(at + 1) == "!" {
            finding(at, format!("unfinished code: {text}!"));
        }
        if source.stands(at, &["#", "["]) {
            is_test |= marks_test(source, at + 2);
            if ignores_silently(source, at + 1) {
                finding(at, "an ignored test needs a reason: #[ignore = \"…\"]".to_owned());
            }
        }
        if let Some(function) = source.function(at) {
            if is_test && function.body.is_empty() {
                finding(at, format!("empty test: {}", function.name));
            }
            is_test = false;
        }
    }
    findings
}

/// `test`, `tokio::test` and the like, with or without arguments.
fn marks_test(source: &Source, mut at: usize) -> bool {
    while source.text(at + 1) == "::" {
        at += 2;
    }
    source.text(at) == "test" && matches!(source.text(at + 1), "]" | "(")
}

/// `ignore` without `= "…"`, alone or in a `cfg_attr`.
fn ignores_silently(source: &Source, open: usize) -> bool {
    let Some(close) = source.closing(open) else { return false };
    let inside = open + 1..close;
    let conditional = source.text(open + 1) == "cfg_attr";
    inside.into_iter().any(|at| {
        let first = at == open + 1 || (conditional && source.text(at - 1) == ",");
        first && source.text(at) == "ignore" && matches!(source.text(at + 1), "]" | ")" | ",")
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn found(text: &str) -> Vec<String> {
        let source = Source::new(Path::new("a.rs"), text);
        check(&source).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn open_ends_fail() {
        for name in MACROS {
            let expected = format!("error: a.rs:2: unfinished code: {name}!");
            assert_eq!(found(&format!("fn a() {{\n    {name}!(1)\n}}")), [expected]);
        }
        assert_eq!(found("fn todo() { // todo!()\n let a = \"dbg!\"; }"), Vec::<String>::new());
    }

    #[test]
    fn empty_tests_fail() {
        let error = |line| format!("error: a.rs:{line}: empty test: a");
        assert_eq!(found("#[test]\nfn a() {}"), [error(2)]);
        assert_eq!(
            found("#[tokio::test(flavor = \"x\")]\nasync fn a() {\n  // soon\n}"),
            [error(2)]
        );
        assert_eq!(found("#[test]\n#[should_panic]\nfn a() {}"), [error(3)]);
        assert_eq!(found("#[cfg(test)]\nfn a() {}\n#[test]\nfn b() { c() }"), Vec::<String>::new());
    }

    #[test]
    fn ignored_tests_need_a_reason() {
        let error = "error: a.rs:1: an ignored test needs a reason: #[ignore = \"…\"]";
        assert_eq!(found("#[ignore]\n#[test]\nfn a() { b() }"), [error]);
        assert_eq!(found("#[cfg_attr(windows, ignore)]"), [error]);
        assert_eq!(found("#[ignore = \"needs a cluster\"]"), Vec::<String>::new());
        assert_eq!(found("#[cfg_attr(windows, ignore = \"no sockets\")]"), Vec::<String>::new());
        assert_eq!(found("#[serde(ignore)]"), Vec::<String>::new());
    }
}
