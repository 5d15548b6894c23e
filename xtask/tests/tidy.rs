//! The checkout is tidy.

use std::process::Command;

#[test]
fn the_checkout_is_tidy() {
    let program = env!("CARGO_BIN_EXE_xtask");
    let output = Command::new(program).args(["tidy", "--no-setup"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "\n{said}{complained}");
}
