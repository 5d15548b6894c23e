//! Example files: every setting with its meaning and default, commented out.

use std::fmt::Write;

use super::kind::Kind;
use super::table::{self, ROOMS, Setting};

/// The text of a `.env.example`.
///
/// Lines of a setting begin with one `#`, lines for people with two.
pub fn example_env() -> String {
    let mut out = String::from(
        "## The settings of tradebase, with their defaults. Copy this file to .env, and take the\n\
         ## # from what you want to set. The environment wins over .env, and .env over\n\
         ## tradebase.toml. Each name may have TRADEBASE_ before it, and then wins.\n",
    );
    for room in ROOMS {
        let _infallible = write!(out, "\n## --- {room} ---\n");
        for setting in table::all().filter(|setting| setting.room == room) {
            let _infallible = write!(
                out,
                "\n{}#{}={}\n",
                comment(setting),
                setting.shown_name(),
                quoted_for_env(&value(setting))
            );
        }
    }
    out
}

/// The text of a `tradebase.toml`.
///
/// Lines of a setting begin with one `#`, lines for people with two.
pub fn example_toml() -> String {
    let mut out = String::from(
        "## The settings of tradebase, with their defaults. Take the # from what you want to set.\n\
         ## Code, the environment and .env win over this file.\n",
    );
    // Keys of no table come before all tables.
    let mut table = "";
    for setting in table::all() {
        let (of, key) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if of != table {
            table = of;
            let _infallible = write!(out, "\n[{table}]\n");
        }
        let _infallible = write!(out, "\n{}#{key} = {}\n", comment(setting), toml_value(setting));
    }
    out
}

/// Meaning, values and default of a setting.
fn comment(setting: &Setting) -> String {
    let mut out = format!("## {}\n", setting.meaning);
    let mut told = Vec::new();
    match &setting.kind {
        Kind::Words(_) | Kind::Flag => told.push(setting.kind.expected()),
        _ => told.extend(setting.unit.map(|unit| format!("in {unit}"))),
    }
    told.push(format!("default: {}", setting.default));
    told.extend(setting.missing().map(|missing| format!("not used yet: {missing}")));
    let _infallible = writeln!(out, "## ({})", told.join("; "));
    out
}

fn value(setting: &Setting) -> String {
    setting.default.value().unwrap_or_else(|| setting.example.to_owned())
}

fn quoted_for_env(value: &str) -> String {
    if value.contains([' ', '#']) { format!("'{value}'") } else { value.to_owned() }
}

fn toml_value(setting: &Setting) -> String {
    let value = value(setting);
    match setting.kind {
        Kind::Count { .. } | Kind::Seconds { .. } | Kind::Flag => value,
        _ => format!("{value:?}"),
    }
}
