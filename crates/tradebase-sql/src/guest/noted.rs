//! What is noted of a query for the log and the list of slow calls: its text without its values.

use std::ops::ControlFlow;

use sqlparser::ast::{Statement, Value, ValueWithSpan, VisitMut, VisitorMut};

/// What is noted of a text that was not parsed.
pub(super) const UNPARSED: &str = "a query of a guest";

/// The text with a sign where a value stands.
pub(super) fn without_values(mut statement: Statement) -> String {
    _ = statement.visit(&mut Hide);
    statement.to_string()
}

struct Hide;

impl VisitorMut for Hide {
    type Break = ();

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        value.value = Value::Placeholder("?".to_owned());
        ControlFlow::Continue(())
    }
}
