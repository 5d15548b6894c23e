//! A ledger with something to hide.

#![allow(dead_code)]

use std::time::Duration;

use tradebase_core::{Decimal, Record, Table, Timestamp};
use tradebase_sql::{Sql, SqlOptions};
use tradebase_testkit::{TempFolder, sqlite3};

use super::common;

/// What nobody may see who is a guest.
pub const CANARY: &str = "canary-5f1d";

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "bots")]
pub struct Bot {
    #[record(key)]
    pub id: i64,
    pub name: String,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "fills")]
pub struct Fill {
    #[record(key)]
    pub id: i64,
    pub bot_id: i64,
    #[record(index)]
    pub symbol: String,
    pub side: String,
    pub size: i64,
    #[record(decimal(18, 8))]
    pub quantity: Decimal,
    #[record(decimal(18, 8))]
    pub price: Decimal,
    #[record(decimal(28, 10))]
    pub pnl: Option<Decimal>,
    pub at: Timestamp,
    pub note: Option<String>,
}

/// Whose table no guest may read.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "secrets")]
pub struct Secret {
    #[record(key)]
    pub id: i64,
    pub word: String,
}

/// The tables of guests.
#[allow(non_snake_case)]
pub fn TABLES() -> [&'static Table; 2] {
    [Bot::TABLE, Fill::TABLE]
}

pub fn fills() -> Vec<Fill> {
    let symbols = ["BTC/USDT", "ETH/USDT", "BTC/USDT", "SOL_USDT", "BTC/USDT"];
    let rows = (1..).zip(symbols).map(|(id, symbol)| Fill {
        id,
        bot_id: 1 + id % 2,
        symbol: symbol.to_owned(),
        side: if id % 3 == 0 { "sell" } else { "buy" }.to_owned(),
        size: id,
        quantity: Decimal::new(12_345_678 * id, 8),
        price: Decimal::new(6_543_210_000_000 + id, 8),
        pnl: (id % 2 == 1).then(|| Decimal::new(-9_876_543_210_123 * id, 10)),
        at: Timestamp::from_micros(1_790_000_000_000_000 + id * 3_600_000_000),
        note: (id % 2 == 0).then(|| format!("note {id}")),
    });
    rows.collect()
}

/// A store with guests.
pub trait House {
    fn sql(&self) -> &Sql;
    fn is_sqlite(&self) -> bool;
    /// All that is in the store and beside it.
    fn everything(&self) -> String;
    /// Waits until no query of a guest runs any more.
    async fn nothing_runs(&self);
}

/// Where the houses come from.
pub struct Ledger;

async fn fill(sql: &Sql) {
    sql.create_table::<Bot>().await.unwrap();
    sql.create_table::<Fill>().await.unwrap();
    sql.create_table::<Secret>().await.unwrap();
    for (id, name) in [(1, "maker"), (2, "taker"), (3, "idle")] {
        sql.insert(&Bot { id, name: name.to_owned() }).await.unwrap();
    }
    sql.insert_many(&fills()).await.unwrap();
    sql.insert(&Secret { id: 1, word: CANARY.to_owned() }).await.unwrap();
}

pub struct SqliteHouse {
    sql: Sql,
    folder: TempFolder,
}

impl Ledger {
    pub async fn sqlite() -> SqliteHouse {
        let folder = TempFolder::new().unwrap();
        let url = common::url(&folder.file("test.db"));
        let options = SqlOptions::new(&url).create_tables(TABLES());
        let sql = Sql::open_with(options).await.unwrap();
        fill(&sql).await;
        sql.execute("CREATE VIEW peek AS SELECT * FROM secrets", &[]).await.unwrap();
        SqliteHouse { sql, folder }
    }
}

impl House for SqliteHouse {
    fn sql(&self) -> &Sql {
        &self.sql
    }

    fn is_sqlite(&self) -> bool {
        true
    }

    fn everything(&self) -> String {
        let mut files: Vec<_> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let settings = "PRAGMA user_version; PRAGMA journal_mode; PRAGMA application_id;";
        let path = self.folder.file("test.db");
        let dump = sqlite3(&path, ".dump").unwrap();
        format!("{files:?}\n{}\n{dump}", sqlite3(&path, settings).unwrap())
    }

    async fn nothing_runs(&self) {
        // Its threads end soon after; what they hold is seen by who closes the store.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use tradebase_core::Secret as Hidden;
    use tradebase_testkit::{Database, Postgres, psql};

    use super::*;

    pub struct PostgresHouse {
        sql: Sql,
        database: Database,
    }

    impl Ledger {
        pub async fn postgres() -> PostgresHouse {
            let database = Postgres::shared().database();
            let sql = Sql::open_with(SqlOptions::new(database.url())).await.unwrap();
            fill(&sql).await;
            psql(&database.url(), TRAPS).unwrap();
            // Roles are of the server, not of the database.
            let role = format!("guest_{}", database.name());
            let password = Hidden::new("pass word'\\:@/%");
            let url = sql.guest_role(&role, &password, TABLES()).await.unwrap();
            sql.close().await.unwrap();
            let options = SqlOptions::new(database.url()).create_tables(TABLES()).guest_url(url);
            let sql = Sql::open_with(options).await.unwrap();
            PostgresHouse { sql, database }
        }
    }

    /// What the attacks are about.
    const TRAPS: &str = "
        CREATE VIEW peek AS SELECT * FROM secrets;
        CREATE SEQUENCE counter;
        CREATE FUNCTION secrets_all() RETURNS SETOF secrets LANGUAGE sql
            AS 'SELECT * FROM secrets';
        CREATE FUNCTION wipe_all() RETURNS int LANGUAGE sql
            AS 'DELETE FROM fills RETURNING 1';
        CREATE PROCEDURE wipe() LANGUAGE plpgsql
            AS $$ BEGIN COMMIT; DELETE FROM fills; COMMIT; END $$;
    ";

    /// Rows, tables, roles, rights and settings.
    const EVERYTHING: &str = "
        SELECT * FROM bots ORDER BY id;
        SELECT * FROM fills ORDER BY id;
        SELECT * FROM secrets ORDER BY id;
        SELECT relname, relkind, relacl FROM pg_class WHERE oid >= 16384 ORDER BY 1;
        SELECT proname, proacl FROM pg_proc WHERE oid >= 16384 ORDER BY 1;
        SELECT nspname, nspacl FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp' ORDER BY 1;
        SELECT extname FROM pg_extension ORDER BY 1;
        SELECT last_value, is_called FROM counter;
        SELECT count(*) FROM pg_largeobject_metadata;
        SELECT count(*) FROM pg_description WHERE objoid >= 16384;
        SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'statement_timeout');
    ";

    impl PostgresHouse {
        /// As user `postgres`.
        pub fn url(&self) -> String {
            self.database.url()
        }

        /// The role of its guests.
        pub fn role(&self) -> String {
            format!("guest_{}", self.database.name())
        }
    }

    impl House for PostgresHouse {
        fn sql(&self) -> &Sql {
            &self.sql
        }

        fn is_sqlite(&self) -> bool {
            false
        }

        fn everything(&self) -> String {
            let role = self.role();
            let roles = format!(
                "SELECT rolname, rolsuper, rolcreatedb, rolconfig FROM pg_roles \
                 WHERE rolname IN ('postgres', '{role}', 'stolen') ORDER BY 1; \
                 SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member \
                 WHERE r.rolname = '{role}';"
            );
            psql(&self.database.url(), &format!("{EVERYTHING}{roles}")).unwrap()
        }

        async fn nothing_runs(&self) {
            let sql = format!(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = 'guest_{}' \
                 AND state <> 'idle'",
                self.database.name()
            );
            for _ in 0..200 {
                if psql(&self.database.url(), &sql).unwrap() == "0" {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            panic!("a query of a guest still runs");
        }
    }

    impl Drop for PostgresHouse {
        fn drop(&mut self) {
            let role = self.role();
            let drop = format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\"");
            // Best effort; the server goes with the process.
            _ = psql(&self.database.url(), &drop);
        }
    }
}
