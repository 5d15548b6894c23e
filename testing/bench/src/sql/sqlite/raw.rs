//! rusqlite by hand: cached statements, run on the caller's thread.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::{Timestamp, Uuid};
use tradebase_sql::codec::sqlite::rusqlite::types::Null;
use tradebase_sql::codec::sqlite::rusqlite::{self, Connection, OpenFlags, Statement};
use tradebase_sql::{CACHE_BYTES, Durability};

use crate::desks::{Desk, Fill};
use crate::hand::sqlite::{bind_one, read_added, read_desk, read_fill, read_one, sortable};
use crate::hand::{Broken, from_units, plain};
use crate::sql::asks::{Asks, Group, PAGE, PARENTS, Range, with_fills};
use crate::sql::store::{Rows, Store};

/// Connections that read; as many as the runtime has threads, so one is always free.
const CONNECTIONS: usize = 2;

pub const INSERT: &str = "INSERT INTO trades (id, bot_id, symbol, side, order_type, quantity, \
    price, executed_price, fee, pnl, status, timestamp) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const GET: &str = "SELECT id, bot_id, symbol, side, order_type, quantity, price, \
    executed_price, fee, pnl, status, timestamp FROM trades WHERE id = ?1";
pub const ALL: &str = "SELECT id, bot_id, symbol, side, order_type, quantity, price, \
    executed_price, fee, pnl, status, timestamp FROM trades ORDER BY id";
const FILTER: &str = "SELECT id, bot_id, symbol, side, order_type, quantity, price, \
    executed_price, fee, pnl, status, timestamp FROM trades \
    WHERE bot_id = ?1 AND timestamp >= ?2 AND timestamp < ?3";
const PAGE_BEHIND: &str = "SELECT id, bot_id, symbol, side, order_type, quantity, price, \
    executed_price, fee, pnl, status, timestamp FROM trades \
    WHERE bot_id = ?1 AND (timestamp, id) > (?2, ?3) ORDER BY timestamp, id LIMIT ?4";
const GROUPED: &str = "SELECT symbol, quantity, fee FROM trades";
const DESKS: &str = "SELECT id, name FROM desks WHERE id >= ?1 ORDER BY id LIMIT ?2";
const FILLS: &str = "SELECT id, desk_id, symbol, quantity, price, at FROM fills \
    WHERE desk_id IN (SELECT value FROM json_each(?1))";
const UPDATE: &str = "UPDATE trades SET executed_price = ?2, fee = ?3, pnl = ?4, status = ?5 \
    WHERE id = ?1";

/// Opens a file as ours does.
pub fn open(path: &Path, durability: Durability) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).expect("the file opens");
    let synchronous = if durability == Durability::Full { "FULL" } else { "NORMAL" };
    let settings = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; \
         PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{}",
        CACHE_BYTES / 1024,
    );
    connection.execute_batch(&settings).expect("the settings are taken");
    connection
}

/// Inserts a row by the cached statement.
pub fn insert(connection: &Connection, row: &Trade) -> Result<(), Broken> {
    let mut statement = connection.prepare_cached(INSERT)?;
    bind_one(row, &mut statement)?;
    statement.raw_execute()?;
    Ok(())
}

fn get(connection: &Connection, id: TradeId) -> Result<Option<Trade>, Broken> {
    let mut statement = connection.prepare_cached(GET)?;
    statement.raw_bind_parameter(1, id.0.as_bytes().as_slice())?;
    let mut rows = statement.raw_query();
    rows.next()?.map(read_one).transpose()
}

fn all(connection: &Connection) -> Result<Vec<Trade>, Broken> {
    let mut statement = connection.prepare_cached(ALL)?;
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read_one(row)?);
    }
    Ok(found)
}

fn filter(connection: &Connection, range: Range) -> Result<Vec<Trade>, Broken> {
    let mut statement = connection.prepare_cached(FILTER)?;
    statement.raw_bind_parameter(1, range.bot.as_bytes().as_slice())?;
    statement.raw_bind_parameter(2, range.from.as_micros())?;
    statement.raw_bind_parameter(3, range.until.as_micros())?;
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read_one(row)?);
    }
    Ok(found)
}

fn pages(connection: &Connection, bot: Uuid) -> Result<Vec<Trade>, Broken> {
    let mut statement = connection.prepare_cached(PAGE_BEHIND)?;
    let mut found: Vec<Trade> = Vec::new();
    loop {
        let behind = found.last().map(|last| (last.timestamp, last.id.0));
        let (at, id) = behind.unwrap_or((Timestamp::default(), Uuid::nil()));
        statement.raw_bind_parameter(1, bot.as_bytes().as_slice())?;
        statement.raw_bind_parameter(2, at.as_micros())?;
        statement.raw_bind_parameter(3, id.as_bytes().as_slice())?;
        statement.raw_bind_parameter(4, PAGE)?;
        let before = found.len();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            found.push(read_one(row)?);
        }
        if found.len() == before {
            return Ok(found);
        }
    }
}

/// The engine cannot add these decimals up, so that is done here.
fn groups(connection: &Connection) -> Result<Vec<Group>, Broken> {
    let mut statement = connection.prepare_cached(GROUPED)?;
    let mut rows = statement.raw_query();
    let mut groups: HashMap<String, (u64, i128, i128)> = HashMap::new();
    while let Some(row) = rows.next()? {
        let (symbol, quantity, fee) = read_added(row)?;
        let group = match groups.get_mut(symbol) {
            Some(group) => group,
            None => groups.entry(symbol.to_owned()).or_default(),
        };
        group.0 += 1;
        group.1 = group.1.checked_add(quantity).ok_or(Broken)?;
        group.2 = group.2.checked_add(fee).ok_or(Broken)?;
    }
    let group = |(symbol, (count, quantity, fee))| {
        Ok((symbol, count, from_units(quantity)?, from_units(fee)?))
    };
    let mut groups: Vec<Group> = groups.into_iter().map(group).collect::<Result<_, Broken>>()?;
    groups.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(groups)
}

/// Two statements: one for each desk takes twice as long.
fn load(connection: &Connection, first: i64) -> Result<Vec<(Desk, Vec<Fill>)>, Broken> {
    let mut statement = connection.prepare_cached(DESKS)?;
    statement.raw_bind_parameter(1, first)?;
    statement.raw_bind_parameter(2, PARENTS)?;
    let mut rows = statement.raw_query();
    let (mut desks, mut ids) = (Vec::new(), String::from("["));
    while let Some(row) = rows.next()? {
        let desk = read_desk(row)?;
        if !desks.is_empty() {
            ids.push(',');
        }
        ids.push_str(itoa::Buffer::new().format(desk.id));
        desks.push(desk);
    }
    ids.push(']');
    let mut statement = connection.prepare_cached(FILLS)?;
    statement.raw_bind_parameter(1, ids)?;
    let mut rows = statement.raw_query();
    let mut fills = Vec::new();
    while let Some(row) = rows.next()? {
        fills.push(read_fill(row)?);
    }
    Ok(with_fills(desks, fills))
}

fn bulk_insert(connection: &Connection, rows: &[Trade]) -> Result<(), Broken> {
    let mut statement = connection.prepare_cached(INSERT)?;
    for row in rows {
        bind_one(row, &mut statement)?;
        statement.raw_execute()?;
    }
    Ok(())
}

fn bulk_update(connection: &Connection, rows: &[Trade]) -> Result<(), Broken> {
    let mut statement = connection.prepare_cached(UPDATE)?;
    for row in rows {
        bind_update(row, &mut statement)?;
        if statement.raw_execute()? != 1 {
            return Err(Broken);
        }
    }
    Ok(())
}

fn bind_update(row: &Trade, s: &mut Statement<'_>) -> Result<(), Broken> {
    s.raw_bind_parameter(1, row.id.0.as_bytes().as_slice())?;
    s.raw_bind_parameter(2, sortable(&row.executed_price)?.as_slice())?;
    s.raw_bind_parameter(3, sortable(&row.fee)?.as_slice())?;
    match &row.pnl {
        Some(pnl) => s.raw_bind_parameter(4, sortable(pnl)?.as_slice())?,
        None => s.raw_bind_parameter(4, Null)?,
    }
    s.raw_bind_parameter(5, plain(&row.status)?)?;
    Ok(())
}

/// Runs work inside a transaction.
pub fn transaction(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<(), Broken>,
) -> Result<(), Broken> {
    run(connection, "BEGIN IMMEDIATE")?;
    match work(connection) {
        Ok(()) => run(connection, "COMMIT"),
        Err(broken) => {
            run(connection, "ROLLBACK")?;
            Err(broken)
        }
    }
}

fn run(connection: &Connection, sql: &str) -> Result<(), Broken> {
    let mut statement: rusqlite::CachedStatement<'_> = connection.prepare_cached(sql)?;
    statement.raw_execute()?;
    Ok(())
}

/// A few connections, picked by whether they are free; the first one writes.
#[derive(Clone)]
pub struct Direct(Arc<[Mutex<Connection>; CONNECTIONS]>);

impl Direct {
    pub fn open(path: &Path, durability: Durability) -> Self {
        Self(Arc::new(std::array::from_fn(|_| Mutex::new(open(path, durability)))))
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        let free = self.0.iter().find_map(|connection| connection.try_lock().ok());
        free.unwrap_or_else(|| self.writer())
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.0[0].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row of a key.
    pub fn get_now(&self, id: TradeId) -> Option<Trade> {
        get(&self.reader(), id).expect("raw reads")
    }

    /// Inserts a row.
    pub fn create_now(&self, row: &Trade) {
        insert(&self.writer(), row).expect("raw inserts");
    }
}

impl Store for Direct {
    async fn get(&self, id: TradeId) -> Option<Trade> {
        self.get_now(id)
    }

    async fn create(&self, rows: &Rows, at: usize) {
        self.create_now(&rows[at]);
    }

    async fn bulk_insert(&self, rows: &[Trade]) {
        transaction(&self.writer(), |c| bulk_insert(c, rows)).expect("raw inserts");
    }

    async fn read_all(&self) -> Vec<Trade> {
        all(&self.reader()).expect("raw reads")
    }

    async fn bulk_update(&self, rows: &[Trade]) {
        transaction(&self.writer(), |c| bulk_update(c, rows)).expect("raw updates");
    }
}

impl Asks for Direct {
    async fn filter(&self, range: Range) -> Vec<Trade> {
        filter(&self.reader(), range).expect("raw reads")
    }

    async fn pages(&self, bot: Uuid) -> Vec<Trade> {
        pages(&self.reader(), bot).expect("raw reads")
    }

    async fn groups(&self) -> Vec<Group> {
        groups(&self.reader()).expect("raw reads")
    }

    async fn load(&self, first: i64) -> Vec<(Desk, Vec<Fill>)> {
        load(&self.reader(), first).expect("raw reads")
    }
}
