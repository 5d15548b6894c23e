//! `guest-role`: the role by which strangers sign in to PostgreSQL.

use std::io::{self, Read};

use serde_json::json;
use tradebase::{Code, Config, Error, Records, Result, Secret};

use crate::arguments::{self, Arguments};
use crate::output;

/// Random bytes of a password that nobody has given.
const PASSWORD_BYTES: usize = 24;
/// Bytes that are read of one that is given at most.
const PASSWORD_BYTES_MAX: u64 = 1024;
/// The variable that takes the address.
const VARIABLE: &str = "DATABASE_GUEST_URL";

pub(crate) fn run(
    options: &arguments::GuestRole,
    config: Config,
    records: &Records,
    arguments: &Arguments,
) -> Result<()> {
    let password = if options.password_stdin { given()? } else { random() };
    let tables: Vec<_> =
        records.tables().iter().copied().filter(|table| table.is_relational()).collect();
    let url = tradebase::run(config, async |db| {
        db.sql().guest_role(&options.name, &password, tables.iter().copied()).await
    })?;
    // The one place that shows it: it is kept nowhere.
    let url = url.expose();
    if arguments.json {
        return output::json(&json!({ "role": options.name, "variable": VARIABLE, "url": url }));
    }
    output::line(&format!("{VARIABLE}={url}"))?;
    eprintln!("set this variable where guests are let in; it is not shown again");
    Ok(())
}

fn given() -> Result<Secret> {
    let mut text = String::new();
    io::stdin().take(PASSWORD_BYTES_MAX).read_to_string(&mut text).map_err(|e| {
        Error::new(Code::Config, "the password cannot be read from standard input").because(e)
    })?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

fn random() -> Secret {
    let bytes: [u8; PASSWORD_BYTES] = rand::random();
    Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}
