//! No more rows than are given: SQLite keeps what it sorts in temporary files, and of a query with
//! a LIMIT it keeps the first rows alone.

use sqlparser::ast::{Expr, LimitClause, Query, SetExpr, Statement, UnaryOperator, Value};

/// Gives a query on SQLite a LIMIT of one row more than its answer may have, or lowers its own.
pub(super) fn cap(statement: &mut Statement, rows_max: usize) {
    let Statement::Query(query) = statement else { return };
    let Ok(most) = i64::try_from(rows_max.saturating_add(1)) else { return };
    if query.fetch.is_some() || !takes_limit(query) {
        return;
    }
    let limit = Expr::value(Value::Number(most.to_string(), false));
    match &mut query.limit_clause {
        None => {
            let (limit, offset, limit_by) = (Some(limit), None, Vec::new());
            query.limit_clause = Some(LimitClause::LimitOffset { limit, offset, limit_by });
        }
        Some(
            LimitClause::LimitOffset { limit: Some(own), .. }
            | LimitClause::OffsetCommaLimit { limit: own, .. },
        ) if is_more(own, most) => *own = limit,
        Some(_) => {}
    }
}

/// VALUES alone has no LIMIT on SQLite.
fn takes_limit(query: &Query) -> bool {
    match &*query.body {
        SetExpr::Select(_) => true,
        SetExpr::SetOperation { right, .. } => matches!(**right, SetExpr::Select(_)),
        _ => false,
    }
}

/// Whether a LIMIT is higher for certain. A negative one is none.
fn is_more(limit: &Expr, most: i64) -> bool {
    match limit {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => is_more(expr, 0),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse::<i64>().is_ok_and(|limit| limit > most),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::SQLiteDialect;
    use sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn no_more_rows_are_sorted_than_are_given() {
        for (text, want) in [
            ("SELECT a FROM t ORDER BY b", "SELECT a FROM t ORDER BY b LIMIT 11"),
            ("SELECT a FROM t LIMIT 5 OFFSET 2", "SELECT a FROM t LIMIT 5 OFFSET 2"),
            ("SELECT a FROM t LIMIT 50 OFFSET 2", "SELECT a FROM t LIMIT 11 OFFSET 2"),
            ("SELECT a FROM t LIMIT 2, 50", "SELECT a FROM t LIMIT 2, 11"),
            ("SELECT a FROM t LIMIT -1", "SELECT a FROM t LIMIT 11"),
            ("SELECT 1 UNION SELECT 2", "SELECT 1 UNION SELECT 2 LIMIT 11"),
            ("VALUES (1), (2)", "VALUES (1), (2)"),
        ] {
            let mut parsed = Parser::parse_sql(&SQLiteDialect {}, text).unwrap();
            let mut statement = parsed.pop().unwrap();
            cap(&mut statement, 10);
            assert_eq!(statement.to_string(), want);
        }
    }
}
