//! Every dependency has a line of reason in one document.

use std::path::{Path, PathBuf};

use super::{Finding, files};
use crate::checkout::Checkout;
use crate::manifest;
use crate::problem::Problem;

const DOCUMENT: &str = "docs/design/dependencies.md";

pub fn check(checkout: &Checkout) -> Result<Vec<Finding>, Problem> {
    let mut paths = Vec::new();
    files(checkout, Path::new(""), "toml", &mut paths)?;
    let mut declared = Vec::new();
    for path in paths.into_iter().filter(|path| path.ends_with("Cargo.toml")) {
        let text = checkout.read(&path)?;
        declared.extend(foreign(&text).map(|name| (path.clone(), name)));
    }
    Ok(findings(&declared, &checkout.read(DOCUMENT)?))
}

/// The dependencies a manifest brings in by itself.
fn foreign(manifest: &str) -> impl Iterator<Item = String> {
    let all = manifest::dependencies(manifest).into_iter();
    all.filter(|one| !one.inherited && !one.ours).map(|one| one.name)
}

fn findings(declared: &[(PathBuf, String)], document: &str) -> Vec<Finding> {
    let reasons: Vec<_> = reasons(document).collect();
    let mut findings = Vec::new();
    for (path, name) in declared {
        if !reasons.iter().any(|(_, known)| known == name) {
            let message = format!("dependency without a line of reason in {DOCUMENT}: {name}");
            findings.push(Finding::file(path, message));
        }
    }
    for (line, name) in reasons {
        if !declared.iter().any(|(_, known)| known == name) {
            let message = format!("reason for a dependency that is gone: {name}");
            findings.push(Finding::at(Path::new(DOCUMENT), line + 1, message));
        }
    }
    findings
}

/// Lines of the form ``- `name`: reason``, numbered from 0.
fn reasons(document: &str) -> impl Iterator<Item = (usize, &str)> {
    document.lines().enumerate().filter_map(|(number, line)| {
        let (name, reason) = line.strip_prefix("- `")?.split_once("`: ")?;
        (!reason.trim().is_empty()).then_some((number, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(manifest: &str, document: &str) -> Vec<String> {
        let declared: Vec<_> = foreign(manifest).map(|name| ("Cargo.toml".into(), name)).collect();
        findings(&declared, document).iter().map(Finding::to_string).collect()
    }

    const MANIFEST: &str = "[workspace.dependencies]\n\
        ours = { path = \"crates/ours\" }\nserde = \"1\"\n[dependencies]\nclap.workspace = true\n";

    #[test]
    fn a_dependency_with_a_reason_passes() {
        assert_eq!(found(MANIFEST, "# Reasons\n\n- `serde`: JSON\n"), Vec::<String>::new());
    }

    #[test]
    fn a_dependency_without_a_reason_fails() {
        let error = "error: Cargo.toml: \
            dependency without a line of reason in docs/design/dependencies.md: serde";
        assert_eq!(found(MANIFEST, "- `serde`: \n"), [error]);
    }

    #[test]
    fn a_reason_without_a_dependency_fails() {
        let error = "error: docs/design/dependencies.md:2: \
            reason for a dependency that is gone: rand";
        assert_eq!(found(MANIFEST, "- `serde`: JSON\n- `rand`: dice\n"), [error]);
    }
}
