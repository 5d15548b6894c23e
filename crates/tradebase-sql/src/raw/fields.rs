//! Rows as tuples of fields, where a struct is not worth it.

use std::marker::PhantomData;

use tradebase_core::{Column, Error, Field, Got, Kind, Result, Row, Source};

/// A row as a tuple of fields: `Fields<(String, i64, Option<Timestamp>)>`.
///
/// A tuple by itself is a join of whole rows, so this says that its parts are fields. A decimal is
/// read by a newtype that says its digits (`#[field(decimal(18, 8))]`), or by `#[derive(Row)]`: a
/// statement does not tell them on SQLite, and a bare `Decimal` does not compile here.
///
/// ```
/// # use tradebase_sql::{Fields, Sql};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let sql = Sql::open("sqlite::memory:").await?;
/// let text = "SELECT 'BTC', 5 UNION ALL SELECT 'ETH', NULL ORDER BY 1";
/// for Fields((symbol, fills)) in sql.query::<Fields<(String, Option<i64>)>>(text, ()).await? {
///     println!("{symbol}: {fills:?}");
/// }
/// # Ok::<(), tradebase_core::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```compile_fail
/// # use tradebase_core::Decimal;
/// # use tradebase_sql::{Fields, Sql};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let sql = Sql::open("sqlite::memory:").await?;
/// let text = "SELECT price FROM fills";
/// sql.query::<Fields<(Decimal,)>>(text, ()).await?;
/// # Ok::<(), tradebase_core::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fields<T>(pub T);

/// What stands at a place, as its type says.
struct Place<F, const AT: usize>(PhantomData<F>);

impl<F: Field, const AT: usize> Place<F, AT> {
    /// There is no name, so an error tells the place.
    const NAME: &'static str = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"][AT];

    const COLUMN: &'static Column = {
        let undeclared = matches!(F::KIND, Kind::Decimal { precision: 0, .. });
        assert!(!undeclared, "a decimal must say its digits: use a newtype of it, or derive Row");
        &Column::new(Self::NAME, F::KIND, F::NULLABLE)
    };

    fn read<S: Source>(at: usize, source: &mut S) -> Result<F> {
        match F::take(at, Self::COLUMN, source)? {
            Got::Value(value) => Ok(value),
            Got::Null | Got::Absent => F::none().ok_or_else(|| null(Self::COLUMN)),
        }
    }
}

#[cold]
fn null(column: &'static Column) -> Error {
    Error::unreadable(column, format_args!("it is null, but the field must have a value"))
}

macro_rules! fields {
    ($($width:literal: $($type:ident $at:tt),+;)+) => {$(
        impl<$($type: Field),+> Row for Fields<($($type,)+)> {
            const WIDTH: usize = $width;

            fn list(columns: &mut Vec<&'static Column>) {
                columns.extend([$(Place::<$type, $at>::COLUMN),+]);
            }

            fn read_at<S: Source>(at: usize, source: &mut S) -> Result<Self> {
                Ok(Self(($(Place::<$type, $at>::read(at + $at, source)?,)+)))
            }
        }
    )+};
}

fields! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
}
