//! What is reckoned over a group.

use std::marker::PhantomData;

use tradebase_core::{
    Col, Comparison, Field, Number, Operand, Present, Record, Result, Source, Value,
};

use super::builder::{GroupOrder, Having};
use super::cells::Cells;
use super::total::Total;
use crate::measure::column;
use crate::select::{self, By, How, Reckoned};

/// Something that is reckoned over a group of rows: [`count`], [`sum`] and their kin.
#[derive(Debug)]
pub struct Measure<T, W> {
    reckoned: Reckoned,
    of: PhantomData<fn() -> (T, W)>,
}

impl<T, W> Clone for Measure<T, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, W> Copy for Measure<T, W> {}

/// The number of rows.
pub fn count<T: Record>() -> Measure<T, Counted> {
    Measure::new(How::Count, None)
}

/// The number of rows where the column is not null.
pub fn count_of<T: Record, F: Field>(col: Col<T, F>) -> Measure<T, Counted> {
    Measure::new(How::Count, Some(col.at()))
}

/// The number of different values of the column, null left aside.
pub fn count_distinct<T: Record, F: Field>(col: Col<T, F>) -> Measure<T, Counted> {
    Measure::new(How::CountDistinct, Some(col.at()))
}

/// The sum of the column; none where there is no value.
///
/// Of integers and decimals it is exact, to the digit. One of more than 28 digits is an error of
/// the code [`Code::Invalid`](tradebase_core::Code::Invalid), never a rounded number. A sum of
/// floats is a float, whose last digits depend on the order in which the engine adds them.
pub fn sum<T: Record, F: Number<Sum: Total>>(col: Col<T, F>) -> Measure<T, Summed<F>> {
    Measure::new(How::Sum, Some(col.at()))
}

/// The mean of the column; none where there is no value.
///
/// Of integers and decimals it is the exact sum, divided by the count, and then rounded half to
/// even to [`MEAN_DIGITS`](super::MEAN_DIGITS) digits more than the column has after the point;
/// to fewer, where it has more than 28 digits otherwise.
pub fn avg<T: Record, F: Number<Sum: Total>>(col: Col<T, F>) -> Measure<T, Mean<F>> {
    Measure::new(How::Sum, Some(col.at()))
}

/// The least value of the column; none where there is none.
pub fn min<T: Record, F: Present>(col: Col<T, F>) -> Measure<T, Extreme<F>> {
    Measure::new(How::Min, Some(col.at()))
}

/// The greatest value of the column; none where there is none.
pub fn max<T: Record, F: Present>(col: Col<T, F>) -> Measure<T, Extreme<F>> {
    Measure::new(How::Max, Some(col.at()))
}

/// What a measure is read as.
pub trait Reading: Send + Sync + 'static {
    /// What it gives.
    type Out: Send + 'static;

    /// What is asked of the engine.
    #[doc(hidden)]
    fn list(reckoned: Reckoned, measures: &mut Vec<Reckoned>) {
        measures.push(reckoned);
    }

    /// Reads it.
    #[doc(hidden)]
    fn read<S: Source>(cells: &mut Cells<'_, S>) -> Result<Self::Out>;
}

/// What a measure is compared with. A mean is compared with nothing: it is rounded here, and the
/// engine knows nothing of it.
pub trait Compared: Reading {
    /// The field that it is like.
    type Like: Field;
}

/// A number of rows.
#[derive(Debug)]
pub struct Counted;

/// A sum of that field.
#[derive(Debug)]
pub struct Summed<F>(PhantomData<fn() -> F>);

/// A mean of that field.
#[derive(Debug)]
pub struct Mean<F>(PhantomData<fn() -> F>);

/// The least or the greatest value of that field.
#[derive(Debug)]
pub struct Extreme<F>(PhantomData<fn() -> F>);

impl Reading for Counted {
    type Out = u64;

    fn read<S: Source>(cells: &mut Cells<'_, S>) -> Result<u64> {
        cells.field()
    }
}

impl Compared for Counted {
    type Like = u64;
}

impl<F: Number<Sum: Total>> Reading for Summed<F> {
    type Out = Option<F::Sum>;

    fn read<S: Source>(cells: &mut Cells<'_, S>) -> Result<Self::Out> {
        cells.next(F::Sum::sum)
    }
}

impl<F: Number<Sum: Total>> Compared for Summed<F> {
    type Like = F::Sum;
}

impl<F: Number<Sum: Total>> Reading for Mean<F> {
    type Out = Option<F::Sum>;

    fn list(sum: Reckoned, measures: &mut Vec<Reckoned>) {
        measures.extend([sum, Reckoned { how: How::Count, ..sum }]);
    }

    fn read<S: Source>(cells: &mut Cells<'_, S>) -> Result<Self::Out> {
        let whole = cells.next(F::Sum::whole)?;
        let count = cells.field()?;
        whole.map(|whole| F::Sum::mean(whole, count)).transpose()
    }
}

impl<F: Present> Reading for Extreme<F> {
    type Out = Option<F::Value>;

    fn read<S: Source>(cells: &mut Cells<'_, S>) -> Result<Self::Out> {
        cells.maybe()
    }
}

impl<F: Present> Compared for Extreme<F> {
    type Like = F::Value;
}

impl<T, W> Measure<T, W> {
    fn new(how: How, at: Option<usize>) -> Self {
        Self { reckoned: Reckoned { how, at }, of: PhantomData }
    }
}

impl<T: Record, W: Compared> Measure<T, W> {
    fn compare(self, how: Comparison, operand: impl Operand<W::Like>) -> Having<T> {
        let value = column(T::TABLE, self.reckoned).and_then(|column| operand.value(column));
        Having::of(value.map(|value: Value| select::Having { reckoned: self.reckoned, how, value }))
    }

    /// Groups where it is equal. None is equal to nothing.
    pub fn eq(self, operand: impl Operand<W::Like>) -> Having<T> {
        self.compare(Comparison::Equal, operand)
    }

    /// Groups where it is not equal.
    pub fn ne(self, operand: impl Operand<W::Like>) -> Having<T> {
        self.compare(Comparison::NotEqual, operand)
    }

    /// Groups where it is less.
    pub fn lt(self, operand: impl Operand<W::Like>) -> Having<T> {
        self.compare(Comparison::Less, operand)
    }

    /// Groups where it is less or equal.
    pub fn le(self, operand: impl Operand<W::Like>) -> Having<T> {
        self.compare(Comparison::AtMost, operand)
    }

    /// Groups where it is greater.
    pub fn gt(self, operand: impl Operand<W::Like>) -> Having<T> {
        self.compare(Comparison::Greater, operand)
    }

    /// Groups where it is greater or equal.
    pub fn ge(self, operand: impl Operand<W::Like>) -> Having<T> {
        self.compare(Comparison::AtLeast, operand)
    }

    /// From the smallest up.
    pub fn asc(self) -> GroupOrder<T> {
        self.order(false)
    }

    /// From the largest down.
    pub fn desc(self) -> GroupOrder<T> {
        self.order(true)
    }

    fn order(self, down: bool) -> GroupOrder<T> {
        GroupOrder::of(Ok(By::Measure { reckoned: self.reckoned, down }))
    }
}

/// What is reckoned over each group: a measure, or two to six of them.
pub trait Measures<T>: Copy + Send + Sync + 'static {
    /// What they give.
    type Out: Send + 'static;

    /// What is asked of the engine, in order.
    #[doc(hidden)]
    fn list(self, measures: &mut Vec<Reckoned>);

    /// Reads them.
    #[doc(hidden)]
    fn read<S: Source>(cells: &mut Cells<'_, S>) -> Result<Self::Out>;
}

impl<T: 'static, W: Reading> Measures<T> for Measure<T, W> {
    type Out = W::Out;

    fn list(self, measures: &mut Vec<Reckoned>) {
        W::list(self.reckoned, measures);
    }

    fn read<S: Source>(cells: &mut Cells<'_, S>) -> Result<W::Out> {
        W::read(cells)
    }
}

macro_rules! tuples {
    ($(($($name:ident $at:tt),+);)+) => {$(
        impl<T, $($name: Measures<T>),+> Measures<T> for ($($name,)+) {
            type Out = ($($name::Out,)+);

            fn list(self, measures: &mut Vec<Reckoned>) {
                $(self.$at.list(measures);)+
            }

            fn read<S: Source>(cells: &mut Cells<'_, S>) -> Result<Self::Out> {
                Ok(($($name::read(cells)?,)+))
            }
        }
    )+};
}

tuples! {
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
}
