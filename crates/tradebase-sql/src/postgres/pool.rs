//! The pool of connections.
//!
//! One list under one lock that is never held for longer than a few moves. A call takes the
//! connection that was used last, so that the others may rest and go; if there is none, it may
//! open one, as long as there are places; if there is no place, it waits in line. Whoever gives a
//! place back hands it to the first in line itself, so that no place is ever free while somebody
//! waits.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Result};

use super::address::Address;
use super::connection::Connection;
pub(super) use super::place::Lease;
use crate::error::closed;
use crate::options::SqlOptions;
use crate::status::PoolStatus;

/// Calls that wait for a connection at most. More than that are refused at once: they would not
/// have their turn in time.
const WAITERS_MAX: usize = 100_000;

/// Connections to one database.
pub(super) struct Pool {
    address: Address,
    options: SqlOptions,
    state: Mutex<State>,
    /// Told when a pool that is shut has nothing in use any more.
    at_rest: Notify,
    /// How often statements that may have altered tables were run.
    alterations: AtomicU64,
}

struct State {
    connections: usize,
    overflow: usize,
    /// The one used last stands at the back.
    idle: VecDeque<Box<Connection>>,
    /// Places that are taken: leases, with or without their connection.
    in_use: usize,
    /// In the order in which they came.
    waiters: BTreeMap<u64, oneshot::Sender<Lease>>,
    next_ticket: u64,
    shut: bool,
    counts: Counts,
}

/// What is counted since the pool was made.
#[derive(Default)]
struct Counts {
    waits: u64,
    wait_total: Duration,
    wait_max: Duration,
    exhausted: u64,
    opened: u64,
    recycled: u64,
    surplus: u64,
    broken: u64,
    cancelled: u64,
}

/// How a connection ended that did not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By the server, or in a state that nobody knows.
    Broken,
    /// In the middle of a statement.
    Cancelled,
    /// By its age.
    Recycled,
}

impl Pool {
    /// An empty pool.
    pub(super) fn new(address: Address, options: SqlOptions) -> Self {
        let state = State {
            connections: options.pool_connections,
            overflow: options.pool_overflow,
            idle: VecDeque::new(),
            in_use: 0,
            waiters: BTreeMap::new(),
            next_ticket: 0,
            shut: false,
            counts: Counts::default(),
        };
        let (at_rest, alterations) = (Notify::new(), AtomicU64::new(0));
        Self { address, options, state: Mutex::new(state), at_rest, alterations }
    }

    /// How the store is used.
    #[cfg(feature = "guest")]
    pub(super) fn options(&self) -> &SqlOptions {
        &self.options
    }

    /// The server, and how it is spoken to.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// A connection that nobody else uses.
    pub(super) async fn lease(self: &Arc<Self>) -> Result<Lease> {
        let mut lease = match self.take()? {
            Some(lease) => lease,
            None => Box::pin(self.wait()).await?,
        };
        if !lease.is_connected() {
            let connection = Box::pin(Connection::open(&self.address, &self.options)).await?;
            self.lock().counts.opened += 1;
            lease.connect(connection);
        }
        lease.keep_up(self.alterations.load(Ordering::Relaxed));
        Ok(lease)
    }

    /// A place, and the connection used last if there is one. None if all are taken.
    fn take(self: &Arc<Self>) -> Result<Option<Lease>> {
        let now = Tick::now();
        // Dropped after the lock.
        let mut ended = Vec::new();
        let mut state = self.lock();
        if state.shut {
            return Err(closed());
        }
        if !state.has_place() {
            return Ok(None);
        }
        state.in_use += 1;
        let connection = state.pick(now, &mut ended);
        drop(state);
        Ok(Some(Lease::new(self.clone(), connection)))
    }

    /// Waits in line for a place.
    async fn wait(self: &Arc<Self>) -> Result<Lease> {
        let begin = Tick::now();
        let (sender, place) = oneshot::channel();
        let ticket = {
            let mut state = self.lock();
            if state.shut {
                return Err(closed());
            }
            if state.has_place() {
                state.in_use += 1;
                let connection = state.idle.pop_back();
                drop(state);
                return Ok(Lease::new(self.clone(), connection).fresh(begin));
            }
            if state.waiters.len() >= WAITERS_MAX {
                state.counts.exhausted += 1;
                return Err(state.exhausted(Duration::ZERO));
            }
            Ticket { pool: self, number: state.line_up(sender) }
        };
        let wait = self.options.pool_wait;
        let got = timeout(wait, place).await;
        drop(ticket);
        let now = Tick::now();
        let mut state = self.lock();
        state.counts.waited(now.since(begin));
        match got {
            Ok(Ok(lease)) => {
                drop(state);
                Ok(lease.fresh(now))
            }
            Ok(Err(_)) => Err(closed()),
            Err(_) => {
                state.counts.exhausted += 1;
                Err(state.exhausted(wait))
            }
        }
    }

    /// Takes a place back, with its connection if that may be used again.
    pub(super) fn give_back(self: &Arc<Self>, connection: Option<Box<Connection>>) {
        let mut state = self.lock();
        if state.in_use <= state.capacity()
            && let Some((_, waiter)) = state.waiters.pop_first()
        {
            drop(state);
            // If that call has just been dropped, the lease comes back here.
            drop(waiter.send(Lease::new(self.clone(), connection)));
            return;
        }
        state.in_use = state.in_use.saturating_sub(1);
        let surplus = match connection {
            Some(connection) if !state.shut && state.idle.len() < state.connections => {
                state.idle.push_back(connection);
                None
            }
            Some(connection) => {
                state.counts.surplus += 1;
                Some(connection)
            }
            None => None,
        };
        let rests = state.shut && state.rests();
        drop(state);
        drop(surplus);
        if rests {
            self.at_rest.notify_waiters();
        }
    }

    /// Counts a connection that has ended.
    #[cold]
    pub(super) fn ended(&self, end: End) {
        let counts = &mut self.lock().counts;
        let count = match end {
            End::Broken => &mut counts.broken,
            End::Cancelled => &mut counts.cancelled,
            End::Recycled => &mut counts.recycled,
        };
        *count += 1;
    }

    /// A connection was lost in use: the idle ones have most likely met the same end, even where
    /// that has not shown yet. They are ended, so that no further call meets it.
    #[cold]
    pub(super) fn suspect(&self) {
        let mut state = self.lock();
        let idle = std::mem::take(&mut state.idle);
        let count = u64::try_from(idle.len()).unwrap_or(u64::MAX);
        state.counts.broken = state.counts.broken.saturating_add(count);
        drop(state);
        drop(idle);
    }

    /// A table may be another one from now on: all connections compare theirs anew.
    pub(super) fn altered(&self) {
        self.alterations.fetch_add(1, Ordering::Relaxed);
    }

    /// Sets how many connections are kept, and how many more may be opened.
    pub(super) fn resize(self: &Arc<Self>, connections: usize, overflow: usize) {
        let (mut surplus, mut handed) = (Vec::new(), Vec::new());
        let mut state = self.lock();
        (state.connections, state.overflow) = (connections.max(1), overflow);
        while state.idle.len() > state.connections {
            surplus.extend(state.idle.pop_front());
        }
        let count = u64::try_from(surplus.len()).unwrap_or(u64::MAX);
        state.counts.surplus = state.counts.surplus.saturating_add(count);
        while state.in_use < state.capacity()
            && let Some((_, waiter)) = state.waiters.pop_first()
        {
            state.in_use += 1;
            handed.push((waiter, Lease::new(self.clone(), state.idle.pop_back())));
        }
        drop(state);
        for (waiter, lease) in handed {
            drop(waiter.send(lease));
        }
    }

    /// How it stands.
    pub(super) fn status(&self) -> PoolStatus {
        let state = self.lock();
        let Counts { waits, wait_total, wait_max, exhausted, opened, .. } = state.counts;
        let Counts { recycled, surplus, broken, cancelled, .. } = state.counts;
        PoolStatus {
            engine: crate::POSTGRES.engine,
            connections: state.connections,
            overflow: state.overflow,
            in_use: state.in_use,
            idle: state.idle.len(),
            waiting: state.waiters.len(),
            waits,
            wait_total,
            wait_max,
            exhausted,
            opened,
            recycled,
            surplus,
            broken,
            cancelled,
        }
    }

    /// A panic elsewhere cannot leave the state half-changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all connections, when those in use are given back. Calls in line have their turn
    /// first, new ones are refused.
    pub(super) async fn close(&self) -> Result<()> {
        self.lock().shut = true;
        let wait = self.options.pool_wait;
        let rested = timeout(wait, self.rest()).await;
        let (idle, waiters, late) = {
            let mut state = self.lock();
            let (idle, waiters) = (take(&mut state.idle), take(&mut state.waiters));
            (idle, waiters, state.still_used(wait))
        };
        // They learn that the pool is closed.
        drop(waiters);
        Connection::close_all(idle).await;
        rested.map_err(|_| late)
    }

    async fn rest(&self) {
        loop {
            let mut told = pin!(self.at_rest.notified());
            told.as_mut().enable();
            if self.lock().rests() {
                return;
            }
            told.await;
        }
    }
}

fn take<T: Default>(of: &mut T) -> T {
    std::mem::take(of)
}

impl State {
    fn capacity(&self) -> usize {
        self.connections.saturating_add(self.overflow)
    }

    /// Whether a call may go ahead: nobody overtakes those who wait.
    fn has_place(&self) -> bool {
        self.in_use < self.capacity() && self.waiters.is_empty()
    }

    fn rests(&self) -> bool {
        self.in_use == 0 && self.waiters.is_empty()
    }

    /// The connection used last that is neither dead nor too old. The one that has rested longest
    /// is looked at too, since it may never be needed again.
    #[inline]
    #[expect(clippy::vec_box, reason = "they are moved from list to list")]
    fn pick(&mut self, now: Tick, ended: &mut Vec<Box<Connection>>) -> Option<Box<Connection>> {
        if self.idle.front().is_some_and(|rested| rested.is_old(now)) {
            self.counts.recycled += 1;
            ended.extend(self.idle.pop_front());
        }
        while let Some(connection) = self.idle.pop_back() {
            if !connection.is_open() {
                self.counts.broken += 1;
            } else if connection.is_old(now) {
                self.counts.recycled += 1;
            } else {
                return Some(connection);
            }
            ended.push(connection);
        }
        None
    }

    fn line_up(&mut self, sender: oneshot::Sender<Lease>) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiters.insert(ticket, sender);
        ticket
    }

    #[cold]
    fn exhausted(&self, wait: Duration) -> Error {
        let message = format!(
            "no connection became free within {wait:?}: {} of {} are in use ({} and {} overflow), \
             and {} more calls wait",
            self.in_use,
            self.capacity(),
            self.connections,
            self.overflow,
            self.waiters.len()
        );
        Error::new(Code::PoolExhausted, message)
    }

    #[cold]
    fn still_used(&self, wait: Duration) -> Error {
        let message = format!("connections still in use after {wait:?}: {}", self.in_use);
        Error::new(Code::PoolExhausted, message)
    }
}

impl Counts {
    fn waited(&mut self, wait: Duration) {
        self.waits += 1;
        self.wait_total = self.wait_total.saturating_add(wait);
        self.wait_max = self.wait_max.max(wait);
    }
}

/// A call's place in the line, left when the call goes away.
struct Ticket<'a> {
    pool: &'a Pool,
    number: u64,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let left = self.pool.lock().waiters.remove(&self.number);
        drop(left);
    }
}
