//! Where contestants meet: tables alike, filled alike and emptied alike before each block.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tradebase_conformance::models::{Trade, TradeId};
use tradebase_core::Decimal;

use super::store::{Rows, Store, alone, creates, gets};
use crate::measure::{Figures, Plan, Side, contest};
use crate::trades::trades;

/// Rows of the table that is read, and of the one that is inserted at once.
pub const ROWS: usize = 100_000;
/// Rows that are updated at once.
const UPDATES: usize = 10_000;
/// Tasks that work at the same time, where they are many.
pub const TASKS: usize = 64;
/// Reads of a block at least; a block repeats them.
const GETS: usize = 512;
/// Single inserts of a block at least.
const CREATES: usize = 256;

/// A table of its own, with a connection that nobody measures.
pub trait Arena {
    /// Empties the table.
    fn empty(&self);
    /// Clears away what writes have left behind.
    fn settle(&self);
    /// Has the engine look at what its tables hold.
    fn analyze(&self);
    /// Every row, in the order of the key.
    fn rows(&self) -> Vec<Trade>;
}

/// Three contestants, each with its table; those that only read share one.
pub struct Contest<'a, A, O, R> {
    pub runtime: &'a Runtime,
    pub arenas: &'a [A; 3],
    pub ours: O,
    pub raw: R,
    pub control: R,
}

impl<A: Arena, O: Store, R: Store> Contest<'_, A, O, R> {
    pub fn arena(&self, side: Side) -> &A {
        match side {
            Side::Ours => &self.arenas[0],
            Side::Raw => &self.arenas[1],
            Side::Control => &self.arenas[2],
        }
    }

    fn reads(&self, side: Side, ids: &[TradeId], tasks: usize) -> Duration {
        match side {
            Side::Ours => gets(self.runtime, &self.ours, ids, tasks),
            Side::Raw => gets(self.runtime, &self.raw, ids, tasks),
            Side::Control => gets(self.runtime, &self.control, ids, tasks),
        }
    }

    fn writes(&self, side: Side, rows: &Rows, count: usize, tasks: usize) -> Duration {
        self.arena(side).empty();
        match side {
            Side::Ours => creates(self.runtime, &self.ours, rows, count, tasks),
            Side::Raw => creates(self.runtime, &self.raw, rows, count, tasks),
            Side::Control => creates(self.runtime, &self.control, rows, count, tasks),
        }
    }

    /// Does one piece of work with the store of that side.
    fn one<T, Fut1, Fut2>(
        &self,
        side: Side,
        ours: impl FnOnce(O) -> Fut1,
        raw: impl FnOnce(R) -> Fut2,
    ) -> Duration
    where
        T: Send + 'static,
        Fut1: Future<Output = T> + Send + 'static,
        Fut2: Future<Output = T> + Send + 'static,
    {
        match side {
            Side::Ours => alone(self.runtime, ours(self.ours.clone())),
            Side::Raw => alone(self.runtime, raw(self.raw.clone())),
            Side::Control => alone(self.runtime, raw(self.control.clone())),
        }
    }

    /// Reads by key.
    pub fn point_get(&self, plan: &Plan, tasks: usize) -> Figures {
        let rows = trades(ROWS);
        for row in rows.iter().step_by(ROWS / 10) {
            let ours = self.runtime.block_on(self.ours.get(row.id));
            let raw = self.runtime.block_on(self.raw.get(row.id));
            assert!(ours.as_ref() == Some(row) && raw.as_ref() == Some(row), "both give it back");
        }
        let mut keys = Keys::of(&rows);
        contest(plan, GETS, |side, repeat| self.reads(side, &keys.next(side, repeat), tasks))
    }

    /// Single inserts, each committed.
    pub fn create(&self, plan: &Plan, tasks: usize) -> Figures {
        let rows: Rows = Arc::new(trades(ROWS));
        let plan = Plan { repeat_max: ROWS / CREATES, ..*plan };
        let figures = contest(&plan, CREATES, |side, repeat| {
            self.writes(side, &rows, repeat * CREATES, tasks)
        });
        for side in Side::ALL {
            let stored = self.arena(side).rows();
            assert!(!stored.is_empty(), "rows are stored");
            assert!(stored == sorted(rows[..stored.len()].to_vec()), "each row is stored once");
        }
        figures
    }

    /// Many rows at once.
    pub fn bulk_insert(&self, plan: &Plan) -> Figures {
        let rows: Rows = Arc::new(trades(ROWS));
        let insert = |side| {
            self.arena(side).empty();
            let (a, b) = (rows.clone(), rows.clone());
            self.one(
                side,
                |ours| async move { ours.bulk_insert(&a).await },
                |raw| async move { raw.bulk_insert(&b).await },
            )
        };
        let figures = contest(&once(plan), ROWS, |side, _| insert(side));
        let want = sorted(rows.to_vec());
        for side in Side::ALL {
            assert!(self.arena(side).rows() == want, "each row is stored once");
        }
        figures
    }

    /// The whole table into structs.
    pub fn read_all(&self, plan: &Plan) -> Figures {
        let want = sorted(trades(ROWS));
        assert!(self.runtime.block_on(self.ours.read_all()) == want, "ours gives the rows back");
        assert!(self.runtime.block_on(self.raw.read_all()) == want, "raw gives the rows back");
        drop(want);
        contest(&once(plan), ROWS, |side, _| {
            let read_ours = |ours: O| async move { ours.read_all().await };
            self.one(side, read_ours, |raw| async move { raw.read_all().await })
        })
    }

    /// Four columns of many rows by their keys.
    pub fn bulk_update(&self, plan: &Plan) -> Figures {
        let rows: Rows = Arc::new(changed());
        let update = |side| {
            self.arena(side).settle();
            let (a, b) = (rows.clone(), rows.clone());
            self.one(
                side,
                |ours| async move { ours.bulk_update(&a).await },
                |raw| async move { raw.bulk_update(&b).await },
            )
        };
        let figures = contest(&once(plan), UPDATES, |side, _| update(side));
        let mut want = trades(ROWS);
        for (old, new) in want.iter_mut().step_by(ROWS / UPDATES).zip(rows.iter()) {
            *old = new.clone();
        }
        let want = sorted(want);
        for side in Side::ALL {
            assert!(self.arena(side).rows() == want, "each row is updated, and no other");
        }
        figures
    }
}

/// A block does its work once.
fn once(plan: &Plan) -> Plan {
    Plan { repeat_max: 1, ..*plan }
}

fn sorted(mut rows: Vec<Trade>) -> Vec<Trade> {
    rows.sort_by_key(|row| row.id);
    rows
}

/// Every tenth row, as it is after it was executed.
fn changed() -> Vec<Trade> {
    trades(ROWS)
        .into_iter()
        .step_by(ROWS / UPDATES)
        .map(|row| Trade {
            executed_price: row.executed_price + Decimal::ONE,
            fee: row.fee + Decimal::ONE,
            pnl: Some(row.quantity),
            status: "settled".into(),
            ..row
        })
        .collect()
}

/// Keys in an order without order, the same for each side.
pub struct Keys {
    ids: Vec<TradeId>,
    next: [usize; 3],
}

impl Keys {
    /// The keys of these rows.
    pub fn of(rows: &[Trade]) -> Self {
        // A step that shares no divisor with the number of rows meets each of them.
        const STEP: usize = 61_803;
        let ids = (0..rows.len()).map(|n| rows[n * STEP % rows.len()].id).collect();
        Self { ids, next: [0; 3] }
    }

    /// The keys of that side's next block.
    pub fn next(&mut self, side: Side, repeat: usize) -> Vec<TradeId> {
        let at = &mut self.next[Side::ALL.iter().position(|one| *one == side).unwrap_or(0)];
        let keys = self.ids.iter().cycle().skip(*at).take(repeat * GETS).copied().collect();
        *at = (*at + repeat * GETS) % self.ids.len();
        keys
    }
}
