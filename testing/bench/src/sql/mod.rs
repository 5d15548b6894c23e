//! `bench sql`: the relational room beside the raw drivers and beside its peers.
//!
//! Raw has the same schema, stored bytes, decoding, durability, runtime and transport, and no
//! layer. What it takes for each work is what a careful hand would take: statements that are
//! kept, COPY, UNNEST, one statement or commit for all who wait. Peers run in a process of their
//! own right behind each process of ours, since they cannot be linked beside it.
//!
//! Ours is measured as it is used, so the watch that feeds the measures is part of each figure;
//! it cannot be taken out. What it takes by itself is printed beside.

mod arena;
mod asks;
mod beside;
mod peers;
mod postgres;
mod sqlite;
mod store;
mod works;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use tradebase_testkit::Postgres;

use crate::measure::{Figures, Plan, median};
use crate::report::{self, Line};
use peers::Peers;
use works::{WORKS, Work};

/// For work on a disk or a server, of microseconds to seconds.
const STORED: Plan = Plan {
    block: Duration::from_millis(100),
    rounds_min: 18,
    rounds_max: 90,
    rounds_more: 6,
    patience: Duration::from_secs(60),
    repeat_max: usize::MAX,
};

/// Which works are run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only that engine.
    pub engine: Option<String>,
    /// Only the work of this name, or if there is none, those whose names contain it.
    pub only: Option<String>,
    /// How many processes each figure is the median of.
    pub processes: usize,
    /// The rounds that each process always runs.
    pub rounds: Option<usize>,
    /// Whether other layers are measured too.
    pub peers: bool,
    /// One JSON object a line instead of a table.
    pub json: bool,
}

impl Options {
    fn wants(&self, work: &Work) -> bool {
        let engine = self.engine.as_deref().is_none_or(|engine| engine == work.engine);
        let name = self.only.as_deref().is_none_or(|only| {
            let exact = WORKS.iter().any(|work| work.name == only);
            if exact { work.name == only } else { work.name.contains(only) }
        });
        engine && name
    }
}

/// Runs every work in several processes and prints the medians.
pub fn run(options: &Options, out: &mut impl Write) -> io::Result<bool> {
    let works: Vec<_> = WORKS.iter().filter(|work| options.wants(work)).collect();
    let peers = match options.peers && works.iter().any(|work| !work.peers.is_empty()) {
        true => Some(Peers::build()?),
        false => None,
    };
    let server = match works.iter().any(|work| work.engine == "postgres") {
        true => Some(Postgres::options().fsync(true).start().map_err(io::Error::other)?),
        false => None,
    };
    beside::print(options.json, out)?;
    if !options.json {
        report::head(out)?;
    }
    let mut all_hold = true;
    for work in works {
        let line = measure(work, options, peers.as_ref(), server.as_ref())?;
        all_hold &= line.holds();
        if options.json {
            report::json(out, &line)?;
        } else {
            report::row(out, &line)?;
        }
        out.flush()?;
    }
    Ok(all_hold)
}

fn measure(
    work: &Work,
    options: &Options,
    peers: Option<&Peers>,
    server: Option<&Postgres>,
) -> io::Result<Line> {
    let peers = peers.filter(|_| !work.peers.is_empty());
    let (mut figures, mut beside) = (Vec::new(), BTreeMap::<String, Vec<f64>>::new());
    for process in 1..=options.processes {
        let (engine, name, of) = (work.engine, work.name, options.processes);
        writeln!(io::stderr(), "{engine} {name}: process {process} of {of}")?;
        figures.push(in_a_process(work, options, server)?);
        for (peer, figure) in
            peers.map(|peers| peers.run(work, server)).transpose()?.into_iter().flatten()
        {
            beside.entry(peer).or_default().push(figure);
        }
    }
    let mut line = Line::of(("sql", work.engine, work.name), work.bar, &figures);
    let medians = beside.into_iter().map(|(peer, all)| (peer, median(all.into_iter())));
    line.peers = medians.collect();
    if peers.is_some() {
        line.peer_bar = work.peer_bar;
        line.peers_before = work.peers.iter().map(|(peer, of)| ((*peer).to_owned(), *of)).collect();
    }
    Ok(line)
}

fn in_a_process(work: &Work, options: &Options, server: Option<&Postgres>) -> io::Result<Figures> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["sql-worker", work.engine, work.name]).stderr(Stdio::inherit());
    if let Some(rounds) = options.rounds {
        command.args(["--rounds", &rounds.to_string()]);
    }
    let databases = server.filter(|_| work.engine == "postgres");
    let databases = databases.map(|server| [(); 3].map(|()| server.database()));
    if let Some(databases) = &databases {
        command.env(postgres::DATABASES, databases.each_ref().map(|one| one.url()).join(" "));
    }
    let output = command.output()?;
    if !output.status.success() {
        let message = format!("the worker for {} {} failed", work.engine, work.name);
        return Err(io::Error::other(message));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs one work in this process and prints its figures as JSON.
pub fn worker(
    engine: &str,
    work: &str,
    rounds: Option<usize>,
    out: &mut impl Write,
) -> io::Result<()> {
    let rounds_min = rounds.unwrap_or(STORED.rounds_min);
    let plan = Plan { rounds_min, rounds_max: STORED.rounds_max.max(rounds_min), ..STORED };
    let figures = match engine {
        "sqlite" => sqlite::measure(work, &plan),
        "postgres" => postgres::measure(work, &plan),
        _ => None,
    };
    let missing = || io::Error::other(format!("there is no work {engine} {work}"));
    serde_json::to_writer(&mut *out, &figures.ok_or_else(missing)?)?;
    writeln!(out)
}
