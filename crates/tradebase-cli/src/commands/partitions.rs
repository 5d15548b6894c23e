//! `partitions`: the parts of tables that are cut by time.

use tradebase::sql::{Keep, PartOptions, PartReport, TableParts};
use tradebase::{Code, Config, Error, Records, Result, Table};

use crate::arguments::{self, Arguments};
use crate::output;

pub(crate) fn run(
    options: &arguments::Partitions,
    config: Config,
    records: &Records,
    arguments: &Arguments,
) -> Result<()> {
    let tables = chosen(options.table.as_deref(), records)?;
    let mut parts = PartOptions::default().ahead(options.ahead);
    if let Some(keep) = options.keep {
        parts = parts.keep(Keep::Parts(keep));
    }
    parts.drop = options.drop;
    parts.dry_run = options.dry_run;
    let report = tradebase::run(config, async |db| db.sql().keep_parts(&tables, &parts).await)?;
    if arguments.json { output::json(&report) } else { for_people(&report) }
}

/// The tables that are cut by time, or the one of that name.
fn chosen(name: Option<&str>, records: &Records) -> Result<Vec<&'static Table>> {
    let all = records.tables().iter().copied();
    let cut: Vec<_> =
        all.filter(|table| table.is_relational() && table.partition.is_some()).collect();
    let Some(name) = name else { return Ok(cut) };
    match cut.iter().find(|table| table.name == name || table.record == name) {
        Some(table) => Ok(vec![*table]),
        None => {
            let message = format!("no record of this name is cut into parts by time: {name}");
            Err(Error::new(Code::Config, message))
        }
    }
}

fn for_people(report: &PartReport) -> Result<()> {
    if report.tables.is_empty() {
        return output::line("no record is cut into parts by time");
    }
    if report.dry_run {
        output::line("nothing is done; this would be:")?;
    }
    for table in &report.tables {
        output::line(&format!("{}: {}", table.table, told(table)))?;
    }
    Ok(())
}

/// What was done to a table, in words.
fn told(table: &TableParts) -> String {
    let mut told = Vec::new();
    let lists = [("made", &table.made), ("detached", &table.detached), ("dropped", &table.dropped)];
    for (what, parts) in lists {
        if !parts.is_empty() {
            told.push(format!("{what} {}", parts.join(", ")));
        }
    }
    let counts = [
        ("rows moved out of the default part", table.moved),
        ("old rows deleted", table.deleted),
        ("rows in the default part", table.in_default),
    ];
    for (what, count) in counts {
        if count > 0 {
            told.push(format!("{count} {what}"));
        }
    }
    if told.is_empty() { "nothing to do".to_owned() } else { told.join("; ") }
}
