//! The lane of those who write: one connection, and a queue in front of it.
//!
//! Who finds the connection free and need not wait for the disk writes in place. Everybody else
//! queues, and whoever has the connection, the thread or one who writes in place, carries what
//! waits out with one commit, and answers afterwards. Only what nobody has begun can be taken
//! back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, oneshot};
use tokio::time::timeout;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result};

use super::address::Place;
use super::error::unopened;
use super::handover::{Handover, Next, Parking, State};
use super::known::Known;
use super::thread::{Thread, rest};
use super::turn::{Job, Reply, Turn, carry_out};
use super::work::{Outcome, Work};
use super::writing::{Writing, note_unclosed};
use crate::call::Call;
use crate::error::closed;
use crate::options::{Durability, SqlOptions};

/// Writers that wait in the queue; more wait for a place in it.
const QUEUE_JOBS: usize = 4096;
/// Writes that share a commit at most, unless one piece of work has more.
const GROUP_WRITES_MAX: usize = 512;
/// Writes of others that one who writes in place carries out behind its own, on a thread that
/// serves other tasks too: measured, 0.13 ms for rows of 100 bytes.
const LEADER_WRITES_MAX: usize = 64;
/// With so many writers at a time the thread carries all writes out: commits of its own for those
/// who come first would cost the others more than the way to the thread.
const CROWD: usize = 4;
/// The pause of the thread while another process writes. SQLite keeps no queue: who asks often
/// gets its turn.
const BUSY_POLL: Duration = Duration::from_micros(250);
/// The pause between two commits while another process writes too: long enough for it to ask.
const FAIR_PAUSE: Duration = Duration::from_millis(1);
/// How long another process counts as writing after it was seen to.
const CROWDED_FOR: Duration = Duration::from_millis(200);

/// How long one whose time is over waits for the outcome before it asks again to have its work
/// back.
const BEGUN_WAIT: Duration = Duration::from_millis(5);

/// The connection that writes, and the queue.
pub(super) struct Lane {
    pub(super) place: Place,
    pub(super) options: SqlOptions,
    /// None before `connect`, after `close`, and when a door has spent it: then the next call
    /// opens another.
    pub(super) writer: Arc<Mutex<Option<Writing>>>,
    pub(super) queue: Handover<Parking<State<Job>>>,
    /// Which tables have been looked at.
    pub(super) known: Known,
    room: Semaphore,
    /// Started when it is first needed.
    thread: StdMutex<Option<Thread>>,
    has_thread: AtomicBool,
    /// Whether so many write that the thread does it for all.
    grouped: AtomicBool,
    /// Whether another process writes too.
    crowded: AtomicBool,
    /// When another one was last seen to have written.
    seen: StdMutex<Option<Tick>>,
    /// Set by `close`: whoever holds the connection then closes it instead of giving it back.
    shut: AtomicBool,
}

/// What was seen of another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    Nobody,
    /// It has written meanwhile.
    Traces,
    /// It was writing.
    InTheWay,
}

impl Lane {
    pub(super) fn new(place: Place, options: SqlOptions) -> Self {
        Self {
            place,
            options,
            writer: Arc::new(Mutex::new(None)),
            queue: Handover::new(),
            known: Known::new(),
            room: Semaphore::new(QUEUE_JOBS),
            thread: StdMutex::new(None),
            has_thread: AtomicBool::new(false),
            grouped: AtomicBool::new(false),
            crowded: AtomicBool::new(false),
            seen: StdMutex::new(None),
            shut: AtomicBool::new(false),
        }
    }

    /// Whether the store has been closed.
    pub(super) fn is_shut(&self) -> bool {
        self.shut.load(Ordering::Acquire)
    }

    pub(super) fn is_memory(&self) -> bool {
        self.place == Place::Memory
    }

    /// How durable the writes of a call are.
    pub(super) fn durability(&self, call: &Call<'_>) -> Durability {
        call.manner.durability.unwrap_or(self.options.durability)
    }

    /// Whether the writes of a call may run on the caller's thread: it need not wait for the
    /// disk, or may.
    pub(super) fn is_in_place(&self, call: &Call<'_>) -> bool {
        call.manner.in_place || self.is_memory() || self.durability(call) == Durability::Relaxed
    }

    /// Opens the connection that writes.
    pub(super) fn open(&self) -> Result<Writing> {
        if self.is_shut() {
            return Err(closed());
        }
        Writing::open(&self.place, &self.options).map_err(|e| match &self.place {
            Place::Memory => e,
            Place::File(path) => unopened(path, e),
        })
    }

    /// Carries work out when it is its turn. Cancelled before anybody has begun it, it is not
    /// done; later, it is done all the same.
    pub(super) async fn run(self: &Arc<Self>, call: &Call<'_>, work: Work) -> Result<Outcome> {
        let durability = self.durability(call);
        let known = !work.is_open_ended() && work.len() <= LEADER_WRITES_MAX;
        let short = call.manner.in_place || known;
        let free = !self.crowded.load(Ordering::Relaxed) && !self.grouped.load(Ordering::Relaxed);
        let work = if free && short && self.is_in_place(call) {
            match self.in_place(work, durability) {
                Ok(outcome) => return outcome,
                Err(work) => work,
            }
        } else {
            work
        };
        self.queued(call, work, durability).await
    }

    /// Carries work out now, and what waits behind it; gives it back if that cannot be.
    fn in_place(
        self: &Arc<Self>,
        work: Work,
        durability: Durability,
    ) -> std::result::Result<Result<Outcome>, Work> {
        let Ok(guard) = self.writer.try_lock() else { return Err(work) };
        self.queue.lead();
        let mut turn = Turn { lane: self, guard: Some(guard) };
        let Some(writing) = turn.writing() else { return Err(work) };
        let outcome = writing.make(durability).and_then(|()| writing.alone(&work));
        if matches!(&outcome, Err(error) if error.code() == Code::Locked) {
            // Waiting for another process is nothing for this thread.
            self.notice(Met::InTheWay);
            return Err(work);
        }
        if matches!(writing.sees_others_at_times(), Ok(true)) {
            self.notice(Met::Traces);
        }
        let mut room = LEADER_WRITES_MAX;
        let jobs = self.queue.take(|job| {
            let fits = job.work.len() <= room
                && !job.work.is_open_ended()
                && !job.alone
                && (durability == Durability::Full || job.durability == Durability::Relaxed);
            room = room.saturating_sub(job.work.len());
            fits
        });
        if !jobs.is_empty() {
            self.grouped.store(jobs.len() >= CROWD, Ordering::Relaxed);
            self.queue.put_back(carry_out(writing, jobs).0);
        }
        Ok(outcome)
    }

    /// Queues work, and waits for its end.
    async fn queued(
        self: &Arc<Self>,
        call: &Call<'_>,
        work: Work,
        durability: Durability,
    ) -> Result<Outcome> {
        let (queued, wait) = (Tick::now(), self.options.busy_wait);
        let room = match self.room.try_acquire() {
            Ok(room) => Ok(room),
            Err(_) => timeout(wait, self.room.acquire()).await.map_err(|_| self.held())?,
        };
        let _room = room.map_err(|_| closed())?;
        if self.is_shut() {
            return Err(closed());
        }
        self.start()?;
        let (reply, mut answer) = oneshot::channel();
        let number = self.queue.push(Job { work, durability, queued, reply, alone: false });
        let mut place = Waits { lane: self, number, over: false };
        if self.is_shut() && self.queue.withdraw(number).is_some() {
            // The thread may have ended before it was queued.
            place.over = true;
            return Err(closed());
        }
        let mut left = wait.saturating_sub(queued.elapsed());
        let answered = loop {
            match timeout(left, &mut answer).await {
                Ok(answered) => break answered,
                Err(_) if self.queue.withdraw(number).is_some() => {
                    place.over = true;
                    call.waits(queued.elapsed());
                    return Err(self.held());
                }
                // Somebody has begun it, but may have to put it back.
                Err(_) => left = BEGUN_WAIT,
            }
        };
        place.over = true;
        let Reply { outcome, waited } = answered.map_err(|_| unanswered())?;
        call.waits(waited);
        outcome
    }

    /// Starts the thread, unless it is there.
    fn start(self: &Arc<Self>) -> Result<()> {
        if self.has_thread.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut thread = self.thread();
        if thread.is_none() && !self.is_shut() {
            let lane = self.clone();
            *thread = Some(Thread::start("tradebase-sqlite", move || lane.serve())?);
            self.has_thread.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn thread(&self) -> std::sync::MutexGuard<'_, Option<Thread>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the thread end when nothing waits any more.
    pub(super) fn end(&self) {
        self.shut.store(true, Ordering::Release);
        self.queue.end();
    }

    /// Waits until the thread has ended.
    pub(super) async fn ended(&self) {
        let thread = self.thread().take();
        if let Some(thread) = thread {
            thread.ended().await;
        }
    }

    /// Lets the thread move a long log into the file.
    pub(super) fn ask_checkpoint(self: &Arc<Self>) {
        match self.start() {
            Ok(()) => self.queue.ask(),
            Err(error) => {
                let code = error.code().as_str();
                tracing::warn!(store = "sqlite", code, "the log cannot be moved into the file");
            }
        }
    }

    #[cold]
    pub(super) fn held(&self) -> Error {
        let message = format!("another write held the database for {:?}", self.options.busy_wait);
        Error::new(Code::Locked, message)
    }

    /// What the thread does.
    fn serve(self: &Arc<Self>) {
        loop {
            let turn = std::panic::AssertUnwindSafe(|| match self.queue.next() {
                Next::Jobs => Some(self.turn()),
                Next::Errand => {
                    self.checkpoint();
                    Some(Met::Nobody)
                }
                Next::End => None,
            });
            // A defect fails the calls it meets, and not all that come after.
            match std::panic::catch_unwind(turn) {
                Ok(Some(met)) => self.pace(met),
                Ok(None) => return,
                Err(_) => tracing::error!(store = "sqlite", "a write panicked"),
            }
        }
    }

    /// Notes a sign of another process. One that has written once may be gone: only one that was in
    /// the way, or has written again after a while, counts as writing.
    #[cold]
    fn notice(&self, met: Met) {
        let before = self.seen().replace(Tick::now());
        let again = before.is_some_and(|at| at.elapsed() < CROWDED_FOR);
        if met == Met::InTheWay || again {
            self.crowded.store(true, Ordering::Relaxed);
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Option<Tick>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves room for another process, as long as there is one that writes.
    fn pace(&self, met: Met) {
        if met != Met::Nobody {
            self.notice(met);
        }
        if !self.crowded.load(Ordering::Relaxed) {
            return;
        }
        if self.seen().is_none_or(|at| at.elapsed() > CROWDED_FOR) {
            self.crowded.store(false, Ordering::Relaxed);
        } else if met == Met::Nobody {
            rest(FAIR_PAUSE);
        }
    }

    /// Carries out what waits, as much as one commit takes. Says whether another process was met.
    fn turn(self: &Arc<Self>) -> Met {
        let mut turn = Turn { lane: self, guard: Some(self.writer.blocking_lock()) };
        let (mut room, mut first, mut alone) = (GROUP_WRITES_MAX, true, false);
        let jobs = self.queue.take(|job| {
            let fits = first || (!alone && !job.alone && job.work.len() <= room);
            alone |= job.alone;
            first = false;
            room = room.saturating_sub(job.work.len());
            fits
        });
        if jobs.is_empty() {
            self.grouped.store(false, Ordering::Relaxed);
            return Met::Nobody;
        }
        self.grouped.store(jobs.len() >= CROWD, Ordering::Relaxed);
        let (left, busy) = match turn.opened() {
            Ok(writing) => carry_out(writing, jobs),
            Err(error) if error.code() == Code::Locked => (jobs, true),
            Err(error) => {
                jobs.into_iter().for_each(|queued| queued.job.answer(Err(error.again())));
                (Vec::new(), false)
            }
        };
        let met = match turn.opened().and_then(Writing::sees_others) {
            _ if busy => Met::InTheWay,
            Ok(true) => Met::Traces,
            Ok(false) | Err(_) => Met::Nobody,
        };
        self.queue.put_back(left);
        drop(turn);
        if busy {
            rest(BUSY_POLL);
        }
        met
    }

    fn checkpoint(self: &Arc<Self>) {
        let mut turn = Turn { lane: self, guard: Some(self.writer.blocking_lock()) };
        let long = turn.writing().filter(|writing| writing.log_is_long());
        if let Some(Err(error)) = long.map(Writing::checkpoint) {
            let code = error.code().as_str();
            tracing::warn!(store = "sqlite", code, "the log cannot be moved into the file");
        }
    }

    /// Leaves the connection as the next one may have it. Says whether its log is long.
    pub(super) fn settle(&self, writing: &mut Option<Writing>) -> bool {
        let Some(open) = writing.as_mut() else { return false };
        open.tidy();
        let long = open.log_is_long();
        if self.is_shut()
            && let Some(writing) = writing.take()
        {
            note_unclosed(writing.end());
            return false;
        }
        long
    }
}

/// A place in the queue. Dropped, the work is not done, unless somebody has begun it.
struct Waits<'a> {
    lane: &'a Lane,
    number: u64,
    over: bool,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if !self.over {
            drop(self.lane.queue.withdraw(self.number));
        }
    }
}

#[cold]
fn unanswered() -> Error {
    // Whoever had it has panicked, before its commit or behind it.
    Error::new(Code::OutcomeUnknown, "a write was not answered")
}
