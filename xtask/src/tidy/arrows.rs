//! Which crate may depend on which.

use std::path::Path;

use serde_json::Value;

use super::Finding;
use crate::checkout::{self, Checkout};
use crate::problem::Problem;

/// The arrows between the crates that are shipped. They point down only: no room knows another
/// room or the hall, and nobody knows the tests. Crates under `testing` may use all of them.
/// A dev-dependency is free: the tests of a derive need the contract above it.
#[rustfmt::skip]
const ARROWS: &[(&str, &[&str])] = &[
    ("tradebase-derive", &[]),
    ("tradebase-core", &["tradebase-derive"]),
    ("tradebase-duckdb", &["tradebase-core"]),
    ("tradebase-sql", &["tradebase-core", "tradebase-derive"]),
    ("tradebase-cache", &["tradebase-core"]),
    ("tradebase-analytics", &["tradebase-core", "tradebase-duckdb"]),
    ("tradebase-series", &["tradebase-core", "tradebase-duckdb"]),
    ("tradebase", &["tradebase-core", "tradebase-derive", "tradebase-duckdb", "tradebase-sql",
                    "tradebase-cache", "tradebase-analytics", "tradebase-series"]),
    ("tradebase-trading", &["tradebase"]),
    ("tradebase-console", &["tradebase"]),
    ("tradebase-cli", &["tradebase", "tradebase-trading", "tradebase-console"]),
    ("tradebase-examples", &["tradebase", "tradebase-cli"]),
    ("xtask", &[]),
];

/// What the contract may not know: runtimes, drivers, exporters.
const NOT_IN_CORE: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "futures-executor",
    "rusqlite",
    "libsqlite3-sys",
    "tokio-postgres",
    "postgres",
    "redis",
    "duckdb",
    "libduckdb-sys",
    "reqwest",
    "hyper",
    "prometheus",
    "metrics",
    "opentelemetry",
    "tracing-subscriber",
];

const CORE: &str = "tradebase-core";
const TESTING: &str = "testing";

/// A crate of the checkout, and what it depends on.
#[derive(Debug)]
struct Package {
    name: String,
    /// Its manifest, seen from the root.
    manifest: std::path::PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Debug)]
struct Dependency {
    name: String,
    dev: bool,
}

pub fn check(checkout: &Checkout) -> Result<Vec<Finding>, Problem> {
    let mut cargo = checkout.cargo();
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
    let json = checkout::output(&mut cargo)?;
    let packages = packages(&json, checkout.root())
        .ok_or_else(|| Problem::failed("cargo metadata has an unknown form"))?;
    Ok(findings(&packages))
}

fn packages(json: &str, root: &Path) -> Option<Vec<Package>> {
    let metadata: Value = serde_json::from_str(json).ok()?;
    metadata["packages"].as_array()?.iter().map(|package| one(package, root)).collect()
}

fn one(package: &Value, root: &Path) -> Option<Package> {
    let manifest = Path::new(package["manifest_path"].as_str()?);
    let dependencies = package["dependencies"].as_array()?.iter();
    let dependencies = dependencies.map(|dependency| {
        let name = dependency["name"].as_str()?.to_owned();
        Some(Dependency { name, dev: dependency["kind"] == "dev" })
    });
    Some(Package {
        name: package["name"].as_str()?.to_owned(),
        manifest: manifest.strip_prefix(root).unwrap_or(manifest).to_owned(),
        dependencies: dependencies.collect::<Option<_>>()?,
    })
}

fn findings(packages: &[Package]) -> Vec<Finding> {
    packages.iter().flat_map(|package| in_package(package, packages)).collect()
}

fn in_package(package: &Package, all: &[Package]) -> Vec<Finding> {
    let name = &package.name;
    let finding = |message: String| Finding::file(&package.manifest, message);
    let mut findings = Vec::new();
    if !is_testing(package) && allowed(name).is_none() {
        findings.push(finding(format!("crate without arrows in xtask/src/tidy/arrows.rs: {name}")));
    }
    for dependency in &package.dependencies {
        let on = &dependency.name;
        if name == CORE && !dependency.dev && NOT_IN_CORE.contains(&on.as_str()) {
            findings.push(finding(format!("{CORE} is a contract and may not depend on: {on}")));
        }
        let Some(target) = all.iter().find(|other| other.name == *on) else { continue };
        if is_testing(package) {
            continue;
        }
        if is_testing(target) && !dependency.dev {
            findings.push(finding(format!("only a dev-dependency may be a testing crate: {on}")));
        }
        let arrow =
            is_testing(target) || allowed(name).is_none_or(|arrows| arrows.contains(&on.as_str()));
        if !arrow && !dependency.dev {
            findings.push(finding(format!("no arrow is allowed from {name} to {on}")));
        }
    }
    findings
}

fn is_testing(package: &Package) -> bool {
    package.manifest.starts_with(TESTING)
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    ARROWS.iter().find(|(from, _)| *from == name).map(|(_, to)| *to)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "/x";

    /// Name, folder, and dependencies with their kinds.
    type Sample<'a> = (&'a str, &'a str, &'a [(&'a str, Option<&'a str>)]);

    fn found(packages: &[Sample<'_>]) -> Vec<String> {
        let packages: Vec<_> = packages
            .iter()
            .map(|(name, folder, dependencies)| {
                let dependencies: Vec<_> = dependencies
                    .iter()
                    .map(|(name, kind)| serde_json::json!({ "name": name, "kind": kind }))
                    .collect();
                serde_json::json!({
                    "name": name,
                    "manifest_path": format!("{ROOT}/{folder}/{name}/Cargo.toml"),
                    "dependencies": dependencies,
                })
            })
            .collect();
        let json = serde_json::json!({ "packages": packages }).to_string();
        let packages = super::packages(&json, Path::new(ROOT)).unwrap();
        findings(&packages).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn arrows_down_are_allowed() {
        let found = found(&[
            ("tradebase-core", "crates", &[("serde", None), ("tokio", Some("dev"))]),
            ("tradebase-sql", "crates", &[("tradebase-core", None), ("testkit", Some("dev"))]),
            ("testkit", "testing", &[]),
            ("suite", "testing", &[("testkit", None), ("tradebase-sql", None)]),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn no_room_knows_another_room() {
        let found = found(&[
            ("tradebase-sql", "crates", &[("tradebase-cache", None)]),
            ("tradebase-cache", "crates", &[]),
        ]);
        let error = "error: crates/tradebase-sql/Cargo.toml: \
            no arrow is allowed from tradebase-sql to tradebase-cache";
        assert_eq!(found, [error]);
    }

    #[test]
    fn shipped_code_does_not_know_the_tests() {
        for kind in [None, Some("build")] {
            let found = found(&[
                ("tradebase-sql", "crates", &[("testkit", kind)]),
                ("testkit", "testing", &[]),
            ]);
            let error = "error: crates/tradebase-sql/Cargo.toml: \
                only a dev-dependency may be a testing crate: testkit";
            assert_eq!(found, [error]);
        }
    }

    #[test]
    fn the_contract_knows_no_runtime_or_driver() {
        let found = found(&[("tradebase-core", "crates", &[("tokio", None)])]);
        let error = "error: crates/tradebase-core/Cargo.toml: \
            tradebase-core is a contract and may not depend on: tokio";
        assert_eq!(found, [error]);
    }

    #[test]
    fn a_new_crate_needs_its_arrows() {
        let found = found(&[("tradebase-new", "crates", &[])]);
        let error = "error: crates/tradebase-new/Cargo.toml: \
            crate without arrows in xtask/src/tidy/arrows.rs: tradebase-new";
        assert_eq!(found, [error]);
    }
}
