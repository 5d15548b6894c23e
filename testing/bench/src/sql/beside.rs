//! What explains the figures: how fast the disk syncs, and what it takes to measure a call.

use std::fs::File;
use std::future::ready;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::time::Instant;

use tokio::runtime::Builder;
use tradebase_core::watch::{Operation, Watch};
use tradebase_testkit::TempFolder;

/// Syncs of one figure.
const SYNCS: u32 = 400;
/// Bytes that are written before each.
const PAGE: usize = 4096;
/// Calls that are measured.
const CALLS: u32 = 1_000_000;

/// Prints it.
pub fn print(json: bool, out: &mut impl Write) -> io::Result<()> {
    let folder = TempFolder::new().map_err(io::Error::other)?;
    let file = File::create(folder.file("sync"))?;
    let append = syncs(&file, u64::from)?;
    let overwrite = syncs(&file, |_| 0)?;
    let watch = watch()?;
    if json {
        for (work, rate) in [("append_fdatasync", append), ("overwrite_fdatasync", overwrite)] {
            let line = serde_json::json!({
                "bench": "disk", "work": work, "unit": "ops_s", "figure": rate,
            });
            writeln!(out, "{line}")?;
        }
        let line = serde_json::json!({
            "bench": "watch", "work": "measure_a_call", "unit": "ns", "figure": watch,
        });
        return writeln!(out, "{line}");
    }
    writeln!(out, "disk: {append:.0} fdatasync/s appending, {overwrite:.0} overwriting")?;
    writeln!(out, "watch: {watch:.0} ns to measure a call, which is part of ours")
}

/// Syncs of a file in a second.
fn syncs(file: &File, page: impl Fn(u32) -> u64) -> io::Result<f64> {
    let start = Instant::now();
    for at in 0..SYNCS {
        file.write_all_at(&[7; PAGE], page(at) * PAGE as u64)?;
        file.sync_data()?;
    }
    Ok(f64::from(SYNCS) / start.elapsed().as_secs_f64())
}

/// Nanoseconds that the watch takes around a call that does nothing.
fn watch() -> io::Result<f64> {
    let watch = Watch::default();
    let took = Builder::new_current_thread().build()?.block_on(async {
        let start = Instant::now();
        for _ in 0..CALLS {
            let ran = watch.run(Operation::Get, |()| 1, ready(Ok(()))).await;
            ran.map_err(io::Error::other)?;
        }
        io::Result::Ok(start.elapsed())
    })?;
    Ok(took.as_secs_f64() * 1e9 / f64::from(CALLS))
}
