//! The programs that the tests start: servers, and clients that look at the same data.

use std::fs;
use std::path::{Path, PathBuf};

use crate::checkout;
use crate::problem::Problem;
use crate::setup::packages;

/// Where Debian keeps the programs of each PostgreSQL version, outside the PATH.
const POSTGRES_FOLDER: &str = "/usr/lib/postgresql";

/// A program and the Debian package that brings it.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    pub name: &'static str,
    pub package: &'static str,
    pub purpose: &'static str,
}

/// What compiles SQLite and links programs.
pub const CC: Program =
    Program { name: "cc", package: "build-essential", purpose: "C compiler and linker" };

/// What the tests start.
pub const FOR_TESTS: &[Program] = &[
    CC,
    Program { name: "postgres", package: "postgresql", purpose: "PostgreSQL server" },
    Program { name: "psql", package: "postgresql", purpose: "PostgreSQL client" },
    Program { name: "pgbouncer", package: "pgbouncer", purpose: "PgBouncer before PostgreSQL" },
    Program { name: "redis-server", package: "redis-server", purpose: "Redis server" },
    Program { name: "redis-cli", package: "redis-server", purpose: "Redis client" },
    Program { name: "influxd", package: "influxdb", purpose: "InfluxDB server" },
    Program { name: "influx", package: "influxdb-client", purpose: "InfluxDB client" },
    Program { name: "sqlite3", package: "sqlite3", purpose: "SQLite shell" },
];

/// What fetches the DuckDB library.
pub const NPM: Program =
    Program { name: "npm", package: "npm", purpose: "to fetch the DuckDB library" };

/// What fetches squawk.
pub const PIP: Program =
    Program { name: "pip3", package: "python3-pip", purpose: "to fetch squawk" };

/// Looks for all programs and installs the missing ones.
pub fn find_or_install(needed: &[&'static Program], yes: bool) -> Result<(), Problem> {
    let missing = missing(needed, find);
    if missing.is_empty() {
        return Ok(());
    }
    let installed = packages::install(&packages_of(&missing), yes);
    let missing = self::missing(&missing, find);
    // Without npm there is still the other way to the library.
    let missing: Vec<_> = missing.into_iter().filter(|program| **program != NPM).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let why = installed.err();
    Err(Problem::not_ready(message(&missing, why.as_deref())))
}

fn missing(
    needed: &[&'static Program],
    find: impl Fn(&str) -> Option<PathBuf>,
) -> Vec<&'static Program> {
    needed.iter().copied().filter(|program| find(program.name).is_none()).collect()
}

fn packages_of(programs: &[&'static Program]) -> Vec<&'static str> {
    let mut packages: Vec<_> = programs.iter().map(|program| program.package).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn message(missing: &[&'static Program], why: Option<&str>) -> String {
    let mut text = String::from("programs are missing");
    for Program { name, package, purpose } in missing {
        text.push_str(&format!("\n  {name} ({purpose}), Debian package {package}"));
    }
    if let Some(why) = why {
        text.push_str(&format!("\nnot installed: {why}"));
    }
    let packages = packages_of(missing).join(" ");
    text.push_str(&format!("\ninstall them with: apt-get install {packages}"));
    text
}

fn find(name: &str) -> Option<PathBuf> {
    checkout::on_path(name).or_else(|| {
        if name == "postgres" { in_versions(Path::new(POSTGRES_FOLDER), name) } else { None }
    })
}

/// `<folder>/<any version>/bin/<name>`.
fn in_versions(folder: &Path, name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir(folder).ok()?;
    let mut programs = versions.filter_map(|one| Some(one.ok()?.path().join("bin").join(name)));
    programs.find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<&'static Program> {
        FOR_TESTS.iter().collect()
    }

    #[test]
    fn packages_are_named_once() {
        let missing =
            missing(&all(), |name| (name != "psql" && name != "postgres").then(PathBuf::new));
        assert_eq!(packages_of(&missing), ["postgresql"]);
    }

    #[test]
    fn the_message_names_program_package_and_command() {
        let missing = missing(&all(), |name| (name != "influx").then(PathBuf::new));
        let text = message(&missing, Some("nobody said yes"));
        assert!(
            text.contains("influx (InfluxDB client), Debian package influxdb-client"),
            "{text}"
        );
        assert!(text.contains("not installed: nobody said yes"), "{text}");
        assert!(text.ends_with("apt-get install influxdb-client"), "{text}");
    }
}
