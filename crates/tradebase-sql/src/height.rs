//! How much of a filter an engine has in hand at once.
//!
//! SQLite adds up, for a row of another table that is asked for, the heights of the conditions
//! around it, each with all that stands in it: so relations in each other cost far more than
//! other conditions. What it would refuse is refused here, on every engine, and says why.

use tradebase_core::{Code, Condition, Error, Result};

use crate::limits::FILTER_HEIGHT_MAX;

/// The height of what stands at an end: a comparison, a list, a pattern with its function.
const LEAF: usize = 4;

/// The height of a condition, and the sum of those in the relations inside of it.
#[derive(Clone, Copy, Default)]
struct Height {
    own: usize,
    below: usize,
}

/// Refuses a filter whose relations stand too deep in each other.
pub(crate) fn check(condition: &Condition) -> Result<()> {
    let Height { own, below } = height(condition);
    if below == 0 || own.saturating_add(below) <= FILTER_HEIGHT_MAX {
        return Ok(());
    }
    let message = "a filter nests relations too deep: about 20 in each other, and fewer if much \
                   stands in the inner ones";
    Err(Error::new(Code::Unsupported, message))
}

fn height(condition: &Condition) -> Height {
    match condition {
        // One behind the other, the first is the deepest.
        Condition::All(terms) | Condition::Any(terms) => {
            let highest = terms.iter().map(height).fold(Height::default(), |a, b| Height {
                own: a.own.max(b.own),
                below: a.below.max(b.below),
            });
            Height { own: highest.own + terms.len(), ..highest }
        }
        Condition::Not(inner) => {
            let inner = height(inner);
            Height { own: inner.own + 1, ..inner }
        }
        Condition::Related(related) => {
            let inner = height(&related.condition);
            let within = inner.own.max(LEAF) + related.on.len();
            Height { own: within + 1, below: within + inner.below }
        }
        _ => Height { own: LEAF, below: 0 },
    }
}
