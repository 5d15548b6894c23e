//! Answers on standard output: JSON on one line, or tables for people.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use tradebase::{Code, Error, Result};

/// The widest a table is let to be before its last column is cut, where people look at it.
const WIDTH_MAX: usize = 160;

/// Prints one object on one line.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(value)
        .map_err(|e| Error::new(Code::Internal, "the answer cannot be written").because(e))?;
    line(&text)
}

/// Prints a line, or several.
pub(crate) fn line(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(e) => {
            let message = "standard output cannot be written";
            Err(Error::new(Code::StorageFailed, message).because(e))
        }
        Ok(()) => Ok(()),
    }
}

/// An error as one JSON object.
#[derive(Serialize)]
struct Told<'a> {
    code: &'static str,
    message: String,
    operation: Option<&'a str>,
    record: Option<&'a str>,
    column: Option<&'a str>,
    retryable: bool,
}

/// Tells of an error on standard error.
pub(crate) fn error(error: &Error, as_json: bool) {
    if !as_json {
        eprintln!("error: {error}");
        return;
    }
    let told = Told {
        code: error.code().as_str(),
        message: error.to_string(),
        operation: error.operation(),
        record: error.record(),
        column: error.column_name(),
        retryable: error.is_retryable(),
    };
    match serde_json::to_string(&serde_json::json!({ "error": told })) {
        Ok(text) => eprintln!("{text}"),
        Err(_) => eprintln!("error: {error}"),
    }
}

/// Whether a person looks at standard output.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether standard output shows colours, and nobody has refused them.
pub(crate) fn is_coloured() -> bool {
    is_terminal() && !tradebase::config::refuses_colour()
}

/// A table with a heading, its columns as wide as their widest cell.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// From here on columns hold numbers, which stand to the right.
    numbers: usize,
}

impl Table {
    pub(crate) fn new(heading: &[&str]) -> Self {
        let rows = vec![heading.iter().copied().map(str::to_owned).collect()];
        Self { rows, numbers: usize::MAX }
    }

    /// The same, with numbers from that column on.
    pub(crate) fn with_numbers(mut self, from: usize) -> Self {
        self.numbers = from;
        self
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(crate) fn print(&self) -> Result<()> {
        line(&self.text(if is_terminal() { WIDTH_MAX } else { usize::MAX }))
    }

    fn text(&self, width_max: usize) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let lines = self.rows.iter().map(|row| {
            let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, &width))| {
                if at < self.numbers {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            line.chars().take(width_max).collect::<String>().trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["room", "engine"]);
        table.row(vec!["sql".into(), "sqlite".into()]);
        table.row(vec!["analytics".into(), "duckdb".into()]);
        assert_eq!(
            table.text(usize::MAX),
            "room       engine\nsql        sqlite\nanalytics  duckdb"
        );
        assert_eq!(table.text(4), "room\nsql\nanal");
    }
}
