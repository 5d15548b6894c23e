//! What was made by hand, when what it hangs on gets another name or goes.

use tradebase_sql::{Draft, MigrationEngine, Renames, Wanted};

use super::walk::{Walk, run};

/// As [`Walk::renaming`], and keeps what the second schema does not have.
async fn kept(from: &str, to: &str, renames: Renames) -> (Walk, Draft) {
    let walk = Walk::renaming(from, to, Renames::default()).await;
    let mut wanted = Wanted::default();
    wanted.shape = walk.to.clone();
    wanted.renames = renames;
    let draft = Draft::between(MigrationEngine::Postgres, &walk.from, &wanted, false).unwrap();
    (walk, draft)
}

async fn go(walk: &Walk, plan: &tradebase_sql::Plan) {
    for file in &plan.files {
        run(&walk.store, file, 1).await.unwrap_or_else(|e| panic!("{e}\n{}", file.sql));
    }
}

#[tokio::test]
async fn postgres_what_hangs_on_a_column_goes_by_its_new_name_or_with_it() {
    let from = "CREATE TABLE bots (id int PRIMARY KEY);
        CREATE TABLE fills (id int PRIMARY KEY, note text, tag text, old int REFERENCES bots, \
        bot int CONSTRAINT mine REFERENCES bots, CONSTRAINT short CHECK (length(note) < 9), \
        CONSTRAINT low CHECK (tag = lower(tag)));
        CREATE INDEX by_note ON fills (note) WHERE note <> 'note';
        CREATE UNIQUE INDEX fills__mine ON fills (lower(note));
        CREATE INDEX by_tag ON fills (tag, note);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \
        'BEGIN RETURN NEW; END';
        CREATE TRIGGER fills BEFORE UPDATE OF note ON fills FOR EACH ROW \
        WHEN (OLD.note IS DISTINCT FROM NEW.note) EXECUTE FUNCTION note();
        CREATE TRIGGER tags BEFORE UPDATE OF tag ON fills FOR EACH ROW EXECUTE FUNCTION note();
        CREATE TABLE others (id int PRIMARY KEY, fill int REFERENCES fills (id))";
    // The key becomes a bigint, so that triggers are made anew.
    let to = "CREATE TABLE agents (id int CONSTRAINT bots_pkey PRIMARY KEY);
        CREATE TABLE trades (nr bigint CONSTRAINT fills_pkey PRIMARY KEY, \"the remark\" text, \
        bot_id int)";
    let mut renames = Renames::default();
    for (new, old) in [("trades", "fills"), ("agents", "bots")] {
        renames.tables.insert(new.to_owned(), old.to_owned());
    }
    for (new, old) in [("nr", "id"), ("the remark", "note"), ("bot_id", "bot")] {
        renames.columns.insert(("trades".to_owned(), new.to_owned()), old.to_owned());
    }
    let (walk, draft) = kept(from, to, renames).await;
    walk.psql("INSERT INTO bots VALUES (3); INSERT INTO fills VALUES (1, 'a', 'b', 3, 3)");
    walk.psql("INSERT INTO others VALUES (5, 1)");
    let notes = draft.up.notes.join("\n");
    for gone in ["index by_tag", "trigger tags", "reference old", "check "] {
        let said = notes.lines().any(|note| note.contains(gone) && note.contains("goes with"));
        assert!(said, "{gone}: {notes}");
    }
    go(&walk, &draft.up).await;
    let indexes = "SELECT string_agg(indexdef, ';' ORDER BY indexname) FROM pg_indexes \
                   WHERE tablename = 'trades'";
    let have = walk.psql(indexes);
    for index in ["by_note ON public.trades USING btree (\"the remark\")", "fills__mine"] {
        assert!(have.contains(index) && !have.contains("by_tag"), "{have}");
    }
    let triggers = "SELECT string_agg(pg_get_triggerdef(oid), ';') FROM pg_trigger \
                    WHERE tgrelid = 'trades'::regclass AND NOT tgisinternal";
    let have = walk.psql(triggers);
    assert!(have.contains("UPDATE OF \"the remark\" ON public.trades"), "{have}");
    assert!(have.contains("EXECUTE FUNCTION note()") && !have.contains("tags"), "{have}");
    let references = "SELECT string_agg(conname || ' ' || confrelid::regclass, ';' ORDER BY 1) \
                      FROM pg_constraint WHERE contype = 'f'";
    assert_eq!(walk.psql(references).split(';').count(), 2);
    go(&walk, &draft.down).await;
    let have = walk.store.sql.shape().await.unwrap();
    assert_eq!(have.in_order(), walk.from.in_order());
    assert_eq!(walk.psql("SELECT note, bot FROM fills"), "a|3");
}

#[tokio::test]
async fn postgres_parts_that_are_there_are_no_business_of_a_migration() {
    let from = "CREATE TABLE ticks (at timestamptz PRIMARY KEY) PARTITION BY RANGE (at);
        CREATE TABLE ticks__default PARTITION OF ticks DEFAULT;
        CREATE TABLE ticks__p2026_01 PARTITION OF ticks \
        FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')";
    let to = "CREATE TABLE ticks (at timestamptz PRIMARY KEY, n int) PARTITION BY RANGE (at);
        CREATE TABLE ticks__default PARTITION OF ticks DEFAULT";
    let (walk, draft) = kept(from, to, Renames::default()).await;
    for plan in [&draft.up, &draft.down] {
        let sql: String = plan.files.iter().map(|file| file.sql.as_str()).collect();
        assert!(!sql.contains("ticks__"), "{sql}");
    }
    go(&walk, &draft.up).await;
    // Meanwhile it has gone.
    walk.psql("DROP TABLE ticks__p2026_01");
    go(&walk, &draft.down).await;
}
