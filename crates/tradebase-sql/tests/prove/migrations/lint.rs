//! What our own linter says of the files that are made from records.

use tradebase_sql::Sql;

use super::{Dice, Sets, Told, apply, sets, told_files};

/// What it may find, and why.
const ARGUED: [(&str, &str); 10] = [
    ("M002", "the record has no such field any more; the file tells the loss"),
    ("M003", "no record has it any more; the file tells the loss"),
    ("M004", "the record says so; all rows go with it, or nothing does"),
    ("M005", "refused by the server if there is a row; nothing is lost"),
    ("M011", "the key of a table that stays: the file tells that writers wait"),
    ("M012", "a key that the database gives: each row must get its own"),
    ("M013", "the record says so by a hint"),
    ("M017", "the record has no index there"),
    ("M020", "rows and tables go together, or nothing does"),
    ("M026", "the record says so; all rows go with it, or nothing does"),
];

/// Refuses files that lead from some records to others and back in which more is found than what
/// is argued.
pub async fn look_over(sql: &Sql, seed: u64) {
    let mut dice = Dice::new(seed);
    let Sets { a, b, told } = sets(&mut dice);
    let mut told = Told(format!("seed {seed}\n{told}"));
    let first = sql.draft(&sql.wanted(&a).await.unwrap(), true).await.unwrap();
    apply::migrate(sql, &first).await;
    let second = sql.draft(&sql.wanted(&b).await.unwrap(), true).await.unwrap();
    let (set, _folder) = apply::written(apply::engine(sql), &[first, second]);
    told.0 += &told_files(&set);
    let found = set.lint(apply::engine(sql)).unwrap();
    // A new key reads all rows in the same file: a column of it that may not be null any more
    // costs nothing beside.
    let keyed = |file: &str| found.iter().any(|one| one.code == "M011" && one.file == file);
    let argued = |code: &str, file: &str| {
        ARGUED.iter().any(|(known, _)| *known == code) || code == "M006" && keyed(file)
    };
    let left: Vec<_> = found.iter().filter(|one| !argued(one.code, &one.file)).collect();
    assert!(left.is_empty(), "{left:#?}");
}

/// Looks over the files of all seeds.
macro_rules! all_pass {
    ($store:ident) => {{
        for seed in super::seeds() {
            let store = super::common::$store::new().await;
            super::lint::look_over(&store.sql, seed).await;
            store.sql.clone().close().await.unwrap();
        }
    }};
}
pub(super) use all_pass;
