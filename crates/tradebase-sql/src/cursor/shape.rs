//! A find as bytes: record, filter with its values, and order. Finds that mean different rows, or
//! the same ones in another order, have different bytes.
//!
//! Columns stand there by their names: a program that knows more columns goes on with the cursors
//! of an older one, and never takes one column for another.

use tradebase_core::{Code, Comparison, Condition, Error, Nulls, Result, Table};

use super::bytes::{counting, put};
use crate::select::{By, Select};

/// The bytes of a statement.
pub(super) fn of(select: &Select) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    counting(select.table.name.as_bytes(), &mut out);
    condition(select.table, &select.condition, &mut out)?;
    for by in select.whole_order() {
        let By::Column(sort) = by else {
            return Err(Error::new(Code::Internal, "an order by a measure has no cursor"));
        };
        out.extend([b'o', u8::from(sort.down), u8::from(sort.nulls == Nulls::First)]);
        column(select.table, sort.at, &mut out);
    }
    Ok(out)
}

fn column(table: &Table, at: usize, out: &mut Vec<u8>) {
    let name = table.columns.get(at).map_or("", |column| column.name.text);
    counting(name.as_bytes(), out);
}

fn condition(table: &'static Table, of: &Condition, out: &mut Vec<u8>) -> Result<()> {
    match of {
        Condition::Always => out.push(b'*'),
        Condition::Compare { at, how, value } => {
            out.extend([b'c', sign(*how)]);
            column(table, *at, out);
            put(value, out);
        }
        Condition::OneOf { at, values } => {
            out.push(b'i');
            column(table, *at, out);
            number(values.len(), out);
            values.iter().for_each(|value| put(value, out));
        }
        Condition::Null { at, null } => {
            out.extend([b'n', u8::from(*null)]);
            column(table, *at, out);
        }
        Condition::Like { at, pattern } => {
            out.extend([b'l', u8::from(pattern.ignores_case())]);
            column(table, *at, out);
            counting(pattern.as_str().as_bytes(), out);
        }
        Condition::Related(related) => {
            out.push(b'r');
            counting(related.table.name.as_bytes(), out);
            number(related.on.len(), out);
            for &(own, others) in &related.on {
                column(table, own, out);
                column(related.table, others, out);
            }
            condition(related.table, &related.condition, out)?;
        }
        Condition::All(terms) | Condition::Any(terms) => {
            out.push(if matches!(of, Condition::All(_)) { b'a' } else { b'v' });
            number(terms.len(), out);
            terms.iter().try_for_each(|term| condition(table, term, out))?;
        }
        Condition::Not(inner) => {
            out.push(b'!');
            condition(table, inner, out)?;
        }
        _ => return Err(Error::new(Code::Unsupported, "a condition of an unknown kind")),
    }
    Ok(())
}

fn number(of: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u64::try_from(of).unwrap_or(u64::MAX).to_be_bytes());
}

fn sign(how: Comparison) -> u8 {
    match how {
        Comparison::Equal => b'=',
        Comparison::NotEqual => b'#',
        Comparison::Less => b'<',
        Comparison::AtMost => b'[',
        Comparison::Greater => b'>',
        Comparison::AtLeast => b']',
    }
}
