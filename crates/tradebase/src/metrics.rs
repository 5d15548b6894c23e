//! What the rooms measured, in the text form of Prometheus.

use std::fmt::{self, Write};

use tradebase_core::watch::{BOUNDS, Measure};

use crate::rooms::AnyRoom;

/// One text for all rooms.
pub(crate) fn text(rooms: &[AnyRoom]) -> String {
    let mut out = String::new();
    // Writing to a text cannot fail.
    let _ = write(&mut out, rooms);
    out
}

fn write(out: &mut String, rooms: &[AnyRoom]) -> fmt::Result {
    let measures: Vec<_> = rooms
        .iter()
        .flat_map(|room| room.measures().into_iter().map(move |measure| (room, measure)))
        .collect();
    family(out, "tradebase_connected", "gauge", "Whether the room has a connection.")?;
    for room in rooms {
        let (name, store) = (room.name(), room.capabilities().engine);
        let up = u8::from(room.is_connected());
        writeln!(out, "tradebase_connected{{room=\"{name}\",store=\"{store}\"}} {up}")?;
    }
    family(out, "tradebase_operations_total", "counter", "Operations by how they ended.")?;
    for (room, measure) in &measures {
        let ended = [
            // Read while others count, an error may be there before its call is.
            ("ok", measure.calls.saturating_sub(measure.errors)),
            ("error", measure.errors),
            ("cancelled", measure.cancelled),
        ];
        for (outcome, count) in ended {
            let labels = labels(room, measure);
            writeln!(out, "tradebase_operations_total{{{labels},outcome=\"{outcome}\"}} {count}")?;
        }
    }
    family(out, "tradebase_rows_total", "counter", "Rows, entries or points handled.")?;
    for (room, measure) in &measures {
        writeln!(out, "tradebase_rows_total{{{}}} {}", labels(room, measure), measure.rows)?;
    }
    family(out, "tradebase_operation_seconds", "histogram", "How long operations took.")?;
    for (room, measure) in &measures {
        histogram(out, &labels(room, measure), measure)?;
    }
    Ok(())
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn labels(room: &AnyRoom, measure: &Measure) -> String {
    let (name, store) = (room.name(), room.capabilities().engine);
    format!("room=\"{name}\",store=\"{store}\",operation=\"{}\"", measure.operation.as_str())
}

fn histogram(out: &mut String, labels: &str, measure: &Measure) -> fmt::Result {
    let name = "tradebase_operation_seconds";
    let mut below = 0;
    for (bound, count) in BOUNDS.iter().zip(&measure.buckets) {
        below += count;
        writeln!(out, "{name}_bucket{{{labels},le=\"{}\"}} {below}", bound.as_secs_f64())?;
    }
    writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", measure.calls)?;
    writeln!(out, "{name}_sum{{{labels}}} {}", measure.time.as_secs_f64())?;
    writeln!(out, "{name}_count{{{labels}}} {}", measure.calls)
}
