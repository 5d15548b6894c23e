//! The tables of a program: set up by its migrations or by its records, made anew, compared.

use tradebase::sql::{
    Direction, MigrateOptions, MigrationFile, MigrationReport, MigrationSet, Target,
};
use tradebase::{Code, Config, Profile, Record, Tradebase, blocking, records};
use tradebase_testkit::{Database, Postgres, TempFolder};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "bots")]
struct Bot {
    #[record(key)]
    id: i64,
    name: String,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "runs")]
struct Run {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Bot, index)]
    bot_id: i64,
}

/// An empty store of an engine, as often as it is opened.
struct Place {
    folder: TempFolder,
    database: Option<Database>,
}

impl Place {
    fn sqlite() -> Self {
        Self { folder: TempFolder::new().unwrap(), database: None }
    }

    fn postgres() -> Self {
        let database = Some(Postgres::shared().database());
        Self { folder: TempFolder::new().unwrap(), database }
    }

    fn config(&self) -> Config {
        let config = Config::in_memory();
        match &self.database {
            Some(database) => config.sql_url(database.url()),
            None => config.sql_path(self.folder.file("ledger.db")),
        }
    }

    /// Without async: it is the same code, with one more skin.
    fn open(&self, profile: Profile, sets: Vec<MigrationSet>) -> blocking::Tradebase {
        let config = self.config().profile(profile);
        let opening = Tradebase::builder(config).records(records![Run, Bot]).migrations(sets);
        blocking::Tradebase::open_with(opening).unwrap()
    }
}

/// The tables of the records, as the files of two versions.
fn set(place: &Place) -> MigrationSet {
    let db = place.open(Profile::Production, Vec::new());
    let wanted = db.sql().ask(|sql| sql.wanted(&[Run::TABLE])).unwrap();
    let draft = db.sql().ask(|sql| sql.draft(&wanted, false)).unwrap();
    db.close().unwrap();
    assert_eq!(draft.up.files.len(), 1, "{draft:?}");
    let file = |id: &str, parent: Option<&str>, way: &str, sql: &str| {
        let (name, parent) = (format!("{id}_step.{way}.sql"), parent.map(str::to_owned));
        let file = MigrationFile::new(&name, id, "step", parent, true, sql);
        (name, file.text())
    };
    let files = [
        file("0001", None, "up", &draft.up.files[0].sql),
        file("0001", None, "down", &draft.down.files[0].sql),
        file("0002", Some("0001"), "up", "INSERT INTO bots (id, name) VALUES (1, 'first');"),
        file("0002", Some("0001"), "down", "DELETE FROM bots WHERE id = 1;"),
    ];
    MigrationSet::new("app", files).unwrap()
}

fn ways(report: &MigrationReport) -> Vec<(Direction, &str)> {
    report.applied.iter().map(|one| (one.direction, one.version.as_str())).collect()
}

fn a_program_sets_itself_up_by_its_migrations(place: &Place) {
    let db = place.open(Profile::Development, vec![set(place)]);
    let drift = db.drift().unwrap();
    assert!(drift.iter().any(|one| one.table == "bots"), "no table is made by the way: {drift:?}");
    let made = db.setup().unwrap();
    assert_eq!(ways(&made), [(Direction::Up, "0001"), (Direction::Up, "0002")]);
    assert!(db.setup().unwrap().applied.is_empty());
    assert_eq!(db.drift().unwrap(), []);
    assert_eq!(db.sql().get::<Bot>(&1).unwrap().unwrap().name, "first");
    db.sql().insert(&Bot { id: 2, name: "second".into() }).unwrap();

    let migrator = db.migrator(MigrateOptions::default()).unwrap();
    migrator.verify().unwrap();
    assert_eq!(migrator.status().unwrap().sets[0].current.as_deref(), Some("0002"));
    assert_eq!(migrator.history().unwrap().len(), 2);

    let anew = db.reset().unwrap();
    let (up, down) = (Direction::Up, Direction::Down);
    assert_eq!(ways(&anew), [(down, "0002"), (down, "0001"), (up, "0001"), (up, "0002")]);
    assert_eq!(db.sql().count::<Bot>().unwrap(), 1);
    migrator.down(Target::End).unwrap();
    assert_eq!(db.sql().count::<Bot>().unwrap(), 0);
    migrator.up(Target::Steps(1)).unwrap();
    assert_eq!(db.sql().count::<Bot>().unwrap(), 1);
    db.close().unwrap();
}

fn a_program_without_migrations_goes_by_its_records(place: &Place) {
    let db = place.open(Profile::Development, Vec::new());
    assert!(db.setup().unwrap().applied.is_empty());
    assert_eq!(db.drift().unwrap(), []);
    db.sql().insert(&Bot { id: 1, name: "first".into() }).unwrap();
    db.sql().insert(&Run { id: 1, bot_id: 1 }).unwrap();
    db.setup().unwrap();
    assert_eq!(db.sql().count::<Run>().unwrap(), 1, "what is there is left as it is");
    db.reset().unwrap();
    assert_eq!((db.sql().count::<Run>().unwrap(), db.sql().count::<Bot>().unwrap()), (0, 0));
    db.sql().execute("ALTER TABLE bots ADD COLUMN extra INTEGER NOT NULL DEFAULT 0", ()).unwrap();
    let drift = db.drift().unwrap();
    assert!(drift.iter().any(|one| one.column.as_deref() == Some("extra")), "{drift:?}");
    db.close().unwrap();
}

fn production_is_reset_only_by_force(place: &Place) {
    let db = place.open(Profile::Production, vec![set(place)]);
    db.setup().unwrap();
    db.sql().insert(&Bot { id: 7, name: "dear".into() }).unwrap();
    let refused = db.reset().unwrap_err();
    assert_eq!(refused.error.code(), Code::Config);
    assert!(refused.to_string().contains("production"), "{refused}");
    assert_eq!(db.sql().count::<Bot>().unwrap(), 2);
    db.reset_even_in_production().unwrap();
    assert_eq!(db.sql().count::<Bot>().unwrap(), 1);
    db.close().unwrap();
}

fn a_database_of_migrations_is_not_set_up_without_them(place: &Place) {
    let db = place.open(Profile::Development, vec![set(place)]);
    db.setup().unwrap();
    db.sql().insert(&Bot { id: 7, name: "dear".into() }).unwrap();
    db.close().unwrap();
    let db = place.open(Profile::Development, Vec::new());
    for refused in [db.setup().unwrap_err(), db.reset().unwrap_err()] {
        assert_eq!(refused.error.code(), Code::MigrationFile);
        assert!(refused.to_string().contains("at app/0002 of its migrations"), "{refused}");
    }
    assert_eq!(db.sql().count::<Bot>().unwrap(), 2, "nothing was dropped");
    db.close().unwrap();
}

/// Each promise, kept on both engines.
macro_rules! promises {
    ($($promise:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $promise() { super::$promise(&super::Place::sqlite()); })*
        }
        mod postgres {
            $(#[test] fn $promise() { super::$promise(&super::Place::postgres()); })*
        }
    };
}

promises![
    a_program_sets_itself_up_by_its_migrations,
    a_program_without_migrations_goes_by_its_records,
    production_is_reset_only_by_force,
    a_database_of_migrations_is_not_set_up_without_them,
];

#[test]
fn the_history_keeps_who_migrated() {
    let place = Place::sqlite();
    let db = place.open(Profile::Development, vec![set(&place)]);
    let mut options = MigrateOptions::default();
    options.who = Some("the operator".into());
    let migrator = db.migrator(options).unwrap();
    migrator.up(Target::End).unwrap();
    assert!(migrator.history().unwrap().iter().all(|entry| entry.who == "the operator"));
    db.close().unwrap();
}
