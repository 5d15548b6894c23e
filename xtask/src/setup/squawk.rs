//! squawk, the linter that the tests hold our PostgreSQL migrations against.
//!
//! Its Python package is a plain program in a wheel. It goes into a cache folder of this user and
//! changes nothing else on the machine; the testkit looks for it there.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::library::{cache_folder, part, quiet};
use super::programs;
use crate::checkout;
use crate::problem::Problem;

/// The version, and the digests of its wheels for Linux and macOS, which pip checks. Another one
/// has other rules; the testkit names the same version.
const VERSION: &str = "2.70.0";
const DIGESTS: &[&str] = &[
    "e67651bb984b01276752ca685f870b281cf493d5d7bd318607148b657c359b52",
    "1c352fd18443d808d8ce48f5d4efa43646e210fc951437f6c3c25e51394f4a8f",
    "c6164a083f8bee368fc7c9c1cd7de4704c0775aa75767eefb371c0bd37d3bf08",
    "699021805add4ec82274796081c0bc64ea2516ffd48be7690e3a3b6d60211411",
];

/// Sees to it that the program is where the testkit looks for it.
pub fn ensure(yes: bool) -> Result<(), Problem> {
    let Some(folder) = cache_folder("squawk", VERSION) else {
        return Err(Problem::not_ready("squawk has no place: set HOME or XDG_CACHE_HOME"));
    };
    if folder.join("bin").join("squawk").is_file() {
        return Ok(());
    }
    programs::find_or_install(&[&programs::PIP], yes)?;
    let fetched = fetch(&folder);
    fetched.map_err(|why| Problem::not_ready(format!("no squawk {VERSION} from pip: {why}")))
}

fn fetch(folder: &Path) -> Result<(), String> {
    let words = |error: std::io::Error| error.to_string();
    let home = folder.parent().ok_or("its folder is the root")?;
    let (part, list) = (part(home, VERSION), part(home, "requirements"));
    fs::create_dir_all(home).map_err(words)?;
    fs::write(&list, requirement()).map_err(words)?;
    eprintln!("setup: fetching squawk-cli {VERSION}");
    let pip = checkout::on_path(programs::PIP.name).ok_or("pip is not installed")?;
    let mut command = Command::new(pip);
    command.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    command.args(["--only-binary", ":all:", "--require-hashes", "--target"]).arg(&part);
    let fetched = quiet(command.arg("--requirement").arg(&list));
    // What is left over does no harm.
    let _ = fs::remove_file(&list);
    fetched?;
    // Another process may have been quicker.
    fs::rename(&part, folder).or_else(|error| {
        let _ = fs::remove_dir_all(&part);
        if folder.is_dir() { Ok(()) } else { Err(words(error)) }
    })
}

fn requirement() -> String {
    let digests: Vec<_> = DIGESTS.iter().map(|digest| format!(" --hash=sha256:{digest}")).collect();
    format!("squawk-cli=={VERSION}{}\n", digests.concat())
}
