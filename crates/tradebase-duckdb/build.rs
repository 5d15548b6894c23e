//! Lays the DuckDB library beside the binaries that are built, which look for it there.
//!
//! `.cargo/config.toml` says where the library is and gives binaries the rpath `$ORIGIN`. With the
//! library in the profile's folder, `target/debug/x`, tests and examples start as they are.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    // The bundled one becomes part of each binary.
    if env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return;
    }
    // Without either the linker finds DuckDB where the system keeps libraries, and so does the
    // loader.
    let given = env::var_os("DUCKDB_LIB_DIR").map(PathBuf::from).or_else(of_checkout);
    let Some(folder) = given else { return };
    let library = folder.join(file_name());
    println!("cargo:rerun-if-changed={}", library.display());
    if !library.is_file() {
        fail(&format!("there is no DuckDB library at {}", library.display()));
    }
    let Some(profile) = profile() else { fail("OUT_DIR does not lie in a target folder") };
    for place in [profile.clone(), profile.join("deps"), profile.join("examples")] {
        if let Err(error) = lay(&library, &place) {
            fail(&format!("the DuckDB library cannot be laid into {}: {error}", place.display()));
        }
    }
    // Looked at again when somebody takes it away.
    println!("cargo:rerun-if-changed={}", profile.join(file_name()).display());
    // Cargo puts folders inside the target folder on the loader's path of tests and of `run`.
    println!("cargo:rustc-link-search=native={}", profile.display());
}

/// The library of the checkout that this crate lies in, for a project outside of it that depends
/// on the crate by path: nothing there says where the library is.
///
/// Where it is missing Cargo is not told of it: a path that is not there makes every build begin
/// anew.
fn of_checkout() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/duckdb");
    folder.join(file_name()).is_file().then_some(folder)
}

fn fail(why: &str) -> ! {
    println!("cargo:warning={why}: run `cargo xtask setup`");
    panic!("{why}: run `cargo xtask setup`, or set DUCKDB_LIB_DIR to the folder it is in");
}

fn file_name() -> &'static str {
    match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => "libduckdb.dylib",
        Ok("windows") => "duckdb.dll",
        _ => "libduckdb.so",
    }
}

/// `target/debug`, from `target/debug/build/tradebase-duckdb-…/out`.
fn profile() -> Option<PathBuf> {
    let out = PathBuf::from(env::var_os("OUT_DIR")?);
    out.ancestors().nth(3).map(Path::to_path_buf)
}

/// A hard link where one can be made, else a copy. Swapped in whole: a running program keeps the
/// old file, and another build never sees half a library.
fn lay(library: &Path, place: &Path) -> io::Result<()> {
    fs::create_dir_all(place)?;
    let new = place.join(format!(".{}-{}", file_name(), std::process::id()));
    let _ = fs::remove_file(&new);
    if fs::hard_link(library, &new).is_err() {
        fs::copy(library, &new)?;
    }
    fs::rename(&new, place.join(file_name()))?;
    // A rename between two links of one file does nothing and leaves both.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
