//! `schema`: the tables of the registered records, and how each engine holds them.

use serde::Serialize;
use tradebase::schema::TableSchema;
use tradebase::{Code, EngineTypes, Error, Records, Result, Table as Described, column_types};

use crate::arguments::{self, Arguments};
use crate::output::{self, Table};

/// A table for programs: its schema, and its types by engine.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    schema: TableSchema,
    engines: Vec<EngineTypes>,
}

pub(crate) fn run(
    options: &arguments::Schema,
    records: &Records,
    arguments: &Arguments,
) -> Result<()> {
    let chosen = match &options.name {
        None => records.clone(),
        Some(name) => Records::new([records.find(name).ok_or_else(|| unknown(name, records))?]),
    };
    if options.export {
        let text = chosen.to_json()?;
        if !arguments.json {
            return output::line(text.trim_end());
        }
        let value: serde_json::Value = serde_json::from_str(&text)
            .map_err(|e| Error::new(Code::Internal, "the schemas cannot be read").because(e))?;
        return output::json(&value);
    }
    if arguments.json {
        let answers = chosen.tables().iter().map(|&table| Answer {
            schema: TableSchema::from(table),
            engines: column_types(table),
        });
        let tables: Vec<_> = answers.collect();
        return output::json(&serde_json::json!({ "tables": tables }));
    }
    for (i, table) in chosen.tables().iter().enumerate() {
        if i > 0 {
            output::line("")?;
        }
        for_people(table)?;
    }
    Ok(())
}

fn for_people(table: &Described) -> Result<()> {
    let series = table.series.map(|name| format!(", series {name}")).unwrap_or_default();
    let engines = column_types(table);
    let schema = TableSchema::from(table);
    let parts = schema.partition.as_ref().map(|p| format!(", parts by {} of {}", p.step, p.column));
    let parts = parts.unwrap_or_default();
    output::line(&format!("{} (record {}{series}{parts})", table.name, table.record))?;
    let mut heading = vec!["  column", "kind", "null", "parts"];
    heading.extend(engines.iter().map(|engine| engine.engine));
    let mut grid = Table::new(&heading);
    for (i, (column, described)) in schema.columns.iter().zip(table.columns).enumerate() {
        let mut cells = vec![
            format!("  {}", column.name),
            described.kind.to_string(),
            if column.nullable { "yes" } else { "no" }.to_owned(),
            column.roles.join(", "),
        ];
        cells.extend(engines.iter().filter_map(|engine| engine.types.get(i).cloned()));
        grid.row(cells);
    }
    grid.print()
}

fn unknown(name: &str, records: &Records) -> Error {
    let known: Vec<_> = records.tables().iter().map(|table| table.name).collect();
    let message = match known.as_slice() {
        [] => format!("no records are registered, so there is no table of this name: {name}"),
        known => {
            format!("no table or record has this name, known are {}: {name}", known.join(", "))
        }
    };
    Error::new(Code::Config, message)
}
