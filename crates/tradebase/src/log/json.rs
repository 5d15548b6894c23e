//! One JSON object a line: `timestamp`, `level`, `event`, `room`, the fields, `correlation_id`.

use std::fmt;
use std::io::Write;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::levels::room;
use super::out::{Out, now};

/// The names of the frame. A field of such a name has a `_` behind it.
const FRAME: [&str; 5] = ["timestamp", "level", "event", "room", CORRELATION_ID];
const CORRELATION_ID: &str = "correlation_id";

/// Writes events as JSON.
pub(super) struct JsonLayer {
    out: Out,
}

/// What a span says of its events.
struct CorrelationId(String);

impl JsonLayer {
    pub(super) fn new(out: Out) -> Self {
        Self { out }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for JsonLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let (Some(id), Some(span)) = (fields.correlation_id, context.span(id)) {
            span.extensions_mut().insert(CorrelationId(id));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let of_span = || {
            context
                .event_scope(event)?
                .find_map(|span| span.extensions().get::<CorrelationId>().map(|id| id.0.clone()))
        };
        let correlation_id = fields.correlation_id.take().or_else(of_span);
        let line = line(event, fields, correlation_id);
        // A log that cannot be written has nowhere to say so.
        let _lost = self.out.clone().write_all(line.as_bytes());
    }
}

fn line(event: &Event<'_>, fields: Fields, correlation_id: Option<String>) -> String {
    let metadata = event.metadata();
    // The rooms' plain events say what was done in a field.
    let said = fields.message.or_else(|| {
        let operation = fields.others.iter().find(|(name, _)| *name == "operation");
        operation.and_then(|(_, value)| value.as_str().map(str::to_owned))
    });
    let mut line = String::from("{");
    let level = metadata.level().as_str().to_ascii_lowercase();
    pair(&mut line, "timestamp", &now().into());
    pair(&mut line, "level", &level.into());
    pair(&mut line, "event", &said.unwrap_or_else(|| metadata.name().to_owned()).into());
    pair(&mut line, "room", &room(metadata.target()).into());
    for (name, value) in fields.others {
        if FRAME.contains(&name) {
            pair(&mut line, &format!("{name}_"), &value);
        } else {
            pair(&mut line, name, &value);
        }
    }
    if let Some(id) = correlation_id {
        pair(&mut line, CORRELATION_ID, &id.into());
    }
    line.push_str("}\n");
    line
}

fn pair(line: &mut String, name: &str, value: &Value) {
    if line.len() > 1 {
        line.push(',');
    }
    line.push_str(&Value::from(name).to_string());
    line.push(':');
    line.push_str(&value.to_string());
}

/// The fields of an event or a span.
#[derive(Default)]
struct Fields {
    message: Option<String>,
    correlation_id: Option<String>,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn text(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.message = Some(text),
            CORRELATION_ID => self.correlation_id = Some(text),
            name => self.others.push((name, text.into())),
        }
    }

    fn number(&mut self, field: &Field, number: Value) {
        match field.name() {
            CORRELATION_ID => self.correlation_id = Some(number.to_string()),
            name => self.others.push((name, number)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for what is no number.
        if value.is_finite() {
            self.number(field, value.into());
        } else {
            self.text(field, value.to_string());
        }
    }
}
