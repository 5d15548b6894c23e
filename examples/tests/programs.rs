//! Every example runs: in a fresh folder with nothing configured, and on servers by variables
//! alone.

use std::process::{Command, Stdio};

use tradebase_testkit::{Influx, Postgres, Redis, TempFolder};

/// A program, and what it says when all went well.
struct Program {
    path: &'static str,
    says: &'static [&'static str],
    says_on_servers: &'static [&'static str],
}

const LEDGER: Program = Program {
    path: env!("CARGO_BIN_EXE_ledger"),
    says: &["best bid: 1999.00000000", "stale update: true", "refused: symbol", "cancelled: 3"],
    says_on_servers: &[],
};
const HOT_PRICES: Program = Program {
    path: env!("CARGO_BIN_EXE_hot_prices"),
    says: &["price: 67000.50000000", "up to a minute: true", "after deleting: None"],
    says_on_servers: &[],
};
const RESEARCH: Program = Program {
    path: env!("CARGO_BIN_EXE_research"),
    says: &["600 ticks, 10 bars", "2026-01-05T09:30:00.000000Z  242.50000000"],
    says_on_servers: &[],
};
const MEASUREMENTS: Program = Program {
    path: env!("CARGO_BIN_EXE_measurements"),
    says: &["accepted 5, read 5", "XNAS 208 us"],
    says_on_servers: &[],
};
const QUANT_SERVICE: Program = Program {
    path: env!("CARGO_BIN_EXE_quant_service"),
    says: &["strategy_created: true", "market:AAPL:price: true", "RSI: Some(65.5)"],
    says_on_servers: &[],
};
const TRADING_BOT: Program = Program {
    path: env!("CARGO_BIN_EXE_trading_bot"),
    says: &["3 trades, total PnL 9.40000000", "price: Some(50000.00000000)", "points: true"],
    says_on_servers: &["portfolio: 10000"],
};
const UNIFIED: Program = Program {
    path: env!("CARGO_BIN_EXE_unified"),
    says: &[
        "user: alice (alice@example.com)",
        "deleted: true",
        r#"async: Some("updated@example.com")"#,
        "DB_VAL_001: ",
        "  username: ",
        "  email: ",
        "healthy",
    ],
    says_on_servers: &[],
};
const REDIS_PATTERNS: Program = Program {
    path: env!("CARGO_BIN_EXE_redis_patterns"),
    says: &["auth:username:john_doe", "found: true", "expires: true"],
    says_on_servers: &["watched: true", "position: true", "left: false"],
};
const WEB_SERVICE: Program = Program {
    path: env!("CARGO_BIN_EXE_web_service"),
    says: &[r#"Some("new_email@example.com")"#, r#"{"result":"data"}"#, "username: ", "healthy"],
    says_on_servers: &[],
};

const ALL: [Program; 9] = [
    LEDGER,
    HOT_PRICES,
    RESEARCH,
    MEASUREMENTS,
    QUANT_SERVICE,
    TRADING_BOT,
    UNIFIED,
    REDIS_PATTERNS,
    WEB_SERVICE,
];

impl Program {
    /// Runs in that folder, with these variables and no others of ours.
    fn run(&self, folder: &TempFolder, variables: &[(&str, String)], says: &[&str]) {
        let mut command = Command::new(self.path);
        command.current_dir(folder.path()).env_clear().stdin(Stdio::null());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let output = command.output().unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {}\n{out}\n{err}", self.path, output.status);
        for line in says {
            assert!(out.contains(line), "{} does not say {line:?}:\n{out}\n{err}", self.path);
        }
    }
}

#[test]
fn every_program_runs_with_nothing_configured_and_runs_again() {
    for program in ALL {
        let folder = TempFolder::new().unwrap();
        for _ in 0..2 {
            program.run(&folder, &[], program.says);
        }
    }
}

#[test]
fn every_program_runs_on_servers_by_variables_alone() {
    let (influx, database) = (Influx::shared(), Postgres::shared().database());
    let variables = [
        ("DATABASE_URL", database.url()),
        ("REDIS_URL", Redis::shared().url()),
        ("INFLUXDB_URL", influx.url()),
        ("INFLUXDB_DATABASE", influx.database()),
    ];
    for program in ALL {
        let folder = TempFolder::new().unwrap();
        program.run(&folder, &variables, program.says);
        program.run(&folder, &variables, program.says_on_servers);
        assert!(!folder.file("tradebase-data/ledger.db").exists(), "{}", program.path);
    }
}
