//! Asking before something that cannot be taken back.

use std::io::{self, IsTerminal, Write};

use tradebase::{Code, Error, Result};

/// Goes on only if somebody at a terminal says yes. Where nobody can be asked, `refusal` says
/// what is missing.
pub(crate) fn confirm(question: &str, refusal: &str) -> Result<()> {
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        eprint!("{question} [y/N] ");
        io::stderr().flush().ok();
        let mut line = String::new();
        io::stdin().read_line(&mut line).ok();
        if matches!(line.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
    }
    Err(Error::new(Code::Config, refusal))
}
