//! `bench record`: what the contract costs beside hand-written code for the same struct.

mod arrow;
mod compile;
mod json;
mod line;
mod msgpack;
mod postgres;
mod sqlite;

use std::hint::black_box;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use tradebase_conformance::models::Trade;
use tradebase_testkit::Postgres;

use crate::measure::{Figures, compare};
use crate::report::{self, Line};
use crate::trades::trades;

pub use compile::compile_times;

/// How many records a block of work holds.
const RECORDS: usize = 1000;

/// The variable that hands a worker the server it reads from.
pub const SERVER: &str = "TRADEBASE_BENCH_POSTGRES";

type Run = fn(&[Trade]) -> Figures;

/// Every work: engine, work, the ratio asked for, and how it is run.
const WORKS: [(&str, &str, f64, Run); 13] = [
    ("sqlite_bind", "write", 0.80, sqlite::write),
    ("sqlite_bind", "read", 0.90, sqlite::read),
    ("pg_bind", "write", 0.90, postgres::write_bind),
    ("pg_bind", "read", 0.90, postgres::read_row),
    ("copy_binary", "write", 0.90, postgres::write_copy),
    ("copy_binary", "read", 0.80, postgres::read_copy),
    ("arrow", "write", 0.90, arrow::write),
    ("arrow", "read", 0.75, arrow::read),
    ("line_protocol", "write", 0.85, line::write),
    ("msgpack", "write", 0.80, msgpack::write),
    ("msgpack", "read", 0.75, msgpack::read),
    ("json", "write", 0.80, json::write),
    ("json", "read", 0.75, json::read),
];

/// Which works are run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only engines whose name contains this.
    pub only: Option<String>,
    /// How many processes each figure is the median of.
    pub processes: usize,
    /// One JSON object a line instead of a table.
    pub json: bool,
}

/// Runs every work in several processes and prints the medians.
pub fn run(options: &Options, out: &mut impl Write) -> io::Result<bool> {
    let wanted = |engine: &str| options.only.as_deref().is_none_or(|only| engine.contains(only));
    let server = if wanted("pg_bind") { Some(Postgres::shared().database()) } else { None };
    if !options.json {
        report::head(out)?;
    }
    let mut all_hold = true;
    for (engine, work, bar, _) in WORKS.iter().filter(|w| wanted(w.0)) {
        let mut figures = Vec::new();
        for _ in 0..options.processes {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["worker", engine, work]).stderr(Stdio::inherit());
            if let Some(server) = &server {
                command.env(SERVER, server.url());
            }
            let output = command.output()?;
            if !output.status.success() {
                return Err(io::Error::other(format!("the worker for {engine} {work} failed")));
            }
            figures.push(serde_json::from_slice::<Figures>(&output.stdout)?);
        }
        let line = Line::of(("record", engine, work), *bar, &figures);
        all_hold &= line.holds();
        if options.json {
            report::json(out, &line)?
        } else {
            report::row(out, &line)?
        }
        out.flush()?;
    }
    Ok(all_hold)
}

/// Runs one work in this process and prints its figures as JSON.
pub fn worker(engine: &str, work: &str, out: &mut impl Write) -> io::Result<()> {
    let found = WORKS.iter().find(|w| w.0 == engine && w.1 == work);
    let Some((.., run)) = found else {
        return Err(io::Error::other(format!("there is no work {engine} {work}")));
    };
    let figures = run(&trades(RECORDS));
    serde_json::to_writer(&mut *out, &figures)?;
    writeln!(out)
}

/// Compares two readers of the same rows, after both have given back what was written.
fn compare_reads(
    rows: &[Trade],
    mut ours: impl FnMut(&mut Vec<Trade>),
    mut raw: impl FnMut(&mut Vec<Trade>),
) -> Figures {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    ours(&mut a);
    raw(&mut b);
    assert_eq!(a, rows, "ours gives the rows back");
    assert_eq!(b, rows, "raw gives the rows back");
    compare(
        rows.len(),
        || {
            a.clear();
            ours(black_box(&mut a));
        },
        || {
            b.clear();
            raw(black_box(&mut b));
        },
    )
}
