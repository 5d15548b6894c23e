//! Who called: the innermost function on the stack that is the user's own.

use std::backtrace::Backtrace;
use std::fmt;
use std::sync::Arc;

/// Crates whose functions are not the user's.
const OURS: [&str; 6] = [
    "tradebase",
    "tradebase_analytics",
    "tradebase_cache",
    "tradebase_core",
    "tradebase_series",
    "tradebase_sql",
];
/// The same of the runtime, where paths do not tell.
const BETWEEN: [&str; 7] =
    ["alloc", "core", "futures_core", "futures_util", "std", "tokio", "tracing"];
/// Where the source of libraries lies.
const LIBRARIES: [&str; 4] = ["/rustc/", "/library/", "/registry/src/", "/git/checkouts/"];

/// Who called a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// The function, if the program has names.
    pub function: Option<String>,
    /// File and line, `src/report.rs:41`, if the program has debug information.
    pub place: Option<String>,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, &self.function) {
            (Some(place), Some(function)) => write!(f, "called at {place} in {function}"),
            (Some(place), None) => write!(f, "called at {place}"),
            (None, Some(function)) => {
                write!(f, "called in {function}; built without debug information, so no line")
            }
            (None, None) => write!(f, "called nobody knows where: built without debug information"),
        }
    }
}

/// A stack as it was, whose names are looked up when they are asked for.
#[derive(Clone, Debug)]
pub(super) struct Trace(Arc<Backtrace>);

impl Trace {
    pub(super) fn here() -> Self {
        Self(Arc::new(Backtrace::force_capture()))
    }

    pub(super) fn caller(&self) -> Caller {
        caller(&self.0.to_string())
    }
}

/// The first caller of the user's own in a stack as the standard library writes it: a line with
/// the name of each function, and behind it one with its place, if that is known.
fn caller(stack: &str) -> Caller {
    let mut lines = stack.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let place = lines.next_if(|next| next.starts_with("at "));
        let place = place.and_then(|place| place.strip_prefix("at "));
        let library = place.is_some_and(|place| LIBRARIES.iter().any(|part| place.contains(part)));
        let function = name(line);
        if !library && is_users(function) {
            return Caller { function: Some(plain(function)), place: place.map(shown) };
        }
    }
    Caller { function: None, place: None }
}

/// A function without the number of its frame.
fn name(line: &str) -> &str {
    match line.split_once(": ") {
        Some((number, name)) if number.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => line,
    }
}

/// Whether a function is neither ours nor one of what runs us.
fn is_users(name: &str) -> bool {
    let path = name.trim_start_matches(['<', '&', '*', '(', '[']);
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_');
    let (first, rest) = path.split_at(end.unwrap_or(path.len()));
    // What has no crate is no function of Rust, or of whichever type it is made for.
    rest.starts_with("::") && !OURS.contains(&first) && !BETWEEN.contains(&first)
}

/// A function without what the compiler puts behind the name of an async one.
fn plain(name: &str) -> String {
    let mut name = name;
    while let Some((rest, last)) = name.rsplit_once("::")
        && last.starts_with('{')
        && last.ends_with('}')
    {
        name = rest;
    }
    name.to_owned()
}

/// File and line, without the column.
fn shown(place: &str) -> String {
    let place = place.strip_prefix("./").unwrap_or(place);
    match place.rsplit_once(':') {
        Some((line, _)) if line.contains(':') => line.to_owned(),
        _ => place.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "   0: tradebase_sql::budget::caller::Trace::here
             at ./crates/tradebase-sql/src/budget/caller.rs:50:30
   1: <tradebase_sql::sql::Sql>::watched::<alloc::vec::Vec<app::Bot>>::{closure#0}
             at ./crates/tradebase-sql/src/sql.rs:209:9
   2: <core::pin::Pin<P> as core::future::future::Future>::poll
             at /rustc/abc/library/core/src/future/future.rs:133:9
   3: <futures_util::future::join_all::JoinAll<F> as core::future::future::Future>::poll
             at /home/me/.cargo/registry/src/index/futures-util-0.3/src/join_all.rs:1:1
   4: <F as core::future::Future>::poll
   5: app::report::names::{{closure}}::{{closure}}
             at ./src/report.rs:41:50
   6: app::main
             at ./src/main.rs:3:5
   7: __libc_start_main
";

    #[test]
    fn the_innermost_function_that_is_the_users_is_the_caller() {
        let found = caller(STACK);
        assert_eq!(found.function.as_deref(), Some("app::report::names"));
        assert_eq!(found.place.as_deref(), Some("src/report.rs:41"));
        assert_eq!(found.to_string(), "called at src/report.rs:41 in app::report::names");
    }

    #[test]
    fn without_debug_information_no_line_is_made_up() {
        let bare: Vec<_> = STACK.lines().filter(|line| !line.trim().starts_with("at ")).collect();
        let found = caller(&bare.join("\n"));
        assert_eq!(found.function.as_deref(), Some("app::report::names"));
        assert_eq!(found.place, None);
        assert!(found.to_string().contains("without debug information"), "{found}");
    }

    #[test]
    fn without_names_nobody_is_the_caller() {
        for stack in ["   0: <unknown>\n   1: <unknown>\n", "   0: __libc_start_main\n", ""] {
            assert_eq!(caller(stack), Caller { function: None, place: None }, "{stack}");
        }
        let ours = "   0: tradebase_sql::sql::Sql::run\n   1: core::ops::call\n";
        assert_eq!(caller(ours), Caller { function: None, place: None });
    }

    #[test]
    fn a_users_type_under_a_foreign_trait_is_the_users() {
        assert!(is_users("<app::Service as core::future::Future>::poll"));
        assert!(is_users("tradebase_demo::run"));
        assert!(!is_users("<dyn core::future::Future as core::future::Future>::poll"));
        assert!(!is_users("<&mut F as core::future::Future>::poll"));
    }
}
