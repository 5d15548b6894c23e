//! What stands in headers, and in names of files.

use super::{BOTH, Check, LintRule};
use crate::migrate::lint::scene::Scene;

pub(super) const NOT_SIGNED: LintRule = LintRule {
    code: "M023",
    title: "a file is not signed",
    reason: "Its header says `checksum: none`, as long as it is being written: nobody has said \
             that it is done, so `up`, `down`, `adopt` and `sql` refuse it.",
    safer: "finish it and sign it: `tradebase migrate verify --sign`",
    engines: BOTH,
    down: true,
    fails: "\
-- 0002_add_fee.up.sql, transactional: yes, checksum: none
ALTER TABLE \"trades\" ADD COLUMN \"fee\" BIGINT;
",
    passes: "\
-- 0002_add_fee.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"fee\" BIGINT;
",
    check: Check::File(not_signed),
};

fn not_signed(scene: &Scene<'_>) -> Vec<(usize, String)> {
    match scene.file.signed {
        Some(_) => Vec::new(),
        None => vec![(0, "the header says `checksum: none`".to_owned())],
    }
}

pub(in super::super) const NO_FILE: LintRule = LintRule {
    code: "M024",
    title: "a version has no file for an engine of the set",
    reason: "The set serves that engine, and there `up` stops at this version.",
    safer: "add a file for it, by `tradebase migrate diff --into` or by hand; it may be empty \
            behind its header",
    engines: BOTH,
    down: false,
    fails: "\
-- 0002_add_fee.sqlite.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"fee\" BIGINT;
-- 0003_add_tax.postgres.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"tax\" BIGINT;
",
    passes: "\
-- 0002_add_fee.sqlite.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"fee\" INTEGER;
-- 0002_add_fee.postgres.up.sql, transactional: yes
ALTER TABLE \"trades\" ADD COLUMN \"fee\" BIGINT;
",
    check: Check::Version,
};
