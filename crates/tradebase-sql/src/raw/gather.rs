//! What becomes of the rows that a statement gives.

use tradebase_core::{Code, Error, Result};

/// Takes rows one after another. A refusal is no failure of the statement: there are more or
/// fewer rows than were asked for.
pub(crate) trait Gather<R>: Default + Send + 'static {
    type Out: Send + 'static;

    fn take(&mut self, row: R) -> Result<()>;

    fn end(self) -> Result<Self::Out>;
}

/// Every row.
#[derive(Debug)]
pub(crate) struct All<R>(Vec<R>);

/// One row, and no other.
#[derive(Debug)]
pub(crate) struct One<R>(AtMostOne<R>);

/// One row, or none.
#[derive(Debug)]
pub(crate) struct AtMostOne<R>(Option<R>);

impl<R> Default for All<R> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<R> Default for One<R> {
    fn default() -> Self {
        Self(AtMostOne::default())
    }
}

impl<R> Default for AtMostOne<R> {
    fn default() -> Self {
        Self(None)
    }
}

impl<R: Send + 'static> Gather<R> for All<R> {
    type Out = Vec<R>;

    fn take(&mut self, row: R) -> Result<()> {
        self.0.push(row);
        Ok(())
    }

    fn end(self) -> Result<Vec<R>> {
        Ok(self.0)
    }
}

impl<R: Send + 'static> Gather<R> for One<R> {
    type Out = R;

    fn take(&mut self, row: R) -> Result<()> {
        self.0.take(row)
    }

    fn end(self) -> Result<R> {
        self.0.0.ok_or_else(|| Error::new(Code::NotFound, "the statement gives no row"))
    }
}

impl<R: Send + 'static> Gather<R> for AtMostOne<R> {
    type Out = Option<R>;

    fn take(&mut self, row: R) -> Result<()> {
        match self.0.replace(row) {
            None => Ok(()),
            Some(_) => Err(Error::new(Code::NotOne, "the statement gives more than one row")),
        }
    }

    fn end(self) -> Result<Option<R>> {
        Ok(self.0)
    }
}
