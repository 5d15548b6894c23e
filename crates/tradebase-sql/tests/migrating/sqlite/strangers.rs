//! Tables that other tools or older releases have made.

use serde_json::json;

use super::kit::{column, down, go, made, records, run, store, table, up};

/// As Alembic and people write them.
const MADE: &str = "
CREATE TABLE users (
  id INTEGER NOT NULL, -- the key
  name VARCHAR(32) NOT NULL UNIQUE, /* said twice */
  `mail` varchar (64) COLLATE nocase DEFAULT ('none'),
  [size] DECIMAL(18,8) DEFAULT -1 CHECK (size > -5 AND \"size\" < 10),
  made DATETIME DEFAULT CURRENT_TIMESTAMP,
  double REAL GENERATED ALWAYS AS (size * 2) VIRTUAL,
  parent int REFERENCES Users ON DELETE SET NULL ON UPDATE NO ACTION,
  CONSTRAINT pk_users PRIMARY KEY (id),
  CONSTRAINT uq UNIQUE (mail, made) ON CONFLICT REPLACE,
  FOREIGN KEY(parent) REFERENCES users (ID) ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED
);
CREATE UNIQUE INDEX ix_users ON users (name DESC, lower(mail)) WHERE mail is not null;
CREATE TABLE pairs (a TEXT, b TEXT, c, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE VIEW named (n) AS SELECT name FROM users; -- to look at
CREATE TRIGGER named_in INSTEAD OF INSERT ON named BEGIN
  INSERT INTO users (id, name) VALUES (100, NEW.n); END;
CREATE TRIGGER tr AFTER UPDATE ON users WHEN NEW.name = 'x;y' BEGIN
  UPDATE users SET size = CASE WHEN 1 THEN 2 END; SELECT 1; END;
";

#[tokio::test]
async fn a_definition_by_hand_is_read_whole() {
    let store = made(MADE).await;
    let shape = store.sql.shape().await.unwrap();
    let users = &shape.tables["users"];
    let key = users.key.as_ref().unwrap();
    assert_eq!((key.name.as_deref(), &*key.columns), (Some("pk_users"), &["id".to_owned()][..]));
    let types: Vec<_> = users.columns.iter().map(|c| c.type_text.as_str()).collect();
    let want =
        ["INTEGER", "VARCHAR(32)", "VARCHAR(64)", "DECIMAL(18, 8)", "DATETIME", "REAL", "INT"];
    assert_eq!(types, want);
    let defaults: Vec<_> = users.columns.iter().map(|c| c.default.as_deref()).collect();
    let want = [None, None, Some("'none'"), Some("-1"), Some("CURRENT_TIMESTAMP"), None, None];
    assert_eq!(defaults, want);
    let more = |name: &str| users.column(name).unwrap().more.clone();
    assert_eq!(more("mail").unwrap(), "COLLATE \"nocase\"");
    assert_eq!(more("double").unwrap(), "GENERATED ALWAYS AS (\"size\" * 2)");
    assert_eq!(users.checks[0].text, "\"size\" > -5 AND \"size\" < 10");
    let actions: Vec<_> = users.references.iter().map(|r| (&*r.parent, &*r.actions)).collect();
    assert_eq!(
        actions,
        [("users", "ON DELETE SET NULL"), ("users", "DEFERRABLE INITIALLY DEFERRED")]
    );
    assert!(users.references.iter().all(|r| r.parent_columns == ["id"]));
    let indexes: Vec<_> = users.indexes.iter().map(|i| (&*i.name, i.unique, &*i.text)).collect();
    assert_eq!(
        indexes,
        [
            ("", true, "CONSTRAINT \"uq\" UNIQUE (\"mail\", \"made\") ON CONFLICT REPLACE"),
            ("", true, "UNIQUE (\"name\")"),
            ("ix_users", true, "(\"name\" DESC, lower(\"mail\")) WHERE \"mail\" IS NOT NULL"),
        ]
    );
    assert!(!shape.tables["pairs"].column("a").unwrap().nullable);
    assert!(shape.views["named"].starts_with("(n) AS SELECT name FROM users"));
}

#[tokio::test]
async fn a_table_made_by_hand_keeps_all_of_it_when_it_is_built_anew() {
    let store = made(MADE).await;
    run(&store, "INSERT INTO users (id, name, size) VALUES (1, 'ann', '0.12345678'), (2, 'bo', 3)");
    let rows = "SELECT id, name, mail, size, typeof(size), double, parent FROM users ORDER BY id";
    let (before, shape) = (run(&store, rows), store.sql.shape().await.unwrap());
    let mut wanted = tradebase_sql::Wanted::default();
    wanted.shape = shape.clone();
    wanted.shape.tables.get_mut("users").unwrap().checks.clear();
    let draft = store.sql.draft(&wanted, true).await.unwrap();
    assert!(draft.up.files[0].sql.contains("INSERT OR ABORT INTO \"users__new\""));
    go(&store, &draft.up).unwrap();
    assert_eq!(run(&store, rows), before);
    let now = store.sql.shape().await.unwrap();
    assert_eq!(super::kit::told(&now), super::kit::told(&wanted.shape));
    down(&store, &draft, &shape).await;
    assert_eq!(run(&store, rows), before);
    run(&store, "INSERT INTO named VALUES ('by the view')");
    assert_eq!(run(&store, "SELECT name FROM users WHERE id = 100"), "by the view");
}

#[tokio::test]
async fn restrict_of_older_releases_is_no_difference() {
    let mut child = column("trade", "i64");
    child["parent"] = json!("trades");
    let tables = records(json!([table("trades", &[]), table("fills", &[child])]));
    let store = store(&tables).await;
    let made = run(&store, "SELECT sql FROM sqlite_schema WHERE name = 'fills'");
    let older = made.replace("ON DELETE NO ACTION", "ON DELETE RESTRICT");
    assert_ne!(made, older);
    run(&store, &format!("DROP TABLE fills; {older}"));
    let draft = super::kit::draft(&store.sql, &tables).await.unwrap();
    assert_eq!(draft, tradebase_sql::Draft::default());
}

#[tokio::test]
async fn what_no_record_has_is_left_alone_unless_it_is_to_go() {
    let tables = records(json!([table("trades", &[column("note", "text")])]));
    let store = store(&tables).await;
    run(
        &store,
        "CREATE TABLE mine (a); CREATE VIEW look AS SELECT * FROM mine;
         CREATE INDEX by_note ON trades (note)",
    );
    let wanted = store.sql.wanted(&tables).await.unwrap();
    let draft = store.sql.draft(&wanted, false).await.unwrap();
    assert!(draft.up.files.is_empty(), "{draft:?}");
    assert_eq!(draft.up.notes.len(), 3);
    let draft = up(&store, &tables).await;
    assert_eq!(draft.up.losses.len(), 1);
    let left = run(&store, "SELECT name FROM sqlite_schema ORDER BY name");
    assert_eq!(left, "trades\ntrades_readable");
}
