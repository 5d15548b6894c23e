//! Where the servers and their clients are installed, and what they see of the environment.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::KitError;

/// Debian keeps the server programs of each PostgreSQL version here, outside `PATH`.
const POSTGRES_HOME: &str = "/usr/lib/postgresql";
/// Looked into last: a normal user's `PATH` often lacks `/usr/sbin`.
const USUAL_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/bin", "/usr/local/bin"];
/// Everything else is withheld: `PGTZ`, `INFLUXDB_HTTP_BIND_ADDRESS` and their like would change
/// what a test sees.
const KEPT_VARIABLES: [&str; 2] = ["PATH", "LD_LIBRARY_PATH"];

/// The program's full path.
pub(crate) fn find(program: &str) -> Result<PathBuf, KitError> {
    find_in(program, &folders())
}

/// A program of the PostgreSQL whose `postgres` is found first, so that `initdb`, server and
/// `psql` are of one version. It also avoids Debian's wrapper around `psql`, which takes five
/// times as long and picks a cluster by itself.
pub(crate) fn find_postgres(program: &str) -> Result<PathBuf, KitError> {
    let server = find("postgres").ok().and_then(|path| path.canonicalize().ok());
    let beside = server.as_deref().and_then(Path::parent).map(|folder| folder.join(program));
    match beside {
        Some(path) if is_program(&path) => Ok(path),
        _ => find(program),
    }
}

/// The program that `cargo xtask test` fetches into a cache folder of the user, of the version
/// that it names.
pub(crate) fn find_squawk() -> Result<PathBuf, KitError> {
    const PLACE: &str = "tradebase/squawk/2.70.0/bin";
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    let folders: Vec<_> = cache.iter().map(|cache| cache.join(PLACE)).collect();
    find_in("squawk", &folders)
}

/// A command that sees only the variables it needs.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    for name in KEPT_VARIABLES {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

fn find_in(program: &str, folders: &[PathBuf]) -> Result<PathBuf, KitError> {
    let found = folders.iter().map(|folder| folder.join(program)).find(|path| is_program(path));
    found.ok_or_else(|| {
        let places: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
        KitError::missing(program, &places.join(", "))
    })
}

fn folders() -> Vec<PathBuf> {
    let path: OsString = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    folders.extend(postgres_folders(Path::new(POSTGRES_HOME)));
    folders.extend(USUAL_FOLDERS.map(PathBuf::from));
    let mut seen = Vec::new();
    folders.retain(|folder| {
        let new = folder.is_absolute() && !seen.contains(folder);
        seen.push(folder.clone());
        new
    });
    folders
}

/// The `bin` folders of all installed versions, the newest first.
fn postgres_folders(home: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(home).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TempFolder;

    #[test]
    fn a_missing_program_says_what_installs_it() {
        let error = find_in("no-such-server", &[PathBuf::from("/usr/bin")]).unwrap_err();
        assert!(error.is_missing());
        assert_eq!(
            error.to_string(),
            "no-such-server is not installed (cargo xtask test installs it), looked in: /usr/bin"
        );
    }

    #[test]
    fn the_newest_postgres_comes_first() {
        let home = TempFolder::new().unwrap();
        for version in ["9", "15", "100", "common"] {
            fs::create_dir(home.file(version)).unwrap();
        }
        let found = postgres_folders(home.path());
        assert_eq!(found, ["100/bin", "15/bin", "9/bin"].map(|name| home.file(name)));
    }
}
