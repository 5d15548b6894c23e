//! What a record's series is, worked out once per record.

use tradebase_core::{Code, Error, Kind, Result, Roles, Room, Table};

use crate::escape;

/// What the name of a series has in front as a table of the embedded engine.
pub const TABLE_PREFIX: &str = "series_";

/// A series as both engines need it.
#[derive(Debug)]
// An engine that is not built in needs some.
#[allow(dead_code)]
pub struct Plan {
    /// The name of the series.
    pub name: &'static str,
    /// The measurement as a line begins with it.
    pub head: Vec<u8>,
    /// The table of the embedded engine: [`TABLE_PREFIX`] and the name of the series, so that a
    /// series and a table of one name do not meet in a file. It is no schema of that name: in a
    /// file `series.duckdb` that would be ambiguous.
    pub table: Table,
    /// The temporary table that a batch goes through.
    pub stage: Table,
    /// Whether a sequence counts below the microsecond of the time.
    pub has_sequence: bool,
    /// The bytes of the longest field's name: a part of the server's limit on keys.
    pub longest_field: usize,
}

impl Plan {
    /// The plan of a table, or why it is no series.
    pub fn of(table: &'static Table) -> Result<&'static Plan> {
        type Kept = std::result::Result<Plan, String>;
        let kept: &'static Kept = table.slot(Room::Series, || make(table));
        kept.as_ref().map_err(|why| Error::new(Code::Config, why.as_str()).of(table))
    }
}

fn make(table: &'static Table) -> std::result::Result<Plan, String> {
    let record = table.record;
    let Some(name) = table.series else {
        return Err(format!(
            "{record} is no series: add `series = \"…\"`, a time and tags to the record"
        ));
    };
    let Some((_, column)) = table.playing(Roles::TIME) else {
        return Err(format!("{record} has no time, which a series needs"));
    };
    let sequence = table.playing(Roles::SEQUENCE).map(|(_, c)| c);
    match (column.kind, sequence) {
        (Kind::Timestamp, _) | (Kind::TimestampNs, None) => {}
        (Kind::TimestampNs, Some(_)) => {
            return Err(format!(
                "{record} has a sequence, which counts within a microsecond: its time must be a \
                 Timestamp, is {}",
                column.kind
            ));
        }
        (kind, _) => return Err(format!("the time of {record} must be a timestamp, is {kind}")),
    }
    let others = || table.columns.iter().filter(|c| !c.is(Roles::TIME));
    // The server drops a field of this name without a word.
    if others().any(|c| c.name.text == "time") {
        return Err(format!("only the time of {record} can have the name: time"));
    }
    if let Some(tag) = others().find(|c| c.is(Roles::TAG) && c.kind == Kind::F64) {
        return Err(format!("a float of {record} cannot be a tag: {}", tag.name.text));
    }
    let fields = || others().filter(|c| !c.is(Roles::TAG));
    let Some(longest_field) = fields().map(|c| c.name.text.len()).max() else {
        return Err(format!("{record} has no field: a point needs one beside its tags and time"));
    };
    let mut head = Vec::new();
    escape::measurement(&mut head, name.as_bytes());
    let renamed = |name| Table::new(record, name, table.columns, &[], &[], None);
    // Kept as long as the process, like the table whose plan this is.
    let (stage, table) = (renamed("series_batch"), renamed(format!("{TABLE_PREFIX}{name}").leak()));
    Ok(Plan { name, head, table, stage, has_sequence: sequence.is_some(), longest_field })
}
