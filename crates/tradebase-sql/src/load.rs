//! What records point to, and what points to them, loaded for many of them by one statement.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::pin::pin;

use tradebase_core::watch::Operation;
use tradebase_core::{
    Code, Column, Condition, Error, Filter, Link, Order, Put, Record, Result, Value,
};

use crate::engine::{Engine, either};
use crate::find::Find;
use crate::select::{Select, Typed};
use crate::sql::Sql;

/// What rows point to: a place for each row, and each parent once, however many point to it.
///
/// ```
/// # use tradebase_core::Record;
/// # use tradebase_sql::Sql;
/// # #[derive(Record)]
/// # #[record(table = "bots")]
/// # struct Bot { #[record(key)] id: i64, name: String }
/// #[derive(Record)]
/// #[record(table = "trades")]
/// struct Trade {
///     #[record(key)]
///     id: i64,
///     #[record(belongs_to = Bot, index)]
///     bot_id: Option<i64>,
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let sql = Sql::open("sqlite::memory:").await?;
/// # sql.create_table::<Trade>().await?;
/// # sql.insert(&Bot { id: 1, name: "trend".into() }).await?;
/// # sql.insert_many(&[Trade { id: 1, bot_id: Some(1) }, Trade { id: 2, bot_id: None }]).await?;
/// let trades = sql.all::<Trade>().await?;
/// let bots = sql.parents(&trades, Trade::BOT).await?;
/// let names: Vec<_> = bots.iter().map(|bot| bot.map(|bot| bot.name.as_str())).collect();
/// assert_eq!(names, [Some("trend"), None]);
/// # Ok::<(), tradebase_core::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Parents<P> {
    /// By the number of its key.
    found: Vec<Option<P>>,
    /// The number of each row's key.
    places: Vec<Option<usize>>,
}

impl Sql {
    /// Loads what rows point to, by one statement for any number of rows.
    ///
    /// The rows may come from anywhere: `&trades`, or `bots.iter().flatten()`. A row whose column
    /// is null has no parent, and no statement is sent if all are.
    pub async fn parents<'r, C: Record, P: Record>(
        &self,
        rows: impl IntoIterator<Item = &'r C> + Send,
        link: Link<C, P>,
    ) -> Result<Parents<P>> {
        let call = self.call(Operation::Find, Some(P::TABLE));
        let keys = Keys::of(rows, link.at());
        let loaded = async {
            let (keys, key) = (keys?, link.key()?);
            let mut found: Vec<Option<P>> = keys.list.iter().map(|_| None).collect();
            if let Some(one_of) = keys.one_of::<P>(key)? {
                // Who reads few rows is spared a thread. One more than there are keys: a key that
                // is not unique must not cut off the row of another.
                let select = Select::of(P::TABLE).that(one_of);
                let select = Select { limit: keys.rows_max(), ..select };
                let rows = either!(Engine, &self.engine, store => {
                    store.select(&call, &select, Typed::<P>::default()).await?
                });
                for row in rows {
                    let place = keys.place(&row, key, &mut found)?;
                    if place.replace(row).is_some() {
                        return Err(not_unique::<P>());
                    }
                }
            }
            Ok(Parents { found, places: keys.places })
        };
        self.run(&call, |parents| parents.found.iter().flatten().count(), pin!(loaded)).await
    }

    /// Loads the rows that point to each of these parents, by one statement for any number of
    /// parents; [`all`](Children::all) runs it.
    ///
    /// ```
    /// # use tradebase_core::Record;
    /// # use tradebase_sql::Sql;
    /// # #[derive(Record)]
    /// # #[record(table = "bots")]
    /// # struct Bot { #[record(key)] id: i64, name: String }
    /// # #[derive(Record, Clone)]
    /// # #[record(table = "trades")]
    /// # struct Trade { #[record(key)] id: i64, #[record(belongs_to = Bot)] bot_id: i64, fee: i64 }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let sql = Sql::open("sqlite::memory:").await?;
    /// # sql.create_table::<Trade>().await?;
    /// # sql.insert(&Bot { id: 1, name: "trend".into() }).await?;
    /// # sql.insert_many(&[Trade { id: 1, bot_id: 1, fee: 0 }]).await?;
    /// let bots = sql.all::<Bot>().await?;
    /// let trades = sql
    ///     .children(&bots, Trade::BOT)
    ///     .filter(Trade::FEE.ge(0))
    ///     .order_by(Trade::ID.asc())
    ///     .all()
    ///     .await?;
    /// for (bot, trades) in bots.iter().zip(trades) {
    ///     println!("{}: {}", bot.name, trades.len());
    /// }
    /// # Ok::<(), tradebase_core::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn children<'r, C: Record, P: Record>(
        &self,
        parents: impl IntoIterator<Item = &'r P>,
        link: Link<C, P>,
    ) -> Children<'_, C> {
        let keys = link.key().and_then(|key| Keys::of(parents, key));
        Children { find: self.find(), by: link.at(), keys }
    }
}

impl<P> Parents<P> {
    /// What the row at that place points to: none if its column is null, or if there is no such
    /// parent.
    pub fn get(&self, row: usize) -> Option<&P> {
        let number = self.places.get(row).copied().flatten()?;
        self.found.get(number)?.as_ref()
    }

    /// What each row points to, in the order of the rows.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&P>> {
        (0..self.places.len()).map(|row| self.get(row))
    }

    /// Every parent once, in the order in which rows first point to them.
    pub fn each(&self) -> impl Iterator<Item = &P> {
        self.found.iter().flatten()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// A load of what points to parents; see [`Sql::children`].
#[must_use = "a load does nothing until `all` is awaited"]
#[derive(Debug)]
pub struct Children<'a, C> {
    find: Find<'a, C>,
    by: usize,
    keys: Result<Keys>,
}

impl<C: Record + Clone> Children<'_, C> {
    /// Only rows that pass; a second filter must be passed too.
    pub fn filter(self, filter: Filter<C>) -> Self {
        Self { find: self.find.filter(filter), ..self }
    }

    /// The rows of each parent in that order; see [`Find::order_by`].
    pub fn order_by(self, order: Order<C>) -> Self {
        Self { find: self.find.order_by(order), ..self }
    }

    /// The rows of each parent, at its place: none for a key that the column which points cannot
    /// hold. A parent that stands there twice gets its rows
    /// twice; for no parents no statement is sent.
    pub async fn all(self) -> Result<Vec<Vec<C>>> {
        let (sql, by) = (self.find.sql(), self.by);
        let call = sql.call(Operation::Find, Some(C::TABLE));
        let loaded = async {
            let (keys, (mut select, decode)) = (self.keys?, self.find.parts()?);
            let mut groups: Vec<Vec<C>> = keys.list.iter().map(|_| Vec::new()).collect();
            if let Some(one_of) = keys.one_of::<C>(by)? {
                let own = std::mem::replace(&mut select.condition, Condition::Always);
                select.condition = match own {
                    Condition::Always => one_of,
                    own => Condition::All(vec![one_of, own]),
                };
                let rows = either!(Engine, &sql.engine, store => {
                    store.select(&call, &select, decode).await?
                });
                for row in rows {
                    keys.place(&row, by, &mut groups)?.push(row);
                }
            }
            Ok(dealt(&keys.places, groups))
        };
        let rows = |groups: &Vec<Vec<C>>| groups.iter().map(Vec::len).sum();
        sql.run(&call, rows, pin!(loaded)).await
    }
}

/// Gives each place the rows of its key; they are copied only for keys that stand there again.
fn dealt<C: Clone>(places: &[Option<usize>], mut groups: Vec<Vec<C>>) -> Vec<Vec<C>> {
    let mut left = vec![0_usize; groups.len()];
    for &number in places.iter().flatten() {
        if let Some(left) = left.get_mut(number) {
            *left += 1;
        }
    }
    let deal = |place: &Option<usize>| {
        let number = (*place)?;
        let (group, left) = (groups.get_mut(number)?, left.get_mut(number)?);
        *left -= 1;
        Some(if *left == 0 { std::mem::take(group) } else { group.clone() })
    };
    places.iter().map(deal).map(Option::unwrap_or_default).collect()
}

/// Keys by which rows are loaded, each once.
#[derive(Debug, Default)]
struct Keys {
    numbers: HashMap<Match, usize>,
    /// By their numbers.
    list: Vec<Value>,
    /// The number of the key at each place; none where it is null.
    places: Vec<Option<usize>>,
}

impl Keys {
    /// Those that stand in a column of rows.
    fn of<'r, T: Put>(rows: impl IntoIterator<Item = &'r T>, at: usize) -> Result<Self> {
        let mut keys = Self::default();
        for row in rows {
            let number = match Value::at(row, at)? {
                Value::Null => None,
                value => {
                    let next = keys.list.len();
                    let number = *keys.numbers.entry(Match::of(value.clone())).or_insert(next);
                    if number == next {
                        keys.list.push(value);
                    }
                    Some(number)
                }
            };
            keys.places.push(number);
        }
        Ok(keys)
    }

    /// One more than the rows of a unique column that have them; none if it cannot be told.
    fn rows_max(&self) -> Option<u32> {
        u32::try_from(self.list.len()).ok()?.checked_add(1)
    }

    /// What rows with one of these in a column pass; none if there are none to ask for. A key that
    /// the column cannot hold is passed over: no row has it.
    fn one_of<T: Record>(&self, at: usize) -> Result<Option<Condition>> {
        let missing = || Error::new(Code::Internal, format!("there is no column {at}"));
        let column = T::COLUMNS.get(at).ok_or_else(missing)?;
        let fitting = self.list.iter().filter(|key| is_held(column, key));
        let values: Vec<_> = fitting.cloned().collect();
        Ok((!values.is_empty()).then_some(Condition::OneOf { at, values }))
    }

    /// What belongs to the key that a row was found by.
    fn place<'t, T: Put, V>(&self, row: &T, at: usize, of: &'t mut [V]) -> Result<&'t mut V> {
        let number = self.numbers.get(&Match::of(Value::at(row, at)?));
        number.and_then(|&number| of.get_mut(number)).ok_or_else(|| {
            // Dropped in silence, rows would be lost: a column that compares otherwise than we do.
            let message = "a row was found by a key that was not asked for";
            Error::new(Code::Unreadable, message).column(T::COLUMNS[at].name.text)
        })
    }
}

/// Whether a column can hold a key. Only integers and texts have other bounds than the key of a
/// table that points or is pointed to; of any other kind, a key that does not fit is an error.
fn is_held(column: &'static Column, key: &Value) -> bool {
    let bounded = match key {
        Value::Int(_) => column.kind.is_integer(),
        Value::Text(_) => column.kind.is_text(),
        _ => false,
    };
    !bounded || key.in_column(column).is_ok()
}

/// A value that is found among others: equal where the engines say so.
#[derive(Debug, PartialEq)]
struct Match(Value);

impl Match {
    fn of(value: Value) -> Self {
        Self(match value {
            // The two columns may have another scale: 1.50 is 1.5.
            Value::Decimal(mut units, mut scale) => {
                while scale > 0 && units % 10 == 0 {
                    (units, scale) = (units / 10, scale - 1);
                }
                Value::Decimal(units, scale)
            }
            // Zero has two signs and is one number.
            Value::Float(value) => Value::Float(value + 0.0),
            other => other,
        })
    }
}

/// Floats are finite here, so every value is equal to itself.
impl Eq for Match {}

impl Hash for Match {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Value::Bool(value) => value.hash(state),
            Value::Int(value) => value.hash(state),
            Value::Float(value) => value.to_bits().hash(state),
            Value::Decimal(units, scale) => (units, scale).hash(state),
            Value::Text(value) | Value::Json(value) => value.hash(state),
            Value::Bytes(value) => value.hash(state),
            Value::Uuid(value) => value.hash(state),
            Value::Timestamp(value) => value.as_micros().hash(state),
            Value::TimestampNs(value) => value.as_nanos().hash(state),
            Value::Date(value) => value.as_days().hash(state),
            _ => {}
        }
    }
}

#[cold]
fn not_unique<P: Record>() -> Error {
    let message =
        "the table has several rows of one key: it was made without the key of the record";
    Error::new(Code::SchemaMismatch, message).of(P::TABLE)
}
