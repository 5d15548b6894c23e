//! What a bench prints: a table for people, or one JSON object a line.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::measure::{Figures, median};

/// One line of a report.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The bench.
    pub bench: &'static str,
    /// The engine or format.
    pub engine: &'static str,
    /// What was done.
    pub work: &'static str,
    /// `ns` a record, less is better, or `ops_s`, more is better.
    pub unit: &'static str,
    /// Our figure.
    pub ours: f64,
    /// The raw driver's or hand-written code's.
    pub raw: f64,
    /// More is better: raw/ours for `ns`.
    pub ratio: f64,
    /// Other layers' figures, in the same unit.
    pub peers: BTreeMap<String, f64>,
    /// What these figures were, divided by raw, when peers were first measured: if they are
    /// clearly smaller now, it is raw that has become slower.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub peers_before: BTreeMap<String, f64>,
    /// How many times faster than the best peer ours should be; 0 where nothing is asked.
    #[serde(skip_serializing_if = "nothing_asked")]
    pub peer_bar: f64,
    /// Raw against raw.
    pub control: f64,
    /// Whether the machine was too noisy for the figure to count.
    pub noisy: bool,
    /// The ratio that is asked for.
    pub bar: f64,
    /// The smallest and largest ratio of the processes.
    pub spread: (f64, f64),
}

impl Line {
    /// The medians over several processes.
    pub fn of(
        (bench, engine, work): (&'static str, &'static str, &'static str),
        bar: f64,
        processes: &[Figures],
    ) -> Self {
        let quiet: Vec<_> = processes.iter().filter(|f| !f.noisy).copied().collect();
        let noisy = quiet.len() * 2 < processes.len();
        let counted = if noisy { processes } else { &quiet };
        let of = |get: fn(&Figures) -> f64| median(counted.iter().map(get));
        let ratios = || counted.iter().map(|f| f.ratio);
        Self {
            bench,
            engine,
            work,
            unit: "ns",
            ours: of(|f| f.ours),
            raw: of(|f| f.raw),
            ratio: of(|f| f.ratio),
            peers: BTreeMap::new(),
            peers_before: BTreeMap::new(),
            peer_bar: 0.0,
            control: of(|f| f.control),
            noisy,
            bar,
            spread: (ratios().fold(f64::MAX, f64::min), ratios().fold(0.0, f64::max)),
        }
    }

    /// Whether it keeps to its bars.
    pub fn holds(&self) -> bool {
        !self.noisy && self.ratio >= self.bar && !self.trails()
    }

    /// How many times faster than the best peer ours is, if there are peers.
    pub fn lead(&self) -> Option<f64> {
        self.peers.values().copied().reduce(f64::min).map(|best| best / self.ours)
    }

    /// Whether it is not as far before the best peer as it should be.
    fn trails(&self) -> bool {
        self.lead().is_some_and(|lead| lead < self.peer_bar)
    }
}

/// Serde hands fields over by reference.
fn nothing_asked(bar: &f64) -> bool {
    *bar == 0.0
}

/// Prints a line as JSON.
pub fn json(out: &mut impl Write, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    writeln!(out)
}

/// Prints the head of the table.
pub fn head(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<14} {:<20} {:>10} {:>10} {:>6} {:>13} {:>8} {:>5}",
        "engine", "work", "ours ns", "raw ns", "ratio", "processes", "control", "bar"
    )
}

/// Prints a row of the table, and below it the peers, if there are any.
pub fn row(out: &mut impl Write, line: &Line) -> io::Result<()> {
    let verdict = match (line.noisy, line.ratio >= line.bar) {
        (true, _) => "noisy",
        (false, true) => "",
        (false, false) => "below the bar",
    };
    writeln!(
        out,
        "{:<14} {:<20} {:>10.1} {:>10.1} {:>6.2} {:>13} {:>8.2} {:>5.2} {verdict}",
        line.engine,
        line.work,
        line.ours,
        line.raw,
        line.ratio,
        format!("{:.2} to {:.2}", line.spread.0, line.spread.1),
        line.control,
        line.bar,
    )?;
    peers(out, line)
}

/// Peers as multiples of raw, in brackets what they were before, and ours beside the best.
fn peers(out: &mut impl Write, line: &Line) -> io::Result<()> {
    let Some(lead) = line.lead() else { return Ok(()) };
    write!(out, "{:<14} peers, times raw:", "")?;
    for (name, figure) in &line.peers {
        write!(out, " {name} {:.2}", figure / line.raw)?;
        if let Some(before) = line.peers_before.get(name) {
            write!(out, " ({before:.2})")?;
        }
    }
    write!(out, "; best peer / ours {lead:.2}")?;
    if line.peer_bar > 0.0 {
        write!(out, ", bar {:.2}", line.peer_bar)?;
    }
    writeln!(out, "{}", if line.trails() { " below the bar" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_below_the_best_peer_does_not_hold() {
        let quiet = Figures { ours: 10.0, raw: 10.0, ratio: 1.0, control: 1.0, noisy: false };
        let mut line = Line::of(("sql", "sqlite", "create_64"), 0.8, &[quiet]);
        assert!(line.holds() && line.lead().is_none());
        line.peers = [("slow".to_owned(), 90.0), ("best".to_owned(), 30.0)].into();
        line.peer_bar = 2.5;
        assert!(line.holds());
        line.peer_bar = 3.5;
        assert!(!line.holds());
        let mut text = Vec::new();
        row(&mut text, &line).expect("it is written");
        let text = String::from_utf8(text).expect("it is text");
        assert!(
            text.contains("best 3.00 slow 9.00; best peer / ours 3.00, bar 3.50 below"),
            "{text}"
        );
    }
}
