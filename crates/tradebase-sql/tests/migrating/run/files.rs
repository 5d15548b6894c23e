//! Sets of migrations, written by a test.

#![allow(dead_code, unreachable_pub)]

use tradebase_sql::{MigrateOptions, MigrationFile, MigrationSet, Migrator, Sql};

/// A version of a set.
#[derive(Clone, Debug)]
pub struct Version {
    pub up: String,
    /// None if there is no way back.
    pub down: Option<String>,
    pub transactional: bool,
    pub needs: Vec<String>,
}

/// A version there and back.
pub fn version(up: &str, down: &str) -> Version {
    let (up, down) = (up.to_owned(), Some(down.to_owned()));
    Version { up, down, transactional: true, needs: Vec::new() }
}

/// One that does not take effect as a whole.
pub fn stepwise(up: &str, down: &str) -> Version {
    Version { transactional: false, ..version(up, down) }
}

impl Version {
    pub fn needs(mut self, need: &str) -> Self {
        self.needs.push(need.to_owned());
        self
    }

    pub fn without_down(mut self) -> Self {
        self.down = None;
        self
    }
}

/// The set of these versions.
pub fn set(name: &str, versions: &[Version]) -> MigrationSet {
    MigrationSet::new(name, texts(versions)).unwrap()
}

/// The files of these versions, by name.
pub fn texts(versions: &[Version]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (at, version) in versions.iter().enumerate() {
        let id = format!("{:04}", at + 1);
        let parent = (at > 0).then(|| format!("{at:04}"));
        let bodies = [("up", Some(&version.up)), ("down", version.down.as_ref())];
        for (way, body) in bodies {
            let Some(body) = body else { continue };
            let name = format!("{id}_step.{way}.sql");
            let transactional = version.transactional;
            let mut file =
                MigrationFile::new(&name, &id, "a step", parent.clone(), transactional, body);
            file.needs.clone_from(&version.needs);
            file.sign();
            files.push((name, file.text()));
        }
    }
    files
}

/// A migrator with the default options.
pub fn migrator(sql: &Sql, sets: impl IntoIterator<Item = MigrationSet>) -> Migrator {
    sql.migrator(sets, MigrateOptions::default()).unwrap()
}

/// Three versions of a small house: accounts, then orders, then a name.
pub fn house() -> Vec<Version> {
    vec![
        version(
            "CREATE TABLE accounts (id BIGINT PRIMARY KEY, cents BIGINT NOT NULL);\n\
             INSERT INTO accounts VALUES (1, 500), (2, 7);\n",
            "DROP TABLE accounts;\n",
        ),
        version(
            "CREATE TABLE orders (id BIGINT PRIMARY KEY, account BIGINT REFERENCES accounts \
             (id));\n\
             CREATE INDEX orders_account ON orders (account);\n\
             INSERT INTO orders VALUES (10, 1);\n",
            "DROP TABLE orders;\n",
        ),
        version(
            "ALTER TABLE accounts ADD COLUMN name TEXT;\n\
             UPDATE accounts SET name = 'n;' WHERE id = 1;\n",
            "ALTER TABLE accounts DROP COLUMN name;\n",
        ),
    ]
}
