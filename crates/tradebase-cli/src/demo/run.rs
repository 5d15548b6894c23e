//! The command: opens the stores, trades the day, and tells of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tradebase::clock::Tick as Stopwatch;
use tradebase::{Code, Config, Error, Result, Tradebase};

use super::chart;
use super::curve::curves;
use super::market::DAY;
use super::report::{Figures, Report};
use super::stores::{self, Stores, Sums};
use super::table::{Style, grouped};
use crate::arguments::{self, Arguments};
use crate::output;

/// The chart, in the folder of the demo.
const CHART: &str = "equity.svg";

/// What says where the relational store is. Unless any of it is set, the demo says so itself:
/// nobody needs a warning that its own file is embedded.
const LEDGER: [&str; 3] = ["sql.url", "sql.path", "sql.host"];

/// The answer for programs.
#[derive(Serialize)]
struct Answer<'a> {
    seed: u64,
    ticks: u32,
    orders: usize,
    fills: usize,
    bots: &'a [Figures],
    total: &'a Figures,
    pnl: Sums,
    stores: &'a Stores,
    files: BTreeMap<&'static str, String>,
    seconds: f64,
}

/// Runs the demo.
pub(crate) fn run(options: &arguments::Demo, config: Config, arguments: &Arguments) -> Result<()> {
    let start = Stopwatch::now();
    let mut config = config.data_folder(&options.folder);
    if !LEDGER.iter().any(|key| config.is_set(key)) {
        config = config.sql_path(options.folder.join("ledger.db"));
    }
    let quiet = arguments.quiet || arguments.json;
    let (outcome, mut files) = tradebase::run(config, async |db| {
        let outcome = stores::trade(&db, options.seed, options.ticks, quiet).await?;
        Ok::<_, Error>((outcome, files(&db)))
    })?;
    let stores::Outcome { bots, fills, orders, stores, pnl } = outcome;
    if pnl.sql != pnl.analytics {
        let message = format!("the engines sum differently: {} and {}", pnl.sql, pnl.analytics);
        return Err(Error::new(Code::Internal, message));
    }
    let ticks = grouped(&options.ticks.to_string());
    let remark = format!("seed {}, {ticks} ticks, in dollars, net of fees", options.seed);
    let chart = options.folder.join(CHART);
    write(&chart, &chart::equity(DAY, &remark, &curves(&bots, &fills)))?;
    files.insert("chart", chart.display().to_string());
    let report = Report::new(DAY, &bots, &fills);
    let answer = Answer {
        seed: options.seed,
        ticks: options.ticks,
        orders,
        fills: fills.len(),
        bots: &report.bots,
        total: &report.total,
        pnl,
        stores: &stores,
        files,
        seconds: (start.elapsed().as_secs_f64() * 1e3).round() / 1e3,
    };
    if arguments.json { output::json(&answer) } else { for_people(&answer, &report) }
}

/// The files of the embedded stores, by room.
fn files(db: &Tradebase) -> BTreeMap<&'static str, String> {
    let rooms = db.info().rooms.into_iter();
    let embedded = rooms.filter(|room| ["sqlite", "duckdb", "embedded"].contains(&room.engine));
    embedded
        .filter(|room| room.address != ":memory:")
        .map(|room| (room.room, room.address))
        .collect()
}

/// Makes the folder, which a store on a server has not needed.
fn write(path: &PathBuf, text: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).and_then(|()| fs::write(path, text)).map_err(|e| {
        let message = format!("the chart cannot be written: {}", path.display());
        Error::new(Code::StorageFailed, message).because(e)
    })
}

fn for_people(answer: &Answer<'_>, report: &Report) -> Result<()> {
    let style = Style { colour: output::is_coloured() };
    output::line(&format!(
        "A trading day, {DAY}: {} ticks, {} orders, {} fills (seed {})\n",
        grouped(&answer.ticks.to_string()),
        grouped(&answer.orders.to_string()),
        grouped(&answer.fills.to_string()),
        answer.seed
    ))?;
    output::line(&report.table(style))?;
    output::line(
        "Simulated prices; PnL is realised and net of fees; Sharpe is one day's, annualised.",
    )?;
    output::line(&format!(
        "\nThe PnL, summed by each engine in its own arithmetic, equal to the last digit:\n  \
         {:<11}{}\n  {:<11}{}\n",
        answer.stores.sql.engine,
        answer.pnl.sql,
        answer.stores.analytics.engine,
        answer.pnl.analytics
    ))?;
    let heading = ["store", "engine", "rows written", "a second", "rows read", "a second"];
    let mut table = output::Table::new(&heading).with_numbers(2);
    let stores = answer.stores;
    for (name, figures) in [
        ("sql", &stores.sql),
        ("cache", &stores.cache),
        ("analytics", &stores.analytics),
        ("series", &stores.series),
    ] {
        let rate = |rate: Option<u64>| rate.map_or("-".to_owned(), |r| grouped(&r.to_string()));
        table.row(vec![
            name.to_owned(),
            figures.engine.to_owned(),
            grouped(&figures.written.to_string()),
            rate(figures.written_per_second),
            grouped(&figures.read.to_string()),
            rate(figures.read_per_second),
        ]);
    }
    table.print()?;
    output::line(&format!("\n{} s in all. What was written:", answer.seconds))?;
    for (what, file) in &answer.files {
        output::line(&format!("  {what:<11}{file}"))?;
    }
    output::line(&next(answer))
}

/// What to try next.
fn next(answer: &Answer<'_>) -> String {
    let mut next = vec!["\nWhat to try next:".to_owned()];
    if let Some(chart) = answer.files.get("chart") {
        next.push(format!("  open {chart} in a browser"));
    }
    if let Some(file) = answer.files.get("sql") {
        next.push(format!("  sqlite3 {file} 'SELECT * FROM demo_fills_readable LIMIT 5'"));
        let query = "SELECT symbol, count(*) FROM demo_fills GROUP BY symbol";
        next.push(format!("  DATABASE_PATH={file} tradebase query \"{query}\""));
    }
    next.push(format!("  tradebase demo --seed {}", answer.seed.wrapping_add(1)));
    next.push("  tradebase schema demo_fills".to_owned());
    next.push("  tradebase config --example".to_owned());
    next.join("\n")
}
