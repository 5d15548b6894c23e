//! The prebuilt DuckDB library.
//!
//! To build DuckDB from source takes half an hour on two cores. The library is therefore fetched
//! once, kept in a cache folder, and laid into the checkout at the place that
//! `.cargo/config.toml` names. See `docs/design/0001-prebuilt-duckdb.md`.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::checkout::{self, Checkout};
use crate::problem::Problem;

/// The version of DuckDB. It fits the version of crate `duckdb` in the root manifest.
const VERSION: &str = "1.5.6";

/// The npm package of that version; it gets the platform at its end.
const PACKAGE: &str = "@duckdb/node-bindings-";
const PACKAGE_VERSION: &str = "1.5.6-r.1";

/// A file beside the library that says where it comes from. A library without it was put there
/// by hand, and is used as it is.
const STAMP: &str = "from.txt";

/// Read buffer for the digest.
const CHUNK_BYTES: usize = 1 << 20;

/// A platform for which a prebuilt library exists.
struct Platform {
    os: &'static str,
    arch: &'static str,
    npm: &'static str,
    file: &'static str,
    /// The sha256 of the package. Without one the package is not taken.
    sha256: Option<&'static str>,
}

const PLATFORMS: &[Platform] = &[
    Platform {
        os: "linux",
        arch: "x86_64",
        npm: "linux-x64",
        file: "libduckdb.so",
        sha256: Some("1b9f82478539bb9a1d1df44bd103121a12ae52142c07158dc52b97d2ec1d69ff"),
    },
    Platform {
        os: "linux",
        arch: "aarch64",
        npm: "linux-arm64",
        file: "libduckdb.so",
        sha256: None,
    },
    Platform {
        os: "macos",
        arch: "aarch64",
        npm: "darwin-arm64",
        file: "libduckdb.dylib",
        sha256: None,
    },
    Platform {
        os: "macos",
        arch: "x86_64",
        npm: "darwin-x64",
        file: "libduckdb.dylib",
        sha256: None,
    },
    Platform { os: "windows", arch: "x86_64", npm: "win32-x64", file: "duckdb.dll", sha256: None },
];

/// Sees to it that the library is where the build looks for it.
pub fn ensure(checkout: &Checkout) -> Result<(), Problem> {
    let platform = platform()?;
    if let Some(folder) = chosen_by_user(checkout) {
        return accept(&folder, platform);
    }
    let folder = checkout.library_folder();
    if is_placed(&folder, platform) {
        return Ok(());
    }
    let cached = cache_folder("duckdb", VERSION);
    if let Some(cached) = cached.as_deref().filter(|cached| is_intact(cached, platform)) {
        return place(&cached.join(platform.file), &folder, platform);
    }
    let work = Scratch::new(checkout)?;
    let fetched = match from_npm(&work, platform) {
        Ok(fetched) => fetched,
        Err(why_not_npm) => {
            eprintln!("setup: no library from npm: {why_not_npm}");
            from_crate(checkout, &work, platform).map_err(|why| no_library(&why_not_npm, &why))?
        }
    };
    let Some(cached) = cached else { return place(&fetched, &folder, platform) };
    keep(&fetched, &cached, platform)?;
    place(&cached.join(platform.file), &folder, platform)
}

/// Whether the library is still to be fetched, and npm would be the way.
pub fn wants_npm(checkout: &Checkout) -> bool {
    let Ok(platform) = platform() else { return false };
    platform.sha256.is_some()
        && chosen_by_user(checkout).is_none()
        && !is_placed(&checkout.library_folder(), platform)
        && !cache_folder("duckdb", VERSION)
            .is_some_and(|cached| cached.join(platform.file).is_file())
}

fn platform() -> Result<&'static Platform, Problem> {
    let (os, arch) = (env::consts::OS, env::consts::ARCH);
    PLATFORMS.iter().find(|one| one.os == os && one.arch == arch).ok_or_else(|| {
        Problem::not_ready(format!(
            "no prebuilt DuckDB library is known for this platform; set DUCKDB_LIB_DIR, or build \
             with feature `bundled` of crate duckdb: {os}-{arch}"
        ))
    })
}

fn no_library(npm: &str, download: &str) -> Problem {
    Problem::not_ready(format!(
        "no DuckDB library {VERSION}\n  \
         from npm: {npm}\n  \
         from the download of libduckdb-sys: {download}\n\
         install npm, or put the library into a folder and name it in DUCKDB_LIB_DIR, or build \
         DuckDB from source with feature `bundled` of crate duckdb (half an hour on two cores)"
    ))
}

/// The folder in DUCKDB_LIB_DIR, if a person set it. `cargo run` sets it too, to the folder in
/// the checkout, because `.cargo/config.toml` says so.
fn chosen_by_user(checkout: &Checkout) -> Option<PathBuf> {
    let chosen = PathBuf::from(env::var_os("DUCKDB_LIB_DIR").filter(|value| !value.is_empty())?);
    let ours = checkout.library_folder();
    let same = chosen == ours
        || matches!((chosen.canonicalize(), ours.canonicalize()), (Ok(a), Ok(b)) if a == b);
    (!same).then_some(chosen)
}

fn accept(folder: &Path, platform: &Platform) -> Result<(), Problem> {
    if folder.join(platform.file).is_file() {
        return Ok(());
    }
    let (file, folder) = (platform.file, folder.display());
    Err(Problem::not_ready(format!("DUCKDB_LIB_DIR names a folder without {file}: {folder}")))
}

fn is_placed(folder: &Path, platform: &Platform) -> bool {
    if !folder.join(platform.file).is_file() {
        return false;
    }
    fs::read_to_string(folder.join(STAMP)).map_or(true, |stamp| stamp.trim() == VERSION)
}

/// Lays the library into the checkout: a hard link where the file system allows it, else a copy.
/// The stamp is written while no library is there, so it never describes another one.
fn place(library: &Path, folder: &Path, platform: &Platform) -> Result<(), Problem> {
    let place = || {
        fs::create_dir_all(folder)?;
        let (target, part) = (folder.join(platform.file), part(folder, platform.file));
        remove(&part)?;
        fs::hard_link(library, &part).or_else(|_| fs::copy(library, &part).map(|_| ()))?;
        remove(&target)?;
        fs::write(folder.join(STAMP), format!("{VERSION}\n"))?;
        fs::rename(&part, &target)
    };
    place().map_err(|error| cannot("place the DuckDB library", folder, &error))?;
    eprintln!("setup: DuckDB {VERSION} is in {}", folder.display());
    Ok(())
}

/// The folder that keeps something for all checkouts of this user.
pub(super) fn cache_folder(of: &str, version: &str) -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("tradebase").join(of).join(version))
}

/// Puts the library and its digest into the cache folder.
fn keep(library: &Path, cached: &Path, platform: &Platform) -> Result<(), Problem> {
    let keep = || {
        fs::create_dir_all(cached)?;
        let digest = part(cached, &digest_file(platform));
        fs::write(&digest, sha256(library)?)?;
        fs::rename(digest, cached.join(digest_file(platform)))?;
        let part = part(cached, platform.file);
        fs::copy(library, &part)?;
        fs::rename(part, cached.join(platform.file))
    };
    keep().map_err(|error| cannot("keep the DuckDB library", cached, &error))
}

/// Whether the cache holds a library with the digest it was stored with.
fn is_intact(cached: &Path, platform: &Platform) -> bool {
    let Ok(expected) = fs::read_to_string(cached.join(digest_file(platform))) else {
        return false;
    };
    sha256(&cached.join(platform.file)).is_ok_and(|digest| digest == expected.trim())
}

fn digest_file(platform: &Platform) -> String {
    format!("{}.sha256", platform.file)
}

/// Fetches the library with the ordinary npm client.
fn from_npm(work: &Scratch, platform: &Platform) -> Result<PathBuf, String> {
    let package = format!("{PACKAGE}{}@{PACKAGE_VERSION}", platform.npm);
    let Some(expected) = platform.sha256 else {
        return Err(format!("this package has no pinned sha256: {package}"));
    };
    let npm = checkout::on_path("npm").ok_or("npm is not installed")?;
    eprintln!("setup: fetching {package}");
    let mut pack = Command::new(npm);
    pack.args(["pack", "--silent", &package]).current_dir(&work.folder);
    quiet(&mut pack)?;
    let tarball = work.only_file_named(".tgz").ok_or("npm pack made no file")?;
    let found = sha256(&tarball).map_err(|error| error.to_string())?;
    if found != expected {
        return Err(format!("{package} has sha256 {found}, expected {expected}"));
    }
    // -m gives the file the present time. The package has one of 1985, and a newer library would
    // not look newer to cargo.
    let mut tar = Command::new("tar");
    let member = format!("package/{}", platform.file);
    tar.args(["-x", "-m", "-z", "-f"]).arg(&tarball).arg(&member).current_dir(&work.folder);
    quiet(&mut tar)?;
    Ok(work.folder.join(member))
}

/// Fetches the library with the download that crate libduckdb-sys brings.
///
/// Cargo starts in another folder, because `.cargo/config.toml` of the checkout sets
/// DUCKDB_LIB_DIR, and with it the crate does not download.
fn from_crate(checkout: &Checkout, work: &Scratch, platform: &Platform) -> Result<PathBuf, String> {
    eprintln!("setup: fetching the library with crate libduckdb-sys");
    let target = work.folder.join("target");
    let mut cargo = checkout::plain_cargo();
    cargo
        .args(["build", "--quiet", "--locked", "-p", "libduckdb-sys", "--manifest-path"])
        .arg(checkout.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .env("DUCKDB_DOWNLOAD_LIB", "1")
        .env_remove("DUCKDB_LIB_DIR")
        .current_dir(&work.folder);
    checkout::run(&mut cargo).map_err(|_| "it failed, see above".to_owned())?;
    let library = target.join("debug").join("deps").join(platform.file);
    if library.is_file() { Ok(library) } else { Err(format!("it left no {}", platform.file)) }
}

/// Runs a command, and shows what it said only if it failed.
pub(super) fn quiet(command: &mut Command) -> Result<(), String> {
    let shown = checkout::shown(command);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot start {shown}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{shown}: {}\n{}", output.status, said.trim_end()))
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            count => digest.update(&chunk[..count]),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A name in the same folder that no other process uses.
pub(super) fn part(folder: &Path, file: &str) -> PathBuf {
    folder.join(format!(".{file}.{}", std::process::id()))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn cannot(what: &str, folder: &Path, error: &io::Error) -> Problem {
    Problem::not_ready(format!("cannot {what} in {}: {error}", folder.display()))
}

/// A folder for one fetch, gone afterwards.
struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    fn new(checkout: &Checkout) -> Result<Self, Problem> {
        // Not below the checkout: cargo must not find its configuration from here.
        let folder = env::temp_dir().join(format!("tradebase-setup-{}", std::process::id()));
        if folder.starts_with(checkout.root()) {
            return Err(Problem::not_ready("the temp folder lies inside the checkout"));
        }
        let made = fs::create_dir_all(&folder);
        made.map_err(|error| cannot("fetch the DuckDB library", &folder, &error))?;
        Ok(Self { folder })
    }

    fn only_file_named(&self, end: &str) -> Option<PathBuf> {
        let files = fs::read_dir(&self.folder).ok()?;
        let mut files = files.filter_map(|file| Some(file.ok()?.path()));
        files.find(|path| path.to_string_lossy().ends_with(end))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left over in the temp folder does no harm.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let folder = env::temp_dir().join(format!("tradebase-xtask-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_kept_library_is_placed_and_a_broken_one_is_not() {
        let folder = scratch("library");
        let (cached, placed) = (folder.join("cache"), folder.join("tools"));
        let (library, platform) = (folder.join("fetched"), &PLATFORMS[0]);
        fs::write(&library, "library").unwrap();

        keep(&library, &cached, platform).unwrap();
        assert!(is_intact(&cached, platform));
        assert!(!is_placed(&placed, platform));
        place(&cached.join(platform.file), &placed, platform).unwrap();
        assert!(is_placed(&placed, platform));
        assert_eq!(fs::read_to_string(placed.join(platform.file)).unwrap(), "library");

        fs::write(placed.join(STAMP), "1.4.0\n").unwrap();
        assert!(!is_placed(&placed, platform), "another version is to be replaced");
        fs::write(cached.join(platform.file), "broken").unwrap();
        assert!(!is_intact(&cached, platform));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_library_put_there_by_hand_is_used() {
        let folder = scratch("by-hand");
        fs::write(folder.join(PLATFORMS[0].file), "library").unwrap();
        assert!(is_placed(&folder, &PLATFORMS[0]));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_digest_is_sha256_in_hex() {
        let folder = scratch("digest");
        fs::write(folder.join("abc"), "abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(&folder.join("abc")).unwrap(), expected);
        fs::remove_dir_all(folder).unwrap();
    }
}
