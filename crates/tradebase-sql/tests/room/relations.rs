//! Relations: loads, joins and filters over them, against a model in memory.

use crate::common;
use common::Dice;
use common::records::Side;
use tradebase_core::{
    Assigned, Code, Date, Decimal, Field, Filter, Order, Record, Result, Timestamp, TimestampNs,
    Uuid,
};
use tradebase_sql::{Find, Sql};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "users")]
struct User {
    #[record(key)]
    id: i64,
    name: String,
}

/// Two links to the same parent, and one to itself.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "bots")]
struct Bot {
    name: String,
    #[record(key)]
    id: Uuid,
    #[record(belongs_to = User, index)]
    user_id: Option<i64>,
    #[record(belongs_to = User)]
    backup: Option<i64>,
    #[record(belongs_to = Bot, index)]
    parent_id: Option<Uuid>,
    size: Option<i64>,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "trades")]
struct Trade {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Bot, index)]
    bot_id: Option<Uuid>,
    amount: Option<i64>,
}

/// What the store holds, in the order of the keys.
struct World {
    users: Vec<User>,
    bots: Vec<Bot>,
    trades: Vec<Trade>,
}

impl World {
    /// Some without parents, some without children, and a tree of bots.
    fn random(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let small = |dice: &mut Dice, most| i64::try_from(dice.below(most)).unwrap();
        let user = |id| User { id, name: format!("user {}", id % 3) };
        let mut bots: Vec<Bot> = Vec::new();
        for at in 0..12_u128 {
            let before: Vec<_> = bots.iter().map(|bot| bot.id).collect();
            bots.push(Bot {
                name: format!("bot {}", at % 4),
                id: Uuid::from_u128(at),
                user_id: dice.maybe(|dice| small(dice, 5)),
                backup: dice.maybe(|dice| small(dice, 5)),
                parent_id: dice
                    .maybe(|dice| {
                        let after = usize::try_from(dice.below(12)).unwrap();
                        before.get(after).copied()
                    })
                    .flatten(),
                size: dice.maybe(|dice| small(dice, 3)),
            });
        }
        let trade = |id| Trade {
            id,
            bot_id: dice.maybe(|dice| Uuid::from_u128(dice.below(10).into())),
            amount: dice.maybe(|dice| small(dice, 4)),
        };
        let trades = (0..40).map(trade).collect();
        Self { users: (0..6).map(user).collect(), bots, trades }
    }

    async fn store(&self, sql: &Sql) {
        sql.create_table::<Trade>().await.unwrap();
        sql.insert_many(&self.users).await.unwrap();
        // A bot may point to one before it only.
        for bot in &self.bots {
            sql.insert(bot).await.unwrap();
        }
        sql.insert_many(&self.trades).await.unwrap();
    }

    fn bot(&self, id: Option<Uuid>) -> Option<&Bot> {
        self.bots.iter().find(|bot| Some(bot.id) == id)
    }

    fn user(&self, id: Option<i64>) -> Option<&User> {
        self.users.iter().find(|user| Some(user.id) == id)
    }

    fn trades_of(&self, bot: &Bot) -> Vec<Trade> {
        self.trades.iter().filter(|trade| trade.bot_id == Some(bot.id)).cloned().collect()
    }
}

/// A filter, and what it says of a row: true, false, or neither, because of a null.
struct Ask<T>(Filter<T>, Holds<T>);
type Holds<T> = Box<dyn Fn(&World, &T) -> Option<bool>>;

impl<T: 'static> Ask<T> {
    fn of(filter: Filter<T>, holds: impl Fn(&World, &T) -> Option<bool> + 'static) -> Self {
        Self(filter, Box::new(holds))
    }

    fn not(self) -> Self {
        Self::of(!self.0, move |world, row| self.1(world, row).map(|holds| !holds))
    }

    fn and(self, other: Self) -> Self {
        Self::of(self.0.and(other.0), move |world, row| {
            match (self.1(world, row), other.1(world, row)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }
        })
    }

    fn or(self, other: Self) -> Self {
        Ask::not(Ask::and(Ask::not(self), Ask::not(other)))
    }

    fn passes(&self, world: &World, row: &T) -> bool {
        self.1(world, row) == Some(true)
    }
}

/// A random one of these, or a combination of two.
fn mixed<T: 'static>(
    dice: &mut Dice,
    depth: u64,
    leaf: &dyn Fn(&mut Dice, u64) -> Ask<T>,
) -> Ask<T> {
    match dice.below(6) {
        0 => leaf(dice, depth).and(leaf(dice, depth)),
        1 => leaf(dice, depth).or(leaf(dice, depth)),
        2 => leaf(dice, depth).not(),
        _ => leaf(dice, depth),
    }
}

fn any_user(dice: &mut Dice, depth: u64) -> Ask<User> {
    mixed(dice, depth, &|dice, depth| match dice.below(if depth == 0 { 1 } else { 4 }) {
        0 => {
            let name = format!("user {}", dice.below(3));
            let filter = User::NAME.eq(name.as_str());
            Ask::of(filter, move |_, user| Some(user.name == name))
        }
        1 | 2 => {
            let bot = any_bot(dice, depth - 1);
            Ask::of(Bot::USER.any(bot.0), move |world, user: &User| {
                let own = |bot: &&Bot| bot.user_id == Some(user.id);
                Some(world.bots.iter().filter(own).any(|one| bot.1(world, one) == Some(true)))
            })
        }
        _ => {
            let bot = any_bot(dice, depth - 1);
            Ask::of(Bot::BACKUP_LINK.any(bot.0), move |world, user: &User| {
                let own = |bot: &&Bot| bot.backup == Some(user.id);
                Some(world.bots.iter().filter(own).any(|one| bot.1(world, one) == Some(true)))
            })
        }
    })
}

fn any_bot(dice: &mut Dice, depth: u64) -> Ask<Bot> {
    mixed(dice, depth, &|dice, depth| match dice.below(if depth == 0 { 2 } else { 8 }) {
        0 => {
            let name = format!("bot {}", dice.below(4));
            Ask::of(Bot::NAME.eq(name.as_str()), move |_, bot| Some(bot.name == name))
        }
        1 => Ask::of(Bot::SIZE.ge(1), |_, bot| bot.size.map(|size| size >= 1)),
        2 => {
            let user = any_user(dice, depth - 1);
            Ask::of(Bot::USER.is(user.0), move |world, bot: &Bot| {
                let found = world.user(bot.user_id);
                Some(found.is_some_and(|one| user.1(world, one) == Some(true)))
            })
        }
        3 => {
            let user = any_user(dice, depth - 1);
            Ask::of(Bot::BACKUP_LINK.is(user.0), move |world, bot: &Bot| {
                let found = world.user(bot.backup);
                Some(found.is_some_and(|one| user.1(world, one) == Some(true)))
            })
        }
        4 => {
            let parent = any_bot(dice, depth - 1);
            Ask::of(Bot::PARENT.is(parent.0), move |world, bot: &Bot| {
                let found = world.bot(bot.parent_id);
                Some(found.is_some_and(|one| parent.1(world, one) == Some(true)))
            })
        }
        5 => {
            let child = any_bot(dice, depth - 1);
            Ask::of(Bot::PARENT.any(child.0), move |world, bot: &Bot| {
                let own = |one: &&Bot| one.parent_id == Some(bot.id);
                Some(world.bots.iter().filter(own).any(|one| child.1(world, one) == Some(true)))
            })
        }
        _ => {
            let trade = any_trade(dice, depth - 1);
            Ask::of(Trade::BOT.any(trade.0), move |world, bot: &Bot| {
                let mut own = world.trades.iter().filter(|trade| trade.bot_id == Some(bot.id));
                Some(own.any(|one| trade.1(world, one) == Some(true)))
            })
        }
    })
}

fn any_trade(dice: &mut Dice, depth: u64) -> Ask<Trade> {
    mixed(dice, depth, &|dice, depth| match dice.below(if depth == 0 { 2 } else { 4 }) {
        0 => Ask::of(Trade::AMOUNT.lt(2), |_, trade| trade.amount.map(|amount| amount < 2)),
        1 => {
            let ids: Vec<i64> = (0..15).map(|_| i64::try_from(dice.below(40)).unwrap()).collect();
            Ask::of(Trade::ID.one_of(ids.clone()), move |_, trade| Some(ids.contains(&trade.id)))
        }
        _ => {
            let bot = any_bot(dice, depth - 1);
            Ask::of(Trade::BOT.is(bot.0), move |world, trade: &Trade| {
                let found = world.bot(trade.bot_id);
                Some(found.is_some_and(|one| bot.1(world, one) == Some(true)))
            })
        }
    })
}

fn passing<T: Clone + 'static>(world: &World, rows: &[T], ask: &Ask<T>) -> Vec<T> {
    rows.iter().filter(|row| ask.passes(world, row)).cloned().collect()
}

/// A child of each kind of key, and the parent.
macro_rules! keyed {
    ($($module:ident, $key:ty, $(($digits:meta),)? [$($value:expr),+];)+) => {$(
        mod $module {
            use super::*;

            #[derive(Record, Clone, Debug, PartialEq)]
            #[record(table = "parents")]
            struct Parent {
                text: Option<String>,
                #[record(key $(, $digits)?)]
                id: $key,
            }

            #[derive(Record, Clone, Debug, PartialEq)]
            #[record(table = "children")]
            struct Child {
                #[record(key)]
                id: i64,
                #[record(belongs_to = Parent $(, $digits)?)]
                parent_id: Option<$key>,
            }

            pub async fn check(sql: &Sql) {
                let keys: Vec<$key> = vec![$($value),+];
                let parents: Vec<_> =
                    keys.iter().map(|id| Parent { text: None, id: id.clone() }).collect();
                let child = |(id, key): (i64, Option<&$key>)| Child { id, parent_id: key.cloned() };
                let pointed = keys.iter().map(Some).chain([None]).cycle().take(10);
                let children: Vec<_> = (0..).zip(pointed).map(child).collect();
                sql.create_table::<Child>().await.unwrap();
                sql.insert_many(&parents).await.unwrap();
                sql.insert_many(&children).await.unwrap();
                let loaded = sql.parents(&children, Child::PARENT).await.unwrap();
                for (child, parent) in children.iter().zip(loaded.iter()) {
                    assert_eq!(child.parent_id.as_ref(), parent.map(|parent| &parent.id));
                }
                let loaded = sql.children(&parents, Child::PARENT).all().await.unwrap();
                for (parent, mut loaded) in parents.iter().zip(loaded) {
                    let own = |child: &&Child| child.parent_id.as_ref() == Some(&parent.id);
                    loaded.sort_by_key(|child| child.id);
                    assert_eq!(loaded, children.iter().filter(own).cloned().collect::<Vec<_>>());
                }
                let joined = sql.find().order_by(Child::ID.asc()).with(Child::PARENT).all();
                for ((child, parent), row) in joined.await.unwrap().into_iter().zip(&children) {
                    assert_eq!((&child, &child.parent_id), (row, &parent.map(|parent| parent.id)));
                }
                let first = Child::PARENT.is(Parent::ID.eq(keys[0].clone()));
                let found = sql.find().filter(first).order_by(Child::ID.asc()).first().await;
                assert_eq!(found.unwrap().as_ref(), children.first());
                sql.drop_table::<Child>().await.unwrap();
                sql.drop_table::<Parent>().await.unwrap();
            }
        }
    )+};
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[derive(Field, Clone, Copy, Debug, PartialEq, Eq)]
#[field(id)]
struct OwnId(Uuid);

keyed! {
    small, i16, [i16::MIN, 0, i16::MAX];
    medium, i32, [i32::MIN, 7];
    large, i64, [i64::MIN, -1, i64::MAX];
    unsigned, u64, [0, 9_007_199_254_740_993];
    flag, bool, [true, false];
    text, String, [String::new(), "A".into(), "a".into(), "ä'\"\\%".into()];
    bytes, Vec<u8>, [vec![], vec![0, 255], b"a".to_vec()];
    id, Uuid, [Uuid::nil(), Uuid::max()];
    own, OwnId, [OwnId(Uuid::nil()), OwnId(Uuid::max())];
    label, Side, [Side::Buy, Side::Sell];
    money, Decimal, (decimal(18, 8)), [decimal("-1.5"), decimal("0"), decimal("1.50000001")];
    wide, Decimal, (decimal(28, 10)), [decimal("-999999999999999999.1"), decimal("10")];
    moment, Timestamp, [Timestamp::MIN, Timestamp::from_micros(1)];
    fine, TimestampNs, [TimestampNs::MIN, TimestampNs::from_nanos(1)];
    day, Date, [Date::MIN, Date::MAX];
}

/// A key in the middle, and all else may be null.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "makers")]
struct Maker {
    note: Option<String>,
    #[record(key)]
    id: Assigned<i64>,
    #[record(decimal(18, 8))]
    size: Option<Decimal>,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "quotes")]
struct Quote {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Maker)]
    maker: Option<i64>,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "scales")]
struct Scale {
    #[record(key, decimal(18, 2))]
    id: Decimal,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "weights")]
struct Weight {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Scale, decimal(18, 8))]
    scale_id: Decimal,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "shelves")]
struct Shelf {
    #[record(key)]
    id: i64,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "labels")]
struct Label {
    #[record(key)]
    id: String,
}

/// Its columns hold less than the keys that they point to.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "notes")]
struct Note {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Shelf)]
    shelf_id: Option<i32>,
    #[record(belongs_to = Label, text(8))]
    label_id: String,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "places")]
struct Place {
    #[record(key)]
    house: i64,
    #[record(key)]
    room: i64,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "readings")]
struct Reading {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Place)]
    place_id: i64,
}

/// What stands there once as it is asked, and once inside a transaction.
async fn loads(sql: &Sql, world: &World) -> Result<()> {
    let bots = sql.parents(&world.trades, Trade::BOT).await?;
    let loaded: Vec<_> = bots.iter().map(Option::<&Bot>::cloned).collect();
    let want = world.trades.iter().map(|trade| world.bot(trade.bot_id).cloned());
    assert_eq!(loaded, want.collect::<Vec<_>>());
    let trades = sql.children(&world.bots, Trade::BOT).order_by(Trade::ID.asc()).all().await?;
    let want: Vec<_> = world.bots.iter().map(|bot| world.trades_of(bot)).collect();
    assert_eq!(trades, want);
    // A further step over what was loaded.
    let users = sql.parents(bots.each(), Bot::USER).await?;
    for (bot, user) in bots.each().zip(users.iter()) {
        assert_eq!(user, world.user(bot.user_id));
    }
    let pairs = sql.find().order_by(Trade::ID.asc()).with(Trade::BOT).all().await?;
    for (trade, (own, bot)) in world.trades.iter().zip(&pairs) {
        assert_eq!((trade, world.bot(trade.bot_id)), (own, bot.as_ref()));
    }
    assert_eq!(pairs.len(), world.trades.len());
    Ok(())
}

promises! {
    async fn parents_and_children_stand_at_the_places_they_were_asked_for(sql: &Sql) {
        let world = World::random(1);
        world.store(sql).await;
        loads(sql, &world).await.unwrap();
    }

    async fn a_transaction_loads_what_it_has_written(sql: &Sql) {
        let world = World::random(2);
        let (before, last) = world.trades.split_at(30);
        let part = World { trades: before.to_vec(), ..World::random(2) };
        part.store(sql).await;
        let inside = sql.transaction(|tx| {
            let world = &world;
            async move {
                tx.insert_many(last).await?;
                tx.transaction(|tx| async move { loads(&tx, world).await }).await?;
                Err::<(), _>(tradebase_core::Error::new(Code::Interrupted, "enough"))
            }
        });
        assert_eq!(inside.await.unwrap_err().code(), Code::Interrupted);
        loads(sql, &part).await.unwrap();
    }

    async fn filters_over_relations_find_what_a_plain_evaluation_finds(sql: &Sql) {
        let world = World::random(3);
        world.store(sql).await;
        let mut between = 0;
        for seed in 0..100 {
            let ask = any_user(&mut Dice::new(seed), 3);
            let want = passing(&world, &world.users, &ask);
            let found = sql.find().filter(ask.0).order_by(User::ID.asc()).all().await.unwrap();
            assert_eq!(found, want, "{seed}");
            let ask = any_bot(&mut Dice::new(seed), 3);
            let want = passing(&world, &world.bots, &ask);
            let found = sql.find().filter(ask.0).order_by(Bot::ID.asc()).all().await.unwrap();
            assert_eq!(found, want, "{seed}");
            let ask = any_trade(&mut Dice::new(seed), 3);
            let want = passing(&world, &world.trades, &ask);
            let found = sql.find().filter(ask.0).order_by(Trade::ID.asc()).all().await.unwrap();
            assert_eq!(found, want, "{seed}");
            between += usize::from((1..40).contains(&found.len()));
        }
        // Filters that find nothing, or everything, prove little.
        assert!(between > 40, "{between}");
    }

    async fn joins_and_loads_take_any_filter_and_order(sql: &Sql) {
        let world = World::random(4);
        world.store(sql).await;
        for seed in 500..600 {
            let ask = || any_trade(&mut Dice::new(seed), 2);
            let want = passing(&world, &world.trades, &ask());
            let pairs = sql.find().filter(ask().0).with(Trade::BOT).order_by(Trade::ID.desc());
            let pairs = pairs.limit(20).all().await.unwrap();
            let last: Vec<_> = want.iter().rev().take(20).cloned().collect();
            assert_eq!(pairs.iter().map(|pair| pair.0.clone()).collect::<Vec<_>>(), last, "{seed}");
            for (trade, bot) in &pairs {
                assert_eq!(bot.as_ref(), world.bot(trade.bot_id), "{seed}");
            }
            let first = sql.find().with(Trade::BOT).filter(ask().0).order_by(Trade::ID.asc());
            let first = first.first().await.unwrap().map(|pair| pair.0);
            assert_eq!(first.as_ref(), want.first(), "{seed}");
            let groups = sql.children(&world.bots, Trade::BOT).filter(ask().0);
            let groups = groups.order_by(Trade::ID.desc()).all().await.unwrap();
            for (bot, group) in world.bots.iter().zip(groups) {
                let own = want.iter().rev().filter(|trade| trade.bot_id == Some(bot.id));
                assert_eq!(group, own.cloned().collect::<Vec<_>>(), "{seed}");
            }
        }
    }

    async fn slices_of_a_join_make_the_whole_in_every_order(sql: &Sql) {
        let world = World::random(8);
        world.store(sql).await;
        let orders: [fn() -> Vec<Order<Trade>>; 6] = [
            Vec::new,
            || vec![Trade::ID.desc(), Trade::ID.asc()],
            || vec![Trade::AMOUNT.desc(), Trade::AMOUNT.asc()],
            || vec![Trade::BOT_ID.asc(), Trade::AMOUNT.desc()],
            || {
                let (amount, bot) = (Trade::AMOUNT.asc(), Trade::BOT_ID.desc());
                vec![amount, bot, amount, Trade::ID.asc()]
            },
            || vec![Trade::AMOUNT.asc().nulls_last(), Trade::AMOUNT.asc().nulls_first()],
        ];
        for (number, orders) in orders.iter().enumerate() {
            let plain = || match orders() {
                none if none.is_empty() => sql.find::<Trade>().order_by(Trade::ID.asc()),
                orders => orders.into_iter().fold(sql.find::<Trade>(), Find::order_by),
            };
            let whole = plain().with(Trade::BOT).all().await.unwrap();
            assert_eq!(whole.len(), world.trades.len());
            let find = || orders().into_iter().fold(sql.find(), Find::order_by).with(Trade::BOT);
            for size in [1, 7, 40] {
                let (mut found, mut cursor) = (Vec::new(), None);
                loop {
                    let slice = find().keyset(size).after(cursor.as_ref()).load().await.unwrap();
                    found.extend(slice.items);
                    cursor = slice.next;
                    if cursor.is_none() || found.len() > whole.len() {
                        break;
                    }
                }
                assert_eq!(found, whole, "order {number} by {size}");
            }
        }
    }

    async fn a_join_of_a_record_with_itself_keeps_both_apart(sql: &Sql) {
        let world = World::random(5);
        world.store(sql).await;
        let pairs = sql.find().order_by(Bot::ID.asc()).with(Bot::PARENT);
        // The same table a third and a fourth time.
        let pairs = pairs.filter(Bot::PARENT.any(Bot::PARENT.is(Bot::NAME.ne("?"))));
        let pairs = pairs.all().await.unwrap();
        let with_child = |bot: &&Bot| world.bots.iter().any(|one| one.parent_id == Some(bot.id));
        let want: Vec<_> = world.bots.iter().filter(with_child).cloned().collect();
        assert!(!want.is_empty());
        for (bot, parent) in &pairs {
            assert_eq!(parent.as_ref(), world.bot(bot.parent_id));
        }
        assert_eq!(pairs.into_iter().map(|pair| pair.0).collect::<Vec<_>>(), want);
        let children = sql.children(&world.bots, Bot::PARENT).order_by(Bot::ID.asc());
        for (bot, children) in world.bots.iter().zip(children.all().await.unwrap()) {
            assert!(children.iter().all(|child| child.parent_id == Some(bot.id)));
        }
    }

    async fn a_parent_of_nulls_is_there_and_a_missing_one_is_not(sql: &Sql) {
        sql.create_table::<Quote>().await.unwrap();
        let mut maker = Maker { note: None, id: Assigned::New, size: None };
        let id = sql.insert(&mut maker).await.unwrap();
        let Assigned::Is(id) = id else { panic!("{id:?}") };
        let quotes = [Quote { id: 1, maker: Some(id) }, Quote { id: 2, maker: None }];
        sql.insert_many(&quotes).await.unwrap();
        let pairs = sql.find().order_by(Quote::ID.asc()).with(Quote::MAKER_LINK).all().await;
        let [first, second] = quotes.clone();
        assert_eq!(pairs.unwrap(), [(first, Some(maker.clone())), (second, None)]);
        let makers = sql.parents(&quotes, Quote::MAKER_LINK).await.unwrap();
        assert_eq!(makers.iter().collect::<Vec<_>>(), [Some(&maker), None]);
        assert_eq!((makers.len(), makers.get(2)), (2, None));
        // One that is not stored has no key, so nothing points to it.
        let unset = Maker { id: Assigned::New, ..maker.clone() };
        let children = sql.children([&unset, &maker, &maker], Quote::MAKER_LINK).all().await;
        assert_eq!(children.unwrap(), [vec![], vec![quotes[0].clone()], vec![quotes[0].clone()]]);
        let without = sql.find().filter(!Quote::MAKER_LINK.is(Filter::all())).all().await.unwrap();
        assert_eq!(without, [quotes[1].clone()]);
    }

    async fn keys_of_every_kind_are_matched_by_every_way(sql: &Sql) {
        small::check(sql).await;
        medium::check(sql).await;
        large::check(sql).await;
        unsigned::check(sql).await;
        flag::check(sql).await;
        text::check(sql).await;
        bytes::check(sql).await;
        id::check(sql).await;
        own::check(sql).await;
        label::check(sql).await;
        money::check(sql).await;
        wide::check(sql).await;
        moment::check(sql).await;
        fine::check(sql).await;
        day::check(sql).await;
    }

    async fn a_key_that_the_child_cannot_hold_has_no_children(sql: &Sql) {
        sql.create_table::<Note>().await.unwrap();
        let shelves = [-1 << 40, 7, 1 << 40].map(|id| Shelf { id });
        let long = "x".repeat(20);
        let labels = ["a", &long, "b"].map(|id| Label { id: id.into() });
        sql.insert_many(&shelves).await.unwrap();
        sql.insert_many(&labels).await.unwrap();
        let note = |id, shelf_id, label: &str| Note { id, shelf_id, label_id: label.into() };
        let notes = [note(1, Some(7), "a"), note(2, None, "b"), note(3, Some(7), "b")];
        sql.insert_many(&notes).await.unwrap();
        let by_shelf = sql.children(&shelves, Note::SHELF).order_by(Note::ID.asc()).all().await;
        let [first, second, third] = notes.clone();
        assert_eq!(by_shelf.unwrap(), [vec![], vec![first.clone(), third.clone()], vec![]]);
        let by_label = sql.children(&labels, Note::LABEL).order_by(Note::ID.asc()).all().await;
        assert_eq!(by_label.unwrap(), [vec![first], vec![], vec![second, third]]);
        // Nothing is left to ask for.
        let none = sql.children(&shelves[2..], Note::SHELF).all().await;
        assert_eq!(none.unwrap(), [vec![]]);
    }

    async fn a_key_of_several_columns_is_refused_by_every_way(sql: &Sql) {
        let is_refused = |error: tradebase_core::Error| {
            assert_eq!(error.code(), Code::Unsupported, "{error}");
            assert!(error.to_string().contains("a key of several columns"), "{error}");
        };
        let rows = [Reading { id: 1, place_id: 1 }];
        let places = [Place { house: 1, room: 1 }];
        is_refused(sql.parents(&rows, Reading::PLACE).await.unwrap_err());
        is_refused(sql.children(&places, Reading::PLACE).all().await.unwrap_err());
        is_refused(sql.find().with(Reading::PLACE).all().await.unwrap_err());
        let of = Reading::PLACE.is(Filter::all());
        is_refused(sql.find().filter(of).all().await.unwrap_err());
        let with = Reading::PLACE.any(Reading::ID.gt(0));
        is_refused(sql.find().filter(!with).count().await.unwrap_err());
        is_refused(sql.delete_where(Reading::PLACE.is(Place::ROOM.eq(1))).await.unwrap_err());
    }

    async fn a_parent_that_is_there_twice_is_an_error_and_hides_no_other(sql: &Sql) {
        sql.execute("CREATE TABLE scales (id NUMERIC(18, 2))", &[]).await.unwrap();
        sql.execute("INSERT INTO scales VALUES (100), (100), (200)", &[]).await.unwrap();
        let units = if sql.capabilities().engine == "sqlite" { 1 } else { 100 };
        let weights = [100, 200].map(|id| Weight { id, scale_id: Decimal::from(id * units / 100) });
        let error = sql.parents(&weights, Weight::SCALE).await.unwrap_err();
        assert_eq!((error.code(), error.record()), (Code::SchemaMismatch, Some("Scale")));
        assert!(error.to_string().contains("several rows of one key"), "{error}");
    }

    async fn a_column_of_another_kind_than_the_key_is_refused(sql: &Sql) {
        let error = sql.create_table::<Weight>().await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Unsupported, Some("scale_id")));
    }

    async fn a_hundred_thousand_parents_are_one_load(sql: &Sql) {
        sql.create_table::<Quote>().await.unwrap();
        let mut makers: Vec<_> = (0..100_000)
            .map(|at| Maker { note: Some(at.to_string()), id: Assigned::New, size: None })
            .collect();
        sql.insert_many(&mut makers).await.unwrap();
        let key = |maker: &Maker| match maker.id { Assigned::Is(id) => Some(id), _ => None };
        let quotes = makers.iter().zip(0..).map(|(maker, id)| Quote { id, maker: key(maker) });
        let quotes: Vec<_> = quotes.collect();
        sql.insert_many(&quotes).await.unwrap();
        let (loaded, queries) = tradebase_sql::counted(async {
            let parents = sql.parents(&quotes, Quote::MAKER_LINK).await.unwrap();
            (parents, sql.children(&makers, Quote::MAKER_LINK).all().await.unwrap())
        })
        .await;
        queries.at_most(2);
        assert!(loaded.0.iter().zip(&makers).all(|(found, maker)| found == Some(maker)));
        assert!(loaded.1.iter().zip(&quotes).all(|(found, quote)| found[..] == [quote.clone()]));
    }

    async fn relations_nest_as_deep_as_declared_and_no_deeper(sql: &Sql) {
        World::random(6).store(sql).await;
        let deep = |filter: Filter<Bot>, levels: i64| {
            (0..levels).fold(filter, |filter, i| filter.or(Bot::SIZE.eq(i)))
        };
        let around = |filter: Filter<Bot>, times: usize| {
            (0..times).fold(filter, |filter, _| !Bot::PARENT.is(!filter))
        };
        let is = |filter: Filter<Bot>, times: usize| {
            (0..times).fold(filter, |filter, _| Bot::PARENT.is(filter))
        };
        let plain = || Bot::SIZE.ge(0);
        // Whatever the layer lets pass, the engine takes.
        let (mut passed, mut refused) = (0, 0);
        for step in 0..12 {
            let spread = (0..step).fold(plain(), |filter, _| {
                deep(Bot::PARENT.is(deep(Bot::PARENT.any(filter), 9)), 9)
            });
            for filter in [
                is(plain(), 2 * step + 4),
                around(plain(), 2 * step + 2),
                around(deep(plain(), 300), step),
                deep(around(plain(), step), 300),
                deep(around(deep(plain(), 50), step), 50),
                is(Bot::PARENT.any(Bot::NAME.contains("x")), 2 * step),
                spread,
            ] {
                match sql.find().filter(filter).all().await {
                    Ok(_) => passed += 1,
                    Err(error) => {
                        assert_eq!(error.code(), Code::Unsupported, "{error}");
                        refused += 1;
                    }
                }
            }
        }
        assert!(passed > 30 && refused > 10, "{passed} {refused}");
        let many = sql.find().filter(is(plain(), 20)).all().await;
        assert_eq!(many.unwrap(), []);
    }

    async fn a_filter_may_ask_for_many_relations(sql: &Sql) {
        let world = World::random(7);
        world.store(sql).await;
        let wide = |join: fn(Filter<Bot>, Filter<Bot>) -> Filter<Bot>| {
            (0..100).map(|i| Bot::PARENT.is(Bot::SIZE.ge(i % 3))).reduce(join).unwrap()
        };
        let all = sql.find().filter(wide(Filter::and)).all().await.unwrap();
        let any = sql.find().filter(wide(Filter::or)).all().await.unwrap();
        let parents = world.bots.iter().filter_map(|bot| world.bot(bot.parent_id));
        let sizes: Vec<_> = parents.filter_map(|parent| parent.size).collect();
        assert_eq!(all.len(), sizes.iter().filter(|size| **size >= 2).count());
        assert_eq!(any.len(), sizes.len());
    }
}
