//! Keys of one or more columns.

use crate::column::Column;
use crate::error::{Code, Error, Result};
use crate::field::Field;
use crate::sink::Sink;

/// What identifies a record: one field, or a tuple of fields in the order of the key's columns.
pub trait Key: Clone + Send + Sync + 'static {
    /// How many columns it has.
    const WIDTH: usize;

    /// Writes the key's columns, in order.
    fn put_key<S: Sink>(
        &self,
        columns: impl ExactSizeIterator<Item = &'static Column>,
        sink: &mut S,
    ) -> Result<()>;
}

impl<F: Field + Clone> Key for F {
    const WIDTH: usize = 1;

    #[inline]
    fn put_key<S: Sink>(
        &self,
        mut columns: impl ExactSizeIterator<Item = &'static Column>,
        sink: &mut S,
    ) -> Result<()> {
        self.put(next(&mut columns)?, sink)
    }
}

macro_rules! composite {
    ($width:literal: $($name:ident $at:tt),+) => {
        impl<$($name: Field + Clone),+> Key for ($($name,)+) {
            const WIDTH: usize = $width;

            #[inline]
            fn put_key<S: Sink>(
                &self,
                mut columns: impl ExactSizeIterator<Item = &'static Column>,
                sink: &mut S,
            ) -> Result<()> {
                $(self.$at.put(next(&mut columns)?, sink)?;)+
                Ok(())
            }
        }
    };
}

composite!(2: A 0, B 1);
composite!(3: A 0, B 1, C 2);
composite!(4: A 0, B 1, C 2, D 3);

fn next(columns: &mut impl Iterator<Item = &'static Column>) -> Result<&'static Column> {
    columns.next().ok_or_else(|| Error::new(Code::Internal, "a key has more parts than columns"))
}
