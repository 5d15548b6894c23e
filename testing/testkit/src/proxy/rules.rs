//! What a proxy is told to do with what comes.

use std::time::Duration;

use super::Side;

#[derive(Debug, Default)]
pub(super) struct Rules {
    pub delay: Duration,
    /// Between two messages from one side of a connection.
    pub pause: Duration,
    client: OfSide,
    server: OfSide,
}

/// What holds for one side of all connections.
#[derive(Debug, Default)]
pub(super) struct OfSide {
    hold: bool,
    /// How many bytes may still pass before a connection is cut.
    pub bytes: Option<u64>,
    /// How many messages may still begin before a connection is cut.
    pub cut_after: Option<u64>,
    /// How many messages may still begin before all is held.
    pub hold_after: Option<u64>,
}

/// How much of a piece may pass, and whether its connection ends there.
#[derive(Debug)]
pub(super) struct Step {
    pub bytes: usize,
    pub cut: bool,
}

impl Rules {
    pub(super) fn side(&mut self, side: Side) -> &mut OfSide {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    pub(super) fn hold(&mut self, on: bool) {
        for side in [Side::Client, Side::Server] {
            self.side(side).hold = on;
        }
    }

    /// Whether the messages from that side must be told apart.
    pub(super) fn by_message(&mut self, from: Side) -> bool {
        let paused = !self.pause.is_zero();
        let side = self.side(from);
        paused || side.cut_after.is_some() || side.hold_after.is_some()
    }

    /// Takes from the budgets what a piece costs; none while it is held. A rule is used up when
    /// it lets less through than came.
    pub(super) fn spend(&mut self, from: Side, size: usize, begins: bool) -> Option<Step> {
        let side = self.side(from);
        if begins && size > 0 && is_spent(&mut side.hold_after) {
            side.hold = true;
        }
        if side.hold {
            return None;
        }
        if begins && size > 0 && is_spent(&mut side.cut_after) {
            return Some(Step { bytes: 0, cut: true });
        }
        for budget in [&mut side.hold_after, &mut side.cut_after] {
            if begins && size > 0 {
                *budget = budget.map(|left| left.saturating_sub(1));
            }
        }
        let Some(left) = side.bytes else { return Some(Step { bytes: size, cut: false }) };
        let bytes = size.min(usize::try_from(left).unwrap_or(usize::MAX));
        let cut = bytes < size;
        let spent = u64::try_from(bytes).unwrap_or(u64::MAX);
        side.bytes = (!cut).then(|| left.saturating_sub(spent));
        Some(Step { bytes, cut })
    }
}

/// Whether a budget has nothing left; then it is used up.
fn is_spent(budget: &mut Option<u64>) -> bool {
    let spent = *budget == Some(0);
    if spent {
        *budget = None;
    }
    spent
}
