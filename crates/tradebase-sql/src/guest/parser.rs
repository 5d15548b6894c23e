//! The first wall: a text is parsed, every part of it looked at, and rendered anew.
//!
//! Lists say what may pass, and all else is refused. Where a part of the tree is taken apart field
//! by field, a new field of the parser is an error when this is built, not a hole.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use sqlparser::ast::{
    Expr, Function, FunctionArguments, ObjectName, ObjectNamePart, Query, Select, SelectFlavor,
    SetExpr, Statement, TableFactor, Value, ValueWithSpan, Visit, Visitor,
};
use sqlparser::dialect::{Dialect as Grammar, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Tokenizer;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tradebase_core::{Code, Error, Result};

use super::names::Names;
use super::scope::Scopes;
use super::{Rules, bytes, capped, expression, noted, tokens, too_slow};

/// Queries and brackets that may stand in each other.
const DEPTH_MAX: usize = 40;
/// A chain of operators is a tree as deep as it is long, and each level takes some kilobytes.
const STACK_BYTES: usize = 128 * 1024 * 1024;
/// What of a stranger's text stands in messages, in characters.
const SHOWN_MAX: usize = 40;

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A query that has passed.
#[derive(Debug)]
pub(super) struct Harmless {
    /// Rendered from what was understood, without comments.
    pub(super) text: String,
    /// The same without its values.
    pub(super) noted: String,
    /// See [`Ask::has_origins`](super::Ask::has_origins).
    pub(super) has_origins: bool,
}

/// Refuses all but one plain query of what the rules allow.
///
/// It takes its time on a thread of its own, with a stack of its own, and `place` is kept until
/// that has ended, also when nobody waits for it any more.
pub(super) async fn examine<P: Send + 'static>(
    text: String,
    dialect: Dialect,
    rules: Arc<Rules>,
    place: P,
) -> Result<(Harmless, P)> {
    let (tell, told) = oneshot::channel();
    let thread = thread::Builder::new().name("guest".to_owned()).stack_size(STACK_BYTES);
    let wait = rules.options.wait;
    let examining = thread.spawn({
        let rules = rules.clone();
        move || {
            let examined = examine_here(&text, dialect, &rules);
            // Whoever does not wait any more needs no answer.
            _ = tell.send(examined.map(|harmless| (harmless, place)));
        }
    });
    if let Err(error) = examining {
        let message = "a thread could not be started";
        return Err(Error::new(Code::Internal, message).because(error));
    }
    match timeout(wait, told).await {
        Ok(Ok(examined)) => examined,
        Ok(Err(_)) => Err(refused("the query cannot be read")),
        Err(_) => Err(too_slow(&rules)),
    }
}

fn examine_here(text: &str, dialect: Dialect, rules: &Rules) -> Result<Harmless> {
    let mut statement = parse(text, dialect)?;
    let names = (dialect == Dialect::Postgres).then(|| Names::of(&statement, rules));
    let mut wall = Wall { dialect, rules, names, scopes: Scopes::default(), has_unions: false };
    if let ControlFlow::Break(error) = statement.visit(&mut wall) {
        return Err(error);
    }
    if dialect == Dialect::Sqlite {
        capped::cap(&mut statement, rules.options.rows_max);
    }
    let rendered = statement.to_string();
    // What the parser renders must mean to it what it has read.
    if parse(&rendered, dialect)? != statement {
        return Err(refused("the query cannot be rendered as it was read"));
    }
    let has_origins = !wall.has_unions;
    Ok(Harmless { text: rendered, noted: noted::without_values(statement), has_origins })
}

fn parse(text: &str, dialect: Dialect) -> Result<Statement> {
    let (sqlite, postgres) = (SQLiteDialect {}, PostgreSqlDialect {});
    let grammar: &dyn Grammar = match dialect {
        Dialect::Sqlite => &sqlite,
        Dialect::Postgres => &postgres,
    };
    let unread = || refused("the query cannot be read");
    let tokens = Tokenizer::new(grammar, text).tokenize_with_location().map_err(|_| unread())?;
    tokens::check(&tokens)?;
    let parser = Parser::new(grammar).with_recursion_limit(DEPTH_MAX);
    let parsed = parser.with_tokens_with_locations(tokens).parse_statements();
    let mut statements = parsed.map_err(|_| unread())?;
    match (statements.pop(), statements.is_empty()) {
        (Some(statement @ Statement::Query(_)), true) => Ok(statement),
        (Some(_), true) => Err(refused("guests can read only: write SELECT, WITH or VALUES")),
        (None, _) => Err(refused("there is no query")),
        (Some(_), false) => Err(refused("there are several statements, write one")),
    }
}

/// What looks at every part.
struct Wall<'a> {
    dialect: Dialect,
    rules: &'a Rules,
    /// On PostgreSQL, where what is no column of a table is a function.
    names: Option<Names<'a>>,
    scopes: Scopes,
    has_unions: bool,
}

type Step = ControlFlow<Error>;

impl Visitor for Wall<'_> {
    type Break = Error;

    fn pre_visit_statement(&mut self, statement: &Statement) -> Step {
        match statement {
            Statement::Query(_) => Step::Continue(()),
            _ => stop("guests can read only: write SELECT, WITH or VALUES"),
        }
    }

    fn pre_visit_query(&mut self, query: &Query) -> Step {
        self.scopes.begin(query, self.dialect);
        self.query(query)
    }

    fn post_visit_query(&mut self, query: &Query) -> Step {
        self.scopes.end(query);
        Step::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> Step {
        only_plain(select)
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Step {
        self.table_factor(factor)
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> Step {
        self.relation(name)
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Step {
        if self.dialect == Dialect::Sqlite
            && let Some(name) = bytes::reckoned(expr, self.rules)
        {
            return stop_with(Code::Unsupported, bytes::told(name));
        }
        if let Expr::Function(function) = expr {
            return self.function(function);
        }
        if let (Expr::CompoundIdentifier(parts), Some(names)) = (expr, &self.names)
            && !names.knows(parts)
        {
            return denied(format!(
                "guests name columns of their tables, and one name for one table, not {}",
                shown(&ObjectName::from(parts.clone())),
            ));
        }
        match expression::refuse(expr) {
            None => Step::Continue(()),
            Some(what) => stop(format!("a query of a guest has no {what}")),
        }
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> Step {
        match value.value {
            Value::Number(..)
            | Value::SingleQuotedString(_)
            | Value::DollarQuotedString(_)
            | Value::EscapedStringLiteral(_)
            | Value::HexStringLiteral(_)
            | Value::Boolean(_)
            | Value::Null => Step::Continue(()),
            Value::Placeholder(_) => stop("a query of a guest has no parameters, write the value"),
            _ => stop("a query of a guest has no literals of this kind"),
        }
    }
}

impl Wall<'_> {
    fn query(&mut self, query: &Query) -> Step {
        let Query {
            with,
            body,
            order_by: _,
            limit_clause: _,
            fetch: _,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if let Some(with) = with {
            if with.recursive && !self.rules.options.recursion {
                return stop("guests may not write WITH RECURSIVE");
            }
            if with.cte_tables.iter().any(|cte| cte.from.is_some()) {
                return stop("a WITH query is written as name AS (SELECT …)");
            }
        }
        if !locks.is_empty() {
            return stop("guests can lock nothing");
        }
        if for_clause.is_some() || settings.is_some() || format_clause.is_some() {
            return stop("a query of a guest has no such clause at its end");
        }
        if !pipe_operators.is_empty() {
            return stop("a query of a guest has no pipes");
        }
        self.body(body)
    }

    fn body(&mut self, body: &SetExpr) -> Step {
        let mut open = vec![body];
        while let Some(body) = open.pop() {
            match body {
                // Looked at when they are visited.
                SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => {}
                SetExpr::SetOperation { left, right, .. } => {
                    self.has_unions = true;
                    open.extend([&**left, &**right]);
                }
                SetExpr::Table(_) => return stop("write SELECT * FROM instead of TABLE"),
                SetExpr::Insert(_)
                | SetExpr::Update(_)
                | SetExpr::Delete(_)
                | SetExpr::Merge(_) => return stop("guests can change nothing"),
            }
        }
        Step::Continue(())
    }

    fn table_factor(&self, factor: &TableFactor) -> Step {
        match factor {
            TableFactor::Table { name, args: Some(_), .. } => {
                denied(format!("guests may call no function as a table: {}", shown(name)))
            }
            TableFactor::Table {
                name: _,
                alias: _,
                args: None,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                let plain = with_hints.is_empty()
                    && version.is_none()
                    && !with_ordinality
                    && partitions.is_empty()
                    && json_path.is_none()
                    && sample.is_none()
                    && index_hints.is_empty();
                if plain { Step::Continue(()) } else { stop("a table has nothing but its name") }
            }
            TableFactor::Derived { sample: None, .. } | TableFactor::NestedJoin { .. } => {
                Step::Continue(())
            }
            _ => denied("guests may call no function as a table"),
        }
    }

    fn relation(&self, name: &ObjectName) -> Step {
        if let [ObjectNamePart::Identifier(only)] = name.0.as_slice() {
            let only = self.dialect.folded(only);
            if self.scopes.knows(&only) || self.allows(&only) {
                return Step::Continue(());
            }
        }
        denied(format!(
            "guests may read these tables, named without a schema: {}; not {}",
            self.rules.allowed_tables(),
            shown(name),
        ))
    }

    fn allows(&self, name: &str) -> bool {
        self.rules.names.iter().any(|allowed| match self.dialect {
            Dialect::Sqlite => allowed.eq_ignore_ascii_case(name),
            Dialect::Postgres => allowed == name,
        })
    }

    fn function(&self, function: &Function) -> Step {
        let Function {
            name,
            uses_odbc_syntax,
            parameters,
            args,
            within_group: _,
            filter: _,
            null_treatment: _,
            over: _,
        } = function;
        if *uses_odbc_syntax || !matches!(parameters, FunctionArguments::None) {
            return stop("a function is called as name(…)");
        }
        if let [ObjectNamePart::Identifier(only)] = name.0.as_slice() {
            let only = self.dialect.folded(only);
            // A sub-select without its own brackets belongs to ARRAY alone.
            let fits = !matches!(args, FunctionArguments::Subquery(_)) || only == "array";
            if fits && self.rules.functions.contains(&only.as_str()) {
                return Step::Continue(());
            }
        }
        denied(format!("guests may call functions that compute only, not {}", shown(name)))
    }
}

/// A select of standard SQL, without INTO.
fn only_plain(select: &Select) -> Step {
    let Select {
        select_token: _,
        optimizer_hints,
        distinct: _,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection: _,
        exclude,
        into,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window: _,
        qualify,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    if into.is_some() {
        return stop("guests can change nothing: SELECT INTO makes a table");
    }
    let standard = optimizer_hints.is_empty()
        && select_modifiers.is_none()
        && top.is_none()
        && exclude.is_none()
        && lateral_views.is_empty()
        && prewhere.is_none()
        && connect_by.is_empty()
        && cluster_by.is_empty()
        && distribute_by.is_empty()
        && sort_by.is_empty()
        && qualify.is_none()
        && value_table_mode.is_none()
        && matches!(flavor, SelectFlavor::Standard);
    if standard { Step::Continue(()) } else { stop("a query of a guest has no such clause") }
}

fn stop(why: impl Into<String>) -> Step {
    Step::Break(refused(why))
}

fn denied(why: impl Into<String>) -> Step {
    stop_with(Code::AccessDenied, why)
}

fn stop_with(code: Code, why: impl Into<String>) -> Step {
    Step::Break(Error::new(code, why))
}

#[cold]
pub(super) fn refused(why: impl Into<String>) -> Error {
    Error::new(Code::Injection, why)
}

/// A name of a stranger's, for a message: not much of it, and nothing that a terminal obeys.
fn shown(name: &ObjectName) -> String {
    let name = name.to_string();
    let mut shown: String =
        name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_MAX).collect();
    if name.chars().count() > SHOWN_MAX {
        shown.push('…');
    }
    shown
}
