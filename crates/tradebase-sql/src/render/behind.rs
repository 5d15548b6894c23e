//! Rows that come behind a given one in an order.

use std::fmt::Write;

use tradebase_core::{Code, Error, Nulls, Result, Sort, Value};

use super::{Parameters, Renderer, Scope, comparable, relates};
use crate::select::{By, Select};

impl<P: Parameters> Renderer<P> {
    /// Which rows a statement is about: those that pass, behind the given one.
    pub(super) fn rows_of(&mut self, scope: &Scope, select: &Select) -> Result<()> {
        self.filter(scope, &select.condition)?;
        if select.behind.is_empty() {
            return Ok(());
        }
        let passes = matches!(select.condition, tradebase_core::Condition::Always);
        self.text.push_str(if passes { " WHERE " } else { " AND " });
        let place = place(select)?;
        let (rising, falling) =
            (place.iter().all(|(s, _)| !s.down), place.iter().all(|(s, _)| s.down));
        let mut sure = true;
        for (sort, _) in &place {
            let column = scope.column(sort.at)?;
            comparable(column)?;
            sure &= !column.nullable;
        }
        match sure && (rising || falling) {
            true => self.behind_at_once(scope, &place, if rising { ">" } else { "<" }),
            false => self.behind_by_column(scope, &place),
        }
    }

    /// `(a, b) > ($1, $2)`: both engines find the place in an index over the columns, or over the
    /// first of them.
    fn behind_at_once(
        &mut self,
        scope: &Scope,
        place: &[(Sort, &Value)],
        sign: &str,
    ) -> Result<()> {
        self.text.push('(');
        for (i, (sort, _)) in place.iter().enumerate() {
            self.text.push_str(if i == 0 { "" } else { ", " });
            self.name(scope, sort.at)?;
        }
        _ = write!(self.text, ") {sign} (");
        for (i, (sort, value)) in place.iter().enumerate() {
            let number = self.value(scope.column(sort.at)?, value)?;
            let comma = if i == 0 { "" } else { ", " };
            _ = write!(self.text, "{comma}{}{number}", P::MARK);
        }
        self.text.push(')');
        Ok(())
    }

    /// `a >= $1 AND (a > $2 OR a = $3 AND b < $4)`, which also does for mixed directions and for
    /// nulls. What is asked of the first column alone lets an index over it find the place; it
    /// cannot be asked where nulls are behind.
    fn behind_by_column(&mut self, scope: &Scope, place: &[(Sort, &Value)]) -> Result<()> {
        if let Some((sort, value)) = place.first()
            && **value != Value::Null
            && !nulls_behind(scope, *sort)?
        {
            let sign = if sort.down { "<=" } else { ">=" };
            self.against(scope, *sort, sign, value)?;
            self.text.push_str(" AND ");
        }
        self.text.push('(');
        for n in 0..place.len() {
            self.text.push_str(if n == 0 { "" } else { " OR " });
            for (sort, value) in place.iter().take(n) {
                match value {
                    Value::Null => {
                        self.name(scope, sort.at)?;
                        self.text.push_str(" IS NULL");
                    }
                    value => self.against(scope, *sort, "=", value)?,
                }
                self.text.push_str(" AND ");
            }
            if let Some((sort, value)) = place.get(n) {
                self.behind_in(scope, *sort, value)?;
            }
        }
        self.text.push(')');
        Ok(())
    }

    /// Whether a row comes behind the value in one column.
    fn behind_in(&mut self, scope: &Scope, sort: Sort, value: &Value) -> Result<()> {
        let nulls_behind = nulls_behind(scope, sort)?;
        match value {
            Value::Null if nulls_behind => self.text.push_str("FALSE"),
            Value::Null => {
                self.name(scope, sort.at)?;
                self.text.push_str(" IS NOT NULL");
            }
            value => {
                self.text.push_str(if nulls_behind { "(" } else { "" });
                self.against(scope, sort, if sort.down { "<" } else { ">" }, value)?;
                if nulls_behind {
                    self.text.push_str(" OR ");
                    self.name(scope, sort.at)?;
                    self.text.push_str(" IS NULL)");
                }
            }
        }
        Ok(())
    }

    fn against(&mut self, scope: &Scope, sort: Sort, sign: &str, value: &Value) -> Result<()> {
        let number = self.value(scope.column(sort.at)?, value)?;
        self.name(scope, sort.at)?;
        _ = write!(self.text, " {sign} {}{number}", P::MARK);
        Ok(())
    }

    /// How many rows pass, whatever the limit: asked by the same statement, so that it is true of
    /// the same moment.
    pub(super) fn total(&mut self, select: &Select) -> Result<()> {
        let scope = self.scope(select.table, relates(&select.condition));
        self.text.push_str("(SELECT COUNT(*) FROM ");
        self.from(&scope);
        self.filter(&scope, &select.condition)?;
        self.text.push(')');
        Ok(())
    }
}

fn nulls_behind(scope: &Scope, sort: Sort) -> Result<bool> {
    Ok(sort.nulls == Nulls::Last && scope.column(sort.at)?.nullable)
}

/// The values of the given row, each with its part of the order.
fn place(select: &Select) -> Result<Vec<(Sort, &Value)>> {
    let order = select.whole_order();
    let sorts = order.iter().map(|by| match by {
        By::Column(sort) => Some(*sort),
        By::Group { .. } | By::Measure { .. } => None,
    });
    let sorts: Option<Vec<_>> = sorts.collect();
    match sorts {
        Some(sorts) if sorts.len() == select.behind.len() => {
            Ok(sorts.into_iter().zip(&select.behind).collect())
        }
        _ => {
            Err(Error::new(Code::Internal, "a place in an order has other columns than the order"))
        }
    }
}
