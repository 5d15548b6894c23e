//! Going the way of a draft as people do: by the files that are written for it, and a migrator.

use tradebase_sql::{
    Direction, Draft, MigrateOptions, MigrationEngine, MigrationSet, MigrationStopped, Migrator,
    Outcome, Sql, Target,
};
use tradebase_testkit::TempFolder;

/// A migrator of the files of a draft.
pub struct Way {
    pub migrator: Migrator,
    pub set: MigrationSet,
    _folder: TempFolder,
}

/// The engine of a database.
pub fn engine(sql: &Sql) -> MigrationEngine {
    match sql.capabilities().engine {
        "postgres" => MigrationEngine::Postgres,
        _ => MigrationEngine::Sqlite,
    }
}

/// The files of drafts, one behind the other, as `diff` writes them.
pub fn written(engine: MigrationEngine, drafts: &[Draft]) -> (MigrationSet, TempFolder) {
    let temp = TempFolder::new().unwrap();
    let folder = temp.file("proof");
    let none: [(&str, &str); 0] = [];
    let mut set = MigrationSet::new("proof", none).unwrap();
    for draft in drafts {
        if !set.write_draft(&folder, "a proof", engine, draft).unwrap().is_empty() {
            set = MigrationSet::from_folder(&folder).unwrap();
        }
    }
    (set, temp)
}

/// A migrator that leaves no backups behind.
pub fn migrator(sql: &Sql, set: &MigrationSet) -> Migrator {
    let mut options = MigrateOptions::default();
    options.backup = false;
    sql.migrator([set.clone()], options).unwrap()
}

/// Runs the way there.
pub async fn migrate(sql: &Sql, draft: &Draft) {
    let way = Way::new(sql, draft);
    if let Err(stopped) = way.migrator.up(Target::End).await {
        panic!("{stopped}\n{:?}", stopped.report);
    }
}

impl Way {
    pub fn new(sql: &Sql, draft: &Draft) -> Self {
        let (set, folder) = written(engine(sql), std::slice::from_ref(draft));
        Self { migrator: migrator(sql, &set), set, _folder: folder }
    }

    /// Goes there, or all the way back.
    pub async fn go(&self, direction: Direction) -> Result<(), MigrationStopped> {
        match direction {
            Direction::Down => self.migrator.down(Target::Version("0".to_owned())).await,
            _ => self.migrator.up(Target::End).await,
        }
        .map(drop)
    }

    /// Whether it has been gone.
    pub async fn is_there(&self) -> bool {
        let status = self.migrator.status().await.unwrap();
        let current = status.sets.first().and_then(|set| set.current.clone());
        current.is_some() && current == self.set.versions.last().map(|last| last.id.clone())
    }

    /// Whether a version was left half way.
    pub async fn is_half(&self) -> bool {
        let status = self.migrator.status().await.unwrap();
        let mut versions = status.sets.iter().flat_map(|set| &set.versions);
        versions.any(|version| version.outcome.is_some_and(Outcome::is_half))
    }
}
