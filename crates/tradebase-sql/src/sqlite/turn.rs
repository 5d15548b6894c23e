//! A turn: whoever has the connection carries out what waits.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{MutexGuard, oneshot};
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Result};

use super::handover::Queued;
use super::lane::Lane;
use super::work::{Outcome, Verdict, Work};
use super::writing::Writing;
use crate::error::closed;
use crate::options::Durability;

/// Work that waits for its turn.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) durability: Durability,
    pub(super) queued: Tick,
    pub(super) reply: oneshot::Sender<Reply>,
    /// Whether it must be carried out without others, whose fault might be its own.
    pub(super) alone: bool,
}

pub(super) struct Reply {
    pub(super) outcome: Result<Outcome>,
    pub(super) waited: Duration,
}

/// The connection, while one who carries out what waits has it. Dropped, it leaves it tidy, and
/// hands the rest to the thread.
pub(super) struct Turn<'a> {
    pub(super) lane: &'a Arc<Lane>,
    pub(super) guard: Option<MutexGuard<'a, Option<Writing>>>,
}

impl Turn<'_> {
    pub(super) fn writing(&mut self) -> Option<&mut Writing> {
        self.guard.as_mut()?.as_mut()
    }

    /// The connection, opened if it is not.
    pub(super) fn opened(&mut self) -> Result<&mut Writing> {
        match self.guard.as_deref_mut() {
            Some(Some(writing)) => Ok(writing),
            Some(none) => self.lane.open().map(|writing| none.insert(writing)),
            None => Err(closed()),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(mut guard) = self.guard.take() else { return };
        let long = self.lane.settle(&mut guard);
        drop(guard);
        if long {
            self.lane.ask_checkpoint();
        }
        self.lane.queue.step_back();
    }
}

impl Job {
    pub(super) fn answer(self, outcome: Result<Outcome>) {
        // Nobody listens to what was cancelled after it was begun.
        _ = self.reply.send(Reply { outcome, waited: Duration::ZERO });
    }
}

/// Carries out jobs with one commit, and answers them. Gives those back that are not done: all
/// because another process writes, which it says, or those that must be done alone.
pub(super) fn carry_out(writing: &mut Writing, jobs: Vec<Queued<Job>>) -> (Vec<Queued<Job>>, bool) {
    let begun = Tick::now();
    let full = jobs.iter().any(|queued| queued.job.durability == Durability::Full);
    let durability = if full { Durability::Full } else { Durability::Relaxed };
    let verdicts = writing.make(durability).and_then(|()| match jobs.as_slice() {
        [only] => match writing.alone(&only.job.work) {
            Err(error) if error.code() == Code::Locked => Err(error),
            outcome => Ok(vec![Verdict::Ended(outcome)]),
        },
        many => writing.together(many.iter().map(|queued| &queued.job.work)),
    });
    let verdicts = match verdicts {
        Ok(verdicts) => verdicts,
        Err(error) if error.code() == Code::Locked => return (jobs, true),
        Err(error) => jobs.iter().map(|_| Verdict::Ended(Err(error.again()))).collect(),
    };
    let mut left = Vec::new();
    for (mut queued, verdict) in jobs.into_iter().zip(verdicts) {
        match verdict {
            Verdict::Ended(outcome) => {
                let waited = begun.since(queued.job.queued);
                _ = queued.job.reply.send(Reply { outcome, waited });
            }
            Verdict::Undone => {
                queued.job.alone = true;
                left.push(queued);
            }
        }
    }
    (left, false)
}
