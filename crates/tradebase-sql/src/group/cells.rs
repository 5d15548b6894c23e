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
    parts: &'a [Part],
    at: usize,
}

/// A column of the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// As which it is read.
    pub(super) read: &'static Column,
    /// The column of the record that it comes from, by which errors call it.
    pub(super) from: Option<&'static Column>,
}

impl<'a, S: Source> Cells<'a, S> {
    pub(super) fn new(source: &'a mut S, parts: &'a [Part]) -> Self {
        Self { source, parts, at: 0 }
    }

    /// Reads the next cell.
    pub(super) fn next<V>(
        &mut self,
        read: impl FnOnce(usize, &'static Column, &mut S) -> Result<V>,
    ) -> Result<V> {
        let part = self.parts.get(self.at).ok_or_else(too_few)?;
        let value = read(self.at, part.read, self.source);
        self.at += 1;
        value.map_err(|error| match part.from {
            Some(column) => error.column(column.name.text),
            None => error,
        })
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
    parts: Vec<Part>,
    of: PhantomData<fn(T, K) -> M>,
}

impl<T, K, M> Reader<T, K, M> {
    pub(super) fn new(parts: Vec<Part>) -> Self {
        Self { parts, of: PhantomData }
    }
}

impl<T: 'static, K: Keys<T>, M: Measures<T>> Decode for Reader<T, K, M> {
    type Out = (K::Out, M::Out);

    fn columns(&self) -> Vec<&'static Column> {
        self.parts.iter().map(|part| part.read).collect()
    }

    fn decode<S: Source>(&self, source: &mut S) -> Result<Self::Out> {
        let mut cells = Cells::new(source, &self.parts);
        Ok((K::read(&mut cells)?, M::read(&mut cells)?))
    }
}
