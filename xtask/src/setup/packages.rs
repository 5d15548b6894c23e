//! Installs Debian packages, after a yes.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};

use crate::checkout;

/// Installs with the services kept from starting: the tests start private servers, and a system
/// server would only take ports and memory. A policy that is there already stays.
const SCRIPT: &str = r#"
set -e
policy=/usr/sbin/policy-rc.d
trap 'exit 130' INT TERM
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y --no-install-recommends "$@" < /dev/null; }
install "$@" || { apt-get update < /dev/null && install "$@"; }
"#;

/// Who may say yes.
#[derive(Debug, PartialEq, Eq)]
enum Consent {
    Given,
    ToAsk,
    Nobody,
}

/// Installs the packages. The error says why not.
pub fn install(packages: &[&str], yes: bool) -> Result<(), String> {
    if checkout::on_path("apt-get").is_none() {
        return Err("this system has no apt-get".to_owned());
    }
    let root = is_root();
    let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    let ci = env::var_os("CI").is_some_and(|value| value == "true");
    match consent(yes || ci, root, terminal) {
        Consent::Given => {}
        Consent::ToAsk => ask(packages)?,
        Consent::Nobody => {
            return Err("there is no terminal to ask on; say yes with --yes or CI=true".to_owned());
        }
    }
    eprintln!("setup: installing {}", packages.join(" "));
    let mut command = installer(root, terminal)?;
    command.args(["-c", SCRIPT, "sh"]).args(packages);
    // The output of apt-get is progress. Standard output belongs to the command itself.
    command.stdout(io::stderr());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("apt-get failed, see above: {status}")),
        Err(error) => Err(format!("cannot start the installation: {error}")),
    }
}

fn consent(said: bool, root: bool, terminal: bool) -> Consent {
    match (said, root, terminal) {
        (true, _, _) | (_, true, false) => Consent::Given,
        (_, _, true) => Consent::ToAsk,
        _ => Consent::Nobody,
    }
}

fn ask(packages: &[&str]) -> Result<(), String> {
    eprint!("Install the Debian packages {}? [y/N] ", packages.join(", "));
    let mut answer = String::new();
    io::stderr().flush().map_err(|error| error.to_string())?;
    io::stdin().read_line(&mut answer).map_err(|error| error.to_string())?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err("the answer was no".to_owned())
    }
}

/// A shell with the rights to install.
fn installer(root: bool, terminal: bool) -> Result<Command, String> {
    if root {
        return Ok(Command::new("sh"));
    }
    if checkout::on_path("sudo").is_none() {
        return Err("not root, and sudo is not installed".to_owned());
    }
    let mut command = Command::new("sudo");
    if !terminal {
        // Fail instead of waiting for a password nobody can type.
        command.arg("-n");
    }
    command.arg("sh");
    Ok(command)
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yes_comes_from_an_option_a_terminal_or_root_without_one() {
        assert_eq!(consent(true, false, false), Consent::Given);
        assert_eq!(consent(true, true, true), Consent::Given);
        assert_eq!(consent(false, true, false), Consent::Given);
        assert_eq!(consent(false, true, true), Consent::ToAsk);
        assert_eq!(consent(false, false, true), Consent::ToAsk);
        assert_eq!(consent(false, false, false), Consent::Nobody);
    }
}
