//! Progress on a terminal; nothing where nobody looks.

use std::fmt;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tradebase::sql::MigrationProgress;

/// How often a bar is drawn, a second.
const DRAWS_PER_SECOND: u8 = 12;

/// How often a spinner turns.
const TURN: Duration = Duration::from_millis(100);

/// A bar on standard error, or none if that is no terminal or nobody wants it.
pub(crate) fn bar(what: &'static str, total: u64, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
    let bar = ProgressBar::with_draw_target(Some(total), target);
    let form = "{msg:<18} {bar:32} {human_pos}/{human_len}  {rate}/s  {eta}";
    if let Ok(style) = ProgressStyle::with_template(form) {
        bar.set_style(style.with_key("rate", rate));
    }
    bar.set_message(what);
    bar
}

/// Whole pieces a second.
fn rate(state: &ProgressState, out: &mut dyn fmt::Write) {
    // A terminal that cannot be written shows no rate.
    let _ = write!(out, "{:.0}", state.per_sec());
}

/// A bar over the statements of a migration, and what moves it.
pub(crate) fn statements(what: &'static str, quiet: bool) -> (ProgressBar, MigrationProgress) {
    let bar = bar(what, 0, quiet);
    let moved = bar.clone();
    let progress = MigrationProgress::new(move |statement, of| {
        moved.set_length(u64::try_from(of).unwrap_or(u64::MAX));
        moved.set_position(u64::try_from(statement.saturating_sub(1)).unwrap_or_default());
    });
    (bar, progress)
}

/// Something that moves while work of unknown length is done, or nothing.
pub(crate) fn spinner(what: &'static str, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::new_spinner();
    spinner.set_message(what);
    spinner.enable_steady_tick(TURN);
    spinner
}
