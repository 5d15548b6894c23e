//! Placeholders are what the engine would take for them, and nothing else is touched.

use crate::common;
use common::built;
use tradebase_core::{Code, Error, Value};
use tradebase_sql::{Parameter, Parameters, Sql};

/// What is given beside a text: "p1", "p2" …, or "v_<name>" by name.
#[derive(Clone, Copy, Debug)]
enum Give {
    First(usize),
    Named(&'static [&'static str]),
}

use Give::{First, Named};

impl Give {
    fn parameters(self) -> Parameters<'static> {
        match self {
            First(count) => {
                let values = (1..=count).map(|i| Parameter::from(format!("p{i}")));
                values.collect::<Vec<_>>().into()
            }
            Named(names) => {
                let value = |name: &&'static str| (*name, Parameter::from(of(name)));
                names.iter().map(value).collect::<Vec<_>>().into()
            }
        }
    }

    /// The same and one more.
    fn too_many(self) -> Parameters<'static> {
        match self {
            First(count) => First(count + 1).parameters(),
            Named(names) => {
                let more = names.iter().chain(&["more"]);
                let more = more.map(|name| (*name, Parameter::from("more")));
                more.collect::<Vec<_>>().into()
            }
        }
    }

    /// The same but the last.
    fn too_few(self) -> Option<Parameters<'static>> {
        match self {
            First(count) => Some(First(count.checked_sub(1)?).parameters()),
            Named([fewer @ .., _]) => Some(Named(fewer).parameters()),
            Named([]) => None,
        }
    }
}

/// The value of that name.
fn of(name: &str) -> String {
    match name {
        "one" => "1".to_owned(),
        "two" => "2".to_owned(),
        "json" => "{}".to_owned(),
        name => format!("v_{name}"),
    }
}

/// A text, what is given, and the row that it gives.
type Case = (&'static str, Give, &'static str);

const BOTH: &[Case] = &[
    ("SELECT 1", First(0), "1"),
    ("SELECT ?", First(1), "p1"),
    ("SELECT ?, ?", First(2), "p1|p2"),
    ("SELECT ?1", First(1), "p1"),
    ("SELECT ?2, ?1", First(2), "p2|p1"),
    ("SELECT ?1, ?1", First(1), "p1|p1"),
    ("SELECT $1", First(1), "p1"),
    ("SELECT $2, $1, $2", First(2), "p2|p1|p2"),
    ("SELECT :a", Named(&["a"]), "v_a"),
    ("SELECT :a, :b, :a", Named(&["a", "b"]), "v_a|v_b|v_a"),
    ("SELECT :b, :a", Named(&["a", "b"]), "v_b|v_a"),
    ("SELECT '?'", First(0), "?"),
    ("SELECT '?', ?", First(1), "?|p1"),
    ("SELECT 'it''s ?', ?", First(1), "it's ?|p1"),
    ("SELECT '$1', $1", First(1), "$1|p1"),
    ("SELECT ':a', :a", Named(&["a"]), ":a|v_a"),
    ("SELECT '''', ?", First(1), "'|p1"),
    ("SELECT '', ?", First(1), "|p1"),
    ("SELECT '--', ?", First(1), "--|p1"),
    ("SELECT '/*', ? /* '? */", First(1), "/*|p1"),
    ("SELECT ? -- ?\n, ?", First(2), "p1|p2"),
    ("SELECT ? -- it's ?", First(1), "p1"),
    ("SELECT ? /* ? $1 :a */, ?", First(2), "p1|p2"),
    ("SELECT /* it's */ ?", First(1), "p1"),
    ("/* ? */ SELECT ?", First(1), "p1"),
    ("-- :a\nSELECT :a", Named(&["a"]), "v_a"),
    ("SELECT ? /**/", First(1), "p1"),
    ("SELECT ? /***/ , ?", First(2), "p1|p2"),
    ("SELECT ? /*/ ? */", First(1), "p1"),
    ("SELECT 1 AS \"?\", ?", First(1), "1|p1"),
    ("SELECT 1 AS \":a\", :a", Named(&["a"]), "1|v_a"),
    ("SELECT 1 AS \"a\"\"?\", ?", First(1), "1|p1"),
    ("SELECT 1 AS \"$1\", $1", First(1), "1|p1"),
    ("SELECT 1 AS \"it's\", ?", First(1), "1|p1"),
    ("SELECT '\\', ?", First(1), "\\|p1"),
    ("SELECT '\\', '?', ?", First(1), "\\|?|p1"),
    ("SELECT ?;", First(1), "p1"),
    ("SELECT ? ; ; \n", First(1), "p1"),
    ("SELECT ?; -- ; SELECT", First(1), "p1"),
    ("SELECT ?; /* SELECT 2 */", First(1), "p1"),
    ("SELECT CASE WHEN ? = 'p1' THEN ? ELSE 'no' END", First(2), "p2"),
    ("SELECT ? || '?' || ?", First(2), "p1?p2"),
    ("SELECT ?||?", First(2), "p1p2"),
    ("SELECT :a||:b", Named(&["a", "b"]), "v_av_b"),
    ("SELECT (:a)", Named(&["a"]), "v_a"),
    ("SELECT (?), (?)", First(2), "p1|p2"),
    ("SELECT coalesce(?,?)", First(2), "p1"),
    ("SELECT coalesce(:a,:b)", Named(&["a", "b"]), "v_a"),
    ("SELECT ?||'''?'''", First(1), "p1'?'"),
    ("SELECT CASE WHEN 1.5e3 = 1500 THEN ? END", First(1), "p1"),
    ("SELECT CASE WHEN 15e-1=1.5 THEN ? END", First(1), "p1"),
    ("SELECT CASE WHEN 1E+1=10 THEN :a END", Named(&["a"]), "v_a"),
    ("SELECT CASE WHEN .5<1 THEN ? END", First(1), "p1"),
    ("SELECT CASE WHEN ? IN (?, ?) THEN 'in' ELSE 'out' END", First(3), "out"),
    ("SELECT CASE WHEN :a IN (:a, :b) THEN 'in' END", Named(&["a", "b"]), "in"),
    ("SELECT CASE WHEN 'a'=:a THEN 1 ELSE 2 END", Named(&["a"]), "2"),
    ("SELECT a FROM (SELECT $1 AS a) t WHERE a = $1", First(1), "p1"),
    ("WITH t(a) AS (SELECT ?) SELECT a, ? FROM t", First(2), "p1|p2"),
    ("SELECT ? AS a$b", First(1), "p1"),
    ("SELECT 1 AS a$1, $1", First(1), "1|p1"),
    ("SELECT 1 AS x1, ?1", First(1), "1|p1"),
    ("SELECT 'é?', ?", First(1), "é?|p1"),
    ("SELECT 1 AS é, ?", First(1), "1|p1"),
    ("SELECT :größe", Named(&["größe"]), "v_größe"),
    ("SELECT :a_1, :a1, :_a", Named(&["a_1", "a1", "_a"]), "v_a_1|v_a1|v__a"),
    ("SELECT\t?\n,\r\n?", First(2), "p1|p2"),
    ("SELECT ?LIMIT 1", First(1), "p1"),
    ("SELECT ? FROM (SELECT 1 AS \"a;b\") t", First(1), "p1"),
    ("SELECT ';', ?", First(1), ";|p1"),
    ("SELECT ? WHERE '?' = '?'", First(1), "p1"),
    ("SELECT ? WHERE ';' <> ''';'", First(1), "p1"),
    ("SELECT 1 --", First(0), "1"),
    ("SELECT ?-- comment", First(1), "p1"),
    ("SELECT ?/* c */", First(1), "p1"),
    ("VALUES (?)", First(1), "p1"),
    ("VALUES (:a)", Named(&["a"]), "v_a"),
    ("SELECT min(x) FROM (SELECT ? AS x UNION ALL SELECT ?) t", First(2), "p1"),
    (
        "SELECT x FROM (SELECT :b AS x UNION ALL SELECT :a) t ORDER BY 1 LIMIT 1",
        Named(&["a", "b"]),
        "v_a",
    ),
    ("SELECT '?' LIKE '_' AND '$1' = '?', $1", First(1), "false|p1"),
];

const POSTGRES: &[Case] = &[
    ("SELECT $$?$$, ?", First(1), "?|p1"),
    ("SELECT $$it's$$, ?", First(1), "it's|p1"),
    ("SELECT $q$ $$ ? $1 $q$, ?", First(1), " $$ ? $1 |p1"),
    ("SELECT $q$:a$q$, :a", Named(&["a"]), ":a|v_a"),
    ("SELECT $_1$?$_1$, ?", First(1), "?|p1"),
    ("SELECT $é$?$é$, ?", First(1), "?|p1"),
    ("SELECT $A$?$a$?$A$, ?", First(1), "?$a$?|p1"),
    ("SELECT $$;$$, ?", First(1), ";|p1"),
    ("SELECT E'\\'?', ?", First(1), "'?|p1"),
    ("SELECT E'\\\\', ?", First(1), "\\|p1"),
    ("SELECT e'it''s ?', ?", First(1), "it's ?|p1"),
    ("SELECT E'a'\n'\\'?', ?", First(1), "a'?|p1"),
    ("SELECT E'a' -- x\n '\\'?', ?", First(1), "a'?|p1"),
    ("SELECT 'a'\n'?', ?", First(1), "a?|p1"),
    ("SELECT 'like'::text LIKE'l%', ?", First(1), "true|p1"),
    ("SELECT U&'\\0041?', ?", First(1), "A?|p1"),
    ("SELECT U&\"\\0061?\" FROM (SELECT ? AS \"a?\") t", First(1), "p1"),
    ("SELECT B'101'::text, ?", First(1), "101|p1"),
    ("SELECT N'?'::text, ?", First(1), "?|p1"),
    ("SELECT /* /* ? */ ' */ ?", First(1), "p1"),
    ("SELECT ?::text", First(1), "p1"),
    ("SELECT :a::text", Named(&["a"]), "v_a"),
    ("SELECT $1::text", First(1), "p1"),
    ("SELECT CAST(:a AS text)", Named(&["a"]), "v_a"),
    ("SELECT '5'::int::text, ?", First(1), "5|p1"),
    ("SELECT :one::int + 1", Named(&["one"]), "2"),
    ("SELECT (ARRAY['a','b','c'])[1:2]::text, ?", First(1), "{a,b}|p1"),
    ("SELECT (ARRAY['a','b'])[1:2]::text, :a", Named(&["a"]), "{a,b}|v_a"),
    (
        "SELECT a[lo:hi]::text, :x FROM (SELECT ARRAY['a','b','c'] AS a, 2 AS lo, 3 AS hi) t",
        Named(&["x"]),
        "{b,c}|v_x",
    ),
    (
        "SELECT a[(lo):hi]::text, :hi FROM (SELECT ARRAY['a','b','c'] AS a, 2 AS lo, 3 AS hi) t",
        Named(&["hi"]),
        "{b,c}|v_hi",
    ),
    ("SELECT (ARRAY['a','b'])[:one]", Named(&["one"]), "a"),
    ("SELECT (ARRAY['a','b'])[:one:2]::text", Named(&["one"]), "{a,b}"),
    ("SELECT (ARRAY['a','b','c'])[: 2]::text, :a", Named(&["a"]), "{a,b}|v_a"),
    ("SELECT (ARRAY['a','b','c'])[:one : :two]::text", Named(&["one", "two"]), "{a,b}"),
    ("SELECT '{\"a\":1}'::jsonb ? 'a', $1", First(1), "true|p1"),
    ("SELECT '{\"a\":1}'::jsonb ? :a", Named(&["a"]), "false"),
    ("SELECT '{\"a\":1}'::jsonb ?'a', $1", First(1), "true|p1"),
    ("SELECT '{\"a\":1}'::jsonb ?| ARRAY[:a]", Named(&["a"]), "false"),
    ("SELECT '{\"a\":1}'::jsonb ?& ARRAY['a'], $1", First(1), "true|p1"),
    ("SELECT '{\"a\":1}'::jsonb ?? 'a', ?", First(1), "true|p1"),
    ("SELECT '{\"a\":1}'::jsonb ?? 'a'", First(0), "true"),
    ("SELECT '{\"p1\":1}'::jsonb ??? ", First(1), "true"),
    ("SELECT '{\"a\":1}'::jsonb ??| ARRAY[?]", First(1), "false"),
    ("SELECT '{\"a\":1}'::jsonb ??& ARRAY['a', ?]", First(1), "false"),
    ("SELECT '{\"a\":1}'::jsonb @? '$.a', ?", First(1), "true|p1"),
    ("SELECT '{\"a\":1}'::jsonb @?? '$.a', ?", First(1), "true|p1"),
    ("SELECT '{\"a\":1}'::jsonb @? '$.a ? (@ > 0)', :a", Named(&["a"]), "true|v_a"),
    ("SELECT '{\"a\":1}'::jsonb @? '$.a ? (@ > 0)'", First(0), "true"),
    ("SELECT '{\"a\":1}'::jsonb->>'a', ?", First(1), "1|p1"),
    ("SELECT '{\"p1\":1}'::jsonb->>?", First(1), "1"),
    ("SELECT '{\"v_a\":1}'::jsonb->>:a", Named(&["a"]), "1"),
    ("SELECT '{}'::jsonb <@:json", Named(&["json"]), "true"),
    ("SELECT @ -5, ?", First(1), "5|p1"),
    ("SELECT 5 # 3, ?", First(1), "6|p1"),
    ("SELECT a$1 FROM (SELECT $1 AS a$1) t", First(1), "p1"),
    ("SELECT make_interval(days := 1)::text, :a", Named(&["a"]), "1 day|v_a"),
    ("SELECT make_interval(days :=:one::int)::text", Named(&["one"]), "1 day"),
    ("SELECT make_interval(days => 1)::text, ?", First(1), "1 day|p1"),
    ("SELECT true AND ?::text='p1'", First(1), "true"),
    ("SELECT 'p1'=?AND true", First(1), "true"),
    ("SELECT 'x' /* $$ */, ?", First(1), "x|p1"),
    ("SELECT ? -- ?\r, ?", First(2), "p1|p2"),
    ("SELECT '((0,0),(1,0))'::lseg ?-| '((0,0),(0,1))'::lseg, $1", First(1), "true|p1"),
    ("SELECT ?- '((0,0),(1,0))'::lseg, $1", First(1), "true|p1"),
    ("SELECT ??- '((0,0),(1,0))'::lseg, ?", First(1), "true|p1"),
    ("SELECT x.a FROM json_to_record('{\"a\":\"?\"}') AS x(a text) WHERE x.a <> ?", First(1), "?"),
];

const SQLITE: &[Case] = &[
    ("SELECT [?], ? FROM (SELECT 1 AS [?])", First(1), "1|p1"),
    ("SELECT `?`, ? FROM (SELECT 1 AS `?`)", First(1), "1|p1"),
    ("SELECT `a``?`, :a FROM (SELECT 1 AS `a``?`)", Named(&["a"]), "1|v_a"),
    ("SELECT [it's], ? FROM (SELECT 1 AS [it's])", First(1), "1|p1"),
    ("SELECT [a;b], ? FROM (SELECT 1 AS [a;b])", First(1), "1|p1"),
    ("SELECT /* /* ? */ ?", First(1), "p1"),
    ("SELECT:a", Named(&["a"]), "v_a"),
    ("SELECT ? -- ?\r, ?", First(1), "p1"),
    ("SELECT CAST(x'3f' AS TEXT), ?", First(1), "?|p1"),
    ("SELECT '{\"a\":1}'->>'a', ?", First(1), "1|p1"),
    ("SELECT '{\"?\":2}'->>'?', :a", Named(&["a"]), "2|v_a"),
    ("\u{feff}SELECT ?", First(1), "p1"),
    ("SELECT 0x1F, ?", First(1), "31|p1"),
    ("SELECT ?a", First(1), "p1"),
    ("SELECT ?1a", First(1), "p1"),
    ("SELECT :a(1)", Named(&["a"]), "!"),
    ("SELECT \"a\"\"?\", ? FROM (SELECT 1 AS \"a\"\"?\")", First(1), "1|p1"),
    ("SELECT printf('%s?', ?)", First(1), "p1?"),
    ("SELECT ? COLLATE NOCASE", First(1), "p1"),
    ("SELECT 1 - -1, ?", First(1), "2|p1"),
    ("SELECT 5 % 3, ?", First(1), "2|p1"),
    ("SELECT 'a' GLOB '?', ?", First(1), "1|p1"),
    ("SELECT 'ab' GLOB '[a-b]?', ?", First(1), "1|p1"),
    ("SELECT E'?' FROM (SELECT ? AS E)", First(1), "p1"),
    ("SELECT E, '?' FROM (SELECT ? AS E)", First(1), "p1|?"),
];

/// A text, what is given, the code of the refusal, and a part of what it says.
type Refusal = (&'static str, Give, Code, &'static str);

const REFUSED: &[Refusal] = &[
    ("SELECT ?", First(0), Code::Invalid, "takes 1 parameters, 0 are given"),
    ("SELECT ?", First(2), Code::Invalid, "takes 1 parameters, 2 are given"),
    ("SELECT 1", First(1), Code::Invalid, "takes 0 parameters, 1 are given"),
    ("SELECT $2", First(2), Code::Invalid, "does not use number 1"),
    (
        "SELECT $1, $3",
        First(3),
        Code::Invalid,
        "of 3 parameters the statement does not use number 2",
    ),
    ("SELECT ?1, ?3", First(3), Code::Invalid, "does not use number 2"),
    ("SELECT :a", Named(&[]), Code::Invalid, "a parameter is not given, :a"),
    ("SELECT :a", First(0), Code::Invalid, "a parameter is not given, :a"),
    ("SELECT :a", Named(&["a", "b"]), Code::Invalid, "has no parameter :b, it has :a"),
    ("SELECT :A", Named(&["a"]), Code::Invalid, "has no parameter :a, it has :A"),
    ("SELECT 1", Named(&["a"]), Code::Invalid, "has no parameter :a, and no other"),
    ("SELECT ?", Named(&["a"]), Code::Invalid, "by position, not by name: a"),
    ("SELECT $1", Named(&["a"]), Code::Invalid, "by position, not by name: a"),
    ("SELECT ?", Named(&[]), Code::Invalid, "takes 1 parameters, 0 are given"),
    ("SELECT :a, :b", First(2), Code::Invalid, "by name: :a, :b"),
    ("SELECT :a", Named(&["a", "a"]), Code::Invalid, "given twice, :a"),
    ("SELECT $1, :a", First(2), Code::Syntax, "one form, these two: $1, :name"),
    ("SELECT ?, ?1", First(2), Code::Syntax, "one form, these two: ?, ?1"),
    ("SELECT (?), ($1)", First(2), Code::Syntax, "one form, these two: ?, $1"),
    ("SELECT 1 WHERE 1 = ? AND 1 = $1", First(2), Code::Syntax, "these two: ?, $1"),
    ("SELECT 1 WHERE 1 IN (?, :a)", First(2), Code::Syntax, "these two: ?, :name"),
    ("SELECT $0", First(0), Code::Syntax, "from 1 to 65535, not $0"),
    ("SELECT ?0", First(0), Code::Syntax, "not ?0"),
    ("SELECT $99999999999999999999", First(1), Code::Syntax, "not $9999"),
    ("SELECT 'a", First(0), Code::Syntax, "ends within a string"),
    ("SELECT 'a''", First(0), Code::Syntax, "ends within a string"),
    ("SELECT 1 AS \"a", First(0), Code::Syntax, "ends within a quoted name"),
    ("SELECT 1 /* a", First(0), Code::Syntax, "ends within a comment"),
    ("SELECT 1 /*/", First(0), Code::Syntax, "ends within a comment"),
    ("SELECT 1; SELECT 2", First(0), Code::Injection, "more than one statement"),
    ("SELECT 1;;SELECT 2", First(0), Code::Injection, "more than one statement"),
    ("SELECT 1; /**/ DROP TABLE marks", First(0), Code::Injection, "more than one statement"),
    ("SELECT 1; -- a\nDROP TABLE marks", First(0), Code::Injection, "more than one statement"),
    ("SELECT (1; SELECT 2)", First(0), Code::Injection, "more than one statement"),
    ("SELECT ';'; 'b'", First(0), Code::Injection, "more than one statement"),
    ("CREATE TABLE trigger (a int); DROP TABLE marks", First(0), Code::Injection, "more than one"),
    ("SELECT ?; SELECT ?", First(2), Code::Injection, "more than one statement"),
    ("SELECT 1\0; DROP TABLE marks", First(0), Code::Injection, "NUL"),
];

const REFUSED_BY_POSTGRES: &[Refusal] = &[
    ("SELECT $$a", First(0), Code::Syntax, "ends within a string in dollars"),
    ("SELECT $a$ $b$", First(0), Code::Syntax, "ends within a string in dollars"),
    ("SELECT E'a\\'", First(0), Code::Syntax, "ends within a string"),
    ("SELECT E'a\\", First(0), Code::Syntax, "ends within a string"),
    ("SELECT /* /* */ 1", First(0), Code::Syntax, "ends within a comment"),
    (
        "CREATE RULE a AS ON DELETE TO marks DO (SELECT 1; SELECT 2); SELECT 3",
        First(0),
        Code::Injection,
        "more than one statement",
    ),
    (
        "CREATE FUNCTION a() RETURNS int BEGIN ATOMIC SELECT 1; END; SELECT 3",
        First(0),
        Code::Injection,
        "more than one statement",
    ),
    (
        "CREATE FUNCTION a() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$; SELECT 3",
        First(0),
        Code::Injection,
        "more than one statement",
    ),
];

const REFUSED_BY_SQLITE: &[Refusal] = &[
    ("SELECT @a", First(1), Code::Syntax, "is written ?, $1 or :name, not @a"),
    ("SELECT $a", First(1), Code::Syntax, "not $a"),
    ("SELECT $1a", First(1), Code::Syntax, "not $1a"),
    ("SELECT #a", First(1), Code::Syntax, "not #a"),
    ("SELECT :1", First(1), Code::Syntax, "not :1"),
    ("SELECT 1 AS [a", First(0), Code::Syntax, "ends within a quoted name"),
    ("SELECT 1 AS `a``", First(0), Code::Syntax, "ends within a quoted name"),
    ("SELECT ?, $1", First(2), Code::Syntax, "these two: ?, $1"),
    ("SELECT ?, :a", First(2), Code::Syntax, "these two: ?, :name"),
    (
        "CREATE TRIGGER a AFTER DELETE ON marks BEGIN SELECT 1; END; SELECT 1",
        First(0),
        Code::Injection,
        "more than one statement",
    ),
    (
        "CREATE TEMP TRIGGER a AFTER DELETE ON marks BEGIN SELECT 1; END; SELECT 1",
        First(0),
        Code::Injection,
        "more than one statement",
    ),
];

/// What only one engine reads so.
fn of_engine<T: Copy>(sql: &Sql, sqlite: &'static [T], postgres: &'static [T]) -> &'static [T] {
    if sql.capabilities().engine == "sqlite" { sqlite } else { postgres }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Json(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Bool(answer) => answer.to_string(),
        other => format!("{other:?}"),
    }
}

promises! {
    async fn placeholders_are_found_where_the_engine_has_them(sql: &Sql) {
        let is_sqlite = sql.capabilities().engine == "sqlite";
        let own = of_engine(sql, SQLITE, POSTGRES);
        assert!(BOTH.len() + SQLITE.len() + POSTGRES.len() >= 160);
        for (text, give, want) in BOTH.iter().chain(own).copied() {
            let found = sql.query_values(text, give.parameters()).await;
            if want == "!" {
                // It is counted as said, and the engine has other reasons.
                assert_eq!(found.unwrap_err().code(), Code::Syntax, "{text}");
                continue;
            }
            let found = found.unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(found.rows.len(), 1, "{text}");
            let row: Vec<_> = found.rows[0].iter().map(shown).collect();
            let want = if is_sqlite { want.replace("false", "0") } else { want.into() };
            assert_eq!(row.join("|"), want, "{text}");
            for other in [Some(give.too_many()), give.too_few()].into_iter().flatten() {
                let error = sql.query_values(text, other).await.unwrap_err();
                assert_eq!(error.code(), Code::Invalid, "{text}: {error}");
            }
        }
    }

    async fn what_is_refused_never_gets_to_the_engine(sql: &Sql) {
        sql.execute("CREATE TABLE marks (a int)", ()).await.unwrap();
        let own = of_engine(sql, REFUSED_BY_SQLITE, REFUSED_BY_POSTGRES);
        let done = sql.transaction(|tx| async move {
            for (text, give, code, says) in REFUSED.iter().chain(own).copied() {
                let error = tx.execute(text, give.parameters()).await.unwrap_err();
                assert_eq!(error.code(), code, "{text}: {error}");
                assert!(error.to_string().contains(says), "{text}: {error}");
            }
            // A statement that the engine refuses ends a transaction.
            tx.execute("INSERT INTO marks VALUES (1)", ()).await?;
            Ok::<_, Error>(())
        });
        done.await.unwrap();
        let mut connection = sql.connection().await.unwrap();
        for (text, give, code, _) in REFUSED.iter().chain(own).copied() {
            let error = connection.query_values(text, give.parameters()).await.unwrap_err();
            assert_eq!(error.code(), code, "{text}: {error}");
        }
        let count = "SELECT count(*) FROM marks";
        assert_eq!(connection.query_scalar::<i64>(count, ()).await.unwrap(), 1);
        connection.release().await.unwrap();
    }

    async fn a_statement_may_have_others_inside(sql: &Sql) {
        sql.execute("CREATE TABLE marks (a int)", ()).await.unwrap();
        sql.execute("CREATE TABLE seen (a int)", ()).await.unwrap();
        let inside = match sql.capabilities().engine {
            "sqlite" => {
                "CREATE TRIGGER watch AFTER INSERT ON marks BEGIN \
                 INSERT INTO seen VALUES (new.a); INSERT INTO seen \
                 SELECT CASE WHEN new.a = 1 THEN 5 ELSE 6 END; END;"
            }
            _ => {
                "CREATE RULE watch AS ON INSERT TO marks DO ALSO (\
                 INSERT INTO seen VALUES (new.a); INSERT INTO seen \
                 SELECT CASE WHEN new.a = 1 THEN 5 ELSE 6 END);"
            }
        };
        sql.execute(inside, ()).await.unwrap();
        if sql.capabilities().engine == "postgres" {
            let function = "CREATE OR REPLACE FUNCTION twice(n int) RETURNS int BEGIN ATOMIC \
                            SELECT 1; SELECT CASE WHEN n > 0 THEN 2 * n END; END";
            sql.execute(function, ()).await.unwrap();
            assert_eq!(sql.query_scalar::<i32>("SELECT twice(?)", (4,)).await.unwrap(), 8);
        }
        sql.execute("INSERT INTO marks VALUES (?)", (1,)).await.unwrap();
        let seen = sql.query_values("SELECT a FROM seen ORDER BY a", ()).await.unwrap();
        assert_eq!(seen.rows, [[Value::Int(1)], [Value::Int(5)]]);
    }

    async fn a_text_built_at_run_time_says_so(sql: &Sql) {
        for table in ["plain", "other"] {
            sql.execute(built(format!("CREATE TABLE {table} (a int)")), ()).await.unwrap();
            let insert = built(format!("INSERT INTO {table} VALUES (:a)"));
            assert_eq!(insert.as_str(), format!("INSERT INTO {table} VALUES (:a)"));
            assert_eq!(sql.execute(insert, [("a", 5.into())]).await.unwrap(), 1);
        }
        // A second statement is refused however the text was made.
        let two = built("DROP TABLE plain; DROP TABLE other");
        assert_eq!(sql.execute(two, ()).await.unwrap_err().code(), Code::Injection);
    }
}
