//! Who carries queued writes out: the one rule by which nothing is forgotten or done twice.
//!
//! Somebody is answerable for what waits, or nothing waits. Whoever writes in place answers for
//! it while it writes, and hands what is left to the thread; else the thread does, which is woken
//! by the first who queues. The state stands behind a monitor, so that a model checker can put
//! its own in place of it (see the tests).

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

/// A state that one at a time may touch, and that the thread waits on.
pub(super) trait Monitor {
    type State;

    fn new(state: Self::State) -> Self;
    /// Touches the state.
    fn with<R>(&self, work: impl FnOnce(&mut Self::State) -> R) -> R;
    /// Waits until it gives something, which it is asked for after each `notify`.
    fn wait<R>(&self, ready: impl FnMut(&mut Self::State) -> Option<R>) -> R;
    /// Lets the one who waits ask again.
    fn notify(&self);
}

/// The monitor in use.
#[derive(Debug)]
pub(super) struct Parking<S> {
    state: Mutex<S>,
    news: Condvar,
}

/// What waits, and who answers for it.
#[derive(Debug)]
pub(super) struct State<J> {
    waiting: VecDeque<Queued<J>>,
    numbers: u64,
    answerable: Answerable,
    errand: bool,
    ended: bool,
}

/// A job with its number.
#[derive(Debug)]
pub(super) struct Queued<J> {
    pub(super) number: u64,
    pub(super) job: J,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answerable {
    /// Nobody, for nothing waits.
    Nobody,
    /// One who writes in place, and has not stepped back yet.
    Leader,
    /// The thread.
    Thread,
}

/// What the thread does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Carry out what waits.
    Jobs,
    /// Something else was asked for, which comes first: else it might never.
    Errand,
    /// Nothing waits, and nothing will come.
    End,
}

/// The queue and the rule.
#[derive(Debug)]
pub(super) struct Handover<M> {
    monitor: M,
}

impl<J, M: Monitor<State = State<J>>> Handover<M> {
    /// An empty queue.
    pub(super) fn new() -> Self {
        let (waiting, answerable) = (VecDeque::new(), Answerable::Nobody);
        let state = State { waiting, numbers: 0, answerable, errand: false, ended: false };
        Self { monitor: M::new(state) }
    }

    /// Queues a job, and gives its number.
    pub(super) fn push(&self, job: J) -> u64 {
        self.tell(|state| {
            let number = state.numbers;
            state.numbers += 1;
            state.waiting.push_back(Queued { number, job });
            (number, true)
        })
    }

    /// Takes a job out that nobody has begun; none if somebody has.
    pub(super) fn withdraw(&self, number: u64) -> Option<J> {
        self.monitor.with(|state| {
            let at = state.waiting.iter().position(|queued| queued.number == number)?;
            state.waiting.remove(at).map(|queued| queued.job)
        })
    }

    /// Takes jobs from the front to carry them out, as long as they are admitted.
    pub(super) fn take(&self, mut admit: impl FnMut(&J) -> bool) -> Vec<Queued<J>> {
        self.monitor.with(|state| {
            let mut taken = Vec::new();
            while state.waiting.front().is_some_and(|queued| admit(&queued.job)) {
                taken.extend(state.waiting.pop_front());
            }
            taken
        })
    }

    /// Puts jobs back to the front that could not be carried out.
    pub(super) fn put_back(&self, jobs: Vec<Queued<J>>) {
        self.tell(|state| {
            let any = !jobs.is_empty();
            jobs.into_iter().rev().for_each(|queued| state.waiting.push_front(queued));
            ((), any)
        });
    }

    /// Begins to write in place: who queues from now on need not wake the thread.
    pub(super) fn lead(&self) {
        self.monitor.with(|state| {
            if state.answerable == Answerable::Nobody {
                state.answerable = Answerable::Leader;
            }
        });
    }

    /// Steps back after [`lead`](Handover::lead), and hands what waits to the thread.
    pub(super) fn step_back(&self) {
        self.tell(|state| {
            if state.answerable == Answerable::Leader {
                state.answerable = Answerable::Nobody;
            }
            ((), !state.waiting.is_empty() || state.errand)
        });
    }

    /// Asks the thread for something beside the jobs.
    pub(super) fn ask(&self) {
        self.tell(|state| {
            state.errand = true;
            ((), true)
        });
    }

    /// Nothing will come any more: the thread ends when nothing waits.
    pub(super) fn end(&self) {
        self.monitor.with(|state| state.ended = true);
        self.monitor.notify();
    }

    /// What the thread does next. Waits as long as there is nothing.
    pub(super) fn next(&self) -> Next {
        self.monitor.wait(|state| {
            let next = if std::mem::take(&mut state.errand) {
                Next::Errand
            } else if !state.waiting.is_empty() {
                Next::Jobs
            } else {
                if state.answerable == Answerable::Thread {
                    state.answerable = Answerable::Nobody;
                }
                return state.ended.then_some(Next::End);
            };
            state.answerable = Answerable::Thread;
            Some(next)
        })
    }

    /// Touches the state, and wakes the thread if there is work that nobody answers for.
    fn tell<R>(&self, work: impl FnOnce(&mut State<J>) -> (R, bool)) -> R {
        let (done, wake) = self.monitor.with(|state| {
            let (done, any) = work(state);
            let wake = any && state.answerable == Answerable::Nobody;
            if wake {
                state.answerable = Answerable::Thread;
            }
            (done, wake)
        });
        if wake {
            self.monitor.notify();
        }
        done
    }
}

impl<S> Monitor for Parking<S> {
    type State = S;

    fn new(state: S) -> Self {
        Self { state: Mutex::new(state), news: Condvar::new() }
    }

    fn with<R>(&self, work: impl FnOnce(&mut S) -> R) -> R {
        // A panic elsewhere cannot leave it half-changed.
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wait<R>(&self, mut ready: impl FnMut(&mut S) -> Option<R>) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(done) = ready(&mut state) {
                return done;
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn notify(&self) {
        self.news.notify_one();
    }
}
