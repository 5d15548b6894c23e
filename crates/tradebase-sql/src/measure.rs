//! What is reckoned over groups of rows: counts, sums, extremes.

use tradebase_core::{Code, Column, Error, Kind, Result, Table};

use crate::select::{How, Reckoned};

/// Digits of a sum of exact numbers, all in all: what a decimal holds.
pub(crate) const SUM_DIGITS: u8 = 28;

static COUNT: Column = Column::new("count", Kind::I64, false);
static FLOAT: Column = Column::new("sum", Kind::F64, true);
/// By the digits after the point.
static SUMS: [Column; SUM_DIGITS as usize + 1] = {
    let none = Column::new("sum", Kind::Decimal { precision: SUM_DIGITS, scale: 0 }, true);
    let mut sums = [none; SUM_DIGITS as usize + 1];
    let mut scale = 0;
    while scale <= SUM_DIGITS {
        sums[scale as usize].kind = Kind::Decimal { precision: SUM_DIGITS, scale };
        scale += 1;
    }
    sums
};

/// The column as which what is reckoned is read and compared.
pub(crate) fn column(table: &'static Table, reckoned: Reckoned) -> Result<&'static Column> {
    let Some(at) = reckoned.at else { return Ok(&COUNT) };
    let missing = || Error::new(Code::Internal, format!("a measure names no column: {at}"));
    let column = table.columns.get(at).ok_or_else(missing)?;
    Ok(match (reckoned.how, column.kind) {
        (How::Count | How::CountDistinct, _) => &COUNT,
        (How::Min | How::Max, _) => column,
        (How::Sum, Kind::F64) => &FLOAT,
        (How::Sum, Kind::I16 | Kind::I32 | Kind::I64) => &SUMS[0],
        (How::Sum, Kind::Decimal { scale, .. }) => {
            SUMS.get(usize::from(scale)).ok_or_else(missing)?
        }
        (How::Sum, other) => {
            let message = format!("only numbers can be added up, this is {other}");
            return Err(Error::new(Code::Unsupported, message).column(column.name.text));
        }
    })
}
