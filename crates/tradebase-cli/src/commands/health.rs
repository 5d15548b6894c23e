//! `health`: whether every store answers.

use std::process::ExitCode;

use tradebase::{Config, Health, Records, Result, Status};

use crate::arguments::Arguments;
use crate::exit;
use crate::output::{self, Table};

pub(crate) fn run(config: Config, records: &Records, arguments: &Arguments) -> Result<ExitCode> {
    let health =
        tradebase::run(config, async |db| Ok::<_, tradebase::Error>(db.health_of(records).await))?;
    if arguments.json {
        output::json(&health)?;
    } else {
        for_people(&health)?;
    }
    Ok(if health.status == Status::Unhealthy {
        ExitCode::from(exit::FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

fn for_people(health: &Health) -> Result<()> {
    let mut table = Table::new(&["room", "engine", "status", "latency", "address"]);
    for room in &health.rooms {
        table.row(vec![
            room.room.to_owned(),
            room.engine.to_owned(),
            room.status.to_string(),
            format!("{:.1} ms", room.latency.as_secs_f64() * 1e3),
            room.address.clone(),
        ]);
    }
    table.print()?;
    for room in &health.rooms {
        for issue in &room.issues {
            output::line(&format!("\n{}: {}", room.room, issue.message))?;
        }
    }
    output::line(&format!("\n{}", health.status))
}
