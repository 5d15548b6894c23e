//! Bad input: a typed error that names key, file or server and the remedy, an exit code that is
//! not zero, and nothing half-made. And no secret, whatever goes wrong.

mod support;

use std::fs;

use tradebase_testkit::{Influx, Postgres, Redis, TempFolder, redis_cli};

use support::{Said, run, say, tradebase};

const SECRET: &str = "hunter2";

/// What is set, and words of the error.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

fn with(folder: &TempFolder, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
    run(tradebase(folder, arguments).envs(variables.iter().copied()))
}

#[test]
fn settings_that_are_wrong_are_named_with_the_remedy() {
    let cases: &[Case<'_>] = &[
        (&[("TRADEBASE_DATABSE_URL", "x")], &["TRADEBASE_DATABSE_URL", "TRADEBASE_DATABASE_URL"]),
        (&[("DATABASE_URL", "mysql://u:hunter2@h/d")], &["DATABASE_URL", "postgres://"]),
        (&[("DATABASE_URL", "postgres://u:hunter2@localhost:port/d")], &["DATABASE_URL"]),
        (&[("REDIS_URL", "http://:hunter2@localhost")], &["REDIS_URL", "redis://"]),
        (&[("REDIS_DB", "16"), ("REDIS_HOST", "localhost")], &["REDIS_DB", "15"]),
        (
            &[("INFLUXDB_URL", "localhost"), ("INFLUXDB_DATABASE", "d")],
            &["INFLUXDB_URL", "http://"],
        ),
        (&[("INFLUXDB_URL", "http://localhost:1")], &["INFLUXDB_DATABASE"]),
        (&[("POOL_SIZE", "many")], &["POOL_SIZE", "many"]),
        (&[("TRADEBASE_PROFILE", "prod")], &["TRADEBASE_PROFILE", "production"]),
        (&[("TRADEBASE_PROFILE", "production")], &["DATABASE_URL", "production"]),
        (&[("TRADEBASE_CONFIG", "nowhere.toml")], &["nowhere.toml"]),
        (&[("TRADEBASE_LOG_LEVEL", "loud")], &["TRADEBASE_LOG_LEVEL", "loud"]),
    ];
    for (variables, words) in cases {
        let folder = TempFolder::new().unwrap();
        let said = with(&folder, &["health"], variables);
        assert_eq!(said.code, Some(3), "{variables:?}: {}", said.all());
        for word in *words {
            assert!(said.err.contains(word), "{variables:?} does not name {word}: {}", said.err);
        }
        assert!(!said.all().contains(SECRET), "{variables:?}: {}", said.all());
        let made: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert!(made.is_empty(), "{variables:?} made {made:?}");
    }
}

#[test]
fn files_that_are_wrong_are_named_with_line_and_remedy() {
    for (name, text, words) in [
        ("tradebase.toml", "[sql]\nurll = \"x\"\n", &["sql.urll", "sql.url"][..]),
        ("tradebase.toml", "[sql\n", &["tradebase.toml"]),
        ("tradebase.toml", "[sql]\npool_size = \"ten\"\n", &["sql.pool_size", "ten"]),
        (".env", "A=1\nnot an assignment\n", &[".env", "2"]),
        (".env", "TRADEBASE_DATA\n", &[".env", "1"]),
    ] {
        let folder = TempFolder::new().unwrap();
        fs::write(folder.file(name), text).unwrap();
        let said = say(&folder, &["health"]);
        assert_eq!(said.code, Some(3), "{text}: {}", said.all());
        for word in words {
            assert!(said.err.contains(word), "{text:?} does not name {word}: {}", said.err);
        }
    }
}

#[test]
fn sqlite_files_and_folders_that_are_wrong_are_named() {
    let folder = TempFolder::new().unwrap();
    fs::write(folder.file("text.db"), "this is no database, but a letter to the reader".repeat(99))
        .unwrap();
    for (path, word) in [("text.db", "text.db"), ("missing/ledger.db", "missing")] {
        let said = with(&folder, &["demo", "--ticks", "1000"], &[("DATABASE_PATH", path)]);
        assert_eq!(said.code, Some(1), "{path}: {}", said.all());
        assert!(said.err.contains(word), "{path}: {}", said.err);
        assert!(!folder.file("missing").exists());
    }
    let said = with(&folder, &["health", "--json"], &[("DATABASE_PATH", "text.db")]);
    assert_eq!(said.code, Some(1), "{}", said.all());
    assert!(said.out.contains("unhealthy"), "{}", said.out);
}

#[test]
fn duckdb_files_and_folders_that_are_wrong_are_named() {
    let folder = TempFolder::new().unwrap();
    fs::write(folder.file("text.duckdb"), "no database".repeat(9_999)).unwrap();
    for path in ["text.duckdb", "missing/a.duckdb"] {
        let said = with(&folder, &["demo", "--ticks", "1000"], &[("ANALYTICS_DB_PATH", path)]);
        assert_eq!(said.code, Some(1), "{path}: {}", said.all());
        assert!(said.err.contains(path.split('/').next().unwrap()), "{path}: {}", said.err);
        assert!(!folder.file("missing").exists());
    }
    let said = with(&folder, &["health"], &[("TRADEBASE_DATA", "missing/below/deep")]);
    assert_ne!(said.code, Some(0), "{}", said.all());
    assert!(said.err.contains("missing"), "{}", said.err);
}

/// Nothing can be written there, not even by root.
#[test]
fn an_unwritable_place_is_named() {
    for variable in ["DATABASE_PATH", "ANALYTICS_DB_PATH"] {
        let folder = TempFolder::new().unwrap();
        let variables = [(variable, "/proc/tradebase.db")];
        let said = with(&folder, &["demo", "--ticks", "1000"], &variables);
        assert_eq!(said.code, Some(1), "{variable}: {}", said.all());
        assert!(said.err.contains("/proc/tradebase.db"), "{variable}: {}", said.err);
    }
    let folder = TempFolder::new().unwrap();
    let said = say(&folder, &["demo", "--ticks", "1000", "--folder", "/proc/demo"]);
    assert_eq!(said.code, Some(1), "{}", said.all());
    assert!(said.err.contains("/proc/demo"), "{}", said.err);
}

#[test]
fn servers_that_are_down_are_named() {
    let folder = TempFolder::new().unwrap();
    // A port of the loopback that nobody listens on.
    for variables in [
        &[("DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/ledger")][..],
        &[("REDIS_URL", "redis://u:hunter2@127.0.0.1:1/0")],
        &[
            ("INFLUXDB_URL", "http://127.0.0.1:1"),
            ("INFLUXDB_DATABASE", "d"),
            ("INFLUXDB_USER", "u"),
            ("INFLUXDB_PASSWORD", SECRET),
        ],
    ] {
        let said = with(&folder, &["demo", "--ticks", "1000"], variables);
        assert_eq!(said.code, Some(4), "{variables:?}: {}", said.all());
        assert!(said.err.contains("127.0.0.1:1"), "{variables:?}: {}", said.err);
        assert!(!said.all().contains(SECRET), "{variables:?}: {}", said.all());
    }
}

#[test]
fn postgres_refuses_a_wrong_password_by_name() {
    let folder = TempFolder::new().unwrap();
    let url = Postgres::shared().database().url();
    let (_, server) = url.split_once('@').unwrap_or(("", url.trim_start_matches("postgres://")));
    let wrong = format!("postgres://nobody:{SECRET}@{server}");
    let said = with(&folder, &["demo", "--ticks", "1000"], &[("DATABASE_URL", &wrong)]);
    assert_eq!(said.code, Some(4), "{}", said.all());
    assert!(said.err.contains("nobody"), "{}", said.err);
    assert!(!said.all().contains(SECRET), "{}", said.all());
}

#[test]
fn redis_refuses_a_wrong_password_by_name() {
    let server = Redis::start().unwrap();
    let set = redis_cli(server.port(), ["CONFIG", "SET", "requirepass", "right"]).unwrap();
    assert_eq!(set.trim(), "OK");
    let folder = TempFolder::new().unwrap();
    let port = server.port().to_string();
    let variables =
        [("REDIS_HOST", "127.0.0.1"), ("REDIS_PORT", &port), ("REDIS_PASSWORD", SECRET)];
    let said = with(&folder, &["demo", "--ticks", "1000"], &variables);
    assert_eq!(said.code, Some(4), "{}", said.all());
    assert!(said.err.contains(&port), "{}", said.err);
    assert!(!said.all().contains(SECRET), "{}", said.all());
}

#[test]
fn a_planted_password_is_never_shown() {
    let influx = Influx::shared();
    let (url, database) = (influx.url(), influx.database());
    let sets: [&[(&str, &str)]; 3] = [
        &[
            ("DATABASE_HOST", "127.0.0.1"),
            ("DATABASE_PORT", "1"),
            ("DATABASE_NAME", "ledger"),
            ("DATABASE_USER", "u"),
            ("DATABASE_PASSWORD", SECRET),
            ("REDIS_HOST", "127.0.0.1"),
            ("REDIS_PORT", "1"),
            ("REDIS_PASSWORD", SECRET),
            ("INFLUXDB_TOKEN", SECRET),
            ("KV_REST_API_TOKEN", SECRET),
        ],
        &[
            ("DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/ledger?sslmode=require"),
            ("KV_URL", "redis://:hunter2@127.0.0.1:1"),
            ("INFLUXDB_URL", &url),
            ("INFLUXDB_DATABASE", &database),
            ("INFLUXDB_USER", "u"),
            ("INFLUXDB_PASSWORD", SECRET),
        ],
        &[("INFLUXDB_URL", "http://u:hunter2@127.0.0.1:1"), ("INFLUXDB_DATABASE", "d")],
    ];
    let commands: [&[&str]; 6] = [
        &["config", "--all"],
        &["config", "--json"],
        &["health"],
        &["health", "--json"],
        &["demo", "--ticks", "1000"],
        &["schema", "--json"],
    ];
    for variables in sets {
        for arguments in commands {
            for more in [&[][..], &["-vv"], &["--json"]] {
                let folder = TempFolder::new().unwrap();
                let arguments = [arguments, more].concat();
                // Said twice is a mistake of its own.
                if arguments.iter().filter(|one| **one == "--json").count() > 1 {
                    continue;
                }
                let said = with(&folder, &arguments, variables);
                assert!(!said.all().contains(SECRET), "{arguments:?}: {}", said.all());
            }
        }
    }
}
