//! Looking at processes through `/proc`, and signals to a server and all it forked.
//!
//! A process group would not do: every PostgreSQL backend makes a session of its own, so a signal
//! to the postmaster's group never reaches one. The parent links do.

use std::fs;
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use libc::{SIGCONT, SIGKILL, SIGSTOP, c_int};

/// How long a signal may take to show; a process in the middle of a disk write reacts after it.
const SIGNAL_DEADLINE: Duration = Duration::from_secs(20);
const LOOK_PAUSE: Duration = Duration::from_millis(1);

/// A process by pid and start time: the pid alone may be given to another process later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pid: u32,
    start: u64,
}

struct Stat {
    state: char,
    parent: u32,
    start: u64,
}

/// Stops `root` and everything below it, parents first, so that no child is forked or reaped
/// meanwhile and the pids stay those of the processes seen.
///
/// `root` must be a child of this process that was not waited for yet.
pub(crate) fn freeze(root: u32) -> io::Result<Vec<Process>> {
    let mut frozen = Vec::new();
    let mut next = vec![root];
    while !next.is_empty() {
        for &pid in &next {
            let Some(stat) = stat(pid) else { continue };
            frozen.push(Process { pid, start: stat.start });
            signal(pid, SIGSTOP)?;
            until(|| is_stopped(pid))?;
        }
        next = children_of(&next);
    }
    Ok(frozen)
}

/// Lets `root` and everything below it run on, children first.
pub(crate) fn thaw(root: u32) -> io::Result<()> {
    if state_of(root) != Some('T') {
        return Ok(());
    }
    let mut all = vec![root];
    let mut level = children_of(&all);
    while !level.is_empty() {
        all.extend(&level);
        level = children_of(&level);
    }
    all.iter().rev().try_for_each(|&pid| signal(pid, SIGCONT))
}

/// Kills `root` and everything below it as if the power went off for them. `root` remains a
/// zombie for its parent to reap; [`await_gone`] waits for the rest.
pub(crate) fn kill_all(root: u32) -> io::Result<Vec<Process>> {
    let frozen = match freeze(root) {
        Ok(frozen) => frozen,
        // What does not stop may still be killed, later.
        Err(error) => return signal(root, SIGKILL).and(Err(error)),
    };
    frozen.iter().try_for_each(|process| signal(process.pid, SIGKILL))?;
    Ok(frozen)
}

/// Waits until none of the processes runs any more.
pub(crate) fn await_gone(processes: &[Process]) -> io::Result<()> {
    let runs = |process: &Process| {
        stat(process.pid).is_some_and(|now| now.start == process.start && now.state != 'Z')
    };
    until(|| !processes.iter().any(runs))
}

/// Sends `number` to `pid`, which must be our child, or below one that is stopped. A process that
/// is already gone is no error.
pub(crate) fn signal(pid: u32, number: c_int) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    // SAFETY: kill has no memory preconditions; a positive pid addresses one process.
    if unsafe { libc::kill(pid, number) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::ESRCH) { Ok(()) } else { Err(error) }
}

/// When the process started, in clock ticks since boot.
pub(crate) fn start_ticks(pid: u32) -> Option<u64> {
    stat(pid).map(|stat| stat.start)
}

/// The kernel's state letter of the process: `T` is stopped, `Z` is dead and not reaped.
pub(crate) fn state_of(pid: u32) -> Option<char> {
    stat(pid).map(|stat| stat.state)
}

fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The second field is the program's name in brackets and may hold anything, so the fields are
/// counted from its end.
fn parse(line: &str) -> Option<Stat> {
    let (_, fields) = line.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

fn children_of(parents: &[u32]) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|&pid| stat(pid).is_some_and(|stat| parents.contains(&stat.parent))).collect()
}

/// All threads stand still: the first one may stop a moment before the others.
fn is_stopped(pid: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks
        .filter_map(|task| parse(&fs::read_to_string(task.path().join("stat")).ok()?))
        .all(|stat| matches!(stat.state, 'T' | 't' | 'Z' | 'X'))
}

fn until(done: impl Fn() -> bool) -> io::Result<()> {
    let deadline = Instant::now() + SIGNAL_DEADLINE;
    while !done() {
        if Instant::now() > deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "a signal shows no effect"));
        }
        sleep(LOOK_PAUSE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_is_no_trap() {
        let line = "7 (a) b (c) T 3 7 7 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 4711 99 100";
        let stat = parse(line).unwrap();
        assert_eq!((stat.state, stat.parent, stat.start), ('T', 3, 4711));
    }
}
