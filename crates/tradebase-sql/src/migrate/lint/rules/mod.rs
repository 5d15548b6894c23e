//! The rules.

mod files;
mod headers;
mod locks;
mod losses;
mod scans;

pub(super) use headers::NO_FILE;

use super::catalogue::{Catalogue, Place};
use super::scene::Scene;
use crate::raw::Dialect;

/// A rule for files of migrations.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LintRule {
    /// Its code, which does not change: `M003`.
    pub code: &'static str,
    /// What it finds, in few words.
    pub title: &'static str,
    /// Why that hurts.
    pub reason: &'static str,
    /// What to do instead.
    pub safer: &'static str,
    /// The engines it is for.
    pub engines: &'static [Dialect],
    /// Whether files that lead down are looked at too.
    pub down: bool,
    /// An example in which it finds something: files, each behind a comment with its name.
    pub fails: &'static str,
    /// The same done well.
    pub passes: &'static str,
    pub(super) check: Check,
}

/// How a rule looks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Check {
    /// At a file: which statements, and why.
    File(fn(&Scene<'_>) -> Vec<(usize, String)>),
    /// At what is there in the end.
    Set(fn(&Catalogue) -> Vec<(Place, String)>),
    /// At which files a version has.
    Version,
    /// At the waivers, once all others have looked.
    Waiver,
}

impl LintRule {
    /// Whether it is for that engine.
    pub fn is_for(&self, engine: Dialect) -> bool {
        self.engines.contains(&engine)
    }
}

const BOTH: &[Dialect] = &[Dialect::Sqlite, Dialect::Postgres];
const SQLITE: &[Dialect] = &[Dialect::Sqlite];
const POSTGRES: &[Dialect] = &[Dialect::Postgres];

/// The rules, by code.
pub const LINT_RULES: &[LintRule] = &[
    WAIVERS,
    losses::COLUMN,
    losses::TABLE,
    scans::TYPE,
    scans::NOT_NULL_COLUMN,
    scans::SET_NOT_NULL,
    locks::INDEX,
    scans::FOREIGN_KEY,
    scans::CHECK,
    locks::VALIDATE,
    locks::UNIQUE,
    scans::DEFAULT,
    files::RENAME,
    files::NO_WAY_BACK,
    files::APART,
    files::NOT_REPEATABLE,
    files::WITHOUT_INDEX,
    losses::ALL_ROWS,
    losses::WHOLE_TABLE,
    locks::SEVERAL,
    losses::REBUILD,
    files::TRANSACTION,
    headers::NOT_SIGNED,
    NO_FILE,
    locks::REWRITE,
    losses::NARROWER,
];

pub(super) const WAIVERS: LintRule = LintRule {
    code: "M001",
    title: "allowed without need or reason",
    reason: "What is allowed and not found hides the next finding, and what is allowed without a \
             reason tells the reader nothing.",
    safer: "write `-- allow: M003 because …` on the lines above the statement that needs it, and \
            take it out when it is not needed any more",
    engines: BOTH,
    down: true,
    fails: "\
-- 0002_add_fee.up.sql, transactional: yes
-- allow: M003 because the table is empty
ALTER TABLE \"trades\" ADD COLUMN \"fee\" BIGINT;
",
    passes: "\
-- 0002_drop_trades.up.sql, transactional: yes
-- allow: M003 because nothing was ever written to it
DROP TABLE \"trades\";
",
    check: Check::Waiver,
};
