//! How long 40 records of 12 columns take to compile, with every sink and source in use.
//!
//! Speed is bought with inlining, and inlining with compile time: this is the price.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const RECORDS: usize = 40;

/// Compiles the records once per profile, with everything below them compiled before.
pub fn compile_times(json: bool, out: &mut impl Write) -> io::Result<()> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let folder = write_crate(&checkout)?;
    for (profile, option) in [("dev", "--profile=dev"), ("release", "--release")] {
        build(&checkout, &folder, option)?;
        // A new time of the file is a change to cargo, and only this crate is compiled again.
        fs::File::open(folder.join("src/lib.rs"))?.set_modified(std::time::SystemTime::now())?;
        let start = Instant::now();
        build(&checkout, &folder, option)?;
        let seconds = start.elapsed().as_secs_f64();
        if json {
            let line = serde_json::json!({
                "bench": "compile", "profile": profile, "records": RECORDS, "columns": 12,
                "seconds": seconds,
            });
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "compiling {RECORDS} records of 12 columns, {profile}: {seconds:.1} s")?;
        }
    }
    Ok(())
}

fn write_crate(checkout: &Path) -> io::Result<PathBuf> {
    let folder = checkout.join(".tools/compile-bench");
    fs::create_dir_all(folder.join("src"))?;
    let mut manifest = String::from(
        "[package]\nname = \"compile-bench\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [workspace]\n[dependencies]\n",
    );
    for room in ["core", "sql", "cache", "duckdb", "series"] {
        let path = checkout.join(format!("crates/tradebase-{room}"));
        let _infallible =
            writeln!(manifest, "tradebase-{room} = {{ path = {:?} }}", path.display().to_string());
    }
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/lib.rs"), source())?;
    // The versions that the checkout was built with; cargo takes out what is not needed.
    fs::copy(checkout.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    Ok(folder)
}

fn build(checkout: &Path, folder: &Path, profile: &str) -> io::Result<()> {
    let mut command = Command::new("cargo");
    command
        .args(["build", "--offline", "--quiet", profile])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("CARGO_INCREMENTAL", "0")
        .env("DUCKDB_LIB_DIR", checkout.join(".tools/duckdb"))
        .stdin(Stdio::null());
    if command.status()?.success() {
        return Ok(());
    }
    Err(io::Error::other("the records could not be compiled"))
}

fn source() -> String {
    let mut text = String::from("use tradebase_core::{Decimal, Record, Timestamp, Uuid};\n");
    for n in 0..RECORDS {
        let _infallible = write!(
            text,
            r#"
#[derive(Record)]
#[record(table = "trades_{n}", series = "trades_{n}")]
pub struct Trade{n} {{
    #[record(key, tag)] pub id: Uuid,
    pub bot_id: Uuid,
    #[record(tag)] pub symbol: String,
    #[record(tag)] pub side: String,
    pub order_type: String,
    #[record(decimal(28, 10))] pub quantity: Decimal,
    #[record(decimal(28, 10))] pub price: Decimal,
    #[record(decimal(28, 10))] pub executed_price: Decimal,
    #[record(decimal(28, 10))] pub fee: Decimal,
    #[record(decimal(28, 10))] pub pnl: Option<Decimal>,
    pub status: String,
    #[record(time)] pub at_{n}: Timestamp,
}}
pub mod use_{n} {{
    use super::Trade{n} as T;
    {USES}
}}
"#
        );
    }
    text
}

/// Every sink and every source, for one record.
const USES: &str = include_str!("uses.rs.txt");
