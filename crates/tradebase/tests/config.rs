//! Settings: who wins, what is refused, what is shown.

use std::path::Path;
use std::time::Duration;

use tradebase::config::{
    self, CacheTarget, Effective, Place, Profile, RedisPlace, SeriesTarget, Settings, Sources,
    SqlTarget, WhenLocked,
};
use tradebase::{Code, Config, Error};

fn env<const N: usize>(vars: [(&str, &str); N]) -> Config {
    Sources::empty().vars(vars).read().unwrap()
}

fn settings<const N: usize>(vars: [(&str, &str); N]) -> Settings {
    env(vars).settle().unwrap()
}

fn refused<const N: usize>(vars: [(&str, &str); N]) -> Error {
    let read = Sources::empty().vars(vars).read();
    let error = read.and_then(|config| config.settle()).unwrap_err();
    assert_eq!(error.code(), Code::Config);
    error
}

fn shown(config: &Config, key: &str) -> Effective {
    config.effective().into_iter().find(|one| one.key == key).unwrap()
}

fn url(settings: &Settings) -> String {
    settings.sql.target.url().expose().to_owned()
}

#[test]
fn without_settings_everything_is_embedded_in_the_data_folder() {
    let config = Config::new();
    let settings = config.settle().unwrap();
    assert_eq!(settings.profile, Profile::Development);
    assert_eq!(settings.data_folder, Path::new("tradebase-data"));
    let file = |name: &str| Place::File(Path::new("tradebase-data").join(name));
    assert_eq!(settings.sql.target, SqlTarget::Sqlite(file("ledger.db")));
    assert_eq!(url(&settings), "sqlite:tradebase-data/ledger.db");
    assert_eq!(settings.cache.target, CacheTarget::Memory);
    assert_eq!(settings.analytics.place, file("analytics.duckdb"));
    assert_eq!(settings.series.target, SeriesTarget::Embedded(file("series.duckdb")));
    assert!(settings.sql.is_embedded() && !settings.sql.is_named);
    assert!(settings.cache.is_embedded() && settings.series.is_embedded());
    assert!(settings.create_tables);
    assert_eq!(settings.threads, 2);
    assert_eq!(settings.sql.pool_connections, tradebase::sql::POOL_CONNECTIONS);
    assert_eq!(settings.analytics.when_locked, WhenLocked::Error);
    assert!(config.warnings().is_empty());
    assert!(config.effective().iter().all(Effective::is_default));
}

#[test]
fn the_higher_source_wins() {
    let file = "[sql]\npool_size = 1";
    let dotenv = "POOL_SIZE=2";
    let dotenv_own = "POOL_SIZE=2\nTRADEBASE_POOL_SIZE=3";
    let vars = [("POOL_SIZE", "4")];
    let vars_own = [("TRADEBASE_POOL_SIZE", "5"), ("POOL_SIZE", "4")];
    let from_file = Sources::empty().file_text(file);
    for (sources, size, source) in [
        (from_file.clone(), 1, "tradebase.toml"),
        (from_file.clone().dotenv_text(dotenv), 2, ".env line 1"),
        (from_file.clone().dotenv_text(dotenv_own), 3, ".env line 2"),
        (from_file.clone().dotenv_text(dotenv_own).vars(vars), 4, "environment POOL_SIZE"),
        (from_file.dotenv_text(dotenv_own).vars(vars_own), 5, "environment TRADEBASE_POOL_SIZE"),
    ] {
        let config = sources.read().unwrap();
        assert_eq!(config.settle().unwrap().sql.pool_connections, size);
        assert_eq!(shown(&config, "sql.pool_size").source, source);
        assert!(config.warnings().is_empty(), "to set a value anew is no conflict");
        let config = config.set("sql.pool_size", "6").unwrap();
        assert_eq!(config.settle().unwrap().sql.pool_connections, 6);
        assert_eq!(shown(&config, "sql.pool_size").source, "code");
        let config = config.set("sql.pool_size", "").unwrap();
        assert_eq!(config.settle().unwrap().sql.pool_connections, size);
    }
}

#[test]
fn the_highest_source_says_where_the_ledger_is() {
    let postgres = "postgres://me:hunter2@localhost/ledger";
    let file = format!("[sql]\nurl = '{postgres}'");
    // A path above wins over a URL below.
    let config = Sources::empty().file_text(&file).dotenv_text("DATABASE_PATH=a.db");
    let config = config.read().unwrap();
    assert_eq!(url(&config.settle().unwrap()), "sqlite:a.db");
    let warnings = config.warnings();
    let expected = "DATABASE_PATH (.env line 1) says where the store is; not used: \
                    sql.url (tradebase.toml)";
    assert_eq!(warnings, [expected]);
    assert_eq!(shown(&config, "sql.url").loses_to, Some("sql.path"));

    // Within one source a URL wins over a path, and that over a host.
    let all = [
        ("DATABASE_HOST", "localhost"),
        ("DATABASE_NAME", "other"),
        ("DATABASE_PATH", "a.db"),
        ("DATABASE_URL", postgres),
    ];
    assert_eq!(url(&settings(all)), postgres);
    let [host, name, path, _] = all;
    assert_eq!(url(&settings([host, name, path])), "sqlite:a.db");
    assert_eq!(url(&settings([host, name])), "postgres://localhost:5432/other");
    let warnings = env(all).warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("DATABASE_URL (environment)"), "{warnings:?}");
    for loser in ["DATABASE_PATH (environment)", "DATABASE_NAME (environment)"] {
        assert!(warnings[0].contains(loser), "{warnings:?}");
    }

    // Ours stand above those of the seeds.
    let ours = [("TRADEBASE_DATABASE_PATH", "b.db"), ("DATABASE_URL", postgres)];
    assert_eq!(url(&settings(ours)), "sqlite:b.db");
    let code = env(ours).sql_path(":memory:");
    assert_eq!(code.settle().unwrap().sql.target, SqlTarget::Sqlite(Place::Memory));
    assert_eq!(url(&code.settle().unwrap()), "sqlite::memory:");
}

#[test]
fn parts_that_say_the_same_as_the_address_are_no_conflict() {
    let same = "DATABASE_URL=postgresql://user:p%40ss@localhost/ledger\nDATABASE_HOST=localhost\n\
                DATABASE_PORT=5432\nDATABASE_NAME=ledger\nDATABASE_USER=user\n\
                DATABASE_PASSWORD=p@ss\nREDIS_URL=redis://localhost:6379\n\
                REDIS_HOST=localhost\nREDIS_PORT=6379\nREDIS_DB=0";
    let config = Sources::empty().dotenv_text(same).read().unwrap();
    assert_eq!(config.warnings(), Vec::<String>::new());
    let config = config.set("sql.port", "5433").unwrap();
    assert!(config.warnings()[0].contains("sql.port (code)"), "{:?}", config.warnings());
}

#[test]
fn parts_of_the_ledger_make_an_address_with_escapes() {
    let parts = [
        ("DATABASE_HOST", " localhost "),
        ("DATABASE_PORT", "5433"),
        ("DATABASE_NAME", "my ledger"),
        ("DATABASE_USER", "a@b"),
        ("DATABASE_PASSWORD", "p:w/%é"),
    ];
    let settings = settings(parts);
    assert_eq!(url(&settings), "postgres://a%40b:p%3Aw%2F%25%C3%A9@localhost:5433/my%20ledger");
    let SqlTarget::Parts(parts) = &settings.sql.target else { panic!("{settings:?}") };
    assert_eq!(parts.password.as_ref().unwrap().expose(), "p:w/%é");
    assert!(!settings.sql.is_embedded());

    let of_host = |host| url(&self::settings([("DATABASE_HOST", host), ("DATABASE_NAME", "d")]));
    assert_eq!(of_host("::1"), "postgres://[::1]:5432/d");
    assert_eq!(of_host("/var/run/postgresql"), "postgres://%2Fvar%2Frun%2Fpostgresql:5432/d");
}

#[cfg(feature = "postgres")]
#[test]
fn the_relational_room_takes_the_addresses_made_of_parts() {
    use tradebase::sql::{Sql, SqlOptions};

    for (host, address) in [
        ("localhost", "localhost:5433/my ledger"),
        ("::1", "[::1]:5433/my ledger"),
        ("/var/run/postgresql", "/var/run/postgresql:5433/my ledger"),
    ] {
        let parts = [
            ("DATABASE_HOST", host),
            ("DATABASE_PORT", "5433"),
            ("DATABASE_NAME", "my ledger"),
            ("DATABASE_USER", "a@b"),
            ("DATABASE_PASSWORD", "p:w/%é"),
        ];
        let sql = Sql::later(SqlOptions::new(url(&settings(parts)))).unwrap();
        assert_eq!(sql.address(), address);
    }
}

#[test]
fn parts_that_do_not_suffice_are_told() {
    let error = refused([("DATABASE_HOST", "localhost")]);
    assert!(error.to_string().contains("set DATABASE_NAME"), "{error}");
    let error = refused([
        ("DATABASE_HOST", "localhost"),
        ("DATABASE_NAME", "d"),
        ("DATABASE_PASSWORD", "hunter2"),
    ]);
    assert!(error.to_string().contains("set DATABASE_USER"), "{error}");
    let error = refused([("INFLUXDB_URL", "http://localhost:8086")]);
    assert!(error.to_string().contains("set INFLUXDB_DATABASE"), "{error}");
    let config = env([("DATABASE_NAME", "ledger"), ("DATABASE_USER", "me")]);
    assert!(config.settle().unwrap().sql.is_embedded());
    let expected = "not used, because nobody says sql.host: DATABASE_NAME (environment), \
                    DATABASE_USER (environment)";
    assert_eq!(config.warnings(), [expected]);
}

#[test]
fn the_cache_is_found_by_address_or_by_parts() {
    let redis = |vars: &[(&str, &str)]| {
        let config = Sources::empty().vars(vars.iter().copied()).read().unwrap();
        match config.settle().unwrap().cache.target {
            CacheTarget::Redis { place, db, user, password } => (place, db, user, password),
            other => panic!("{other:?}"),
        }
    };
    let address = |place: &RedisPlace| match place {
        RedisPlace::Url(url) => url.expose().to_owned(),
        other => panic!("{other:?}"),
    };
    let (url, kv, host) =
        (("REDIS_URL", "redis://one"), ("KV_URL", "redis://two"), ("REDIS_HOST", "three"));
    assert_eq!(address(&redis(&[host, kv, url]).0), "redis://one");
    assert_eq!(address(&redis(&[host, kv]).0), "redis://two");
    let warnings = env([url, kv]).warnings();
    assert!(warnings[0].ends_with("not used: KV_URL (environment)"), "{warnings:?}");

    let sign_in = [("REDIS_DB", "3"), ("REDIS_USERNAME", "me"), ("REDIS_PASSWORD", "hunter2")];
    let (place, db, user, password) = redis(&[&[host][..], &sign_in].concat());
    assert_eq!(place, RedisPlace::Tcp { host: "three".into(), port: 6379 });
    assert_eq!((db, user.as_deref()), (Some(3), Some("me")));
    assert_eq!(password.unwrap().expose(), "hunter2");
    // Parts are not mixed into an address.
    let (_, db, user, password) = redis(&[&[url][..], &sign_in].concat());
    assert_eq!((db, user, password), (Some(3), None, None));
    let socket = redis(&[("REDIS_HOST", "/run/redis.sock")]).0;
    assert_eq!(socket, RedisPlace::Unix("/run/redis.sock".into()));

    // Upstash behind REST is no address of the cache yet.
    let rest = env([("KV_REST_API_URL", "https://name.example"), ("KV_REST_API_TOKEN", "hunter2")]);
    assert!(rest.settle().unwrap().cache.is_embedded());
    assert_eq!(rest.warnings().len(), 2);
}

#[test]
fn the_db_of_redis_is_said_by_code_then_by_the_address_then_by_its_variable() {
    let db = |config: Config| match config.settle().unwrap().cache.target {
        CacheTarget::Redis { db, .. } => db,
        other => panic!("{other:?}"),
    };
    let without = [("REDIS_URL", "redis://host"), ("TRADEBASE_REDIS_DB", "3")];
    assert_eq!(db(env(without)), Some(3));
    assert!(env(without).warnings().is_empty());
    // None: the address says it.
    for url in ["redis://host/2", "redis+unix:///run/redis.sock?db=2"] {
        let with = [("REDIS_URL", url), ("REDIS_DB", "3")];
        assert_eq!(db(env(with)), None);
        let warnings = env(with).warnings();
        assert!(warnings[0].ends_with("not used: REDIS_DB (environment)"), "{warnings:?}");
        let code = env(with).set("cache.db", "4").unwrap();
        assert!(code.warnings().is_empty(), "{:?}", code.warnings());
        assert_eq!(db(code), Some(4));
    }
    assert_eq!(db(env([("REDIS_HOST", "host")])), Some(0));
    let error = refused([("REDIS_DB", "16")]);
    let expected = "REDIS_DB (environment) must be a whole number from 0 to 15, is \"16\"";
    assert!(error.to_string().ends_with(expected), "{error}");
}

#[test]
fn an_address_of_the_series_gives_up_its_user_and_password() {
    let influx = |vars: &[(&str, &str)]| {
        let config = Sources::empty().vars(vars.iter().copied()).read().unwrap();
        match config.settle().unwrap().series.target {
            SeriesTarget::Influx(target) => target,
            other => panic!("{other:?}"),
        }
    };
    let database = ("INFLUXDB_DATABASE", "trading");
    let inside = ("INFLUXDB_URL", "http://me:hunter%32@localhost:8086/");
    let target = influx(&[inside, database]);
    assert_eq!(target.url, "http://localhost:8086/");
    assert_eq!(target.user.as_deref(), Some("me"));
    assert_eq!(target.password.unwrap().expose(), "hunter2");
    let beside = [("INFLUXDB_USERNAME", "you"), ("INFLUXDB_PASSWORD", "other")];
    let target = influx(&[&[inside, database][..], &beside].concat());
    assert_eq!(target.user.as_deref(), Some("you"));
    assert_eq!(target.password.unwrap().expose(), "other");
    assert_eq!(target.retention_policy, None);
    refused([("INFLUXDB_URL", "http://localhost:8086?p=hunter2"), database]);
    refused([("INFLUXDB_URL", "http://me:hunter2/x@localhost:8086"), database]);
    let path = [("TRADEBASE_SERIES_PATH", ":memory:")];
    assert_eq!(settings(path).series.target, SeriesTarget::Embedded(Place::Memory));
}

#[test]
fn numbers_flags_and_words_are_typed() {
    let settings = settings([
        ("POOL_TIMEOUT", "2.5"),
        ("REDIS_SOCKET_TIMEOUT", "0.25"),
        ("TRADEBASE_SQL_BUSY_WAIT", "0"),
        ("TRADEBASE_SQL_DURABILITY", "Relaxed"),
        ("TRADEBASE_ANALYTICS_WHEN_LOCKED", "wait"),
        ("TRADEBASE_ANALYTICS_LOCK_WAIT", "3"),
        ("TRADEBASE_SERIES_WHEN_LOCKED", "read_only"),
        ("TRADEBASE_CREATE_TABLES", "off"),
        ("TRADEBASE_LOG_FORMAT", "json"),
    ]);
    assert_eq!(settings.sql.pool_wait, Duration::from_millis(2_500));
    assert_eq!(settings.cache.call_deadline, Duration::from_millis(250));
    assert_eq!(settings.sql.busy_wait, Duration::ZERO);
    assert_eq!(settings.sql.durability, tradebase::sql::Durability::Relaxed);
    assert_eq!(settings.analytics.when_locked, WhenLocked::Wait(Duration::from_secs(3)));
    assert_eq!(settings.series.when_locked, WhenLocked::ReadOnly);
    assert!(!settings.create_tables);
    assert_eq!(settings.log.format, tradebase::log::LogFormat::Json);
}

#[test]
fn nothing_in_a_variable_counts_as_not_set() {
    let config = env([("DATABASE_URL", ""), ("REDIS_PASSWORD", ""), ("POOL_SIZE", "  ")]);
    assert!(config.settle().unwrap().sql.is_embedded());
    assert!(!config.is_set("sql.url") && !config.is_set("sql.pool_size"));
    assert_eq!(config.warnings(), ["DATABASE_URL (environment) is empty and counts as not set"]);
}

#[test]
fn a_key_of_cursors_that_can_be_guessed_is_refused() {
    let name = "DATABASE_CURSOR_KEY";
    let error = refused([(name, "hunter2")]);
    assert!(error.to_string().contains("at least 16 bytes"), "{error}");
    assert!(error.to_string().contains(name) && !error.to_string().contains("hunter2"), "{error}");
    let key = "a key that nobody can guess, of 32 bytes";
    let kept = settings([(name, key)]).sql.cursor_key;
    assert_eq!(kept.as_ref().map(tradebase::Secret::expose), Some(key));
    let empty = env([(name, "")]);
    assert_eq!(
        empty.warnings(),
        ["DATABASE_CURSOR_KEY (environment) is empty and counts as not set"]
    );
    assert_eq!(empty.settle().unwrap().sql.cursor_key, None);
}

#[test]
fn production_refuses_to_guess_where_the_ledger_is() {
    let error = refused([("TRADEBASE_PROFILE", "production"), ("DATABSE_URL", "sqlite:a.db")]);
    for part in ["DATABASE_URL", "DATABASE_HOST", "DATABASE_PATH", "tradebase-data/ledger.db"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let named = [("TRADEBASE_PROFILE", "production"), ("DATABASE_PATH", "/srv/ledger.db")];
    let named = settings(named);
    assert_eq!(named.profile, Profile::Production);
    assert!(!named.create_tables && named.sql.is_named);
    let code = Config::new().profile(Profile::Production).sql_path(":memory:").create_tables(true);
    assert!(code.settle().unwrap().create_tables);
}

#[test]
fn mistyped_names_are_found() {
    for (vars, hint) in [
        (("TRADEBASE_PROFIL", "production"), "did you mean TRADEBASE_PROFILE: TRADEBASE_PROFIL"),
        (("TRADEBASE_SQL_URL", "sqlite:a.db"), "did you mean TRADEBASE_DATABASE_URL"),
        (("TRADEBASE_NONSENSE", "1"), "no such variable: TRADEBASE_NONSENSE (environment)"),
    ] {
        let error = refused([vars]);
        assert!(error.to_string().contains(hint), "{error}");
    }
    let error = Sources::empty().dotenv_text("\nTRADEBASE_DATE=x").read().unwrap_err();
    let expected = "did you mean TRADEBASE_DATA: TRADEBASE_DATE (.env line 2)";
    assert!(error.to_string().ends_with(expected), "{error}");
    for (text, hint) in [
        ("[sql]\npol_size = 1", "did you mean sql.pool_size: sql.pol_size (tradebase.toml)"),
        ("[sql]\nprofile = 'production'", "did you mean profile: sql.profile"),
        ("pool_size = 1", "did you mean sql.pool_size: pool_size"),
        ("[cahce]\nport = 1", "did you mean cache: cahce"),
        ("[sql.nonsense]\nsize = 1", "no such setting: sql.nonsense (tradebase.toml)"),
    ] {
        let error = Sources::empty().file_text(text).read().unwrap_err();
        assert!(error.to_string().contains(hint), "{error}");
    }
    assert!(Config::new().set("sql.ulr", "x").unwrap_err().to_string().contains("sql.url"));

    // Near to the names of the seeds: perhaps somebody else's.
    let config = env([("DATABSE_URL", "hunter2"), ("REDIS_PASWORD", "hunter2"), ("PATH", "x")]);
    let expected = [
        "DATABSE_URL (environment) is not read, did you mean DATABASE_URL",
        "REDIS_PASWORD (environment) is not read, did you mean REDIS_PASSWORD",
    ];
    assert_eq!(config.warnings(), expected);
    // The checkout's own.
    assert!(env([("TRADEBASE_WRITE_REFERENCE", "1")]).warnings().is_empty());
}

#[test]
fn every_value_that_cannot_be_read_is_named_with_its_source() {
    let error = Sources::empty()
        .file_text("[sql]\nport = 70000\nreaders = [1]\n[log]\nlevel = 'info,sql=debgu'")
        .dotenv_text("POOL_TIMEOUT=soon\n\nthis is none")
        .vars([("DATABASE_PATH", "postgres://me:hunter2@h/d"), ("TRADEBASE_THREADS", "0")])
        .read()
        .unwrap_err()
        .to_string();
    for part in [
        "7 settings are wrong: ",
        "sql.port (tradebase.toml) must be a whole number from 1 to 65535, is \"70000\"",
        "sql.readers (tradebase.toml) must be a whole number",
        "log.level (tradebase.toml) must be levels of the log: there is no such level, did you \
         mean debug",
        "POOL_TIMEOUT (.env line 1) must be seconds from 0 to 86400",
        ".env line 3: not an assignment",
        "DATABASE_PATH (environment) must be the path of a file",
        "TRADEBASE_THREADS (environment) must be",
    ] {
        assert!(error.contains(part), "{part}\n{error}");
    }
    assert!(!error.contains("hunter2"), "{error}");
    let error = Config::new().sql_url("mysql://me:hunter2@h/d").settle().unwrap_err().to_string();
    assert!(error.contains("sql.url (code) must be an address that begins with"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn links_that_kubernetes_sets_do_not_stop_the_program() {
    let config = env([("REDIS_PORT", "tcp://10.0.0.7:6379"), ("REDIS_HOST", "redis")]);
    let target = config.settle().unwrap().cache.target;
    let place = RedisPlace::Tcp { host: "redis".into(), port: 6379 };
    assert!(matches!(target, CacheTarget::Redis { place: at, .. } if at == place));
    assert!(config.warnings()[0].contains("set TRADEBASE_REDIS_PORT"), "{:?}", config.warnings());
    // A service of our own name.
    let config = env([
        ("TRADEBASE_SERVICE_HOST", "10.0.0.8"),
        ("TRADEBASE_SERVICE_PORT_HTTP", "80"),
        ("TRADEBASE_PORT", "tcp://10.0.0.8:80"),
        ("TRADEBASE_API_PORT_80_TCP_ADDR", "10.0.0.8"),
    ]);
    assert!(config.settle().is_ok());
    // What loses may belong to another program.
    let config = env([("POOL_SIZE", "large"), ("TRADEBASE_POOL_SIZE", "5")]);
    assert_eq!(config.settle().unwrap().sql.pool_connections, 5);
}

#[test]
fn what_is_not_used_yet_is_told() {
    let config = env([("REDIS_MAX_CONNECTIONS", "30"), ("INFLUXDB_TOKEN", "hunter2")]);
    let warnings = config.warnings();
    assert!(
        warnings[0].starts_with("REDIS_MAX_CONNECTIONS (environment) is set and not used yet: ")
    );
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(shown(&config, "cache.max_connections").not_yet.is_some());
    assert!(shown(&config, "sql.pool_size").not_yet.is_none());
}

#[test]
fn no_secret_is_ever_shown() {
    let secret_keys = ["sql.password", "cache.password", "cache.rest_token", "series.password"];
    let url_keys = ["sql.url", "cache.url", "series.url", "cache.rest_url"];
    let schemes = ["postgres", "redis", "http", "https"];
    let mut config = Config::new().set("series.database", "d").unwrap();
    for key in secret_keys {
        config = config.set(key, "hunter2").unwrap();
    }
    for (key, scheme) in url_keys.into_iter().zip(schemes) {
        config = config.set(key, format!("{scheme}://me:hunter2@localhost/0")).unwrap();
        let error = config.clone().set(key, "ftp://me:hunter2@h").unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
    config = config.sql_path("postgres://me:hunter2@h/d");
    config = config.set("sql.cursor_key", "hunter2 hunter2 hunter2").unwrap();
    config = config.set("series.user", "me").unwrap();
    let listing = serde_json::to_string(&config.effective()).unwrap();
    let mut texts = vec![format!("{config:?}"), listing, config.warnings().join("\n")];
    // The path that is an address.
    texts.push(config.settle().unwrap_err().to_string());
    let config = config.set("sql.path", "").unwrap();
    texts.push(format!("{:?}", config.settle().unwrap()));
    for text in [
        "[sql]\nurl = postgres://me:hunter2@h/d",
        "[sql]\npassword = 'hunter2",
        "password = \"hunter2\" hunter2",
        "[sql]\npassword = 'hunter2'\npassword = 'hunter2'",
        "sql = 'hunter2'",
        "[sql]\npassword = ['hunter2']",
        "[sql]\npassword = \"\\hunter2\"",
        "hunter2",
    ] {
        texts.push(Sources::empty().file_text(text).read().unwrap_err().to_string());
    }
    for text in ["hunter2", "DATABASE_PASSWORD='hunter2", "DATABASE_PASSWORD=\"a\" hunter2"] {
        let sources = Sources::empty().dotenv_text(text).vars([("REDIS_PASWORD", "hunter2")]);
        texts.push(format!("{sources:?}"));
        texts.push(sources.read().unwrap_err().to_string());
    }
    for text in texts {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn the_listing_has_every_setting_with_its_source() {
    let config = Sources::empty()
        .dotenv_text("DATABASE_PASSWORD=hunter2")
        .vars([("REDIS_URL", "redis://me:hunter2@host/1")])
        .read()
        .unwrap()
        .data_folder("there");
    let line = |key| {
        let one = shown(&config, key);
        (one.value.unwrap_or_default(), one.source)
    };
    let said = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(line("sql.password"), said("***", ".env line 1"));
    assert_eq!(line("cache.url"), said("redis://me:***@host/1", "environment REDIS_URL"));
    assert_eq!(line("data"), said("there", "code"));
    assert_eq!(line("sql.path"), said("there/ledger.db", "default"));
    assert_eq!(line("create_tables"), said("true", "default"));
    assert_eq!(line("sql.pool_wait"), said("30", "default"));
    assert_eq!(shown(&config, "sql.pool_wait").unit, Some("s"));
    let json = serde_json::to_value(shown(&config, "cache.url")).unwrap();
    assert_eq!(json["key"], "cache.url");
    assert_eq!(json["value"], "redis://me:***@host/1");
    assert_eq!(json["room"], "cache");
}

#[test]
fn the_examples_are_read_as_they_are_and_uncommented() {
    let (env, toml) = (config::example_env(), config::example_toml());
    let read = Sources::empty().dotenv_text(&env).file_text(&toml).read().unwrap();
    assert!(read.effective().iter().all(Effective::is_default));

    let uncommented = |text: &str| {
        let lines = text.lines().map(|line| line.strip_prefix('#').unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n")
    };
    for sources in [
        Sources::empty().file_text(uncommented(&toml)),
        Sources::empty().dotenv_text(uncommented(&env)),
    ] {
        let config = sources.read().unwrap();
        let unset = config.effective().into_iter().find(Effective::is_default);
        assert_eq!(unset, None);
        config.settle().unwrap();
    }
    // An editor of Windows.
    let windows = format!("\u{feff}{}", uncommented(&toml).replace('\n', "\r\n"));
    assert!(Sources::empty().file_text(windows).read().is_ok());
}

#[test]
fn the_page_of_settings_is_that_of_the_code() {
    let page = config::reference();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/configuration.md");
    if std::env::var_os("TRADEBASE_WRITE_REFERENCE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).expect("the page is there");
    assert_eq!(found, page, "write it anew with TRADEBASE_WRITE_REFERENCE=1");
}
