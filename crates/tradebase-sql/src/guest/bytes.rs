//! Decimals that SQLite keeps as bytes. It takes bytes for the number zero where a number is
//! wanted, so a sum over them would be wrong in silence.

use sqlparser::ast::{
    BinaryOperator as Op, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    UnaryOperator, Value,
};
use tradebase_core::Kind;

use super::Rules;

/// Functions that reckon with their argument.
const RECKONING: [&str; 6] = ["abs", "avg", "round", "sign", "sum", "total"];

/// The column of such decimals that an expression reckons with, or compares with a number. It is
/// known by its name alone, which is enough for whoever does not mean to go around it.
pub(super) fn reckoned<'a>(expr: &Expr, rules: &'a Rules) -> Option<&'a str> {
    match expr {
        Expr::Function(function) => {
            let reckons =
                RECKONING.iter().any(|n| function.name.to_string().eq_ignore_ascii_case(n));
            if reckons {
                argument(function).and_then(|expr| kept_as_bytes(expr, rules))
            } else {
                None
            }
        }
        Expr::BinaryOp { left, op, right } => {
            let counts = match op {
                Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo => true,
                Op::Gt | Op::Lt | Op::GtEq | Op::LtEq | Op::Eq | Op::NotEq => {
                    is_number(left) || is_number(right)
                }
                _ => false,
            };
            let either = || kept_as_bytes(left, rules).or_else(|| kept_as_bytes(right, rules));
            if counts { either() } else { None }
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => kept_as_bytes(expr, rules),
        Expr::Between { expr, low, high, .. } if is_number(low) || is_number(high) => {
            kept_as_bytes(expr, rules)
        }
        _ => None,
    }
}

/// What is to be done instead.
pub(super) fn told(name: &str) -> String {
    format!(
        "a decimal of more than 18 digits is kept as bytes on SQLite, which it does not reckon \
         with: take the readable view and CAST its text AS REAL, or sum in the program, {name}"
    )
}

fn argument(function: &Function) -> Option<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.first()? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

fn kept_as_bytes<'a>(expr: &Expr, rules: &'a Rules) -> Option<&'a str> {
    let name = match expr {
        Expr::Identifier(name) => name,
        Expr::CompoundIdentifier(names) => names.last()?,
        Expr::Nested(inner) => return kept_as_bytes(inner, rules),
        _ => return None,
    };
    let columns = rules.tables.iter().flat_map(|table| table.columns);
    let mut wide = columns.filter(|column| match column.kind {
        Kind::Decimal { precision, .. } => precision > crate::sqlite::INTEGER_DIGITS_MAX,
        _ => false,
    });
    let found = wide.find(|column| column.name.text.eq_ignore_ascii_case(&name.value));
    found.map(|column| column.name.text)
}

fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => matches!(value.value, Value::Number(..)),
        Expr::UnaryOp { expr, .. } | Expr::Nested(expr) => is_number(expr),
        _ => false,
    }
}
