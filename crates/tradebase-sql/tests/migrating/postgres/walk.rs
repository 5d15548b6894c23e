//! Walking a plan.

use tradebase_core::Result;
use tradebase_sql::{Draft, MigrationEngine, Plan, PlannedFile, Renames, Shape, Wanted};
use tradebase_testkit::psql;

use crate::common::{PostgresStore, built};

/// A database on the way from one schema to another.
pub struct Walk {
    pub store: PostgresStore,
    pub from: Shape,
    pub to: Shape,
    pub draft: Draft,
}

impl Walk {
    /// Makes the first schema, and plans the way to the second.
    pub async fn new(from: &str, to: &str) -> Self {
        Self::renaming(from, to, Renames::default()).await
    }

    pub async fn renaming(from: &str, to: &str, renames: Renames) -> Self {
        let store = with(from).await;
        let mut wanted = Wanted::default();
        wanted.shape = with(to).await.sql.shape().await.unwrap();
        wanted.renames = renames;
        let now = store.sql.shape().await.unwrap();
        let engine = MigrationEngine::Postgres;
        let draft = Draft::between(engine, &now, &wanted, true).unwrap();
        Self { store, from: now, to: wanted.shape, draft }
    }

    /// Leads to another schema: of these tables as they are there, of the others as they are here.
    pub fn leads_to(&mut self, there: &Shape, which: impl Fn(&str) -> bool) {
        let mut wanted = Wanted::default();
        wanted.shape = self.from.clone();
        for (name, table) in there.tables.iter().filter(|(name, _)| which(name)) {
            wanted.shape.tables.insert(name.clone(), table.clone());
        }
        let engine = MigrationEngine::Postgres;
        self.draft = Draft::between(engine, &self.from, &wanted, true).unwrap();
        self.to = wanted.shape;
    }

    /// Goes there and sees that it has arrived.
    pub async fn up(&self) {
        if let Err(error) = self.run(&self.draft.up).await {
            panic!("{error:?}\n{}", text(&self.draft.up));
        }
        let have = self.store.sql.shape().await.unwrap();
        assert_eq!(told(&have), told(&self.to), "{}", text(&self.draft.up));
    }

    /// Goes back and sees that all is as it was.
    pub async fn down(&self) {
        if let Err(error) = self.run(&self.draft.down).await {
            panic!("{error:?}\n{}", text(&self.draft.down));
        }
        let have = self.store.sql.shape().await.unwrap();
        assert_eq!(told(&have), told(&self.from), "{}", text(&self.draft.down));
    }

    /// Is refused, and sees that nothing has changed.
    pub async fn refused(&self, words: &str) {
        let error = self.run(&self.draft.up).await.expect_err(&text(&self.draft.up));
        assert!(error.to_string().contains(words), "{error}\n{}", text(&self.draft.up));
        let have = self.store.sql.shape().await.unwrap();
        assert_eq!(told(&have), told(&self.from), "{}", text(&self.draft.up));
    }

    async fn run(&self, plan: &Plan) -> Result<()> {
        for file in &plan.files {
            run(&self.store, file, 1).await?;
        }
        Ok(())
    }

    /// What psql gives.
    pub fn psql(&self, sql: &str) -> String {
        psql(&self.store.url(), sql).unwrap()
    }
}

/// A database with this schema.
pub async fn with(sql: &str) -> PostgresStore {
    let store = PostgresStore::new().await;
    if !sql.is_empty() {
        psql(&store.url(), sql).unwrap();
    }
    store
}

/// Runs a file as a migrator does, each statement of one that is no transaction that many times.
pub async fn run(store: &PostgresStore, file: &PlannedFile, times: usize) -> Result<()> {
    let mut connection = store.sql.connection().await.unwrap();
    if file.transactional {
        connection.batch("BEGIN").await?;
        connection.batch(built(&file.sql)).await?;
        connection.batch("COMMIT").await?;
    } else {
        for statement in statements(&file.sql) {
            for _ in 0..times {
                connection.batch(built(&statement)).await?;
            }
        }
    }
    connection.release().await
}

/// The statements of a file.
pub fn statements(sql: &str) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), String::new());
    for line in sql.lines() {
        open.push_str(line);
        open.push('\n');
        if line.ends_with(';') && open.matches("$do$").count() % 2 == 0 {
            found.push(std::mem::take(&mut open));
        }
    }
    assert_eq!(open.trim(), "", "a statement without an end");
    found
}

pub fn text(plan: &Plan) -> String {
    let files = plan.files.iter();
    files.map(|file| format!("-- transactional: {}\n{}", file.transactional, file.sql)).collect()
}

pub fn told(shape: &Shape) -> String {
    serde_json::to_string_pretty(&shape.in_order()).unwrap()
}
