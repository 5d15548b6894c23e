//! Questions, and the blocks of them that are timed.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;

use tradebase_conformance::models::Trade;
use tradebase_core::{Decimal, Timestamp, Uuid};
use tradebase_sql::{Sql, count, sum};

use super::arena::{Arena, Contest, ROWS};
use super::store::{Store, alone};
use crate::desks::{Desk, Fill, desks, fills};
use crate::measure::{Figures, Plan, Side, contest};
use crate::trades::trades;

/// Questions of a block at least; a block repeats them.
const FINDS: usize = 8;
/// Bots that share the rows evenly.
const BOTS: usize = 20;
/// Rows that a question finds, give or take.
const FOUND: usize = 1000;

/// Rows of a page.
pub const PAGE: u32 = 100;
/// Parents whose children are loaded at once.
pub const PARENTS: u32 = 100;

/// The trades of a bot from one moment until before another.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    pub bot: Uuid,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// A symbol, how many trades it has, and the sums of their quantities and fees.
pub type Group = (String, u64, Decimal, Decimal);

/// A contestant that can be asked.
pub trait Asks: Store {
    /// The trades of a range, in any order.
    fn filter(&self, range: Range) -> impl Future<Output = Vec<Trade>> + Send;
    /// All trades of a bot by time, in pages of [`PAGE`] that each begin behind the last row of
    /// the one before.
    fn pages(&self, bot: Uuid) -> impl Future<Output = Vec<Trade>> + Send;
    /// Per symbol, in its order: how many trades, and the sums of quantity and fee.
    fn groups(&self) -> impl Future<Output = Vec<Group>> + Send;
    /// [`PARENTS`] desks from this one on, by their keys, each with its fills in any order.
    fn load(&self, first: i64) -> impl Future<Output = Vec<(Desk, Vec<Fill>)>> + Send;
}

/// The layer.
impl Asks for Sql {
    async fn filter(&self, range: Range) -> Vec<Trade> {
        let during = Trade::TIMESTAMP.within(range.from..range.until);
        let found = self.find().filter(Trade::BOT_ID.eq(range.bot).and(during)).all().await;
        found.expect("ours finds")
    }

    async fn pages(&self, bot: Uuid) -> Vec<Trade> {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let find = self.find().filter(Trade::BOT_ID.eq(bot)).order_by(Trade::TIMESTAMP.asc());
            let slice = find.keyset(PAGE).after(cursor.as_ref()).load().await.expect("ours finds");
            found.extend(slice.items);
            cursor = slice.next;
            if cursor.is_none() {
                return found;
            }
        }
    }

    async fn groups(&self) -> Vec<Group> {
        let measures = (count(), sum(Trade::QUANTITY), sum(Trade::FEE));
        let groups = self.find::<Trade>().group_by(Trade::SYMBOL).measure(measures);
        let groups = groups.order_by(Trade::SYMBOL.asc()).all().await.expect("ours reckons");
        let group = |(symbol, (count, quantity, fee)): (_, (_, Option<_>, Option<_>))| {
            (symbol, count, quantity.unwrap_or_default(), fee.unwrap_or_default())
        };
        groups.into_iter().map(group).collect()
    }

    async fn load(&self, first: i64) -> Vec<(Desk, Vec<Fill>)> {
        let desks = self.find().filter(Desk::ID.ge(first)).order_by(Desk::ID.asc());
        let desks: Vec<Desk> = desks.limit(PARENTS).all().await.expect("ours finds");
        let fills = self.children(&desks, Fill::DESK).all().await.expect("ours finds");
        desks.into_iter().zip(fills).collect()
    }
}

/// Gives each fill to its desk; desks come by their keys.
pub fn with_fills(desks: Vec<Desk>, fills: Vec<Fill>) -> Vec<(Desk, Vec<Fill>)> {
    let mut loaded: Vec<_> = desks.into_iter().map(|desk| (desk, Vec::new())).collect();
    for fill in fills {
        if let Ok(at) = loaded.binary_search_by_key(&fill.desk_id, |(desk, _)| desk.id) {
            loaded[at].1.push(fill);
        }
    }
    loaded
}

impl<A: Arena, O: Asks, R: Asks> Contest<'_, A, O, R> {
    /// About a thousand rows by bot and range of time.
    pub fn filter(&self, plan: &Plan) -> Figures {
        let rows = trades(ROWS);
        let ranges = ranges(&rows);
        for range in ranges.iter().step_by(ranges.len() / 10) {
            let mut want: Vec<_> =
                rows.iter().filter(|row| is_within(row, range)).cloned().collect();
            want.sort_by_key(|row| row.id);
            assert!(want.len() > FOUND / 2 && want.len() < FOUND * 2, "about a thousand rows");
            for mut found in [
                self.runtime.block_on(self.ours.filter(*range)),
                self.runtime.block_on(self.raw.filter(*range)),
            ] {
                found.sort_by_key(|row| row.id);
                assert!(found == want, "both find the rows of the range");
            }
        }
        self.asked(plan, (FINDS, 1), &ranges, Question::Filter)
    }

    /// All pages of a bot, by time; each page counts.
    pub fn page_keyset(&self, plan: &Plan) -> Figures {
        let rows = trades(ROWS);
        let bots: BTreeSet<_> = rows.iter().map(|row| row.bot_id).collect();
        let bots: Vec<_> = bots.into_iter().collect();
        for bot in [bots[0], bots[7]] {
            let want: Vec<_> = rows.iter().filter(|row| row.bot_id == bot).cloned().collect();
            let ours = self.runtime.block_on(self.ours.pages(bot));
            let raw = self.runtime.block_on(self.raw.pages(bot));
            assert!(ours == want && raw == want, "both give each row once, by time");
        }
        let pages = ROWS / BOTS / usize::try_from(PAGE).unwrap_or(1);
        self.asked(plan, (1, pages), &bots, Question::Pages)
    }

    /// Every symbol with its sums, over the whole table.
    pub fn group_by(&self, plan: &Plan) -> Figures {
        let mut want: BTreeMap<String, (u64, Decimal, Decimal)> = BTreeMap::new();
        for row in trades(ROWS) {
            let (count, quantity, fee) = want.entry(row.symbol).or_default();
            (*count, *quantity, *fee) = (*count + 1, *quantity + row.quantity, *fee + row.fee);
        }
        let want: Vec<_> = want.into_iter().map(|(symbol, (n, q, f))| (symbol, n, q, f)).collect();
        let ours = self.runtime.block_on(self.ours.groups());
        let raw = self.runtime.block_on(self.raw.groups());
        assert!(ours == want && raw == want, "both add up exactly");
        self.asked(plan, (1, ROWS), &[()], |()| Question::Groups)
    }

    /// The next questions of a side, a block of them at least, of which each counts so often.
    fn asked<Q: Copy + Send + 'static>(
        &self,
        plan: &Plan,
        (block, counts): (usize, usize),
        all: &[Q],
        question: fn(Q) -> Question,
    ) -> Figures {
        let mut next = [0; 3];
        contest(plan, block * counts, |side, repeat| {
            let next = &mut next[side as usize];
            let asked = all.iter().cycle().skip(*next).take(repeat * block);
            let asked: Vec<_> = asked.map(|one| question(*one)).collect();
            *next = (*next + repeat * block) % all.len();
            match side {
                Side::Ours => alone(self.runtime, ask(self.ours.clone(), asked)),
                Side::Raw => alone(self.runtime, ask(self.raw.clone(), asked)),
                Side::Control => alone(self.runtime, ask(self.control.clone(), asked)),
            }
        })
    }
}

impl<A: Arena, R: Asks> Contest<'_, A, Sql, R> {
    /// Parents by their keys, each with its children.
    pub fn relation_load(&self, plan: &Plan) -> Figures {
        let (desks, fills) = (desks(), fills());
        self.runtime.block_on(async {
            self.ours.create_table::<Fill>().await.expect("ours creates");
            self.ours.insert_many(&desks).await.expect("ours inserts");
            self.ours.insert_many(&fills).await.expect("ours inserts");
        });
        self.arena(Side::Ours).analyze();
        let last = i64::try_from(desks.len()).unwrap_or(0) - i64::from(PARENTS);
        let firsts: Vec<_> = (0..100).map(|n| n * 61_803 % last).collect();
        for first in [0, firsts[7], last] {
            let range = first..first + i64::from(PARENTS);
            let want = desks.iter().filter(|desk| range.contains(&desk.id)).cloned().collect();
            let want = with_fills(want, fills.clone());
            for mut found in [
                self.runtime.block_on(self.ours.load(first)),
                self.runtime.block_on(self.raw.load(first)),
            ] {
                found.iter_mut().for_each(|(_, fills)| fills.sort_by_key(|fill| fill.id));
                assert!(found == want, "each desk has its fills");
            }
        }
        self.asked(plan, (FINDS, 1), &firsts, Question::Load)
    }
}

/// What is asked in a block.
#[derive(Clone, Copy)]
enum Question {
    Filter(Range),
    Pages(Uuid),
    Groups,
    Load(i64),
}

async fn ask<S: Asks>(store: S, questions: Vec<Question>) {
    for question in questions {
        let is_empty = match question {
            Question::Filter(range) => black_box(store.filter(range).await).is_empty(),
            Question::Pages(bot) => black_box(store.pages(bot).await).is_empty(),
            Question::Groups => black_box(store.groups().await).is_empty(),
            Question::Load(first) => black_box(store.load(first).await).is_empty(),
        };
        assert!(!is_empty, "each question has an answer");
    }
}

fn is_within(row: &Trade, range: &Range) -> bool {
    row.bot_id == range.bot && (range.from..range.until).contains(&row.timestamp)
}

/// Ranges that begin all over the table, of each bot in turn.
fn ranges(rows: &[Trade]) -> Vec<Range> {
    // A step that shares no divisor with the number of places meets each of them.
    const STEP: usize = 61_803;
    let span = FOUND * BOTS;
    let places = rows.len() - span;
    (0..400)
        .map(|n| {
            let at = n * STEP % places;
            let (first, last) = (&rows[at], &rows[at + span]);
            Range { bot: first.bot_id, from: first.timestamp, until: last.timestamp }
        })
        .collect()
}
