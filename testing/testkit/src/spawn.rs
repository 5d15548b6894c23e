//! The one door for starting processes: none of them outlives this one.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{self, Child, Command};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::thread;

use libc::c_int;

use crate::KitError;

/// Whose rights a server gets when this process is root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    pub uid: u32,
    pub gid: u32,
}

struct Job {
    command: Command,
    reply: SyncSender<io::Result<Child>>,
}

/// Starts the command; when this process ends, in whatever way, the child gets `death_signal`.
///
/// The kernel sends that signal when the *thread* that forked the child ends, and a test's thread
/// ends with the test. So one thread, which never ends, starts them all.
pub(crate) fn spawn(mut command: Command, death_signal: c_int) -> io::Result<Child> {
    static SPAWNER: LazyLock<Sender<Job>> = LazyLock::new(start_spawner);
    let parent = libc::pid_t::try_from(process::id()).map_err(io::Error::other)?;
    // SAFETY: the closure only makes async-signal-safe system calls and allocates nothing.
    unsafe { command.pre_exec(move || die_with(parent, death_signal)) };
    let (reply, answer) = sync_channel(1);
    let gone = |_| io::Error::other("the thread that starts processes is gone");
    SPAWNER.send(Job { command, reply }).map_err(|_| gone(()))?;
    answer.recv().map_err(|_| gone(()))?
}

/// The user a server that refuses root runs as: `postgres`, else `nobody`. None when this process
/// is not root and the server simply runs as this user.
pub(crate) fn unprivileged_user() -> Result<Option<User>, KitError> {
    // SAFETY: geteuid has no preconditions and cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")
        .map_err(|error| KitError::io("read /etc/passwd", &error))?;
    let user = find_user(&users, "postgres").or_else(|| find_user(&users, "nobody"));
    let text = "postgres refuses root and there is neither a user postgres nor nobody";
    user.map(Some).ok_or_else(|| KitError::failed(text.to_owned()))
}

fn start_spawner() -> Sender<Job> {
    let (jobs, inbox) = channel::<Job>();
    let serve = move || {
        for mut job in inbox {
            // A caller that no longer waits has panicked; its child dies with this process.
            _ = job.reply.send(job.command.spawn());
        }
    };
    // Without this thread every later send fails, and `spawn` reports it.
    _ = thread::Builder::new().name("kit-spawner".into()).spawn(serve);
    jobs
}

/// Runs in the child between fork and exec, after the change of user, which would clear the
/// setting again.
fn die_with(parent: libc::pid_t, death_signal: c_int) -> io::Result<()> {
    // SAFETY: plain system calls with integer arguments.
    let (result, now) =
        unsafe { (libc::prctl(libc::PR_SET_PDEATHSIG, death_signal), libc::getppid()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // The parent may have died before the setting, then the signal would never come.
    if now == parent { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
}

fn find_user(users: &str, name: &str) -> Option<User> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let mut number = || fields.next()?.parse().ok();
    Some(User { uid: number()?, gid: number()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_from_the_password_file() {
        let users = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104::/var/lib:/bin/bash\n";
        let user = find_user(users, "postgres").unwrap();
        assert_eq!((user.uid, user.gid), (101, 104));
        assert!(find_user(users, "post").is_none());
    }
}
