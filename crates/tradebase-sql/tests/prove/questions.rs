//! Random questions over random rows: filters, orders, limits, counts, sums, groups. Each engine
//! answers as a plain model in memory does, errors too.

use tradebase_core::{
    Code, Col, Comparison, Date, Decimal, Field, Filter, Order, Pattern, Record, Result, Sort,
    Timestamp, Uuid, Value,
};
use tradebase_sql::{
    GroupOrder, Having, Keys, MeasuredGroups, Measures, Sql, avg, by_day, by_hour, count,
    count_distinct, count_of, max, min, sum,
};

use crate::common::model::{GroupBy, Groups, Key, Measured, Model, Row};
use crate::common::records::{any_units, units};
use crate::common::{self, Dice};

/// Questions of a round, over the same number of sets of rows each.
const QUESTIONS: u64 = 2_000;
/// Sets of rows in a round.
const SETS: u64 = 4;
/// Rows of a set: groups of several rows, and some that are empty.
const ROWS: i64 = 120;
const BOTS: i64 = 6;

const HOUR: i64 = 3_600_000_000;

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "bots")]
struct Bot {
    #[record(key)]
    id: i64,
    name: String,
    open: Option<bool>,
}

#[derive(Field, Clone, Copy, Debug, PartialEq)]
#[field(closed)]
enum Side {
    Buy,
    Sell,
}

#[derive(Field, Clone, Copy, Debug, PartialEq)]
#[field(decimal(28, 10))]
struct Pnl(Decimal);

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "trades", index(symbol, at))]
struct Trade {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Bot, index)]
    bot_id: Option<i64>,
    symbol: String,
    note: Option<String>,
    side: Option<Side>,
    open: bool,
    small: i16,
    large: i64,
    #[record(decimal(18, 8))]
    price: Decimal,
    #[record(decimal(9, 2))]
    fee: Option<Decimal>,
    pnl: Pnl,
    pnl_or: Option<Pnl>,
    ratio: Option<f64>,
    at: Timestamp,
    at_or: Option<Timestamp>,
    day: Date,
    data: Option<Vec<u8>>,
    other: Option<Uuid>,
}

const SYMBOLS: [&str; 7] = ["BTC/USDT", "ETH", "btc/usdt", "", "50%_\\*?[a]", "ä🦀", "it's"];
const PATTERNS: [&str; 8] = ["%", "", "B%", "%t%", "_TH", "%\\%\\_%", "ä_", "%[a]"];

fn text(dice: &mut Dice) -> String {
    (*dice.one(&SYMBOLS)).to_owned()
}

/// Few different ones, around 1970 and at the edges.
fn moment(dice: &mut Dice) -> Timestamp {
    match dice.below(20) {
        0 => Timestamp::MIN,
        1 => Timestamp::MAX,
        _ => Timestamp::from_micros((dice.below(400).cast_signed() - 200) * HOUR / 3),
    }
}

/// Mostly small ones; now and then as large as there are, so that sums have too many digits.
fn pnl(dice: &mut Dice) -> Pnl {
    let most = if dice.below(8) == 0 { 28 } else { 20 };
    Pnl(units(any_units(dice, most), 10))
}

/// Quarters: their sums are exact, whatever the order.
fn ratio(dice: &mut Dice) -> f64 {
    f64::from(i32::try_from(dice.below(4000)).unwrap() - 2000) / 4.0
}

fn large(dice: &mut Dice) -> i64 {
    match dice.below(4) {
        0 => i64::MAX,
        1 => i64::MIN,
        _ => dice.below(10).cast_signed() - 5,
    }
}

fn small(dice: &mut Dice) -> i16 {
    i16::try_from(dice.below(9)).unwrap() - 4
}

fn bot(id: i64, dice: &mut Dice) -> Bot {
    Bot { id, name: text(dice), open: dice.maybe(|d| d.below(2) == 0) }
}

fn trade(id: i64, dice: &mut Dice) -> Trade {
    Trade {
        id,
        bot_id: dice.maybe(|d| d.below(BOTS.unsigned_abs()).cast_signed()),
        symbol: text(dice),
        note: dice.maybe(text),
        side: dice.maybe(|d| *d.one(&[Side::Buy, Side::Sell])),
        open: dice.below(2) == 0,
        small: small(dice),
        large: large(dice),
        price: units(any_units(dice, 18), 8),
        fee: dice.maybe(|d| units(any_units(d, 3), 2)),
        pnl: pnl(dice),
        pnl_or: dice.maybe(pnl),
        ratio: dice.maybe(ratio),
        at: moment(dice),
        at_or: dice.maybe(moment),
        day: Date::from_days(i32::try_from(dice.below(5)).unwrap() - 2),
        data: dice.maybe(|d| vec![u8::try_from(d.below(3)).unwrap(); usize::from(d.below(2) == 0)]),
        other: dice.maybe(|d| Uuid::from_u128(u128::from(d.below(4)) << 120)),
    }
}

/// A random comparison of one column.
macro_rules! compare_some {
    ($dice:ident, $col:expr, $value:expr) => {{
        let col = $col;
        match $dice.below(11) {
            0 => col.eq($value),
            1 => col.ne($value),
            2 => col.lt($value),
            3 => col.le($value),
            4 => col.gt($value),
            5 => col.ge($value),
            6 => col.between($value, $value),
            7 => col.within($value..$value),
            8 => col.is_null(),
            9 => col.is_not_null(),
            _ => {
                let count = $dice.below(4);
                col.one_of((0..count).map(|_| $value).collect::<Vec<_>>())
            }
        }
    }};
}

fn pattern(dice: &mut Dice) -> Pattern {
    let pattern = match dice.below(4) {
        0 => Pattern::starting_with(&text(dice)),
        1 => Pattern::containing(&text(dice)),
        _ => Pattern::new(*dice.one(&PATTERNS)),
    };
    if dice.below(3) == 0 { pattern.ignoring_case() } else { pattern }
}

fn leaf(dice: &mut Dice, rows: &[Trade]) -> Filter<Trade> {
    match dice.below(20) {
        0 => compare_some!(dice, Trade::BOT_ID, dice.one(rows).bot_id),
        1 => compare_some!(dice, Trade::SYMBOL, text(dice)),
        2 => compare_some!(dice, Trade::NOTE, dice.one(rows).note.clone()),
        3 => compare_some!(dice, Trade::SIDE, dice.one(rows).side),
        4 => compare_some!(dice, Trade::OPEN, dice.below(2) == 0),
        5 => compare_some!(dice, Trade::SMALL, small(dice)),
        6 => compare_some!(dice, Trade::LARGE, large(dice)),
        7 => compare_some!(dice, Trade::PRICE, dice.one(rows).price),
        8 => compare_some!(dice, Trade::FEE, dice.one(rows).fee),
        9 => compare_some!(dice, Trade::PNL, dice.one(rows).pnl),
        10 => compare_some!(dice, Trade::PNL_OR, dice.one(rows).pnl_or),
        11 => compare_some!(dice, Trade::RATIO, dice.one(rows).ratio),
        12 => compare_some!(dice, Trade::AT, moment(dice)),
        13 => compare_some!(dice, Trade::DAY, dice.one(rows).day),
        14 => compare_some!(dice, Trade::DATA, dice.one(rows).data.clone()),
        15 => compare_some!(dice, Trade::OTHER, dice.one(rows).other),
        16 => Trade::BOT.is(Bot::OPEN.eq(dice.below(2) == 0).or(Bot::NAME.like(pattern(dice)))),
        17 => Trade::SYMBOL.like(pattern(dice)),
        18 => Trade::NOTE.like(pattern(dice)),
        _ => Filter::all(),
    }
}

fn filter(dice: &mut Dice, rows: &[Trade], depth: u64) -> Filter<Trade> {
    match dice.below(if depth == 0 { 1 } else { 5 }) {
        0 | 1 => leaf(dice, rows),
        2 => filter(dice, rows, depth - 1).and(filter(dice, rows, depth - 1)),
        3 => filter(dice, rows, depth - 1).or(filter(dice, rows, depth - 1)),
        _ => !filter(dice, rows, depth - 1),
    }
}

fn order(dice: &mut Dice) -> Order<Trade> {
    macro_rules! one_of {
        ($($col:ident),+) => {{
            let orders = [$((Trade::$col.asc(), Trade::$col.desc())),+];
            let at = usize::try_from(dice.below(orders.len() as u64)).unwrap();
            let (up, down) = orders.into_iter().nth(at).unwrap();
            if dice.below(2) == 0 { up } else { down }
        }};
    }
    let order = one_of!(
        ID, BOT_ID, SYMBOL, NOTE, SIDE, OPEN, SMALL, LARGE, PRICE, FEE, PNL, PNL_OR, RATIO, AT,
        AT_OR, DAY, DATA, OTHER
    );
    match dice.below(4) {
        0 => order.nulls_first(),
        1 => order.nulls_last(),
        _ => order,
    }
}

/// A measure as it is asked, and as the model reckons it.
macro_rules! measured {
    (count) => {
        (count::<Trade>(), Measured::Rows)
    };
    ($what:ident $col:ident) => {
        ($what(Trade::$col), measured!(@ $what)(Trade::$col.at()))
    };
    (@ count_of) => { Measured::Count };
    (@ count_distinct) => { Measured::Distinct };
    (@ sum) => { Measured::Sum };
    (@ avg) => { Measured::Mean };
    (@ min) => { Measured::Min };
    (@ max) => { Measured::Max };
}

/// Picks one of several measures with a value of its kind, and goes on with them.
macro_rules! some_measure {
    ($dice:ident, |$measure:ident, $model:ident, $value:ident| $then:expr;
     $($what:ident $($col:ident)? = $make:expr;)+) => {{
        let choices = [$(stringify!($what $($col)?)),+];
        let chosen = *$dice.one(&choices);
        $(if chosen == stringify!($what $($col)?) {
            let ($measure, $model) = measured!($what $($col)?);
            let $value = $make;
            return $then;
        })+
        unreachable!("{chosen}")
    }};
}

const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::AtMost,
    Comparison::Greater,
    Comparison::AtLeast,
];

type AskedHaving = ((Measured, Comparison, Value), Having<Trade>);

fn having(dice: &mut Dice, rows: &[Trade]) -> AskedHaving {
    let how = *dice.one(&COMPARISONS);
    some_measure! { dice, |measure, model, value| {
            let compared = (model, how, cell(&value));
            let having = match how {
                Comparison::Equal => measure.eq(value),
                Comparison::NotEqual => measure.ne(value),
                Comparison::Less => measure.lt(value),
                Comparison::AtMost => measure.le(value),
                Comparison::Greater => measure.gt(value),
                Comparison::AtLeast => measure.ge(value),
            };
            (compared, having)
        };
        count = dice.below(6);
        count_of NOTE = dice.below(4);
        count_distinct SYMBOL = dice.below(4);
        sum LARGE = Decimal::from(dice.below(9));
        sum PRICE = dice.one(rows).price;
        sum PNL = dice.one(rows).pnl.0;
        sum RATIO = ratio(dice);
        min FEE = units(any_units(dice, 3), 2);
        max OPEN = dice.below(2) == 0;
        min OTHER = Uuid::from_u128(u128::from(dice.below(4)) << 120);
        max DATA = vec![u8::try_from(dice.below(3)).unwrap()];
        max AT = moment(dice);
        min SYMBOL = text(dice);
    }
}

fn measure_order(dice: &mut Dice) -> (GroupBy, GroupOrder<Trade>) {
    let down = dice.below(2) == 0;
    some_measure! { dice, |measure, model, _value| {
            let order = if down { measure.desc() } else { measure.asc() };
            (GroupBy::Measure(model, down), order)
        };
        count = ();
        count_of PNL_OR = ();
        sum LARGE = ();
        sum PNL_OR = ();
        sum RATIO = ();
        min OTHER = ();
        max NOTE = ();
        min AT_OR = ();
    }
}

/// An order by what is grouped by: of which type it is does not matter.
fn key_order(dice: &mut Dice, keys: &[Key]) -> (GroupBy, GroupOrder<Trade>) {
    let (key, down) = (*dice.one(keys), dice.below(2) == 0);
    let col = Col::<Trade, Timestamp>::new(key.at);
    let by = |sort| GroupBy::Key(key, sort);
    match key.span {
        None => {
            let order = if down { col.desc() } else { col.asc() };
            let order = if dice.below(3) == 0 { order.nulls_last() } else { order };
            (by(order.sort), order.into())
        }
        Some(span) => {
            let spans = if span == HOUR { by_hour(col) } else { by_day(col) };
            (by(Sort::by(key.at, down)), if down { spans.desc() } else { spans.asc() })
        }
    }
}

/// Makes cells of what an engine gives.
trait Cells {
    fn cells(self, out: &mut Row);
}

macro_rules! cells {
    ($($type:ty: |$it:ident| $value:expr;)+) => {$(
        impl Cells for $type {
            fn cells(self, out: &mut Row) {
                let $it = self;
                out.push($value);
            }
        }
    )+};
}

macro_rules! tuples {
    ($(($($name:ident $at:tt),+);)+) => {$(
        impl<$($name: Cells),+> Cells for ($($name,)+) {
            fn cells(self, out: &mut Row) {
                $(self.$at.cells(out);)+
            }
        }
    )+};
}

cells! {
    bool: |it| it.into();
    i16: |it| it.into();
    i64: |it| it.into();
    u64: |it| Value::Int(it.try_into().unwrap());
    f64: |it| it.into();
    Decimal: |it| it.into();
    Pnl: |it| it.0.into();
    Side: |it| it.as_str().into();
    String: |it| it.into();
    Vec<u8>: |it| it.into();
    Uuid: |it| it.into();
    Timestamp: |it| it.into();
    Date: |it| it.into();
}

tuples! {
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4, F 5);
}

impl<T: Cells> Cells for Option<T> {
    fn cells(self, out: &mut Row) {
        match self {
            Some(value) => value.cells(out),
            None => out.push(Value::Null),
        }
    }
}

impl Cells for () {
    fn cells(self, _: &mut Row) {}
}

fn cell<T: Cells + Clone>(value: &T) -> Value {
    let mut out = Vec::new();
    value.clone().cells(&mut out);
    out.pop().unwrap()
}

/// One question, for an engine and for the model.
struct Question {
    filter: Filter<Trade>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Rows { orders: Vec<Order<Trade>>, limit: Option<u32>, way: Way },
    Whole { shape: u64 },
    Groups { key: u64, shape: u64, asked: Groups, having: Vec<Having<Trade>>, orders: Orders },
}

/// How rows are read, which must make no difference.
#[derive(Clone, Copy, Debug)]
enum Way {
    All,
    Stream,
    /// By pages of that size.
    Pages(u32),
    /// By slices of that size, each behind the cursor of the one before.
    Slices(u32),
}

type Orders = Vec<GroupOrder<Trade>>;

fn question(seed: u64, rows: &[Trade]) -> Question {
    let dice = &mut Dice::new(seed);
    let filter = filter(dice, rows, 3);
    let kind = match dice.below(5) {
        0 | 1 => {
            let orders: Vec<_> = (0..dice.below(4)).map(|_| order(dice)).collect();
            // Without an order, which rows are cut off is the engine's affair.
            let limit = (dice.below(2) == 0 && !orders.is_empty()).then(|| limit(dice));
            let size = 1 + u32::try_from(dice.below(50)).unwrap();
            let way = match (dice.below(6), limit) {
                (0, None) if !orders.is_empty() => Way::Pages(size),
                (1 | 2, None) => Way::Slices(size),
                (3, _) => Way::Stream,
                _ => Way::All,
            };
            Kind::Rows { orders, limit, way }
        }
        2 => Kind::Whole { shape: dice.below(SHAPES) },
        _ => groups(dice, rows),
    };
    Question { filter, kind }
}

fn limit(dice: &mut Dice) -> u32 {
    u32::try_from(dice.below(80)).unwrap()
}

fn groups(dice: &mut Dice, rows: &[Trade]) -> Kind {
    let (key, shape) = (dice.below(KEYS), dice.below(SHAPES));
    let mut asked = Groups { keys: keys(key), measures: measures(shape), ..Groups::default() };
    let (mut havings, mut orders) = (Vec::new(), Vec::new());
    for _ in 0..dice.below(3) {
        let (model, typed) = having(dice, rows);
        asked.having.push(model);
        havings.push(typed);
    }
    for _ in 0..dice.below(3) {
        let (model, typed) = match dice.below(2) {
            0 => measure_order(dice),
            _ => key_order(dice, &asked.keys),
        };
        asked.orders.push(model);
        orders.push(typed);
    }
    if !orders.is_empty() {
        asked.limit = dice.maybe(|d| limit(d) / 8);
        asked.offset = if dice.below(3) == 0 { dice.below(6) } else { 0 };
    }
    Kind::Groups { key, shape, asked, having: havings, orders }
}

const KEYS: u64 = 8;

fn keys(key: u64) -> Vec<Key> {
    let of = |at| Key { at, span: None };
    let span = |at, span| Key { at, span: Some(span) };
    match key {
        0 => vec![of(Trade::SYMBOL.at())],
        1 => vec![of(Trade::BOT_ID.at())],
        2 => vec![span(Trade::AT.at(), 24 * HOUR)],
        3 => vec![of(Trade::SIDE.at()), of(Trade::OPEN.at())],
        4 => vec![of(Trade::NOTE.at()), span(Trade::AT_OR.at(), HOUR)],
        5 => vec![of(Trade::SMALL.at()), of(Trade::DAY.at()), of(Trade::FEE.at())],
        6 => [Trade::OPEN.at(), Trade::SIDE.at(), Trade::BOT_ID.at(), Trade::LARGE.at()]
            .map(of)
            .to_vec(),
        _ => vec![of(Trade::DATA.at()), of(Trade::OTHER.at())],
    }
}

macro_rules! shapes {
    ($($shape:literal: $(($what:ident $($col:ident)?)),+;)+) => {
        fn measures(shape: u64) -> Vec<Measured> {
            match shape {
                $($shape => vec![$(measured!($what $($col)?).1),+],)+
                other => panic!("{other}"),
            }
        }

        /// Asks for groups with the measures of the shape.
        async fn measure<K>(sql: &Sql, keys: K, question: Question) -> Result<Vec<Row>>
        where
            K: Keys<Trade, Out: Cells>,
        {
            let Question { filter, kind } = question;
            let groups = sql.find::<Trade>().filter(filter).group_by(keys);
            let Kind::Groups { shape, asked, having, orders, .. } = kind else { panic!("groups") };
            match shape {
                $($shape => {
                    let measures = ($(measured!($what $($col)?).0),+);
                    read(groups.measure(measures), asked, having, orders).await
                })+
                other => panic!("{other}"),
            }
        }

        /// Asks for the measures of the shape over all rows.
        async fn whole(sql: &Sql, filter: Filter<Trade>, shape: u64) -> Result<Vec<Row>> {
            let mut row = Vec::new();
            let find = sql.find::<Trade>().filter(filter);
            match shape {
                $($shape => {
                    let measures = ($(measured!($what $($col)?).0),+);
                    find.measure(measures).await?.cells(&mut row);
                })+
                other => panic!("{other}"),
            }
            Ok(vec![row])
        }
    };
}

const SHAPES: u64 = 4;

shapes! {
    0: (count), (count_of NOTE), (count_distinct SYMBOL), (sum PRICE), (sum PNL_OR), (sum LARGE);
    1: (avg PRICE), (avg SMALL), (min FEE), (max NOTE), (min OTHER), (max DATA);
    2: (sum RATIO), (avg RATIO), (min OPEN), (max AT), (min DAY), (max SIDE);
    3: (avg PNL);
}

async fn read<K, M>(
    mut groups: MeasuredGroups<'_, Trade, K, M>,
    asked: Groups,
    having: Vec<Having<Trade>>,
    orders: Orders,
) -> Result<Vec<Row>>
where
    K: Keys<Trade, Out: Cells>,
    M: Measures<Trade, Out: Cells>,
{
    for having in having {
        groups = groups.having(having);
    }
    for order in orders {
        groups = groups.order_by(order);
    }
    if let Some(limit) = asked.limit {
        groups = groups.limit(limit);
    }
    let found = groups.offset(asked.offset).all().await?;
    let row = |group: (K::Out, M::Out)| {
        let mut row = Vec::new();
        group.0.cells(&mut row);
        group.1.cells(&mut row);
        row
    };
    Ok(found.into_iter().map(row).collect())
}

/// What an engine answers.
async fn ask(sql: &Sql, question: Question) -> Result<Vec<Row>> {
    match &question.kind {
        Kind::Rows { .. } => rows(sql, question).await,
        Kind::Whole { shape } => whole(sql, question.filter, *shape).await,
        Kind::Groups { key, .. } => match *key {
            0 => measure(sql, Trade::SYMBOL, question).await,
            1 => measure(sql, Trade::BOT_ID, question).await,
            2 => measure(sql, by_day(Trade::AT), question).await,
            3 => measure(sql, (Trade::SIDE, Trade::OPEN), question).await,
            4 => measure(sql, (Trade::NOTE, by_hour(Trade::AT_OR)), question).await,
            5 => measure(sql, (Trade::SMALL, Trade::DAY, Trade::FEE), question).await,
            6 => {
                let keys = (Trade::OPEN, Trade::SIDE, Trade::BOT_ID, Trade::LARGE);
                measure(sql, keys, question).await
            }
            _ => measure(sql, (Trade::DATA, Trade::OTHER), question).await,
        },
    }
}

async fn rows(sql: &Sql, question: Question) -> Result<Vec<Row>> {
    let Question { filter, kind: Kind::Rows { orders, limit, way } } = question else {
        panic!("rows")
    };
    let find = || {
        let find = sql.find::<Trade>().filter(filter.clone());
        let ordered = orders.iter().fold(find, |find, order| find.order_by(*order));
        limit.into_iter().fold(ordered, |find, limit| find.limit(limit))
    };
    let mut found = Vec::new();
    match way {
        Way::All => found = find().all().await?,
        Way::Stream => {
            let mut rows = find().stream().await?;
            while let Some(row) = rows.next().await? {
                found.push(row);
            }
        }
        Way::Pages(size) => {
            for number in 1.. {
                let page = find().page(number, size).await?;
                if page.items.is_empty() {
                    assert_eq!(page.total, found.len() as u64);
                    break;
                }
                found.extend(page.items);
            }
        }
        Way::Slices(size) => {
            let mut cursor = None;
            loop {
                let slice = find().keyset(size).after(cursor.as_ref()).load().await?;
                found.extend(slice.items);
                cursor = slice.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
    }
    found.iter().map(Value::row).collect()
}

/// What the model answers, and whether in this order.
fn answer(model: &Model, question: Question) -> (Result<Vec<Row>, Code>, bool) {
    let condition = question.filter.into_condition().unwrap();
    match question.kind {
        Kind::Rows { orders, limit, .. } => {
            let sorts: Vec<_> = orders.iter().map(|order| order.sort).collect();
            let found = model.ordered(Trade::TABLE, &condition, &sorts, limit);
            (Ok(found.into_iter().cloned().collect()), !sorts.is_empty())
        }
        Kind::Whole { shape } => {
            let asked = Groups { measures: measures(shape), ..Groups::default() };
            (model.groups(Trade::TABLE, &condition, &asked), true)
        }
        Kind::Groups { asked, .. } => {
            (model.groups(Trade::TABLE, &condition, &asked), !asked.orders.is_empty())
        }
    }
}

/// How the answers of a round were: if all were empty or errors, they would prove little.
#[derive(Debug, Default)]
struct Tally {
    some: u64,
    none: u64,
    errors: u64,
}

async fn set(sql: &Sql, seed: u64, in_transactions: bool, tally: &mut Tally) {
    let mut dice = Dice::new(seed);
    let bots: Vec<_> = (0..BOTS).map(|id| bot(id, &mut dice)).collect();
    let trades: Vec<_> = (0..ROWS).map(|id| trade(id, &mut dice)).collect();
    sql.create_table::<Trade>().await.unwrap();
    sql.insert_many(&bots).await.unwrap();
    sql.insert_many(&trades).await.unwrap();
    let values = |rows: Vec<Result<Row>>| rows.into_iter().map(Result::unwrap).collect();
    let model = Model {
        tables: vec![
            (Bot::TABLE, values(bots.iter().map(Value::row).collect())),
            (Trade::TABLE, values(trades.iter().map(Value::row).collect())),
        ],
    };
    for number in 0..QUESTIONS / SETS {
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(number);
        let make = || question(seed, &trades);
        let found = match in_transactions {
            true => sql.transaction(async |sql| ask(&sql, make()).await).await,
            false => ask(sql, make()).await,
        };
        let (mut want, ordered) = answer(&model, make());
        let mut found = found.map_err(|error| error.code());
        if !ordered {
            for rows in [&mut found, &mut want].into_iter().flatten() {
                rows.sort_by_key(|row| format!("{row:?}"));
            }
        }
        match &want {
            Ok(rows) if rows.is_empty() => tally.none += 1,
            Ok(_) => tally.some += 1,
            Err(_) => tally.errors += 1,
        }
        let asked = make();
        assert_eq!(found, want, "{seed}: {:?} {:?}", asked.filter, asked.kind);
    }
    sql.drop_table::<Trade>().await.unwrap();
    sql.drop_table::<Bot>().await.unwrap();
}

async fn round(sql: &Sql, seed: u64) {
    let mut tally = Tally::default();
    for number in 0..SETS {
        let in_transactions = number == SETS - 1;
        set(sql, seed.wrapping_mul(SETS).wrapping_add(number), in_transactions, &mut tally).await;
    }
    assert!(tally.some > QUESTIONS / 2 && tally.errors > 0, "seed {seed}: {tally:?}");
}

#[tokio::test]
async fn sqlite_answers_as_the_model_does() {
    let _alone = super::alone().await;
    for seed in super::seeds() {
        let store = common::SqliteStore::new().await;
        round(&store.sql, seed).await;
        store.sql.close().await.unwrap();
    }
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_answers_as_the_model_does() {
    let _alone = super::alone().await;
    for seed in super::seeds() {
        let store = common::PostgresStore::new().await;
        round(&store.sql, seed).await;
        store.sql.close().await.unwrap();
    }
}
