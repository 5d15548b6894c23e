//! Who works at once, who waits, and who works for those who wait.
//!
//! A call that comes while there is little to do works for itself, at once. When enough is under
//! way, calls wait in line, and a *drain* works for all who wait: a task of its own, so that
//! nobody depends on another caller's future, which may be dropped or never looked at again.
//! While anybody waits there is a drain, and it ends only when it finds nobody.
//!
//! Every step is one move under one lock. Between two steps anything can happen, which the test
//! below tries in every order.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The line before a few places.
#[derive(Debug)]
pub(super) struct Line<J> {
    places: usize,
    state: Mutex<State<J>>,
}

#[derive(Clone, Debug)]
struct State<J> {
    /// Calls that work for themselves.
    alone: usize,
    drains: usize,
    waiting: VecDeque<J>,
}

/// What became of a call that was about to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// It waits, and somebody works for it.
    Waits,
    /// It waits, and must begin a drain.
    MustDrain,
}

impl<J> Line<J> {
    /// A line before so many places.
    pub(super) fn new(places: usize) -> Self {
        let state = State { alone: 0, drains: 0, waiting: VecDeque::new() };
        Self { places, state: Mutex::new(state) }
    }

    /// Whether the call may work for itself; then it must [`leave`](Line::leave).
    #[inline]
    pub(super) fn enter(&self) -> bool {
        let mut state = self.lock();
        let free = state.waiting.is_empty() && state.alone + state.drains < self.places;
        state.alone += usize::from(free);
        free
    }

    /// Lines up.
    pub(super) fn join(&self, job: J) -> Joined {
        let mut state = self.lock();
        state.waiting.push_back(job);
        if state.drains > 0 {
            return Joined::Waits;
        }
        state.drains = 1;
        Joined::MustDrain
    }

    /// A call that worked for itself has ended. Says whether another drain must begin.
    #[inline]
    pub(super) fn leave(&self) -> bool {
        let mut state = self.lock();
        state.alone -= 1;
        let more = !state.waiting.is_empty() && state.alone + state.drains < self.places;
        state.drains += usize::from(more);
        more
    }

    /// What a drain does next: at most so many jobs. None if there are none, which ends it.
    pub(super) fn next(&self, most: usize) -> Option<Vec<J>> {
        let mut state = self.lock();
        if state.waiting.is_empty() {
            state.drains -= 1;
            return None;
        }
        let count = state.waiting.len().min(most);
        Some(state.waiting.drain(..count).collect())
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    /// A drain could not go on. If it was the last one, those who wait are given back: they must
    /// be told.
    pub(super) fn abandon(&self) -> VecDeque<J> {
        let mut state = self.lock();
        state.drains -= 1;
        if state.drains > 0 { VecDeque::new() } else { std::mem::take(&mut state.waiting) }
    }

    /// A panic elsewhere cannot leave it half-changed.
    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Where a caller stands.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    enum Caller {
        Comes,
        /// It found no place and is about to line up.
        Refused,
        Alone,
        Waits,
        Served,
    }

    /// A drain, between two steps: with the jobs in hand, or about to ask for some.
    #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    struct Drain(Vec<usize>);

    #[derive(Clone)]
    struct World {
        state: State<usize>,
        callers: Vec<Caller>,
        drains: Vec<Drain>,
        /// A drain may be dropped by the end of its runtime, once.
        may_fail: bool,
    }

    type Seen = (usize, usize, Vec<usize>, Vec<Caller>, Vec<Drain>, bool);

    const PLACES: usize = 2;

    impl World {
        fn seen(&self) -> Seen {
            let mut drains = self.drains.clone();
            drains.sort();
            let State { alone, drains: count, waiting } = &self.state;
            let waiting = waiting.iter().copied().collect();
            (*alone, *count, waiting, self.callers.clone(), drains, self.may_fail)
        }

        /// Does one step of the line, and checks what must hold after each.
        fn step<R>(&mut self, step: impl FnOnce(&Line<usize>) -> R) -> R {
            let line = Line { places: PLACES, state: Mutex::new(self.state.clone()) };
            let done = step(&line);
            self.state = line.state.into_inner().unwrap();
            assert!(self.state.waiting.is_empty() || self.state.drains > 0, "nobody works");
            assert!(self.state.drains <= PLACES, "too many drains");
            assert!(self.state.alone + self.state.drains <= PLACES + 1, "too much at once");
            done
        }

        /// Every world that one step of somebody leads to.
        fn next(&self) -> Vec<World> {
            let callers = (0..self.callers.len()).filter_map(|at| self.caller_steps(at));
            let drains = (0..self.drains.len()).flat_map(|at| self.drain_steps(at));
            callers.chain(drains).collect()
        }

        fn caller_steps(&self, at: usize) -> Option<World> {
            let mut world = self.clone();
            world.callers[at] = match self.callers[at] {
                Caller::Comes if world.step(Line::enter) => Caller::Alone,
                Caller::Comes => Caller::Refused,
                Caller::Refused => {
                    if world.step(|line| line.join(at)) == Joined::MustDrain {
                        world.drains.push(Drain(Vec::new()));
                    }
                    Caller::Waits
                }
                // Done, or dropped in the middle: the same.
                Caller::Alone => {
                    if world.step(Line::leave) {
                        world.drains.push(Drain(Vec::new()));
                    }
                    Caller::Served
                }
                Caller::Waits | Caller::Served => return None,
            };
            Some(world)
        }

        fn drain_steps(&self, at: usize) -> Vec<World> {
            let mut all = Vec::new();
            let mut world = self.clone();
            let in_hand = std::mem::take(&mut world.drains[at].0);
            if in_hand.is_empty() {
                match world.step(|line| line.next(2)) {
                    Some(jobs) => world.drains[at].0 = jobs,
                    None => drop(world.drains.remove(at)),
                }
            } else {
                in_hand.iter().for_each(|&job| world.callers[job] = Caller::Served);
            }
            all.push(world);
            if self.may_fail {
                let mut world = self.clone();
                world.may_fail = false;
                let told = world.drains.remove(at).0;
                let told = told.into_iter().chain(world.step(Line::abandon));
                told.for_each(|job| world.callers[job] = Caller::Served);
                all.push(world);
            }
            all
        }
    }

    #[test]
    fn nobody_is_left_waiting_in_any_order_of_steps() {
        let mut seen = HashSet::new();
        let mut ends = 0;
        let state = State { alone: 0, drains: 0, waiting: VecDeque::new() };
        let callers = vec![Caller::Comes; 5];
        let mut open = vec![World { state, callers, drains: Vec::new(), may_fail: true }];
        while let Some(world) = open.pop() {
            if !seen.insert(world.seen()) {
                continue;
            }
            let next = world.next();
            if next.is_empty() {
                ends += 1;
                assert!(world.callers.iter().all(|c| *c == Caller::Served), "{:?}", world.seen());
                assert_eq!((world.state.alone, world.state.drains), (0, 0));
            }
            open.extend(next);
        }
        assert!(ends > 0 && seen.len() > 1_000, "{ends} ends, {} worlds", seen.len());
    }
}
