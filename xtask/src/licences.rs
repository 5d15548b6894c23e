//! Licences, sources and versions of all dependencies, by the rules of `deny.toml`.
//!
//! `cargo deny` does it if it is installed. To install it takes longer than the tests, so there
//! is a small check of our own for the rest of the time: licences against the same list, one
//! registry and no git, and no `*` versions.

use std::process::Stdio;

use serde_json::Value;

use crate::checkout::{self, Checkout};
use crate::manifest;
use crate::problem::Problem;

const RULES: &str = "deny.toml";

pub fn check(checkout: &Checkout) -> Result<(), Problem> {
    if checkout::on_path("cargo-deny").is_some() {
        return with_cargo_deny(checkout);
    }
    println!("cargo-deny is not installed: checking licences, sources and versions without it");
    let rules = checkout.read(RULES)?;
    let allowed = list(&rules, "licenses", "allow")?;
    let mut cargo = checkout.cargo();
    cargo.args(["metadata", "--locked", "--format-version", "1"]);
    for target in list(&rules, "graph", "targets")? {
        cargo.args(["--filter-platform", &target]);
    }
    let metadata: Value = serde_json::from_str(&checkout::output(&mut cargo)?)
        .map_err(|error| Problem::failed(format!("cargo metadata: {error}")))?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let findings = findings(packages, &allowed);
    for finding in &findings {
        println!("error: {finding}");
    }
    println!("{} packages, {} against the rules of {RULES}", packages.len(), findings.len());
    if findings.is_empty() { Ok(()) } else { Err(Problem::failed("dependencies break the rules")) }
}

fn with_cargo_deny(checkout: &Checkout) -> Result<(), Problem> {
    let mut deny = checkout.cargo();
    checkout::run(deny.args(["deny", "check", "licenses", "bans", "sources"]))?;
    // The list of known holes lies on the net. Without it the rest still counts.
    let fetched = checkout.cargo().args(["deny", "fetch"]).stderr(Stdio::null()).status();
    if !fetched.is_ok_and(|status| status.success()) {
        println!("the advisory database cannot be reached: advisories are not checked");
        return Ok(());
    }
    let mut deny = checkout.cargo();
    checkout::run(deny.args(["deny", "check", "--disable-fetch", "advisories"]))
}

fn list(rules: &str, section: &str, key: &str) -> Result<Vec<String>, Problem> {
    manifest::list(rules, section, key)
        .ok_or_else(|| Problem::failed(format!("{RULES} has no list [{section}] {key}")))
}

fn findings(packages: &[Value], allowed: &[String]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut registry = None;
    for package in packages {
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let name = format!("{} {}", text("name"), text("version"));
        let Some(source) = package["source"].as_str() else {
            findings
                .extend(wildcards(package).map(|on| format!("{name} takes any version of {on}")));
            continue;
        };
        if *registry.get_or_insert(source) != source || !source.starts_with("registry+") {
            findings.push(format!("{name} comes from an unknown source: {source}"));
        }
        match package["license"].as_str() {
            None => findings.push(format!("{name} names no licence")),
            Some(licence) if is_allowed(licence, allowed) => {}
            Some(licence) => findings.push(format!("{name} has a licence not allowed: {licence}")),
        }
    }
    findings
}

/// The dependencies of one of our crates that accept any version; a path is exact anyway.
fn wildcards(package: &Value) -> impl Iterator<Item = &str> {
    let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    let any = dependencies.iter().filter(|on| on["req"] == "*" && on["path"].is_null());
    any.filter_map(|on| on["name"].as_str())
}

/// Whether an SPDX expression can be fulfilled with the allowed licences.
///
/// `AND` binds closer than `OR`; `A/B` is an old way to write `A OR B`.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut words = words.as_slice();
    let answer = either(&mut words, allowed);
    answer && words.is_empty()
}

fn either(words: &mut &[&str], allowed: &[String]) -> bool {
    let mut answer = both(words, allowed);
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        answer |= both(words, allowed);
    }
    answer
}

fn both(words: &mut &[&str], allowed: &[String]) -> bool {
    let mut answer = one(words, allowed);
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        answer &= one(words, allowed);
    }
    answer
}

fn one(words: &mut &[&str], allowed: &[String]) -> bool {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let answer = either(words, allowed);
            let [")", rest @ ..] = *words else { return false };
            *words = rest;
            answer
        }
        [licence, "WITH", exception, rest @ ..] => {
            *words = rest;
            allowed.contains(&format!("{licence} WITH {exception}"))
        }
        [licence, rest @ ..] => {
            *words = rest;
            allowed.iter().any(|one| one == licence)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn allowed() -> Vec<String> {
        ["MIT", "Apache-2.0", "ISC"].map(str::to_owned).to_vec()
    }

    #[test]
    fn expressions_are_weighed() {
        for good in [
            "MIT",
            "MIT/GPL-3.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-3.0) AND ISC",
            "GPL-3.0 AND ISC OR MIT",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(is_allowed(good, &allowed()), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "Apache-2.0 WITH LLVM-exception",
            "(MIT",
            "MIT MIT",
            "MIT AND",
        ] {
            assert!(!is_allowed(bad, &allowed()), "{bad}");
        }
    }

    #[test]
    fn packages_against_the_rules_are_found() {
        let packages = [
            json!({ "name": "a", "version": "1", "license": "MIT", "source": "registry+x" }),
            json!({ "name": "b", "version": "1", "license": "GPL-3.0", "source": "registry+x" }),
            json!({ "name": "c", "version": "1", "license": null, "source": "registry+x" }),
            json!({ "name": "d", "version": "1", "license": "MIT", "source": "git+y" }),
            json!({ "name": "e", "version": "0.1.0", "license": "MIT", "source": null,
                "dependencies": [
                    { "name": "f", "req": "*", "path": "/f" }, { "name": "g", "req": "*" },
                ] }),
        ];
        let expected = [
            "b 1 has a licence not allowed: GPL-3.0",
            "c 1 names no licence",
            "d 1 comes from an unknown source: git+y",
            "e 0.1.0 takes any version of g",
        ];
        assert_eq!(findings(&packages, &allowed()), expected);
    }
}
