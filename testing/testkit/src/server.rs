//! What all private servers have in common: start, readiness, faults and the end.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use libc::c_int;

use crate::command::wait;
use crate::port::Port;
use crate::process::{await_gone, freeze, kill_all, signal, thaw};
use crate::spawn::{User, spawn};
use crate::{KitError, TempFolder, programs};

/// How long a started server may take to answer; recovery on a busy machine needs its time.
pub const READY_DEADLINE: Duration = Duration::from_secs(60);
/// How long a server may take to end after it was asked to.
pub const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(30);
/// How long one question to a starting server may take before it is asked again.
pub(crate) const PROBE_DEADLINE: Duration = Duration::from_secs(2);
const PROBE_PAUSE: Duration = Duration::from_millis(3);
/// How often a start is tried when somebody else took the port first.
const START_ATTEMPTS: u32 = 5;
const LOG_NAME: &str = "server.log";
/// How much of a server's log goes into an error.
const LOG_TAIL_BYTES: u64 = 4_096;

/// A private server as a process: its port, its pid, and the faults it can be given.
///
/// Every handle dereferences to this, so a proof can take `&Server` and serve all engines. Do not
/// give faults to a `shared` server: other tests of the process use it too.
pub struct Server {
    name: &'static str,
    launch: Launch,
    folder: TempFolder,
    child: Mutex<Option<Child>>,
}

/// How a kind of server is started, asked and ended.
pub(crate) struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub user: Option<User>,
    /// The first one is the server's address.
    pub ports: Vec<Port>,
    /// Asks once whether the server answers. It asks on the unix socket in the server's own
    /// folder: behind a port that was lost to somebody else, a stranger would answer.
    pub answers: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Ends it with its data in order.
    pub polite_signal: c_int,
    /// Ends it at once, yet lets it take its own children and kernel objects along.
    pub quick_signal: c_int,
}

impl Server {
    /// Starts it with what `plan` says, and plans anew when the port was lost.
    pub(crate) fn start(
        name: &'static str,
        folder: TempFolder,
        plan: impl Fn(&TempFolder) -> Result<Launch, KitError>,
    ) -> Result<Self, KitError> {
        let launch = plan(&folder)?;
        let mut server = Self { name, launch, folder, child: Mutex::new(None) };
        for _ in 1..START_ATTEMPTS {
            match server.run() {
                Err(error) if error.is_port_taken() => server.launch = plan(&server.folder)?,
                Err(error) => return Err(error),
                Ok(()) => return Ok(server),
            }
        }
        server.run().map(|()| server)
    }

    /// The port on 127.0.0.1, the same for the whole life of the handle.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.launch.ports.first().map_or(0, Port::number)
    }

    /// The pid of the server's main process, none while it does not run.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        running(&mut self.child()).map(|child| child.id())
    }

    /// False once the server has ended, by whatever cause. A stopped server still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.pid().is_some()
    }

    /// The end of the server's log.
    #[must_use]
    pub fn log(&self) -> String {
        self.log_since(0)
    }

    /// Kills the server and all its processes with SIGKILL; returns when none is left.
    ///
    /// # Errors
    /// When a process does not go away.
    pub fn kill(&self) -> Result<(), KitError> {
        let mut slot = self.child();
        let Some(child) = running(&mut slot) else { return Ok(()) };
        self.end_hard(child)?;
        *slot = None;
        Ok(())
    }

    /// Stops the server and all its processes with SIGSTOP: connections stay open, nothing
    /// answers. Returns when they stand still.
    ///
    /// # Errors
    /// When the server does not run, or does not stand still.
    pub fn stop(&self) -> Result<(), KitError> {
        let mut slot = self.child();
        let child = running(&mut slot).ok_or_else(|| self.not_running())?;
        freeze(child.id()).map(drop).map_err(|error| self.cannot("stop", &error))
    }

    /// Lets a stopped server run on, with SIGCONT to all its processes.
    ///
    /// # Errors
    /// When the server does not run.
    pub fn cont(&self) -> Result<(), KitError> {
        let mut slot = self.child();
        let child = running(&mut slot).ok_or_else(|| self.not_running())?;
        thaw(child.id()).map_err(|error| self.cannot("continue", &error))
    }

    /// Ends the server as an administrator would, with its data in order. A stopped server is
    /// continued first.
    ///
    /// # Errors
    /// When it does not end within [`SHUTDOWN_DEADLINE`]; it is left running then.
    pub fn shutdown(&self) -> Result<(), KitError> {
        let mut slot = self.child();
        let Some(child) = running(&mut slot) else { return Ok(()) };
        let ended = self.end(child, self.launch.polite_signal);
        if !ended.map_err(|error| self.cannot("shut down", &error))? {
            let what = format!("{} did not shut down", self.name);
            return Err(
                KitError::timeout(&what, SHUTDOWN_DEADLINE, "it still runs").with_log(&self.log())
            );
        }
        *slot = None;
        Ok(())
    }

    /// Brings the server back on the same port with the same data; one that still runs is shut
    /// down first. Returns when it answers.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn restart(&self) -> Result<(), KitError> {
        self.shutdown()?;
        self.run()
    }

    pub(crate) fn folder(&self) -> &TempFolder {
        &self.folder
    }

    fn run(&self) -> Result<(), KitError> {
        let mut slot = self.child();
        let log = File::options().append(true).create(true).open(self.folder.file(LOG_NAME));
        let log = log.map_err(|error| self.cannot("write the log of", &error))?;
        let log_start = log.metadata().map_or(0, |meta| meta.len());
        let child = slot.insert(self.spawn(log).map_err(|error| self.cannot("start", &error))?);
        let ready = self.await_answer(child, log_start);
        if ready.is_err() {
            _ = self.end_hard(child);
            *slot = None;
        }
        ready
    }

    fn spawn(&self, log: File) -> io::Result<Child> {
        let launch = &self.launch;
        let mut command = programs::command(&launch.program);
        command.args(&launch.arguments).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // Its own group, so that Ctrl-C on a terminal ends the tests and not, before them, the
        // servers they speak to.
        command.process_group(0);
        if let Some(user) = launch.user {
            command.uid(user.uid).gid(user.gid);
        }
        spawn(command, launch.quick_signal)
    }

    fn await_answer(&self, child: &mut Child, log_start: u64) -> Result<(), KitError> {
        let end = Instant::now() + READY_DEADLINE;
        loop {
            let status = child.try_wait().map_err(|error| self.cannot("watch", &error))?;
            if let Some(status) = status {
                return Err(KitError::died(self.name, status, &self.log_since(log_start)));
            }
            let Err(why) = (self.launch.answers)() else { return Ok(()) };
            if Instant::now() > end {
                let what = format!("{} did not answer", self.name);
                let error = KitError::timeout(&what, READY_DEADLINE, &why);
                return Err(error.with_log(&self.log_since(log_start)));
            }
            sleep(PROBE_PAUSE);
        }
    }

    /// Continues it, sends the signal, and says whether it ended in time.
    fn end(&self, child: &mut Child, number: c_int) -> io::Result<bool> {
        // The signal first: it is pending when the process wakes, so nothing else is done.
        signal(child.id(), number)?;
        thaw(child.id())?;
        Ok(wait(child, SHUTDOWN_DEADLINE)?.is_some())
    }

    fn end_hard(&self, child: &mut Child) -> Result<(), KitError> {
        let killed = kill_all(child.id()).map_err(|error| self.cannot("kill", &error))?;
        child.wait().map_err(|error| self.cannot("wait for", &error))?;
        await_gone(&killed).map_err(|error| self.cannot("see the end of", &error))
    }

    /// A panic elsewhere does not make the process handle wrong.
    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_since(&self, start: u64) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut log = File::open(self.folder.file(LOG_NAME))?;
            let size = log.metadata()?.len();
            log.seek(SeekFrom::Start(start.max(size.saturating_sub(LOG_TAIL_BYTES))))?;
            let mut tail = Vec::new();
            log.take(LOG_TAIL_BYTES).read_to_end(&mut tail)?;
            Ok(tail)
        };
        read().map_or_else(
            |error| format!("unreadable: {error}"),
            |tail| String::from_utf8_lossy(&tail).into_owned(),
        )
    }

    fn cannot(&self, verb: &str, error: &io::Error) -> KitError {
        KitError::io(format_args!("{verb} {}", self.name), error)
    }

    fn not_running(&self) -> KitError {
        KitError::failed(format!("{} does not run", self.name))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let slot = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        running(slot);
        if let Some(mut child) = slot.take()
            && !matches!(self.end(&mut child, self.launch.quick_signal), Ok(true))
        {
            _ = self.end_hard(&mut child);
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(self.name).field("port", &self.port()).field("pid", &self.pid()).finish()
    }
}

/// The server all tests of a process share, started by the first one that asks. A failure is
/// kept too, so that every test says what is missing and not only the first.
#[track_caller]
pub(crate) fn shared<S>(
    slot: &'static OnceLock<Result<S, KitError>>,
    start: fn() -> Result<S, KitError>,
) -> &'static S {
    slot.get_or_init(start).as_ref().unwrap_or_else(|error| panic!("{error}"))
}

/// A pid and a number that no other call on this machine is given now: for names of databases
/// and keys.
pub(crate) fn unique() -> (u32, u64) {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    (process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Writes a server's settings file.
pub(crate) fn write_settings(path: &std::path::Path, text: &str) -> Result<(), KitError> {
    fs::write(path, text)
        .map_err(|error| KitError::io(format_args!("write {}", path.display()), &error))
}

/// The child if it still runs; one that ended is reaped and forgotten.
fn running(slot: &mut Option<Child>) -> Option<&mut Child> {
    if slot.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None))) {
        *slot = None;
    }
    slot.as_mut()
}
