//! Lanes: what waits goes as one statement.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::yield_now;
use tokio::time::timeout;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result};

use super::line::{Joined, Line};
use crate::call::Call;

/// Calls of one statement at most.
pub(super) const TOGETHER_MAX: usize = 512;
/// Calls that wait in a lane at most; further ones wait for room.
const WAITING_MAX: usize = 16_384;

/// The point reads, or the single inserts, of one record.
pub(super) struct Lane<W: Work> {
    line: Line<Job<W>>,
    room: Semaphore,
    room_wait: Duration,
    runtime: Option<Handle>,
    work: W,
}

/// What a lane does.
pub(super) trait Work: Send + Sync + Sized + 'static {
    /// Statements under way from which on calls wait and go together.
    const PLACES: usize;

    /// What a caller wants.
    type Want: Send + Sync + 'static;
    /// What it gets.
    type Got: Send + 'static;

    /// Does what all of them want, and answers each.
    fn carry_out(&self, jobs: Vec<Job<Self>>) -> impl Future<Output = ()> + Send;
}

/// A call that waits.
pub(super) struct Job<W: Work> {
    pub(super) want: W::Want,
    answer: oneshot::Sender<Answer<W::Got>>,
}

/// What a call that waited is told.
enum Answer<R> {
    /// Its statement was sent at that moment, and ended so.
    Done(Tick, Result<R>),
    /// Nothing was sent, and nobody works for it: it goes on alone.
    Alone,
}

/// How it ended for a call that waited.
pub(super) enum Ended<R> {
    Done(R),
    /// Nothing was done: the call goes on alone.
    Alone,
    /// The runtime that worked for it has ended, and nobody knows how far it came.
    Lost,
}

impl<W: Work> Lane<W> {
    /// A lane whose drains belong to that runtime, or to that of a caller.
    pub(super) fn new(work: W, runtime: Option<Handle>, room_wait: Duration) -> Self {
        let (line, room) = (Line::new(W::PLACES), Semaphore::new(WAITING_MAX));
        Self { line, room, room_wait, runtime, work }
    }

    /// The right to work for oneself, at once.
    #[inline]
    pub(super) fn enter(self: &Arc<Self>) -> Option<Place<'_, W>> {
        self.line.enter().then(|| Place { lane: self })
    }

    /// Waits until somebody has done it.
    pub(super) async fn wait(
        self: &Arc<Self>,
        call: &Call<'_>,
        want: W::Want,
    ) -> Result<Ended<W::Got>> {
        let came = Tick::now();
        let Some(runtime) = self.runtime() else { return Ok(Ended::Alone) };
        self.take_room().await?;
        let (answer, answered) = oneshot::channel();
        if self.line.join(Job { want, answer }) == Joined::MustDrain {
            self.drain_on(&runtime);
        }
        match answered.await {
            Ok(Answer::Done(sent, outcome)) => {
                call.waits(sent.since(came));
                outcome.map(Ended::Done)
            }
            Ok(Answer::Alone) => Ok(Ended::Alone),
            Err(_) => Ok(Ended::Lost),
        }
    }

    async fn take_room(&self) -> Result<()> {
        let permit = match self.room.try_acquire() {
            Ok(permit) => permit,
            Err(_) => timeout(self.room_wait, self.room.acquire())
                .await
                .map_err(|_| crowded(self.room_wait))?
                .map_err(|_| crate::error::closed())?,
        };
        // Given back when the job is taken.
        permit.forget();
        Ok(())
    }

    fn runtime(&self) -> Option<Handle> {
        self.runtime.clone().or_else(|| Handle::try_current().ok())
    }

    fn drain_on(self: &Arc<Self>, runtime: &Handle) {
        let drain = Drain { lane: self.clone(), ended: false };
        runtime.spawn(drain.run());
    }
}

#[cold]
fn crowded(wait: Duration) -> Error {
    let message = format!("{WAITING_MAX} calls wait already, and none was done within {wait:?}");
    Error::new(Code::PoolExhausted, message)
}

impl<W: Work> Job<W> {
    /// Whether its caller has gone away.
    pub(super) fn is_gone(&self) -> bool {
        self.answer.is_closed()
    }

    /// Tells its caller how it ended. A caller that has gone away does not hear it.
    pub(super) fn done(self, sent: Tick, outcome: Result<W::Got>) {
        _ = self.answer.send(Answer::Done(sent, outcome));
    }

    /// Tells its caller to go on alone: nothing was done.
    pub(super) fn alone(self) {
        _ = self.answer.send(Answer::Alone);
    }
}

/// The right to work for oneself; dropped, it makes room.
pub(super) struct Place<'a, W: Work> {
    lane: &'a Arc<Lane<W>>,
}

impl<W: Work> Drop for Place<'_, W> {
    #[inline]
    fn drop(&mut self) {
        if self.lane.line.leave() {
            let drain = Drain { lane: self.lane.clone(), ended: false };
            // Without a runtime it is dropped, and ends.
            if let Some(runtime) = self.lane.runtime() {
                runtime.spawn(drain.run());
            }
        }
    }
}

/// Works for those who wait, until nobody does.
struct Drain<W: Work> {
    lane: Arc<Lane<W>>,
    ended: bool,
}

impl<W: Work> Drain<W> {
    async fn run(mut self) {
        loop {
            if self.lane.line.is_empty() {
                // Those who were just answered may come again: a moment for them.
                yield_now().await;
            }
            let Some(mut jobs) = self.lane.line.next(TOGETHER_MAX) else { break };
            self.lane.room.add_permits(jobs.len());
            jobs.retain(|job| !job.is_gone());
            if !jobs.is_empty() {
                self.lane.work.carry_out(jobs).await;
            }
        }
        self.ended = true;
    }
}

impl<W: Work> Drop for Drain<W> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let left = self.lane.line.abandon();
        self.lane.room.add_permits(left.len());
        left.into_iter().for_each(Job::alone);
    }
}
