//! Other layers at the same work, in a program of a workspace of their own.
//!
//! Their drivers of SQLite cannot be linked beside ours, so they have a lock file of their own.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tradebase_testkit::{Postgres, TempFolder};

use super::works::Work;

/// How often each layer does its work in one process.
const ROUNDS: &str = "1";

/// The program.
#[derive(Debug)]
pub struct Peers(PathBuf);

impl Peers {
    /// Builds it, which takes some minutes the first time.
    pub fn build() -> io::Result<Self> {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let target = checkout.join(".tools/peers");
        writeln!(io::stderr(), "building the other layers; --no-peers leaves them out")?;
        let mut command = Command::new("cargo");
        command
            .args(["build", "--quiet", "--release", "--locked"])
            .current_dir(checkout.join("testing/peers"))
            .env("CARGO_TARGET_DIR", &target)
            .stdin(Stdio::null());
        if command.status()?.success() {
            return Ok(Self(target.join("release/tradebase-peers")));
        }
        Err(io::Error::other("the other layers cannot be built: --no-peers leaves them out"))
    }

    /// Nanoseconds per row or call of each layer.
    pub fn run(&self, work: &Work, server: Option<&Postgres>) -> io::Result<BTreeMap<String, f64>> {
        let folder = TempFolder::new().map_err(io::Error::other)?;
        let database = server.filter(|_| work.engine == "postgres").map(Postgres::database);
        let url = match &database {
            Some(database) => database.url(),
            None => format!("sqlite:{}", folder.file("peers.db").display()),
        };
        let mut command = Command::new(&self.0);
        command.args([work.engine, work.name, &url, ROUNDS]).stderr(Stdio::inherit());
        let output = command.output()?;
        if !output.status.success() {
            let message = format!("the other layers failed at {} {}", work.engine, work.name);
            return Err(io::Error::other(message));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}
