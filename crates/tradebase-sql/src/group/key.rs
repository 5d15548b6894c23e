//! What rows are put together by.

use std::marker::PhantomData;

use tradebase_core::{Code, Col, Error, Field, Kind, Record, Result, Sort, Source};

use super::builder::GroupOrder;
use super::cells::Cells;
use crate::select::{self, Group, Span};

/// The span of time that a column is in, as something to group by; null where that is null.
#[derive(Debug)]
pub struct By<T, F> {
    group: Group,
    of: PhantomData<fn() -> (T, F)>,
}

impl<T, F> Clone for By<T, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, F> Copy for By<T, F> {}

impl<T: Record, F: Field> By<T, F> {
    fn span(col: Col<T, F>, span: Span) -> Self {
        Self { group: Group { at: col.at(), span: Some(span) }, of: PhantomData }
    }

    /// From the first span on.
    pub fn asc(self) -> GroupOrder<T> {
        self.order(false)
    }

    /// From the last span back.
    pub fn desc(self) -> GroupOrder<T> {
        self.order(true)
    }

    fn order(self, down: bool) -> GroupOrder<T> {
        let sort = Sort::by(self.group.at, down);
        GroupOrder::of(Ok(select::By::Group { group: self.group, sort }))
    }
}

/// The minute in which a moment is, as the moment of its beginning.
pub fn by_minute<T: Record, F: Field>(col: Col<T, F>) -> By<T, F> {
    By::span(col, Span::Minute)
}

/// The hour in UTC in which a moment is, as the moment of its beginning.
pub fn by_hour<T: Record, F: Field>(col: Col<T, F>) -> By<T, F> {
    By::span(col, Span::Hour)
}

/// The day in UTC in which a moment is, as the moment of its beginning.
pub fn by_day<T: Record, F: Field>(col: Col<T, F>) -> By<T, F> {
    By::span(col, Span::Day)
}

/// What rows are put together by: a column, a span of time, or two to four of them.
///
/// Rows without a value are a group of their own.
pub trait Keys<T>: Copy + Send + Sync + 'static {
    /// What a group says of itself.
    type Out: Send + 'static;

    /// The groups, in order.
    #[doc(hidden)]
    fn list(self, groups: &mut Vec<Group>) -> Result<()>;

    /// Reads a group.
    #[doc(hidden)]
    fn read<S: Source>(cells: &mut Cells<'_, S>) -> Result<Self::Out>;
}

/// All rows as one group.
impl<T: 'static> Keys<T> for () {
    type Out = ();

    fn list(self, _: &mut Vec<Group>) -> Result<()> {
        Ok(())
    }

    fn read<S: Source>(_: &mut Cells<'_, S>) -> Result<()> {
        Ok(())
    }
}

impl<T: Record, F: Field> Keys<T> for Col<T, F> {
    type Out = F;

    fn list(self, groups: &mut Vec<Group>) -> Result<()> {
        groups.push(Group { at: self.at(), span: None });
        Ok(())
    }

    fn read<S: Source>(cells: &mut Cells<'_, S>) -> Result<F> {
        cells.field()
    }
}

impl<T: Record, F: Field> Keys<T> for By<T, F> {
    type Out = F;

    fn list(self, groups: &mut Vec<Group>) -> Result<()> {
        let column = Col::<T, F>::new(self.group.at).column();
        if column.kind != Kind::Timestamp {
            let message = format!("only timestamps have minutes, hours and days: {}", column.kind);
            return Err(Error::new(Code::Unsupported, message).column(column.name.text));
        }
        groups.push(self.group);
        Ok(())
    }

    fn read<S: Source>(cells: &mut Cells<'_, S>) -> Result<F> {
        cells.field()
    }
}

macro_rules! tuples {
    ($(($($name:ident $at:tt),+);)+) => {$(
        impl<T, $($name: Keys<T>),+> Keys<T> for ($($name,)+) {
            type Out = ($($name::Out,)+);

            fn list(self, groups: &mut Vec<Group>) -> Result<()> {
                $(self.$at.list(groups)?;)+
                Ok(())
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
}
