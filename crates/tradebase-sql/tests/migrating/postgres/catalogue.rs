//! What is read from the catalogue, and what is made aside.

use tradebase_core::{Code, Record, Table};
use tradebase_sql::{Sql, Storage};
use tradebase_testkit::psql;

use super::walk::{Walk, told, with};
use crate::common::PostgresStore;
use crate::common::records::{Event, Order, Remark};

const OURS: [&Table; 3] = [Event::TABLE, Order::TABLE, Remark::TABLE];

/// What other tools make, and people.
const FOREIGN: &str = "\
    CREATE SEQUENCE \"Own seq\";
    CREATE TABLE \"Users\" (
      id serial PRIMARY KEY, \"E-mail\" varchar(80) NOT NULL UNIQUE, born date,
      code char(3) DEFAULT 'ab' CHECK (code <> ''), seen timestamp(3) DEFAULT now(),
      twice int GENERATED ALWAYS AS (id * 2) STORED, tags text[], ratio real, mail text COLLATE \
    \"C\",
      n bigint DEFAULT nextval('\"Own seq\"'), CONSTRAINT old CHECK (born > '1900-01-01') NO INHERIT
    );
    ALTER TABLE \"Users\" ADD CONSTRAINT late CHECK (id > 0) NOT VALID;
    CREATE TABLE logs (
      id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL DEFAULT '2026-01-01 00:00+02',
      who int REFERENCES \"Users\" ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED,
      other int, PRIMARY KEY (id, at), UNIQUE (at, id) DEFERRABLE,
      EXCLUDE USING btree (other WITH =)
    );
    ALTER TABLE logs ADD FOREIGN KEY (other) REFERENCES \"Users\" NOT VALID;
    CREATE INDEX part ON logs (lower(who::text), at DESC) INCLUDE (id) WHERE other > 3;
    CREATE UNIQUE INDEX \"Odd name\" ON logs USING btree (at DESC NULLS LAST);
    CREATE VIEW seen AS SELECT u.id, l.at FROM \"Users\" u JOIN logs l ON l.who = u.id;
    CREATE VIEW \"again\" AS SELECT id FROM seen;
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER t BEFORE UPDATE OF who ON logs FOR EACH ROW WHEN (NEW.who > 1) EXECUTE FUNCTION \
    f();
    CREATE TABLE ticks (at timestamptz NOT NULL, n int, PRIMARY KEY (at, n))
      PARTITION BY RANGE (at);
    CREATE TABLE ticks_1 PARTITION OF ticks FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE TABLE ticks__default PARTITION OF ticks DEFAULT;
    CREATE TABLE kinds (kind text) PARTITION BY LIST (lower(kind))";

#[tokio::test]
async fn postgres_a_schema_of_other_tools_is_made_again_from_its_shape() {
    let function =
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'";
    let walk = Walk::new(function, FOREIGN).await;
    assert!(walk.draft.up.files.iter().all(|file| file.transactional), "{:?}", walk.draft.up);
    walk.up().await;
    walk.psql("INSERT INTO \"Users\" (\"E-mail\") VALUES ('a'); DELETE FROM \"Users\"");
    walk.down().await;
    assert_eq!(walk.draft.down.losses.len(), 4, "{:?}", walk.draft.down.losses);
}

#[tokio::test]
async fn postgres_a_shape_tells_what_the_catalogue_has() {
    let shape = with(FOREIGN).await.sql.shape().await.unwrap();
    let users = &shape.tables["Users"];
    let column = |name| users.column(name).unwrap();
    assert_eq!(column("E-mail").type_text, "character varying(80)");
    assert_eq!(column("mail").more.as_deref(), Some("COLLATE \"C\""));
    assert_eq!(column("n").default.as_deref(), Some("nextval('\"Own seq\"'::regclass)"));
    assert!(!column("id").assigned && shape.tables["logs"].column("id").unwrap().assigned);
    let late = users.checks.iter().find(|check| check.name.as_deref() == Some("late")).unwrap();
    assert_eq!((late.text.as_str(), late.validated), ("id > 0", false));
    let logs = &shape.tables["logs"];
    let at = logs.column("at").unwrap().default.as_deref();
    assert_eq!(at, Some("'2025-12-31 22:00:00+00'::timestamp with time zone"));
    let to = |column: &str| logs.references.iter().find(|r| r.columns == [column]).unwrap();
    assert_eq!(to("who").actions, "ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED");
    assert!(!to("other").validated && to("other").actions.is_empty());
    let ticks = &shape.tables["ticks"];
    assert_eq!(ticks.storage, Storage::Parts { column: "at".into() });
    let bounds: Vec<_> = ticks.parts.iter().map(|part| part.bounds.as_str()).collect();
    let first = "FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-02-01 00:00:00+00')";
    assert!(bounds.contains(&"DEFAULT") && bounds.len() == 2, "{bounds:?}");
    assert!(first.len() == bounds.iter().map(|bound| bound.len()).max().unwrap(), "{bounds:?}");
    assert!(!told(&shape).contains("public"), "{}", told(&shape));
}

#[tokio::test]
async fn postgres_a_shape_is_the_same_in_every_schema_and_setting() {
    let plain = with(FOREIGN).await.sql.shape().await.unwrap();
    let store = PostgresStore::new().await;
    let name = psql(&store.url(), "SELECT current_database()").unwrap();
    let settings = format!(
        "CREATE SCHEMA \"My app\"; ALTER DATABASE {name} SET search_path TO \"My app\", public; \
         ALTER DATABASE {name} SET timezone TO 'Asia/Kolkata'; \
         ALTER DATABASE {name} SET datestyle TO 'German'"
    );
    psql(&store.url(), &settings).unwrap();
    psql(&store.url(), FOREIGN).unwrap();
    psql(&store.url(), "CREATE TABLE public.stranger (id int)").unwrap();
    let sql = Sql::open(&store.url()).await.unwrap();
    let shape = sql.shape().await.unwrap();
    assert_eq!(told(&shape), told(&plain));
    assert_eq!(psql(&store.url(), "SHOW search_path").unwrap(), "\"My app\", public");
}

#[tokio::test]
async fn postgres_what_records_want_is_what_their_tables_are_and_nothing_stays() {
    let store = PostgresStore::new().await;
    let wanted = store.sql.wanted(&OURS).await.unwrap();
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tradebase%'";
    assert_eq!(psql(&store.url(), left).unwrap(), "0");
    assert!(store.sql.shape().await.unwrap().tables.is_empty());
    for table in OURS {
        store.sql.table(table).create_table().await.unwrap();
    }
    let shape = store.sql.shape().await.unwrap();
    assert_eq!(told(&shape), told(&wanted.shape));
    let draft = store.sql.draft(&wanted, true).await.unwrap();
    assert!(draft.up.files.is_empty() && draft.down.files.is_empty(), "{draft:?}");
}

#[tokio::test]
async fn postgres_a_user_who_may_not_create_a_schema_is_told_the_grant() {
    let store = PostgresStore::new().await;
    let name = psql(&store.url(), "SELECT current_database()").unwrap();
    let role = format!("reader_of_{name}");
    psql(&store.url(), &format!("CREATE ROLE {role} LOGIN")).unwrap();
    let (_, rest) =
        store.database.url().split_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let sql = Sql::open(&format!("postgres://{role}@{rest}")).await.unwrap();
    let error = sql.wanted(&OURS).await.unwrap_err();
    assert_eq!(error.code(), Code::AccessDenied);
    let grant = format!("GRANT CREATE ON DATABASE {name} TO {role}");
    assert!(error.message().contains(&grant), "{error}");
    psql(&store.url(), &format!("DROP ROLE {role}")).ok();
}
