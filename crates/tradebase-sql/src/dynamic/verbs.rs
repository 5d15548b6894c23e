//! The verbs of rows whose table is known only at run time.

use std::collections::HashMap;
use std::pin::pin;

use tradebase_core::watch::Operation;
use tradebase_core::{Comparison, Condition, Error, Result, Table, Value, json};

use super::Dynamic;
use super::conflict::DynamicConflict;
use super::find::{Named, counted, read};
use super::full::{Full, Keyed};
use super::names::unknown_column;
use super::row::DynamicRow;
use crate::conflict::Upserted;
use crate::engine::{Engine, either};
use crate::error::other_version;
use crate::naming;
use crate::patch::Changes;
use crate::select::Select;
use crate::sql::{Updated, count};

/// Keys of several columns that one statement asks for: each is a term of its own.
const KEYS_PER_STATEMENT: usize = 100;

impl Dynamic<'_> {
    /// Creates the table if it is not there, and those it points to. See
    /// [`Sql::create_table`](crate::Sql::create_table).
    pub async fn create_table(&self) -> Result<()> {
        let (sql, table) = (self.sql, self.table);
        let call = sql.call(Operation::Create, Some(table));
        let created = async {
            naming::check(table)?;
            either!(Engine, &sql.engine, store => store.create_tables(&call, &[table]).await)
        };
        sql.run(&call, |()| 0, pin!(created)).await
    }

    /// Drops the table with all its rows, if it is there. See
    /// [`Sql::drop_table`](crate::Sql::drop_table).
    pub async fn drop_table(&self) -> Result<()> {
        let (sql, table) = (self.sql, self.table);
        let call = sql.call(Operation::Drop, Some(table));
        let dropped =
            async { either!(Engine, &sql.engine, store => store.drop_table(&call, table).await) };
        sql.run(&call, |()| 0, pin!(dropped)).await
    }

    /// Inserts a row and gives it back as it is stored: with the defaults of columns that are
    /// missing, a new id if the key is a missing UUID, and what the layer fills.
    ///
    /// It is checked as the record of the table is, and as durable and whole as
    /// [`Sql::insert`](crate::Sql::insert).
    pub async fn insert(&self, row: &DynamicRow) -> Result<DynamicRow> {
        let (sql, table) = (self.sql, self.table);
        let call = sql.call(Operation::Insert, Some(table));
        let inserted = async {
            let mut full = Full::to_insert(table, row, sql.now())?;
            let key = either!(Engine, &sql.engine, store => store.insert(&call, &full).await?);
            if let Some(key) = key {
                full.assign(key);
            }
            Ok(full.into_row())
        };
        sql.run(&call, |_| 1, pin!(inserted)).await
    }

    /// Inserts many rows, all or none, and gives them back as they are stored. See
    /// [`Sql::insert_many`](crate::Sql::insert_many).
    pub async fn insert_many(&self, rows: &[DynamicRow]) -> Result<Vec<DynamicRow>> {
        let (sql, table) = (self.sql, self.table);
        let call = sql.call(Operation::InsertMany, Some(table));
        let inserted = async {
            let full = |(at, row)| {
                Full::to_insert(table, row, sql.now()).map_err(|error| error.at_row(at))
            };
            let mut all = rows.iter().enumerate().map(full).collect::<Result<Vec<_>>>()?;
            let keys = match all.iter().collect::<Vec<_>>().as_slice() {
                [] => Vec::new(),
                rows => either!(Engine, &sql.engine, store => {
                    store.insert_many(&call, table, rows).await?
                }),
            };
            all.iter_mut().zip(keys).for_each(|(full, key)| full.assign(key));
            Ok(all.into_iter().map(Full::into_row).collect())
        };
        sql.run(&call, Vec::len, pin!(inserted)).await
    }

    /// Inserts a row, or does with the stored one what the [`DynamicConflict`] says; gives how it
    /// ended, and the row as it is stored then, with all its columns and its own key. See
    /// [`Sql::upsert`](crate::Sql::upsert).
    ///
    /// If the stored row was kept, it is not read: what comes back is the row that would have been
    /// inserted, and a key that was made for it is in no row.
    pub async fn upsert(
        &self,
        row: &DynamicRow,
        conflict: &DynamicConflict,
    ) -> Result<(Upserted, DynamicRow)> {
        let (sql, table) = (self.sql, self.table);
        let call = sql.call(Operation::Upsert, Some(table));
        let upserted = async {
            let plan = conflict.plan(table)?;
            let mut full = Full::to_insert(table, row, sql.now())?;
            let landed = either!(Engine, &sql.engine, store => {
                store.upsert(&call, &full, &plan).await?
            });
            if let Some(stored) = landed.stored {
                full.land(stored);
            }
            Ok((landed.how, full.into_row()))
        };
        let changed = |(how, _): &(Upserted, DynamicRow)| usize::from(*how != Upserted::Kept);
        sql.run(&call, changed, pin!(upserted)).await
    }

    /// The row of that key: a value per column of it.
    pub async fn get(&self, key: &[Value]) -> Result<Option<DynamicRow>> {
        let (sql, table) = (self.sql, self.table);
        let call = sql.call(Operation::Get, Some(table));
        let got = async {
            let select = Select::of(table).that(one_key(table, &Keyed::of(table, key)?)).limit(1);
            let rows = either!(Engine, &sql.engine, store => {
                store.select(&call, &select, self.named()).await?
            });
            Ok(rows.into_iter().next())
        };
        sql.run(&call, |got: &Option<_>| usize::from(got.is_some()), pin!(got)).await
    }

    /// The rows of these keys, each at the place of its key; a key may stand there twice. They
    /// are as they were at one moment, unless there are more than a hundred keys of several
    /// columns.
    pub async fn get_many(&self, keys: &[Vec<Value>]) -> Result<Vec<Option<DynamicRow>>> {
        let (sql, table) = (self.sql, self.table);
        let call = sql.call(Operation::GetMany, Some(table));
        let got = async {
            let keys = keys.iter().map(|key| Keyed::of(table, key)).collect::<Result<Vec<_>>>()?;
            let most = if table.key.len() == 1 { keys.len() } else { KEYS_PER_STATEMENT };
            let mut found = HashMap::with_capacity(keys.len());
            for keys in keys.chunks(most.max(1)) {
                let select = Select::of(table).that(any_key(table, keys));
                let rows = either!(Engine, &sql.engine, store => {
                    store.select(&call, &select, self.named()).await?
                });
                for row in rows {
                    found.insert(written(&self.key_of(&row)?), row);
                }
            }
            Ok(keys.iter().map(|key| found.get(&written(key.values())).cloned()).collect())
        };
        let there = |got: &Vec<Option<_>>| got.iter().flatten().count();
        sql.run(&call, there, pin!(got)).await
    }

    /// Whether there is a row of that key.
    pub async fn exists(&self, key: &[Value]) -> Result<bool> {
        let (sql, table) = (self.sql, self.table);
        let call = sql.call(Operation::Exists, Some(table));
        let there = async {
            let key = Keyed::of(table, key)?;
            let condition = one_key(table, &key);
            let select = Select::of(table).that(condition).limit(1);
            let rows = either!(Engine, &sql.engine, store => {
                store.select(&call, &select, self.named()).await?
            });
            Ok(!rows.is_empty())
        };
        sql.run(&call, |there| usize::from(*there), pin!(there)).await
    }

    /// How many rows there are.
    pub async fn count(&self) -> Result<u64> {
        let call = self.sql.call(Operation::Count, Some(self.table));
        counted(self.sql, &call, self.table, Condition::Always).await
    }

    /// So many rows in the order of the key, behind the first `offset` ones. See
    /// [`Sql::list`](crate::Sql::list).
    pub async fn list(&self, limit: u32, offset: u64) -> Result<Vec<DynamicRow>> {
        let call = self.sql.call(Operation::List, Some(self.table));
        let select = Select::of(self.table).by_key().limit(limit);
        let select = Select { offset: Some(offset), ..select };
        read(self.sql, &call, &select, self.table.columns.iter().collect()).await
    }

    /// Changes some columns of the row of that key, and says whether there was one. Each value is
    /// checked by its column, and what the layer fills is filled: see
    /// [`Sql::patch`](crate::Sql::patch).
    pub async fn update(&self, key: &[Value], changes: &DynamicRow) -> Result<bool> {
        self.change(key, changes, None).await
    }

    /// As [`update`](Dynamic::update), only if the stored row has this version; else it is a
    /// [`Code::VersionConflict`](tradebase_core::Code::VersionConflict).
    pub async fn update_if_version(
        &self,
        key: &[Value],
        changes: &DynamicRow,
        version: i64,
    ) -> Result<bool> {
        self.change(key, changes, Some(version)).await
    }

    async fn change(
        &self,
        key: &[Value],
        changes: &DynamicRow,
        version: Option<i64>,
    ) -> Result<bool> {
        let (sql, table) = (self.sql, self.table);
        let call = sql.call(Operation::Patch, Some(table));
        let changed = async {
            let key = Keyed::of(table, key)?;
            let mut set = gathered(table, changes);
            if let Some(version) = version {
                set.if_version(version);
            }
            let change = set.checked(sql)?;
            let changed = either!(Engine, &sql.engine, store => {
                store.patch(&call, table, &key, &change).await?
            });
            match changed {
                Updated::Yes { .. } => Ok(true),
                Updated::Missing => Ok(false),
                Updated::OtherVersion => Err(other_version(version)),
            }
        };
        sql.run(&call, |was| usize::from(*was), pin!(changed)).await
    }

    /// Deletes the row of that key and says whether there was one.
    pub async fn delete(&self, key: &[Value]) -> Result<bool> {
        let (sql, table) = (self.sql, self.table);
        let call = sql.call(Operation::Delete, Some(table));
        let deleted = async {
            let key = Keyed::of(table, key)?;
            either!(Engine, &sql.engine, store => store.delete(&call, table, &key).await)
        };
        sql.run(&call, |was| usize::from(*was), pin!(deleted)).await
    }

    /// Deletes the rows of these keys, all or none, and gives the number of those that were
    /// there.
    pub async fn delete_many(&self, keys: &[Vec<Value>]) -> Result<u64> {
        let (sql, table) = (self.sql, self.table);
        let call = sql.call(Operation::DeleteMany, Some(table));
        let deleted = async {
            let keys = keys.iter().map(|key| Keyed::of(table, key)).collect::<Result<Vec<_>>>()?;
            either!(Engine, &sql.engine, store => store.delete_many(&call, table, &keys).await)
        };
        sql.run(&call, count, pin!(deleted)).await
    }

    fn named(&self) -> Named {
        Named(self.table.columns.iter().collect())
    }
}

/// The columns that are to be set, with what is wrong with them.
pub(super) fn gathered(table: &'static Table, changes: &DynamicRow) -> Changes {
    let mut set = Changes::new(table);
    for (name, value) in changes.iter() {
        match table.position(name) {
            Some(at) => set.set(at, Ok(value.clone())),
            None => set.refuse(Error::invalid(vec![unknown_column(table, name)])),
        }
    }
    set
}

fn one_key(table: &'static Table, key: &Keyed) -> Condition {
    let equal = |(&at, value): (&usize, &Value)| Condition::Compare {
        at,
        how: Comparison::Equal,
        value: value.clone(),
    };
    Condition::All(table.key.iter().zip(key.values()).map(equal).collect())
}

fn any_key(table: &'static Table, keys: &[Keyed]) -> Condition {
    match table.key {
        &[at] => {
            let values = keys.iter().flat_map(|key| key.values().first().cloned());
            Condition::OneOf { at, values: values.collect() }
        }
        _ => Condition::Any(keys.iter().map(|key| one_key(table, key)).collect()),
    }
}

/// A key as text, equal for equal ones.
fn written(key: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in key {
        match value {
            // Zero has two signs and is one number.
            Value::Float(value) => json::write_value(&Value::Float(value + 0.0), &mut out),
            value => json::write_value(value, &mut out),
        }
        out.push(b',');
    }
    out
}
