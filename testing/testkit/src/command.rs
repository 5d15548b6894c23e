//! Running a program to its end, within a deadline.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::KitError;
use crate::spawn::spawn;

const WAIT_PAUSE: Duration = Duration::from_millis(1);
/// A program that prints more than this blocks and runs into its deadline.
const OUTPUT_BYTES_MAX: u64 = 1 << 28;
/// How much of what a failed program printed goes into the error.
const REPORT_CHARS_MAX: usize = 4_000;

/// What the program printed, without the last line's end.
pub(crate) fn output(
    name: &str,
    command: Command,
    input: &str,
    deadline: Duration,
) -> Result<String, KitError> {
    output_or(name, command, input, deadline, ExitStatus::success)
}

/// As [`output`], of a program that says by its status what it found.
pub(crate) fn output_or(
    name: &str,
    mut command: Command,
    input: &str,
    deadline: Duration,
    is_good: impl Fn(&ExitStatus) -> bool,
) -> Result<String, KitError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let cannot = |error: std::io::Error| KitError::io(format_args!("run {name}"), &error);
    let mut child = spawn(command, libc::SIGKILL).map_err(cannot)?;
    let (mut stdin, stdout, stderr) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (status, printed, complaint) = thread::scope(|scope| {
        scope.spawn(move || {
            // A program that ends early closes its input; its status says why.
            stdin.as_mut().map(|pipe| pipe.write_all(input.as_bytes()))
        });
        let printed = scope.spawn(|| read_all(stdout));
        let complaint = scope.spawn(|| read_all(stderr));
        let status = wait(&mut child, deadline);
        if !matches!(status, Ok(Some(_))) {
            _ = child.kill();
            _ = child.wait();
        }
        (status, printed.join().unwrap_or_default(), complaint.join().unwrap_or_default())
    });
    let report = || {
        let text = format!("{}{}", lossy(&complaint), lossy(&printed));
        text.trim().chars().take(REPORT_CHARS_MAX).collect::<String>()
    };
    match status.map_err(cannot)? {
        None => Err(KitError::timeout(&format!("{name} did not end"), deadline, &report())),
        Some(status) if !is_good(&status) => {
            Err(KitError::failed(format!("{name} failed, {status}: {}", report())))
        }
        Some(_) => text(name, printed),
    }
}

/// The status once the child has ended, none when it has not by the deadline.
pub(crate) fn wait(child: &mut Child, deadline: Duration) -> std::io::Result<Option<ExitStatus>> {
    let end = Instant::now() + deadline;
    loop {
        let status = child.try_wait()?;
        if status.is_some() || Instant::now() > end {
            return Ok(status);
        }
        thread::sleep(WAIT_PAUSE);
    }
}

fn read_all(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What came before an error is still worth reporting.
        _ = pipe.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes);
    }
    bytes
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn text(name: &str, printed: Vec<u8>) -> Result<String, KitError> {
    let mut text = String::from_utf8(printed)
        .map_err(|error| KitError::failed(format!("{name} printed something else: {error}")))?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &str, deadline: Duration) -> Result<String, KitError> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        output("sh", command, input, deadline)
    }

    #[test]
    fn only_the_last_line_end_is_cut() {
        let printed = shell("cat", "a\n\n", Duration::from_secs(20)).unwrap();
        assert_eq!(printed, "a\n");
    }

    #[test]
    fn a_failure_tells_what_was_printed() {
        let error = shell("echo oh no >&2; exit 3", "", Duration::from_secs(20)).unwrap_err();
        assert_eq!(error.to_string(), "sh failed, exit status: 3: oh no");
    }

    #[test]
    fn the_deadline_ends_it() {
        let error = shell("exec sleep 60", "", Duration::from_millis(50)).unwrap_err();
        assert!(error.is_timeout(), "{error}");
    }
}
