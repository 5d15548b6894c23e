//! Every interleaving of those who hand writes over: nothing is lost, nothing is done twice.
//!
//! Written against the handover as the lane uses it, with a model checker's locks in its monitor
//! and around the connection.

use std::sync::atomic::{AtomicUsize, Ordering};

use loom::sync::{Arc, Condvar, Mutex, Notify};
use loom::thread;

use super::handover::{Handover, Monitor, Next, State};

struct Explored<S> {
    state: Mutex<S>,
    news: Condvar,
}

impl<S> Monitor for Explored<S> {
    type State = S;

    fn new(state: S) -> Self {
        Self { state: Mutex::new(state), news: Condvar::new() }
    }

    fn with<R>(&self, work: impl FnOnce(&mut S) -> R) -> R {
        work(&mut self.state.lock().unwrap())
    }

    fn wait<R>(&self, mut ready: impl FnMut(&mut S) -> Option<R>) -> R {
        let mut state = self.state.lock().unwrap();
        loop {
            if let Some(ready) = ready(&mut state) {
                return ready;
            }
            state = self.news.wait(state).unwrap();
        }
    }

    fn notify(&self) {
        self.news.notify_one();
    }
}

/// A write, which counts how often it is done, and tells who waits for it.
#[derive(Clone)]
struct Job {
    done: std::sync::Arc<AtomicUsize>,
    answers: std::sync::Arc<AtomicUsize>,
    answer: Arc<Notify>,
    /// How often it cannot be done yet, because another process writes.
    busy: std::sync::Arc<AtomicUsize>,
}

impl Job {
    fn new(busy: usize) -> Self {
        let counts = |n| std::sync::Arc::new(AtomicUsize::new(n));
        let answer = Arc::new(Notify::new());
        Self { done: counts(0), answers: counts(0), answer, busy: counts(busy) }
    }

    fn is_busy(&self) -> bool {
        let left = self.busy.load(Ordering::SeqCst);
        self.busy.store(left.saturating_sub(1), Ordering::SeqCst);
        left > 0
    }

    fn run(&self) {
        self.done.fetch_add(1, Ordering::SeqCst);
    }

    fn answer(&self) {
        assert_eq!(self.answers.fetch_add(1, Ordering::SeqCst), 0, "a job is answered once");
        self.answer.notify();
    }

    fn wait(&self) {
        self.answer.wait();
    }

    fn done(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }
}

/// A lane whose connection does nothing.
struct Lane {
    queue: Handover<Explored<State<Job>>>,
    connection: Mutex<()>,
    errands: AtomicUsize,
}

impl Lane {
    fn new() -> Arc<Self> {
        let (queue, connection) = (Handover::new(), Mutex::new(()));
        Arc::new(Self { queue, connection, errands: AtomicUsize::new(0) })
    }

    /// The thread.
    fn serve(&self) {
        loop {
            match self.queue.next() {
                Next::Jobs => {
                    let held = self.connection.lock().unwrap();
                    self.carry_out(2);
                    drop(held);
                    self.queue.step_back();
                }
                Next::Errand => {
                    self.errands.fetch_add(1, Ordering::SeqCst);
                }
                Next::End => return,
            }
        }
    }

    fn carry_out(&self, most: usize) {
        let mut room = most;
        let jobs = self.queue.take(|_| {
            let fits = room > 0;
            room = room.saturating_sub(1);
            fits
        });
        let (busy, free): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|one| one.job.is_busy());
        free.iter().for_each(|one| one.job.run());
        free.iter().for_each(|one| one.job.answer());
        self.queue.put_back(busy);
    }

    /// Who need not wait for the disk.
    fn write_in_place(&self, job: &Job, asks: bool) {
        let Ok(held) = self.connection.try_lock() else { return self.write_queued(job) };
        self.queue.lead();
        job.run();
        self.carry_out(1);
        drop(held);
        if asks {
            self.queue.ask();
        }
        self.queue.step_back();
    }

    fn write_queued(&self, job: &Job) {
        self.queue.push(job.clone());
        job.wait();
    }

    /// Who goes away at once. Says whether the job was taken back.
    fn write_and_leave(&self, job: &Job) -> bool {
        let number = self.queue.push(job.clone());
        self.queue.withdraw(number).is_some()
    }
}

type Caller = Box<dyn FnOnce(&Lane) + Send>;

/// Runs these at the same time, beside the thread; when they are through, nothing waits.
fn explore<const N: usize>(callers: impl FnOnce() -> [Caller; N]) -> usize {
    let lane = Lane::new();
    let serving = {
        let lane = lane.clone();
        thread::spawn(move || lane.serve())
    };
    let mut callers: Vec<_> = callers().into_iter().collect();
    let own = callers.pop();
    let others: Vec<_> = callers
        .into_iter()
        .map(|caller| {
            let lane = lane.clone();
            thread::spawn(move || caller(&lane))
        })
        .collect();
    if let Some(own) = own {
        own(&lane);
    }
    others.into_iter().for_each(|other| other.join().unwrap());
    lane.queue.end();
    serving.join().unwrap();
    lane.errands.load(Ordering::SeqCst)
}

/// Every interleaving of at most so many switches that no lock asks for.
const SWITCHES_MAX: usize = 2;

fn explored(model: impl Fn() + Sync + Send + 'static) {
    let mut all = loom::model::Builder::new();
    all.preemption_bound = Some(SWITCHES_MAX);
    all.check(model);
}

#[test]
fn sqlite_two_who_write_in_place_are_both_done_once() {
    explored(|| {
        let (a, b) = (Job::new(0), Job::new(0));
        let (one, other) = (a.clone(), b.clone());
        explore(move || {
            let (one, other) = (one.clone(), other.clone());
            [
                Box::new(move |lane: &Lane| lane.write_in_place(&one, false)),
                Box::new(move |lane: &Lane| lane.write_in_place(&other, false)),
            ]
        });
        assert_eq!((a.done(), b.done()), (1, 1));
    });
}

#[test]
fn sqlite_who_queues_behind_a_leader_is_never_forgotten() {
    explored(|| {
        let (a, b) = (Job::new(0), Job::new(0));
        let (one, other) = (a.clone(), b.clone());
        let errands = explore(move || {
            let (one, other) = (one.clone(), other.clone());
            [
                Box::new(move |lane: &Lane| lane.write_queued(&one)),
                Box::new(move |lane: &Lane| lane.write_in_place(&other, true)),
            ]
        });
        assert_eq!((a.done(), b.done()), (1, 1));
        assert!(errands <= 1);
    });
}

#[test]
fn sqlite_what_is_taken_back_is_not_done_and_what_is_begun_is() {
    explored(|| {
        let (a, b) = (Job::new(0), Job::new(0));
        let (one, other) = (a.clone(), b.clone());
        let taken = std::sync::Arc::new(AtomicUsize::new(0));
        let note = taken.clone();
        explore(move || {
            let (one, other, note) = (one.clone(), other.clone(), note.clone());
            [
                Box::new(move |lane: &Lane| {
                    note.store(usize::from(lane.write_and_leave(&one)), Ordering::SeqCst);
                }),
                Box::new(move |lane: &Lane| lane.write_in_place(&other, false)),
            ]
        });
        assert_eq!(a.done() + taken.load(Ordering::SeqCst), 1);
        assert_eq!(b.done(), 1);
    });
}

#[test]
fn sqlite_what_must_wait_for_another_process_is_done_in_the_end() {
    explored(|| {
        let (a, b) = (Job::new(1), Job::new(0));
        let (one, other) = (a.clone(), b.clone());
        explore(move || {
            let (one, other) = (one.clone(), other.clone());
            [
                Box::new(move |lane: &Lane| lane.write_queued(&one)),
                Box::new(move |lane: &Lane| lane.write_in_place(&other, false)),
            ]
        });
        assert_eq!((a.done(), b.done()), (1, 1));
    });
}

#[test]
fn sqlite_three_who_queue_are_each_done_once() {
    explored(|| {
        let jobs = [Job::new(0), Job::new(0), Job::new(0)];
        let all = jobs.clone();
        explore(move || {
            let [one, two, three] = all.clone();
            [
                Box::new(move |lane: &Lane| lane.write_queued(&one)),
                Box::new(move |lane: &Lane| lane.write_in_place(&two, false)),
                Box::new(move |lane: &Lane| _ = lane.write_and_leave(&three)),
            ]
        });
        assert_eq!((jobs[0].done(), jobs[1].done()), (1, 1));
        assert!(jobs[2].done() <= 1);
    });
}
