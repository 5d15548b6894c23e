//! What is reckoned over all rows that a find finds.

use std::pin::pin;

use tradebase_core::watch::Operation;
use tradebase_core::{Code, Col, Error, Number, Present, Record, Result};

use super::builder::{Groups, select};
use super::key::Keys;
use super::measure::{self, Measures};
use super::total::Total;
use crate::engine::{Engine, either};
use crate::find::Find;

/// What is reckoned over all rows that pass the filter. An order does not matter; a limit is
/// refused.
impl<'a, T: Record> Find<'a, T> {
    /// The sum of a column; none where there is no value. See [`sum`](measure::sum).
    pub async fn sum<F: Number<Sum: Total>>(self, col: Col<T, F>) -> Result<Option<F::Sum>> {
        self.measure(measure::sum(col)).await
    }

    /// The mean of a column; none where there is no value. See [`avg`](measure::avg).
    pub async fn avg<F: Number<Sum: Total>>(self, col: Col<T, F>) -> Result<Option<F::Sum>> {
        self.measure(measure::avg(col)).await
    }

    /// The least value of a column; none where there is none.
    pub async fn min<F: Present>(self, col: Col<T, F>) -> Result<Option<F::Value>> {
        self.measure(measure::min(col)).await
    }

    /// The greatest value of a column; none where there is none.
    pub async fn max<F: Present>(self, col: Col<T, F>) -> Result<Option<F::Value>> {
        self.measure(measure::max(col)).await
    }

    /// One to six measures by one statement: `(count(), sum(Trade::PNL))`.
    pub async fn measure<M: Measures<T>>(self, measures: M) -> Result<M::Out> {
        let (sql, rows) = self.rows();
        let call = sql.call(Operation::Find, Some(T::TABLE));
        let measured = async {
            let (select, reader) = select::<T, (), M>(rows?, (), measures)?;
            let found =
                either!(Engine, &sql.engine, store => store.select(&call, &select, reader).await?);
            let only = found.into_iter().next();
            let ((), measured) =
                only.ok_or_else(|| Error::new(Code::Internal, "the engine has reckoned nothing"))?;
            Ok(measured)
        };
        sql.run(&call, |_| 1, pin!(measured)).await
    }

    /// Puts the rows together by a column, a span of time ([`by_hour`](super::by_hour)), or two
    /// to four of them.
    pub fn group_by<K: Keys<T>>(self, keys: K) -> Groups<'a, T, K> {
        let (sql, rows) = self.rows();
        Groups::new(sql, rows, keys)
    }
}
