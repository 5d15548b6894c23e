//! tokio-postgres by hand: prepared statements on one connection.

use std::pin::pin;
use std::sync::{Arc, OnceLock};

use bytes::Bytes as Chunk;
use futures_util::{SinkExt, TryStreamExt};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls, Statement};
use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::{Timestamp, Uuid};
use tradebase_sql::codec::postgres::{copy_end, copy_header};

use crate::desks::{Desk, Fill};
use crate::hand::Broken;
use crate::hand::postgres::{
    Array, Bytes, Given, bind_one, copy_one, read_desk, read_fill, read_group, read_row_one,
    wire_moment,
};
use crate::sql::asks::{Asks, Group, PAGE, PARENTS, Range, with_fills};
use crate::sql::store::{Rows, Store};

/// Bytes of a COPY that are sent at once.
const COPY_CHUNK_BYTES: usize = 64 << 10;

const GET: &str = "SELECT id, bot_id, symbol, side, order_type, quantity, price, \
    executed_price, fee, pnl, status, timestamp FROM trades WHERE id = $1";
const INSERT: &str = "INSERT INTO trades (id, bot_id, symbol, side, order_type, quantity, \
    price, executed_price, fee, pnl, status, timestamp) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const ALL: &str = "SELECT id, bot_id, symbol, side, order_type, quantity, price, \
    executed_price, fee, pnl, status, timestamp FROM trades ORDER BY id";
const FILTER: &str = "SELECT id, bot_id, symbol, side, order_type, quantity, price, \
    executed_price, fee, pnl, status, timestamp FROM trades \
    WHERE bot_id = $1 AND timestamp >= $2 AND timestamp < $3";
const PAGE_BEHIND: &str = "SELECT id, bot_id, symbol, side, order_type, quantity, price, \
    executed_price, fee, pnl, status, timestamp FROM trades \
    WHERE bot_id = $1 AND (timestamp, id) > ($2, $3) ORDER BY timestamp, id LIMIT $4";
const GROUPED: &str = "SELECT symbol, count(*), SUM(quantity), SUM(fee) FROM trades \
    GROUP BY symbol ORDER BY symbol";
const DESKS: &str = "SELECT id, name FROM desks WHERE id >= $1 ORDER BY id LIMIT $2";
const FILLS: &str =
    "SELECT id, desk_id, symbol, quantity, price, at FROM fills WHERE desk_id = ANY($1)";
const COPY: &str = "COPY trades (id, bot_id, symbol, side, order_type, quantity, price, \
    executed_price, fee, pnl, status, timestamp) FROM STDIN (FORMAT BINARY)";
const UPDATE: &str = "UPDATE trades SET executed_price = given.executed_price, \
    fee = given.fee, pnl = given.pnl, status = given.status \
    FROM UNNEST($1::uuid[], $2::numeric[], $3::numeric[], $4::numeric[], $5::text[]) \
    AS given (id, executed_price, fee, pnl, status) WHERE trades.id = given.id";

/// Connects, and leaves a task behind that reads what the server sends.
pub async fn connect(url: &str) -> Client {
    let (client, wire) = tokio_postgres::connect(url, NoTls).await.expect("the server answers");
    tokio::spawn(wire);
    client
}

/// Hand-written code has one word for every error.
impl From<tokio_postgres::Error> for Broken {
    fn from(_: tokio_postgres::Error) -> Self {
        Broken
    }
}

/// One connection, shared by all who work at the same time.
#[derive(Clone)]
pub struct Direct(Arc<Prepared>);

struct Prepared {
    client: Client,
    get: Statement,
    insert: Statement,
    all: Statement,
    filter: Statement,
    page: Statement,
    grouped: Statement,
    loads: OnceLock<(Statement, Statement)>,
    copy: Statement,
    update: Statement,
}

impl Direct {
    pub async fn open(url: &str) -> Self {
        let client = connect(url).await;
        let prepare = async |sql| client.prepare(sql).await.expect("a statement");
        let (get, insert, all) = (prepare(GET).await, prepare(INSERT).await, prepare(ALL).await);
        let (copy, update, filter) =
            (prepare(COPY).await, prepare(UPDATE).await, prepare(FILTER).await);
        let (page, grouped) = (prepare(PAGE_BEHIND).await, prepare(GROUPED).await);
        Self(Arc::new(Prepared {
            client,
            get,
            insert,
            all,
            filter,
            page,
            grouped,
            loads: OnceLock::new(),
            copy,
            update,
        }))
    }

    async fn row(&self, id: TradeId) -> Result<Option<Trade>, Broken> {
        let key = Given(Some(id.0.as_bytes()));
        let row = self.0.client.query_opt(&self.0.get, &[&key]).await?;
        row.as_ref().map(read_row_one).transpose()
    }

    async fn insert(&self, row: &Trade) -> Result<(), Broken> {
        let mut bytes = Bytes::default();
        bind_one(row, &mut bytes)?;
        self.0.client.execute_raw(&self.0.insert, bytes.params()).await?;
        Ok(())
    }

    async fn copy(&self, rows: &[Trade]) -> Result<(), Broken> {
        let mut sink = pin!(self.0.client.copy_in::<_, Chunk>(&self.0.copy).await?);
        let mut chunk = Vec::with_capacity(COPY_CHUNK_BYTES);
        copy_header(&mut chunk);
        for row in rows {
            copy_one(row, &mut chunk)?;
            if chunk.len() >= COPY_CHUNK_BYTES {
                let next = Vec::with_capacity(COPY_CHUNK_BYTES);
                let full = std::mem::replace(&mut chunk, next);
                sink.send(full.into()).await?;
            }
        }
        copy_end(&mut chunk);
        sink.send(chunk.into()).await?;
        sink.finish().await?;
        Ok(())
    }

    async fn all(&self) -> Result<Vec<Trade>, Broken> {
        let none: [Given<'_>; 0] = [];
        let mut rows = pin!(self.0.client.query_raw(&self.0.all, none).await?);
        let mut found = Vec::new();
        while let Some(row) = rows.try_next().await? {
            found.push(read_row_one(&row)?);
        }
        Ok(found)
    }

    async fn filtered(&self, range: Range) -> Result<Vec<Trade>, Broken> {
        let (from, until) = (wire_moment(range.from)?, wire_moment(range.until)?);
        let given = [Given(Some(range.bot.as_bytes())), Given(Some(&from)), Given(Some(&until))];
        let mut rows = pin!(self.0.client.query_raw(&self.0.filter, given).await?);
        let mut found = Vec::new();
        while let Some(row) = rows.try_next().await? {
            found.push(read_row_one(&row)?);
        }
        Ok(found)
    }

    async fn paged(&self, bot: Uuid) -> Result<Vec<Trade>, Broken> {
        let size = i64::from(PAGE).to_be_bytes();
        let mut found: Vec<Trade> = Vec::new();
        loop {
            let behind = found.last().map(|last| (last.timestamp, last.id.0));
            let (at, id) = behind.unwrap_or((Timestamp::default(), Uuid::nil()));
            let at = wire_moment(at)?;
            let given = [bot.as_bytes().as_slice(), &at, id.as_bytes(), &size];
            let given = given.map(|bytes| Given(Some(bytes)));
            let before = found.len();
            let mut rows = pin!(self.0.client.query_raw(&self.0.page, given).await?);
            while let Some(row) = rows.try_next().await? {
                found.push(read_row_one(&row)?);
            }
            if found.len() == before {
                return Ok(found);
            }
        }
    }

    async fn grouped(&self) -> Result<Vec<Group>, Broken> {
        let none: [Given<'_>; 0] = [];
        let mut rows = pin!(self.0.client.query_raw(&self.0.grouped, none).await?);
        let mut found = Vec::new();
        while let Some(row) = rows.try_next().await? {
            found.push(read_group(&row)?);
        }
        Ok(found)
    }

    async fn loaded(&self, first: i64) -> Result<Vec<(Desk, Vec<Fill>)>, Broken> {
        let client = &self.0.client;
        // Prepared here, as the tables are not there before.
        let (of_desks, of_fills) = match self.0.loads.get() {
            Some(prepared) => prepared,
            None => {
                let prepared = (client.prepare(DESKS).await?, client.prepare(FILLS).await?);
                self.0.loads.get_or_init(|| prepared)
            }
        };
        let (first, count) = (first.to_be_bytes(), i64::from(PARENTS).to_be_bytes());
        let given = [Given(Some(&first)), Given(Some(&count))];
        let mut rows = pin!(client.query_raw(of_desks, given).await?);
        let (mut desks, mut ids) = (Vec::new(), Array::new());
        while let Some(row) = rows.try_next().await? {
            let desk = read_desk(&row)?;
            ids.integer(desk.id)?;
            desks.push(desk);
        }
        let mut rows = pin!(client.query_raw(of_fills, [ids.finish(&Type::INT8)]).await?);
        let mut fills = Vec::new();
        while let Some(row) = rows.try_next().await? {
            fills.push(read_fill(&row)?);
        }
        Ok(with_fills(desks, fills))
    }

    async fn update(&self, rows: &[Trade]) -> Result<(), Broken> {
        let (mut ids, mut statuses) = (Array::new(), Array::new());
        let (mut prices, mut fees, mut pnls) = (Array::new(), Array::new(), Array::new());
        for row in rows {
            ids.uuid(row.id.0);
            prices.decimal(Some(&row.executed_price))?;
            fees.decimal(Some(&row.fee))?;
            pnls.decimal(row.pnl.as_ref())?;
            statuses.text(&row.status)?;
        }
        let params = [
            ids.finish(&Type::UUID),
            prices.finish(&Type::NUMERIC),
            fees.finish(&Type::NUMERIC),
            pnls.finish(&Type::NUMERIC),
            statuses.finish(&Type::TEXT),
        ];
        let count = self.0.client.execute_raw(&self.0.update, params).await?;
        if usize::try_from(count) == Ok(rows.len()) { Ok(()) } else { Err(Broken) }
    }
}

impl Store for Direct {
    async fn get(&self, id: TradeId) -> Option<Trade> {
        self.row(id).await.expect("raw reads")
    }

    async fn create(&self, rows: &Rows, at: usize) {
        self.insert(&rows[at]).await.expect("raw inserts");
    }

    async fn bulk_insert(&self, rows: &[Trade]) {
        self.copy(rows).await.expect("raw inserts");
    }

    async fn read_all(&self) -> Vec<Trade> {
        self.all().await.expect("raw reads")
    }

    async fn bulk_update(&self, rows: &[Trade]) {
        self.update(rows).await.expect("raw updates");
    }
}

impl Asks for Direct {
    async fn filter(&self, range: Range) -> Vec<Trade> {
        self.filtered(range).await.expect("raw reads")
    }

    async fn pages(&self, bot: Uuid) -> Vec<Trade> {
        self.paged(bot).await.expect("raw reads")
    }

    async fn groups(&self) -> Vec<Group> {
        self.grouped().await.expect("raw reads")
    }

    async fn load(&self, first: i64) -> Vec<(Desk, Vec<Fill>)> {
        self.loaded(first).await.expect("raw reads")
    }
}
