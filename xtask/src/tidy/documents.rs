//! Paths that a document names must exist.

use std::path::{Component, Path, PathBuf};

use super::{Finding, files};
use crate::checkout::Checkout;
use crate::problem::Problem;

/// A path in code marks is one of the checkout if it begins with one of these.
const FOLDERS: [&str; 6] = ["docs/", "crates/", "testing/", "xtask/", "examples/", ".ci/"];

pub fn check(checkout: &Checkout) -> Result<Vec<Finding>, Problem> {
    let mut paths = Vec::new();
    files(checkout, Path::new(""), "md", &mut paths)?;
    let mut findings = Vec::new();
    for path in paths {
        let text = checkout.read(&path)?;
        findings.extend(in_document(&path, &text, |named| checkout.join(named).exists()));
    }
    Ok(findings)
}

fn in_document(path: &Path, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<Finding> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut findings = Vec::new();
    for (number, line) in prose(text) {
        let links = links(line).map(|target| (target, folder.join(target)));
        let marks = code_marks(line).map(|named| (named, PathBuf::from(named)));
        for (named, path_named) in links.chain(marks) {
            if !exists(&flat(&path_named)) {
                let message = format!("there is no such path: {named}");
                findings.push(Finding::at(path, number + 1, message));
            }
        }
    }
    findings
}

/// The lines outside code blocks, numbered from 0.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<&str> = None;
    text.lines().enumerate().filter(move |(_, line)| {
        let line = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| line.starts_with(mark));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => return true,
            _ => {}
        }
        false
    })
}

/// The targets of links into the checkout, without their anchors.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split_whitespace().next()?;
        let target = target.trim_matches(|c| c == '<' || c == '>');
        let target = target.split('#').next()?;
        let elsewhere = target.is_empty() || target.contains(':') || target.starts_with('/');
        (!elsewhere).then_some(target)
    })
}

/// Paths in code marks. A pattern, such as one with `*` or `<name>`, is not a path.
fn code_marks(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2).filter(|text| {
        let known = FOLDERS.iter().any(|folder| text.starts_with(folder));
        known && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
    })
}

/// The path without `.` and `..`.
fn flat(path: &Path) -> PathBuf {
    let mut flat = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                flat.pop();
            }
            Component::CurDir => {}
            part => flat.push(part),
        }
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let there = ["docs/guide.md", "crates/x", "docs/design/a.md"].map(Path::new);
        let path = Path::new("docs/design/b.md");
        let findings = in_document(path, text, |named| there.contains(&named));
        findings.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn paths_that_exist_pass() {
        let text = "See `crates/x`, `docs/guide.md`, [a](a.md#top), [g](../guide.md \"title\").\n\
            `crates/*`, `crates/<name>`, `cargo test`, [web](https://a.b/c), [top](#top)\n\
            ```\n`crates/old` [x](y.md)\n```\n";
        assert_eq!(found(text), Vec::<String>::new());
    }

    #[test]
    fn paths_that_are_gone_fail() {
        let error =
            |named: &str| format!("error: docs/design/b.md:2: there is no such path: {named}");
        assert_eq!(found("\n`crates/old/src`"), [error("crates/old/src")]);
        assert_eq!(found("\nsee [it](../a.md)"), [error("../a.md")]);
    }
}
