//! The page of all settings, made from their table.

use std::fmt::Write;

use super::kind::Kind;
use super::table::{self, ROOMS, Setting};

const HEAD: &str = "\
# Configuration

<!-- @generated from the table of settings; TRADEBASE_WRITE_REFERENCE=1 writes it anew -->

Every setting has a key for code and for `tradebase.toml`, variables for the environment and for \
`.env`, and a default. `tradebase config` shows the settings in effect and where each comes from, \
`tradebase config --example` writes example files.

## Who wins

The first of these that says a setting wins:

1. code: `Config::set` and the typed calls
2. the environment, variables that begin with `TRADEBASE_` before those without
3. `.env` of the current folder, in the same order of names
4. `tradebase.toml` of the current folder, or the file that `TRADEBASE_CONFIG` names
5. the default

An empty variable counts as not set. `Config::new` reads nothing of this, `Config::from_env` all, \
`Config::from_file` one file alone. Paths are relative to the current folder.

**Where a store is** can be said in several ways. The highest source that says any of them wins, \
also over a shorter way in a lower source. Within one source the order is:

| room | order | without any |
| --- | --- | --- |
| sql | `sql.url`, `sql.path`, `sql.host` with its parts | SQLite, `ledger.db` in the data folder |
| cache | `cache.url` (`REDIS_URL` before `KV_URL`), `cache.host` with its parts | process memory |
| analytics | `analytics.path` | DuckDB, `analytics.duckdb` in the data folder |
| series | `series.url` with its parts, `series.path` | embedded, `series.duckdb` in the data folder |

In this order `TRADEBASE_` variables count as a source above the variables without. Parts (port, \
name, user, password) are not mixed into an address; each of them is taken from the highest source \
that says it. The one exception is the db of Redis: code, then the address, then `REDIS_DB`, \
then 0. What loses and says something else is named in a warning.

Under the profile `production` a relational store that nobody names is an error: one mistyped \
variable must not write a ledger into the folder of the program.

## Files

`.env` holds lines of the form `NAME=value`, also after `export`. A value stands in single quotes \
as it is, in double quotes with the escapes `\\n`, `\\r`, `\\t`, `\\\"`, `\\\\` and `\\$`, or without \
quotes up to the end of the line or to a `#` with a space before it. Quotes may span lines. A `$` \
stands for itself: variables are not expanded.

`tradebase.toml` holds the keys below, with the part before the dot as a table:

```toml
profile = \"production\"

[sql]
url = \"postgres://user:password@localhost/ledger\"
pool_size = 20
```

An unknown key, an unknown variable that begins with `TRADEBASE_`, and a value that cannot be read \
are errors. A variable that is near to a known one, such as `DATABSE_URL`, is named in a warning. \
So is a `REDIS_PORT` or `DATABASE_PORT` of the form `tcp://…`, which Kubernetes sets for a service \
of that name, and which is passed over.
";

/// The page.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for room in ROOMS {
        let _infallible = write!(
            page,
            "\n## Settings: {room}\n\n\
             | key | variables | value | default | meaning |\n| --- | --- | --- | --- | --- |\n"
        );
        for setting in table::all().filter(|setting| setting.room == room) {
            row(&mut page, setting);
        }
    }
    page
}

fn row(page: &mut String, setting: &Setting) {
    let names: Vec<_> = setting.names.iter().map(|name| format!("`{name}`")).collect();
    let default = match setting.default.value() {
        Some(value) => format!("`{value}`"),
        None => setting.default.to_string(),
    };
    let missing = setting.missing().map(|missing| format!("; **not used yet**: {missing}"));
    let _infallible = writeln!(
        page,
        "| `{}` | {} | {} | {default} | {}{} |",
        setting.key,
        names.join(", "),
        value(setting),
        setting.meaning,
        missing.unwrap_or_default()
    );
}

fn value(setting: &Setting) -> String {
    match (&setting.kind, setting.unit) {
        (Kind::Words(words), _) => {
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
        (Kind::Seconds { .. }, _) => setting.kind.expected().replace(", with", " with"),
        (kind, Some(unit)) => format!("{}, in {unit}", kind.expected()),
        (kind, None) => kind.expected(),
    }
}
