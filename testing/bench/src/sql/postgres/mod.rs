//! PostgreSQL: ours against tokio-postgres.

mod lanes;
mod raw;

use tokio::runtime::Runtime;
use tokio_postgres::Client;
use tradebase_conformance::models::Trade;
use tradebase_core::Record;
use tradebase_sql::codec::postgres as codec;
use tradebase_sql::{Sql, SqlOptions};

use self::lanes::Lanes;
use self::raw::Direct;
use super::arena::{Arena, Contest, ROWS, TASKS};
use super::store::{Store, runtime};
use crate::measure::{Figures, Plan};
use crate::trades::trades;

/// The variable that hands a worker its databases: one for ours, raw and the control.
pub const DATABASES: &str = "TRADEBASE_BENCH_DATABASES";

/// Measures one work.
pub fn measure(work: &str, plan: &Plan) -> Option<Figures> {
    let run = match work {
        "bulk_insert" => |lists: &Lists, plan: &Plan| lists.direct().bulk_insert(plan),
        "point_get_1" => |lists: &Lists, plan: &Plan| lists.reading_direct().point_get(plan, 1),
        "point_get_64" => {
            |lists: &Lists, plan: &Plan| lists.reading_coalesced().point_get(plan, TASKS)
        }
        "create_1" => |lists: &Lists, plan: &Plan| lists.direct().create(plan, 1),
        "create_64" => |lists: &Lists, plan: &Plan| lists.coalesced().create(plan, TASKS),
        "read_all" => |lists: &Lists, plan: &Plan| lists.reading_direct().read_all(plan),
        "filter_1000" => |lists: &Lists, plan: &Plan| lists.reading_direct().filter(plan),
        "page_keyset" => |lists: &Lists, plan: &Plan| lists.reading_direct().page_keyset(plan),
        "group_by" => |lists: &Lists, plan: &Plan| lists.reading_direct().group_by(plan),
        "relation_load" => |lists: &Lists, plan: &Plan| lists.reading_direct().relation_load(plan),
        "bulk_update" => |lists: &Lists, plan: &Plan| lists.updating().bulk_update(plan),
        _ => return None,
    };
    Some(run(&Lists::new(), plan))
}

/// A database with its table.
struct Base {
    url: String,
    // One handle of the runtime that all share, because an arena is asked without async.
    runtime: tokio::runtime::Handle,
    client: Client,
}

impl Base {
    fn new(url: String, runtime: &Runtime) -> Self {
        let client = runtime.block_on(raw::connect(&url));
        let base = Self { url, runtime: runtime.handle().clone(), client };
        base.run("DROP TABLE IF EXISTS trades");
        base.run(&codec::create(Trade::TABLE).expect("a statement"));
        base
    }

    fn run(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).expect("the server does it");
    }

    fn fill(&self, rows: &[Trade]) {
        self.runtime.block_on(async {
            Direct::open(&self.url).await.bulk_insert(rows).await;
        });
        self.run("VACUUM ANALYZE trades");
    }
}

impl Arena for Base {
    fn empty(&self) {
        self.run("TRUNCATE trades");
    }

    fn settle(&self) {
        self.run("VACUUM trades");
    }

    fn analyze(&self) {
        self.run("VACUUM ANALYZE");
    }

    fn rows(&self) -> Vec<Trade> {
        self.runtime.block_on(async { Direct::open(&self.url).await.read_all().await })
    }
}

/// Where it takes place.
struct Lists {
    runtime: Runtime,
    bases: [Base; 3],
}

impl Lists {
    fn new() -> Self {
        let urls = std::env::var(DATABASES).expect("the bench hands its workers databases");
        let urls: Vec<_> = urls.split(' ').map(str::to_owned).collect();
        let urls: [String; 3] = urls.try_into().expect("there are three databases");
        let runtime = runtime();
        let bases = urls.map(|url| Base::new(url, &runtime));
        Self { runtime, bases }
    }

    fn met<R: Store, F: Future<Output = R>>(
        &self,
        urls: [&str; 3],
        raw: impl Fn(String) -> F,
    ) -> Contest<'_, Base, Sql, R> {
        let open = |url: &str| self.runtime.block_on(raw(url.to_owned()));
        let ours = Sql::open_with(SqlOptions::new(urls[0]));
        Contest {
            runtime: &self.runtime,
            arenas: &self.bases,
            ours: self.runtime.block_on(ours).expect("ours opens"),
            raw: open(urls[1]),
            control: open(urls[2]),
        }
    }

    fn urls(&self) -> [&str; 3] {
        self.bases.each_ref().map(|base| base.url.as_str())
    }

    fn direct(&self) -> Contest<'_, Base, Sql, Direct> {
        self.met(self.urls(), |url| async move { Direct::open(&url).await })
    }

    fn coalesced(&self) -> Contest<'_, Base, Sql, Lanes> {
        self.met(self.urls(), |url| async move { Lanes::open(&url).await })
    }

    /// All read the same table.
    fn reading(&self) -> [&str; 3] {
        self.bases[0].fill(&trades(ROWS));
        [&self.bases[0].url; 3]
    }

    fn reading_direct(&self) -> Contest<'_, Base, Sql, Direct> {
        self.met(self.reading(), |url| async move { Direct::open(&url).await })
    }

    fn reading_coalesced(&self) -> Contest<'_, Base, Sql, Lanes> {
        self.met(self.reading(), |url| async move { Lanes::open(&url).await })
    }

    fn updating(&self) -> Contest<'_, Base, Sql, Direct> {
        let rows = trades(ROWS);
        self.bases.iter().for_each(|base| base.fill(&rows));
        self.direct()
    }
}
