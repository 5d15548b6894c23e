//! The cells of one group, read from left to right.

use std::marker::PhantomData;

use tradebase_core::{Code, Column, Error, Field, Got, Result, Source};

use super::key::Keys;
use super::measure::Measures;
use crate::select::Decode;

/// The cells of a group that are still to be read.
#[derive(Debug)]
pub struct Cells<'a, S> {
    source: &'a mut S,
    columns: &'a [&'static Column],
    at: usize,
}

impl<'a, S: Source> Cells<'a, S> {
    pub(super) fn new(source: &'a mut S, columns: &'a [&'static Column]) -> Self {
        Self { source, columns, at: 0 }
    }

    /// Reads the next cell.
    pub(super) fn next<V>(
        &mut self,
        read: impl FnOnce(usize, &'static Column, &mut S) -> Result<V>,
    ) -> Result<V> {
        let column = self.columns.get(self.at).ok_or_else(too_few)?;
        let value = read(self.at, column, self.source)?;
        self.at += 1;
        Ok(value)
    }

    /// The next cell as a field, null or not.
    pub(super) fn maybe<F: Field>(&mut self) -> Result<Option<F>> {
        self.next(|at, column, source| match F::take(at, column, source)? {
            Got::Value(value) => Ok(Some(value)),
            Got::Null | Got::Absent => Ok(None),
        })
    }

    /// The next cell as a field that says itself what its null is.
    pub(super) fn field<F: Field>(&mut self) -> Result<F> {
        self.next(|at, column, source| match F::take(at, column, source)? {
            Got::Value(value) => Ok(value),
            Got::Null | Got::Absent => F::none().ok_or_else(|| {
                let why = format_args!("it is null, but the column must have a value");
                Error::unreadable(column, why)
            }),
        })
    }
}

#[cold]
fn too_few() -> Error {
    Error::new(Code::Internal, "a group has more parts than columns")
}

/// How groups are read: first what they were put together by, then what was reckoned.
#[derive(Debug)]
pub(super) struct Reader<T, K, M> {
    columns: Vec<&'static Column>,
    of: PhantomData<fn(T, K) -> M>,
}

impl<T, K, M> Reader<T, K, M> {
    pub(super) fn new(columns: Vec<&'static Column>) -> Self {
        Self { columns, of: PhantomData }
    }
}

impl<T: 'static, K: Keys<T>, M: Measures<T>> Decode for Reader<T, K, M> {
    type Out = (K::Out, M::Out);

    fn columns(&self) -> Vec<&'static Column> {
        self.columns.clone()
    }

    fn decode<S: Source>(&self, source: &mut S) -> Result<Self::Out> {
        let mut cells = Cells::new(source, &self.columns);
        Ok((K::read(&mut cells)?, M::read(&mut cells)?))
    }
}
