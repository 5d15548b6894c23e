//! Reading some columns.

use std::marker::PhantomData;

use tradebase_core::{
    Code, Col, Column, Error, Field, Got, Kind, Record, Result, Row, Source, Table,
};

use super::Find;
use crate::select::{Decode, Item, Typed};

/// The values of one column.
#[derive(Debug)]
pub struct Single<F> {
    column: &'static Column,
    of: PhantomData<fn() -> F>,
}

impl<'a, T: Record, D: Decode> Find<'a, T, D> {
    /// Reads only the columns that `R` has, by their names.
    ///
    /// A column that the record lacks, or that `R` takes as another kind, or that may be null and
    /// may not in `R`, is an error that names it before anything is sent.
    ///
    /// ```
    /// # use tradebase_core::{Record, Row};
    /// # use tradebase_sql::Sql;
    /// # #[derive(Record)]
    /// # #[record(table = "bots")]
    /// # struct Bot { #[record(key)] id: i64, name: String, active: bool }
    /// #[derive(Row)]
    /// struct Name {
    ///     name: String,
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let sql = Sql::open("sqlite::memory:").await?;
    /// # sql.create_table::<Bot>().await?;
    /// # sql.insert(&Bot { id: 1, name: "trend".into(), active: true }).await?;
    /// let names = sql.find::<Bot>().filter(Bot::ACTIVE.eq(true)).select::<Name>().all().await?;
    /// assert_eq!(names[0].name, "trend");
    /// # Ok::<(), tradebase_core::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn select<R: Row>(self) -> Find<'a, T, Typed<R>> {
        let decode = Typed::<R>::default();
        let columns = decode.columns();
        let places: Result<Vec<_>> = columns.iter().map(|column| place(T::TABLE, column)).collect();
        let (output, refused) = match places {
            Ok(places) => (places.into_iter().map(Item::Column).collect(), None),
            Err(error) => (Vec::new(), Some(error)),
        };
        self.reading(output, decode, refused)
    }

    /// Reads only that column.
    pub fn column<F: Field>(self, column: Col<T, F>) -> Find<'a, T, Single<F>> {
        let decode = Single { column: column.column(), of: PhantomData };
        self.reading(vec![Item::Column(column.at())], decode, None)
    }

    /// The same find, of which something else is read.
    pub(crate) fn reading<E>(
        self,
        output: Vec<Item>,
        decode: E,
        refused: Option<Error>,
    ) -> Find<'a, T, E> {
        Find {
            sql: self.sql,
            filter: self.filter,
            orders: self.orders,
            limit: self.limit,
            offset: self.offset,
            distinct: self.distinct,
            output,
            joined: None,
            decode,
            refused: self.refused.or(refused),
            of: PhantomData,
        }
    }
}

impl<F: Field> Decode for Single<F> {
    type Out = F;

    fn columns(&self) -> Vec<&'static Column> {
        vec![self.column]
    }

    #[inline]
    fn decode<S: Source>(&self, source: &mut S) -> Result<F> {
        match F::take(0, self.column, source)? {
            Got::Value(value) => Ok(value),
            Got::Null | Got::Absent => {
                F::none().ok_or_else(|| Error::unreadable(self.column, format_args!("it is null")))
            }
        }
    }
}

/// Where the record has that column, if its values can be read as that of the projection.
fn place(table: &'static Table, wanted: &'static Column) -> Result<usize> {
    let name = wanted.name.text;
    let refused = |message| Error::new(Code::Invalid, message).column(name);
    let Some((at, column)) = table.columns.iter().enumerate().find(|(_, c)| c.name.text == name)
    else {
        return Err(refused(format!("there is no such column in {}", table.record)));
    };
    if !same(column.kind, wanted.kind) {
        let message = format!("the column holds {}, not {}", column.kind, wanted.kind);
        return Err(refused(message));
    }
    if column.nullable && !wanted.nullable {
        return Err(refused("the column may be null: read it as an Option".to_owned()));
    }
    Ok(at)
}

/// Whether values of a column can be read as those of another: text of any length.
fn same(column: Kind, wanted: Kind) -> bool {
    column == wanted || (column.is_text() && wanted.is_text())
}
