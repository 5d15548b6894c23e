//! A draft is spread over versions: from each of them there is a way back.

use tradebase_sql::{
    Draft, MigrateOptions, MigrationEngine, MigrationSet, Renames, Shape, Target, Wanted,
};
use tradebase_testkit::{TempFolder, psql};

use super::walk::{told, with};

/// The versions that lead from one schema to another.
async fn versions(folder: &TempFolder, from: &Shape, to: &Shape) -> MigrationSet {
    let mut wanted = Wanted::default();
    (wanted.shape, wanted.renames) = (to.clone(), Renames::default());
    let engine = MigrationEngine::Postgres;
    let draft = Draft::between(engine, from, &wanted, true).unwrap();
    let none: [(&str, &str); 0] = [];
    let path = folder.file("app");
    MigrationSet::new("app", none).unwrap().write_draft(&path, "next", engine, &draft).unwrap();
    MigrationSet::from_folder(&path).unwrap()
}

/// Goes up so many versions and back, and up again to the end and back, with these rows.
async fn every_version_leads_back(from: &str, to: &str, rows: &str) {
    let start = with(from).await.sql.shape().await.unwrap();
    let end = with(to).await.sql.shape().await.unwrap();
    let folder = TempFolder::new().unwrap();
    let set = versions(&folder, &start, &end).await;
    let texts: Vec<_> =
        set.versions.iter().flat_map(|version| version.files()).map(|f| f.text()).collect();
    let texts = texts.join("\n");
    for count in 1..=set.versions.len() {
        let store = with(from).await;
        psql(&store.url(), rows).unwrap();
        let migrator = store.sql.migrator([set.clone()], MigrateOptions::default()).unwrap();
        for up in [Target::Steps(count), Target::End] {
            let went = migrator.up(up.clone()).await;
            went.unwrap_or_else(|e| panic!("{up:?} to {count}: {e}\n{texts}"));
            if up == Target::End {
                let have = store.sql.shape().await.unwrap();
                assert_eq!(told(&have), told(&end), "at the end, after {count}\n{texts}");
            }
            let back = migrator.down(Target::Version("0".into())).await;
            back.unwrap_or_else(|e| panic!("back from {count}: {e}\n{texts}"));
            let have = store.sql.shape().await.unwrap();
            assert_eq!(told(&have), told(&start), "back from {count}\n{texts}");
        }
    }
}

#[tokio::test]
async fn postgres_an_index_of_a_column_that_is_made_anew_is_there_after_the_way_back() {
    let schema = |of: &str| {
        format!("CREATE TABLE t (id int PRIMARY KEY, v {of}); CREATE UNIQUE INDEX i ON t (v)")
    };
    let rows = "INSERT INTO t VALUES (1, NULL), (2, NULL)";
    every_version_leads_back(&schema("text"), &schema("numeric(18,8)"), rows).await;
    every_version_leads_back(&schema("numeric(18,8)"), &schema("text"), rows).await;
}

#[tokio::test]
async fn postgres_a_column_that_joins_the_key_leaves_it_again() {
    let schema = |null: &str, key: &str| {
        format!("CREATE TABLE t (a int, b int {null}, CONSTRAINT k PRIMARY KEY ({key}))")
    };
    let rows = "INSERT INTO t VALUES (1, 1), (2, 1)";
    every_version_leads_back(&schema("", "a"), &schema("NOT NULL", "a, b"), rows).await;
    every_version_leads_back(&schema("", "a"), &schema("NOT NULL", "b, a"), rows).await;
}

#[tokio::test]
async fn postgres_an_index_moves_from_one_table_to_another() {
    let (aa, bb) = ("CREATE TABLE aa (x int", "CREATE TABLE bb (x int");
    let index = |of: &str| format!("CREATE INDEX ixx ON {of} (x)");
    for (there, more) in [("", ""), (", y int", ""), ("", ", y int"), (", y int", ", z int")] {
        let from = format!("{aa}); {bb}); {}", index("bb"));
        let to = format!("{aa}{there}); {bb}{more}); {}", index("aa"));
        every_version_leads_back(&from, &to, "INSERT INTO aa VALUES (1)").await;
        let (from, to) = (
            format!("{aa}); {bb}); {}", index("aa")),
            format!("{aa}{there}); {bb}{more}); {}", index("bb")),
        );
        every_version_leads_back(&from, &to, "INSERT INTO aa VALUES (1)").await;
    }
}

#[tokio::test]
async fn postgres_indexes_of_all_kinds_lead_back_from_each_version() {
    let table = |columns: &str, rest: &str| {
        format!("CREATE TABLE t (id int PRIMARY KEY, {columns}); {rest}")
    };
    let index = |of: &str| format!("CREATE INDEX i ON t ({of})");
    let rows = "INSERT INTO t (id, a) VALUES (1, '1'), (2, '2')";
    for (from, to) in [
        (table("a int, b int", &index("a")), table("b int", &index("b"))),
        (table("a int, b int", &index("a")), table("a int, b int", &index("b"))),
        (table("a int, b int", &index("a")), table("a int, b int, c int", &index("b, c"))),
        (table("a int, b int", &index("a")), table("a text, b int", &index("a, b"))),
        (table("a int, b int", ""), table("a int, b int CHECK (b > 0)", &index("a"))),
        (table("a text", &index("a")), table("a date", "CREATE INDEX j ON t (a)")),
        (
            table("a int UNIQUE, b int", ""),
            table("a int, b int", "CREATE UNIQUE INDEX t_a_key ON t (a)"),
        ),
        (table("a int, b int", ""), table("a int NOT NULL, b text", "")),
        (table("a int, b int", ""), table("a int NOT NULL, c int", &index("a"))),
        (
            table("a int, b int", ""),
            table("a int CONSTRAINT r REFERENCES t, c int NOT NULL DEFAULT 1", &index("c")),
        ),
        (table("a int, b int", ""), table("a int CONSTRAINT c CHECK (a > 0), b text", "")),
        (
            table("a int, b int", &index("a")),
            "CREATE TABLE u (id int PRIMARY KEY, a int); CREATE INDEX i ON u (a)".to_owned(),
        ),
    ] {
        every_version_leads_back(&from, &to, rows).await;
        every_version_leads_back(&to, &from, "SELECT 1").await;
    }
}
