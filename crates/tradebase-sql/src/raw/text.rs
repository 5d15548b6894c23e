//! The text of a statement: written in the program, unless said loudly.

use std::borrow::Cow;

/// The text of a statement of your own.
///
/// A literal becomes one by itself, and nothing else does: text that was put together from what a
/// user has typed does not compile. Values go beside it, as [`Parameters`](crate::Parameters).
///
/// ```compile_fail
/// # async fn f(sql: &tradebase_sql::Sql, name: &str) -> tradebase_core::Result<()> {
/// sql.execute(format!("DELETE FROM bots WHERE name = '{name}'"), ()).await?;
/// # Ok(())
/// # }
/// ```
///
/// ```
/// # async fn f(sql: &tradebase_sql::Sql, name: &str) -> tradebase_core::Result<()> {
/// sql.execute("DELETE FROM bots WHERE name = ?", (name,)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlText(Cow<'static, str>);

impl SqlText {
    /// A text that was put together while the program runs.
    ///
    /// Right where every part of it comes from the program itself: names of tables and columns
    /// from a list of its own, a statement out of a file that ships with it. Wrong for anything
    /// that comes from outside: a value is a parameter, and a whole query of somebody else goes
    /// through a door for that. Whoever reviews a program looks for this name.
    pub fn trusted_text_built_at_run_time(text: impl Into<String>) -> Self {
        Self(Cow::Owned(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, for the record of slow calls.
    pub(crate) fn to_cow(&self) -> Cow<'static, str> {
        self.0.clone()
    }
}

impl From<&'static str> for SqlText {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}
