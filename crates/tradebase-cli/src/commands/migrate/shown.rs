//! What came of migrating, for people and for programs.

use tradebase::Result;
use tradebase::sql::{
    Direction, Failure, MigrationReport, MigrationStatus, Outcome, VersionStatus,
};

use crate::output::{self, Table};

/// A report; where nothing was applied, these words.
pub(crate) fn report(report: &MigrationReport, nothing: &str, as_json: bool) -> Result<()> {
    if as_json {
        return output::json(report);
    }
    if report.applied.is_empty() {
        output::line(nothing)?;
    } else {
        let mut table = Table::new(&["version", "", "title", "statements", "took"]);
        for applied in &report.applied {
            table.row(vec![
                format!("{}/{}", applied.set, applied.version),
                if applied.direction == Direction::Up { "applied" } else { "taken back" }.into(),
                applied.title.clone(),
                applied.statements.to_string(),
                format!("{} ms", applied.took_ms),
            ]);
        }
        table.print()?;
    }
    if let Some(backup) = &report.backup {
        output::line(&format!("\nbackup: {backup}"))?;
    }
    if let Some(failure) = &report.failed {
        failed(failure)?;
    }
    if !report.remaining.is_empty() {
        output::line(&format!("\nremaining: {}", report.remaining.join(", ")))?;
    }
    Ok(())
}

fn failed(failure: &Failure) -> Result<()> {
    let Failure { set, version, file, line, position, statement, error, state, .. } = failure;
    output::line(&format!(
        "\nfailed: {set}/{version}, {file}, line {line}, statement {position}\n\n{}\n\n{error}\n\
         {state}",
        indented(statement)
    ))
}

/// A statement as it stands, a little to the right.
fn indented(statement: &str) -> String {
    let lines = statement.lines().map(|line| format!("  {line}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// How far the database is.
pub(super) fn status(status: &MigrationStatus, as_json: bool) -> Result<()> {
    if as_json {
        return output::json(status);
    }
    let mut table = Table::new(&["version", "title", "state", "when", "who"]);
    for set in &status.sets {
        for version in &set.versions {
            table.row(vec![
                format!("{}/{}", set.set, version.version),
                version.title.clone(),
                state(version),
                version.at.map(|at| at.to_string()).unwrap_or_default(),
                version.who.clone().unwrap_or_default(),
            ]);
        }
    }
    table.print()?;
    for set in &status.sets {
        let current = set.current.as_deref().unwrap_or("none");
        let newest = set.versions.last().map_or("none", |version| version.version.as_str());
        output::line(&format!("\n{}: at {current}, newest {newest}", set.set))?;
    }
    Ok(())
}

fn state(version: &VersionStatus) -> String {
    let outcome = match version.outcome {
        None => "missing",
        Some(Outcome::Applied) => "applied",
        Some(Outcome::Adopted) => "adopted",
        Some(Outcome::Begun) => "begun, not ended",
        Some(Outcome::Reverting) => "being taken back, not ended",
        Some(Outcome::Reverted) => "taken back",
        Some(_) => "unknown",
    };
    if version.changed { format!("{outcome}, file changed or gone") } else { outcome.to_owned() }
}
