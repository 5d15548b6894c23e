//! Temp folders that do not pile up.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf, absolute};
use std::process;
use std::sync::Once;

use tempfile::TempDir;

use crate::KitError;
use crate::process::{start_ticks, state_of};

/// Followed by the owner's pid, its start time in clock ticks since boot, and a random part.
const PREFIX: &str = "tradebase-kit-";

/// A folder of one test, removed with all it holds when dropped.
///
/// It lies in the system's temp folder and its name holds the pid of this process. The first
/// folder a process makes also removes those whose owner is dead: a killed process cannot.
#[derive(Debug)]
pub struct TempFolder {
    folder: TempDir,
}

impl TempFolder {
    /// A new, empty folder that only this user can enter.
    ///
    /// # Errors
    /// When the system's temp folder cannot be written.
    pub fn new() -> Result<Self, KitError> {
        static SWEPT: Once = Once::new();
        let cannot = |error: std::io::Error| KitError::io("make a temp folder", &error);
        let home = absolute(env::temp_dir()).map_err(cannot)?;
        SWEPT.call_once(|| sweep(&home));
        let pid = process::id();
        let prefix = format!("{PREFIX}{pid}-{}-", start_ticks(pid).unwrap_or(0));
        let mut maker = tempfile::Builder::new();
        maker.prefix(&prefix).permissions(Permissions::from_mode(0o700));
        Ok(Self { folder: maker.tempdir_in(&home).map_err(cannot)? })
    }

    /// The folder itself, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of `name` in the folder; nothing is created.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path of a unix socket in the folder, checked against the kernel's limit.
    pub(crate) fn socket(&self, name: &str) -> Result<PathBuf, KitError> {
        /// `sun_path` has 108 bytes, the last one is zero.
        const SOCKET_PATH_BYTES_MAX: usize = 107;
        let path = self.file(name);
        if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
            let text = format!("temp folder is too deep for a unix socket: {}", path.display());
            return Err(KitError::failed(text));
        }
        Ok(path)
    }
}

/// Removes what dead processes left. What belongs to other users, or is being removed by another
/// sweep, stays: that is not ours to report.
fn sweep(home: &Path) {
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().and_then(owner).is_some_and(|(pid, start)| !is_alive(pid, start)) {
            _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn owner(name: &str) -> Option<(u32, u64)> {
    let mut parts = name.strip_prefix(PREFIX)?.split('-');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The start time tells the owner from a later process that was given the same pid.
fn is_alive(pid: u32, start: u64) -> bool {
    start_ticks(pid) == Some(start) && state_of(pid) != Some('Z')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_dead_owners_are_swept() {
        let home = TempFolder::new().unwrap();
        let me = process::id();
        let start = start_ticks(me).unwrap();
        let kept = [format!("{PREFIX}{me}-{start}-a"), "other-1-1-a".into(), PREFIX.into()];
        let swept = [format!("{PREFIX}{me}-{}-a", start + 1), format!("{PREFIX}4194305-1-a")];
        for name in kept.iter().chain(&swept) {
            fs::create_dir_all(home.file(name).join("data")).unwrap();
        }
        sweep(home.path());
        assert!(kept.iter().all(|name| home.file(name).exists()));
        assert!(!swept.iter().any(|name| home.file(name).exists()));
    }
}
