//! A folder with records and migrations, over a database of one engine.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tradebase::{Decimal, Record, Records, records};
use tradebase_testkit::{Database, Postgres, TempFolder, psql, sqlite3};

use crate::support::{Said, run, tradebase};

pub mod before {
    use super::*;

    #[derive(Record)]
    #[record(table = "bots")]
    pub struct Bot {
        #[record(key)]
        id: i64,
        #[record(length(1..=32))]
        name: String,
        #[record(decimal(18, 8))]
        capital: Decimal,
    }
}

pub mod after {
    use super::*;

    #[derive(Record)]
    #[record(table = "bots")]
    pub struct Bot {
        #[record(key)]
        id: i64,
        #[record(length(1..=32), index, was = "name")]
        label: String,
        #[record(decimal(18, 8))]
        capital: Decimal,
        note: Option<String>,
    }
}

/// The first records, and the changed ones.
pub fn before() -> Records {
    records![before::Bot]
}

pub fn after() -> Records {
    records![after::Bot]
}

/// Where a test works.
pub struct Place {
    pub folder: TempFolder,
    database: Option<Database>,
}

impl Place {
    pub fn sqlite() -> Self {
        Self { folder: TempFolder::new().unwrap(), database: None }
    }

    pub fn postgres() -> Self {
        let database = Some(Postgres::shared().database());
        Self { folder: TempFolder::new().unwrap(), database }
    }

    /// The same records over another, empty database, and no migrations.
    pub fn another(&self) -> Self {
        let other = if self.database.is_some() { Self::postgres() } else { Self::sqlite() };
        if self.file("schema.json").exists() {
            fs::copy(self.file("schema.json"), other.file("schema.json")).unwrap();
        }
        other
    }

    /// The same records and migrations over another, empty database.
    pub fn beside(&self) -> Self {
        let other = self.another();
        copy(&self.file("migrations"), &other.file("migrations"));
        other
    }

    pub fn engine(&self) -> &'static str {
        if self.database.is_some() { "postgres" } else { "sqlite" }
    }

    pub fn url(&self) -> String {
        match &self.database {
            Some(database) => database.url(),
            None => format!("sqlite:{}", self.file("ledger.db").display()),
        }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.file(name)
    }

    /// From now on these are the records.
    pub fn records(&self, records: &Records) {
        fs::write(self.file("schema.json"), records.to_json().unwrap()).unwrap();
    }

    /// The command, over the records and the database of this place.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tradebase(&self.folder, arguments);
        command.env("DATABASE_URL", self.url());
        if self.file("schema.json").exists() {
            command.args(["--schema", "schema.json"]);
        }
        command
    }

    pub fn say(&self, arguments: &[&str]) -> Said {
        run(&mut self.command(arguments))
    }

    /// The one object that it prints when all is well.
    pub fn json(&self, arguments: &[&str]) -> Value {
        run(self.command(arguments).arg("--json")).json()
    }

    /// What the engine's own client says.
    pub fn ask(&self, sql: &str) -> String {
        let said = match &self.database {
            Some(database) => psql(&database.url(), sql),
            None => sqlite3(self.file("ledger.db"), sql),
        };
        said.unwrap().trim().to_owned()
    }

    /// The tables that there are.
    pub fn tables(&self) -> String {
        self.ask(match self.engine() {
            "sqlite" => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' \
                 ORDER BY 1"
            }
            _ => "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
        })
    }

    /// A migration of the set `app`, made by hand and signed.
    pub fn version(&self, title: &str, up: &str, down: &str) {
        let files = self.json(&["migrate", "new", title])["files"].clone();
        for file in files.as_array().unwrap() {
            let name = file.as_str().unwrap();
            let path = self.file(name);
            let text = fs::read_to_string(&path).unwrap();
            let (head, _) = text.split_once("\n\n").unwrap();
            let sql = if name.ends_with(".up.sql") { up } else { down };
            fs::write(&path, format!("{head}\n\n{sql}\n")).unwrap();
        }
        let signed = self.say(&["migrate", "verify", "--sign"]);
        assert_eq!(signed.code, Some(0), "{}", signed.all());
    }

    /// The files of the set `app`, by name.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.file("migrations/app")).unwrap();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<_> = entries.map(|entry| name(entry.unwrap())).collect();
        names.sort();
        names
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
