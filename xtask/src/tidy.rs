//! `cargo xtask tidy`: the figures, doors, arrows and documents of the house.

mod arrows;
mod documents;
mod doors;
mod figures;
mod reasons;
mod source;
mod tokens;
mod unfinished;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::checkout::Checkout;
use crate::problem::Problem;
use crate::setup;
use source::Source;

/// The folders that hold Rust code.
const CODE_FOLDERS: [&str; 5] = ["crates", "testing", "examples", "bindings", "xtask"];

/// Something that is not as the house wants it.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, seen from the root of the checkout.
    path: PathBuf,
    /// The line, from 1; none for the file as a whole.
    line: Option<usize>,
    message: String,
    /// Only a warning: it does not fail.
    warns: bool,
}

impl Finding {
    fn at(path: &Path, line: usize, message: String) -> Self {
        Self { path: path.to_owned(), line: Some(line), message, warns: false }
    }

    fn file(path: &Path, message: String) -> Self {
        Self { path: path.to_owned(), line: None, message, warns: false }
    }

    fn warning(self) -> Self {
        Self { warns: true, ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, message, warns } = self;
        let level = if *warns { "warning" } else { "error" };
        match line {
            Some(line) => write!(f, "{level}: {}:{line}: {message}", path.display()),
            None => write!(f, "{level}: {}: {message}", path.display()),
        }
    }
}

pub fn command(checkout: &Checkout, no_setup: bool) -> Result<(), Problem> {
    if !no_setup {
        setup::to_build(checkout)?;
    }
    run(checkout)
}

/// Runs all checks and prints what they find.
pub fn run(checkout: &Checkout) -> Result<(), Problem> {
    let sources = sources(checkout)?;
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !source.is_generated()) {
        findings.extend(figures::check(source));
        findings.extend(unfinished::check(source));
        findings.extend(doors::check(source));
    }
    findings.extend(arrows::check(checkout)?);
    findings.extend(documents::check(checkout)?);
    findings.extend(reasons::check(checkout)?);
    for finding in &findings {
        println!("{finding}");
    }
    let warnings = findings.iter().filter(|finding| finding.warns).count();
    let errors = findings.len() - warnings;
    println!("tidy: {} Rust files, {errors} errors, {warnings} warnings", sources.len());
    if errors == 0 { Ok(()) } else { Err(Problem::failed("the checkout is not tidy")) }
}

fn sources(checkout: &Checkout) -> Result<Vec<Source>, Problem> {
    let mut paths = Vec::new();
    for folder in CODE_FOLDERS {
        files(checkout, Path::new(folder), "rs", &mut paths)?;
    }
    paths.into_iter().map(|path| Ok(Source::new(&path, &checkout.read(&path)?))).collect()
}

/// Collects the files with an extension, in order, without hidden folders and build output.
fn files(
    checkout: &Checkout,
    folder: &Path,
    extension: &str,
    found: &mut Vec<PathBuf>,
) -> Result<(), Problem> {
    let full = checkout.join(folder);
    if !full.is_dir() {
        return Ok(());
    }
    let cannot = |error| Problem::failed(format!("cannot read {}: {error}", full.display()));
    let mut entries = fs::read_dir(&full)
        .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
        .map_err(cannot)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let path = folder.join(&name);
        let kind = entry.file_type().map_err(cannot)?;
        if kind.is_dir() {
            let hidden = name.as_encoded_bytes().starts_with(b".");
            if !hidden && name != "target" && name != "node_modules" {
                files(checkout, &path, extension, found)?;
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    Ok(())
}
