//! Who called: the innermost function on the stack that is the user's own.

use std::backtrace::Backtrace;
use std::fmt;
use std::sync::Arc;

/// Where the source of others lies: of libraries, and ours, which may be built from anywhere.
const OTHERS: [&str; 10] = [
    "/rustc/",
    "/library/",
    "/registry/src/",
    "/git/checkouts/",
    "crates/tradebase/src/",
    "crates/tradebase-analytics/src/",
    "crates/tradebase-cache/src/",
    "crates/tradebase-core/src/",
    "crates/tradebase-series/src/",
    "crates/tradebase-sql/src/",
];
/// The same by the names of crates, for functions whose place is not known: ours, and what may
/// stand between us and the user.
const OTHER_CRATES: [&str; 14] = [
    "alloc",
    "core",
    "futures_core",
    "futures_util",
    "rusqlite",
    "std",
    "tokio",
    "tracing",
    "tradebase",
    "tradebase_analytics",
    "tradebase_cache",
    "tradebase_core",
    "tradebase_series",
    "tradebase_sql",
];

/// Who called a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// File and line, `/srv/app/src/report.rs:41`, if the program has debug information.
    pub place: Option<String>,
    /// The function, if the program has its name: the compiler keeps none of an async one that it
    /// has put into another.
    pub function: Option<String>,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, &self.function) {
            (Some(place), Some(function)) => write!(f, "called at {place} in {function}"),
            (Some(place), None) => write!(f, "called at {place}"),
            (None, Some(function)) => {
                write!(f, "called in {function}; without debug information there is no line")
            }
            (None, None) => write!(f, "called by whom cannot be told without debug information"),
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

    /// From the long form, which does not cut paths down to the folder the program runs in.
    pub(super) fn caller(&self) -> Caller {
        caller(&format!("{:#}", self.0))
    }
}

/// The first caller of the user's own in a stack as the standard library writes it: a line with
/// the name of each function, and behind it one with its place, if that is known.
fn caller(stack: &str) -> Caller {
    let mut lines = stack.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let place = lines.next_if(|next| next.starts_with("at "));
        let place = place.and_then(|place| place.strip_prefix("at "));
        let function = Function::read(line);
        let is_users = match place {
            Some(place) => place.contains(".rs:") && !OTHERS.iter().any(|o| place.contains(o)),
            None => function.is_users(),
        };
        if is_users {
            return Caller { place: place.map(without_column), function: function.shown() };
        }
    }
    Caller { place: None, function: None }
}

/// The name of a function: `app::report::load::{closure#0}`.
struct Function(String);

impl Function {
    /// From `12:     0x55cb83dfd67b - app[e28293b1aa0f68bd]::report::load::{closure#0}`, or with
    /// `::h5c88a7e8304aa465` at the end.
    fn read(line: &str) -> Self {
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let line = line.split_once(": ").filter(|(n, _)| digits(n)).map_or(line, |(_, rest)| rest);
        let line = line.trim_start();
        let address = |(first, _): &(&str, &str)| first.starts_with("0x");
        let line = line.split_once(" - ").filter(address).map_or(line, |(_, name)| name);
        let mut name = String::with_capacity(line.len());
        for (i, part) in line.split('[').enumerate() {
            match part.split_once(']') {
                Some((hash, rest)) if i > 0 && is_hash(hash) => name.push_str(rest),
                _ if i > 0 => name.extend(["[", part]),
                _ => name.push_str(part),
            }
        }
        if let Some((kept, hash)) = name.rsplit_once("::h")
            && is_hash(hash)
        {
            name.truncate(kept.len());
        }
        Self(name)
    }

    /// Whether its crate is neither ours nor one of what runs us.
    fn is_users(&self) -> bool {
        let path = self.0.trim_start_matches(['<', '&', '*', '(', '[']);
        let end = path.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (first, rest) = path.split_at(end.unwrap_or(path.len()));
        // What has no crate is no function of Rust, or of whichever type it is made for.
        rest.starts_with("::") && !OTHER_CRATES.contains(&first)
    }

    /// Without what the compiler puts behind the name of an async one; none if nothing is left.
    fn shown(&self) -> Option<String> {
        let mut name = self.0.as_str();
        while let Some((rest, last)) = name.rsplit_once("::")
            && last.starts_with('{')
        {
            name = rest;
        }
        (!name.starts_with('{') && name != "<unknown>").then(|| name.to_owned())
    }
}

fn is_hash(text: &str) -> bool {
    text.len() >= 8 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// File and line.
fn without_column(place: &str) -> String {
    match place.rsplit_once(':') {
        Some((line, _)) if line.contains(".rs:") => line.to_owned(),
        _ => place.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "   0:     0x55cb83dfd67b - <std[e28293]::backtrace::Bt>::create
                               at /rustc/59807616e1/library/std/src/backtrace.rs:331:13
   1:     0x55cb83de2879 - tradebase_sql::budget::caller::Trace::here::h5c88a7e8304aa465
                               at /srv/app/crates/tradebase-sql/src/budget/caller.rs:50:30
   2:     0x55cb83de2879 - {async_fn#0}<alloc::vec::Vec<app::Bot>>
                               at /srv/app/crates/tradebase-sql/src/sql.rs:209:9
   3:     0x55cb83de2879 - <futures_util::future::JoinAll<F> as core::future::Future>::poll
                               at /home/me/.cargo/registry/src/index/futures-util/src/join_all.rs:1:1
   4:     0x55cb83de2879 - <F as core::future::Future>::poll
   5:     0x55cb83de2879 - app[e28293b1aa0f68bd]::report::names::{closure#0}
                               at /srv/app/src/report.rs:41:50
   6:     0x55cb83de2879 - app::main::h1303a7cc18a1a907
                               at /srv/app/src/main.rs:3:5
   7:     0x7f604915f24a - __libc_start_call_main
                               at ./csu/../sysdeps/nptl/libc_start_call_main.h:58:16
";

    #[test]
    fn the_innermost_function_that_is_the_users_is_the_caller() {
        let found = caller(STACK);
        assert_eq!(found.function.as_deref(), Some("app::report::names"));
        assert_eq!(found.place.as_deref(), Some("/srv/app/src/report.rs:41"));
        let nameless =
            STACK.replace("app[e28293b1aa0f68bd]::report::names::{closure#0}", "{async_fn#0}");
        let found = caller(&nameless);
        assert_eq!(found.to_string(), "called at /srv/app/src/report.rs:41");
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
        let libc = STACK.lines().skip(13).collect::<Vec<_>>().join("\n");
        assert!(libc.contains("__libc"));
        for stack in ["   0:     0x0 - <unknown>\n   1:     0x0 - <unknown>\n", &libc, ""] {
            assert_eq!(caller(stack), Caller { function: None, place: None }, "{stack}");
        }
        let ours = "   0: 0x0 - tradebase_sql::sql::Sql::run\n   1: 0x0 - core::ops::call\n";
        assert_eq!(caller(ours), Caller { function: None, place: None });
    }

    #[test]
    fn a_users_type_under_a_foreign_trait_is_the_users() {
        let is_users = |name: &str| Function(name.to_owned()).is_users();
        assert!(is_users("<app::Service as core::future::Future>::poll"));
        assert!(is_users("tradebase_demo::run"));
        assert!(!is_users("<dyn core::future::Future as core::future::Future>::poll"));
        assert!(!is_users("<&mut F as core::future::Future>::poll"));
    }
}
