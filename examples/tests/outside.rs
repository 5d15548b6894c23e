//! A new project outside the checkout: it depends on the crate by path, takes the README's first
//! program, and runs, with the default features and with all of them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use tradebase_testkit::TempFolder;

/// The first Rust block of the README.
fn program(checkout: &Path) -> String {
    let readme = fs::read_to_string(checkout.join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```rust\n").expect("the README has a program");
    let (program, _) = rest.split_once("```").expect("the program ends");
    program.to_owned()
}

#[test]
fn the_readme_program_runs_in_a_project_of_its_own() {
    let checkout = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf();
    let folder = TempFolder::new().unwrap();
    fs::create_dir(folder.file("src")).unwrap();
    fs::write(folder.file("src/main.rs"), program(&checkout)).unwrap();
    // The versions that the checkout was tested with.
    fs::copy(checkout.join("Cargo.lock"), folder.file("Cargo.lock")).unwrap();
    for features in ["", "\"full\""] {
        let manifest = format!(
            "[package]\nname = \"outside\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [dependencies]\ntradebase = {{ path = {:?}, features = [{features}] }}\n",
            checkout.join("crates/tradebase")
        );
        fs::write(folder.file("Cargo.toml"), manifest).unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["run", "--quiet", "--offline"]).current_dir(folder.path());
        // What the checkout says of its DuckDB library is not known out there.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG") || text == "DUCKDB_LIB_DIR" || text == "RUSTFLAGS" {
                cargo.env_remove(&name);
            }
        }
        cargo.env("CARGO_TARGET_DIR", target());
        let output = cargo.output().unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "features [{features}]:\n{out}\n{err}");
        assert!(folder.file("tradebase-data/ledger.db").exists());
    }
}

/// A folder beside the target folder of the tests, so that a second run is quick.
fn target() -> PathBuf {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_ledger"));
    binary.parent().unwrap().join("outside")
}
