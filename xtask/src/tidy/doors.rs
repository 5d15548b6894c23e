//! One door each: where the environment and the clock may be read.

use std::path::Path;

use super::Finding;
use super::source::Source;

/// Shipped code; tests and build scripts in it are free.
const SHIPPED: &str = "crates";

/// Runs in the compiler, which tells it in the environment where the crate is.
const IN_THE_COMPILER: &str = "crates/tradebase-derive/src/migrations.rs";

/// A call that belongs in one module.
struct Door {
    /// What is read, for the message.
    what: &'static str,
    /// The module, for the message.
    module: &'static str,
    /// Its file or folder, without the extension.
    path: &'static str,
    /// The type or module, and the names behind it.
    of: &'static [&'static str],
    names: &'static [&'static str],
}

const DOORS: [Door; 2] = [
    Door {
        what: "the environment is read",
        module: "tradebase::config",
        path: "crates/tradebase/src/config",
        of: &["env"],
        names: &["var", "var_os", "vars", "vars_os"],
    },
    Door {
        what: "the clock is read",
        module: "tradebase_core::clock",
        path: "crates/tradebase-core/src/clock",
        of: &["SystemTime", "Instant", "Utc", "Local"],
        names: &["now"],
    },
];

pub fn check(source: &Source) -> Vec<Finding> {
    let free = source.path.ends_with("build.rs")
        || source.path == Path::new(IN_THE_COMPILER)
        || source.is_test()
        || ["benches", "examples"].iter().any(|name| has_folder(&source.path, name));
    if !source.path.starts_with(SHIPPED) || free {
        return Vec::new();
    }
    let doors = DOORS.iter().filter(|door| !is_behind(&source.path, door));
    doors.flat_map(|door| misuses(source, door)).collect()
}

fn misuses<'a>(source: &'a Source, door: &'a Door) -> impl Iterator<Item = Finding> + 'a {
    (0..source.tokens.len()).filter(|&at| !source.in_tests(at)).filter_map(move |at| {
        let of = door.of.iter().find(|of| source.stands(at, &[of, "::"]))?;
        let name = names(source, at + 2).find(|name| door.names.contains(name))?;
        let Door { what, module, .. } = door;
        let message = format!("{what} in {module} only: {of}::{name}");
        Some(Finding::at(&source.path, source.tokens[at].line + 1, message))
    })
}

/// The name at this token, or the names of a group such as `{self, var}`.
fn names(source: &Source, at: usize) -> impl Iterator<Item = &str> {
    let close = if source.text(at) == "{" { source.closing(at) } else { None };
    (at..=close.unwrap_or(at)).map(|at| source.text(at))
}

fn is_behind(path: &Path, door: &Door) -> bool {
    path.starts_with(door.path) || path == Path::new(door.path).with_extension("rs")
}

fn has_folder(path: &Path, name: &str) -> bool {
    path.components().any(|part| part.as_os_str() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let source = Source::new(Path::new(path), text);
        check(&source).iter().map(Finding::to_string).collect()
    }

    const ROOM: &str = "crates/tradebase-sql/src/pool.rs";

    #[test]
    fn the_environment_has_one_door() {
        let error = |name: &str| {
            format!(
                "error: {ROOM}:1: the environment is read in tradebase::config only: env::{name}"
            )
        };
        assert_eq!(found(ROOM, "let a = std::env::var(\"A\");"), [error("var")]);
        assert_eq!(found(ROOM, "use std::env::{self, var_os};"), [error("var_os")]);
        assert_eq!(found(ROOM, "let a = std::env::temp_dir(); env!(\"A\");"), Vec::<String>::new());
        for free in [
            "crates/tradebase/src/config.rs",
            "crates/tradebase/src/config/file.rs",
            "crates/tradebase-duckdb/build.rs",
            "crates/tradebase-derive/src/migrations.rs",
            "crates/tradebase-sql/tests/a.rs",
            "testing/testkit/src/lib.rs",
            "xtask/src/main.rs",
        ] {
            assert_eq!(found(free, "env::var_os(\"A\");"), Vec::<String>::new(), "{free}");
        }
    }

    #[test]
    fn the_clock_has_one_door() {
        let error = format!(
            "error: {ROOM}:1: the clock is read in tradebase_core::clock only: Instant::now"
        );
        assert_eq!(found(ROOM, "let a = std::time::Instant::now();"), [error]);
        assert_eq!(found(ROOM, "let a = SystemTime::UNIX_EPOCH; now();"), Vec::<String>::new());
        let door = "crates/tradebase-core/src/clock.rs";
        assert_eq!(found(door, "SystemTime::now()"), Vec::<String>::new());
        assert_eq!(
            found(ROOM, "#[cfg(test)] mod t { fn a() { Instant::now(); } }"),
            Vec::<String>::new()
        );
    }
}
