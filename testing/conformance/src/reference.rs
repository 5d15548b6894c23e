//! The page that lists what each engine can do, made from the declarations in the code.

use std::fmt::Write;

use tradebase_core::{Capabilities, Capability};

/// What an engine could do and its room does not offer yet: no limit of the engine, and so no
/// declared difference.
pub const NOT_YET: &[(&str, Capability)] = &[
    ("duckdb", Capability::Filter),
    ("duckdb", Capability::Update),
    ("duckdb", Capability::Delete),
    ("embedded", Capability::Filter),
    ("embedded", Capability::Update),
    ("embedded", Capability::Delete),
    ("influx", Capability::Delete),
];

/// Whether the room offers it: the engine can, and the verb is there.
pub fn is_offered(engine: &Capabilities, capability: Capability) -> bool {
    engine.can(capability) && !NOT_YET.contains(&(engine.engine, capability))
}

/// The page, from the declarations of every engine.
pub fn engines(all: &[&Capabilities]) -> String {
    let mut page = String::from(
        "# Engines\n\n\
         <!-- @generated from the declarations in the code by the suite; \
         TRADEBASE_WRITE_REFERENCE=1 writes it anew -->\n\n\
         What each engine can do, as its room declares it. Every *no* is the engine's own limit, \
         with its reason below; *not yet* is a verb that the room does not offer yet. One suite \
         runs the same promises against all of them.\n\n## Capabilities\n\n| |",
    );
    let line = |page: &mut String, text: std::fmt::Arguments<'_>| {
        let _infallible = page.write_fmt(text);
    };
    for engine in all {
        line(&mut page, format_args!(" {} |", engine.engine));
    }
    line(&mut page, format_args!("\n| --- |{}\n", " --- |".repeat(all.len())));
    for capability in Capability::ALL {
        line(&mut page, format_args!("| {} |", capability.meaning()));
        for engine in all {
            let cell = match (engine.can(*capability), is_offered(engine, *capability)) {
                (false, _) => "no",
                (true, true) => "yes",
                (true, false) => "not yet",
            };
            line(&mut page, format_args!(" {cell} |"));
        }
        page.push('\n');
    }
    page.push_str("\n## Limits\n\n");
    for engine in all {
        line(&mut page, format_args!("**{}**\n\n", engine.engine));
        for (capability, limit) in engine.limits {
            line(&mut page, format_args!("- {}: {limit}.\n", capability.meaning()));
        }
        page.push('\n');
    }
    page.push_str("## Versions\n\n| engine | tested | claimed |\n| --- | --- | --- |\n");
    for engine in all {
        let Capabilities { engine, tested, claimed, .. } = engine;
        line(&mut page, format_args!("| {engine} | {tested} | {claimed} |\n"));
    }
    page.push_str("\nOther versions are not claimed: InfluxDB 2 and 3 are refused when opened.\n");
    page
}
