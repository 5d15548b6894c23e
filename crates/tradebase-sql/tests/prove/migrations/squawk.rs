//! What another linter says of the PostgreSQL migrations that are made from records.

use tradebase_sql::{Migration, MigrationFile, Sql};
use tradebase_testkit::{Finding, squawk};

use super::{Dice, Sets, Told, apply, sets};

/// Plans that are looked over, there and back; each file is a process.
pub const PLANS: usize = 40;

/// What squawk may find: a rule, a word of the line if it is only there, and why it may.
type Argued = (&'static str, Option<&'static str>, &'static str);

/// `docs/design/0007-squawk.md` tells the same.
const ARGUED: [Argued; 23] = [
    ("require-statement-timeout", None, "an index of a large table takes as long as it takes"),
    ("prefer-bigint-over-int", None, "the record says how wide an integer is"),
    ("prefer-bigint-over-smallint", None, "the record says how wide an integer is"),
    ("changing-column-type", None, "the record says so; all rows go with it, or nothing does"),
    ("renaming-column", None, "the record says so by a hint"),
    ("renaming-table", None, "the record says so by a hint"),
    ("renaming-object", None, "names follow the columns, because errors name columns by them"),
    ("ban-drop-column", None, "the record has no such field any more; the plan tells the loss"),
    ("ban-drop-table", None, "no record has it any more; the plan tells the loss"),
    ("ban-drop-constraint", None, "the record says another limit, or none"),
    ("ban-drop-default", None, "the record says another default, or none"),
    ("ban-drop-not-null", None, "the record says that it may be null"),
    ("ban-alter-identity", None, "the record says whether the database gives keys"),
    ("adding-not-nullable-field", None, "follows a CHECK that was validated: no row is read"),
    ("adding-required-field", None, "refused by the server if there is a row; nothing is lost"),
    // The migrator notes each statement that is done and goes on behind it.
    ("prefer-robust-stmts", Some("VALIDATE CONSTRAINT"), "does nothing the second time"),
    ("prefer-robust-stmts", Some("SET NOT NULL"), "does nothing the second time"),
    // The key of a table that stays: told in the file, writers wait.
    ("constraint-missing-not-valid", Some("PRIMARY KEY"), "a key has no NOT VALID"),
    ("adding-serial-primary-key-field", Some("PRIMARY KEY"), "the file says that writers wait"),
    ("prefer-robust-stmts", Some("DROP NOT NULL"), "does nothing the second time"),
    // Its column goes or changes in the same transaction, for which all wait in any case.
    ("require-concurrent-index-deletion", Some("DROP INDEX \""), "all wait in any case"),
    ("require-concurrent-index-deletion", Some("DROP INDEX IF EXISTS \""), "all wait in any case"),
    // It is there, but when half of the way back was gone.
    ("require-concurrent-index-creation", Some("INDEX IF NOT EXISTS"), "it is there in most cases"),
];

/// Looks over the plan that leads from some records to others, and the one back; tells what is
/// found beyond what is argued.
pub async fn look_over(sql: &Sql, seed: u64) -> Vec<String> {
    let mut dice = Dice::new(seed);
    let Sets { a, b, told } = sets(&mut dice);
    let _told = Told(format!("seed {seed}\n{told}"));
    for table in &a {
        sql.table(table).create_table().await.unwrap();
    }
    let draft = sql.draft(&sql.wanted(&b).await.unwrap(), true).await.unwrap();
    let (set, _folder) = apply::written(apply::engine(sql), &[draft]);
    let files = set.versions.iter().flat_map(Migration::files);
    files.flat_map(complaints).map(|words| format!("seed {seed}: {words}")).collect()
}

fn complaints(file: &MigrationFile) -> Vec<String> {
    // As the migrator sets it before each statement.
    let text = format!("SET lock_timeout = '500ms';\n{}", file.body);
    let found = squawk(&text, file.transactional).unwrap();
    let left = found.into_iter().filter(|finding| !is_argued(finding));
    left.map(|Finding { rule, line, message }| format!("{rule}: {line}: {message}")).collect()
}

fn is_argued(finding: &Finding) -> bool {
    ARGUED.iter().any(|(rule, only, _)| {
        finding.rule == *rule && only.is_none_or(|word| finding.line.contains(word))
    })
}
