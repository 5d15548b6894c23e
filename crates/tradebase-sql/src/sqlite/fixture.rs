//! A file with a table of notes, for tests.

use tradebase_core::Record;
use tradebase_testkit::TempFolder;

use super::address::Place;
use super::tables;
use super::work::Work;
use super::write::Write;
use super::writing::Writing;
use crate::options::SqlOptions;

#[derive(Record, Clone, Debug)]
#[record(table = "notes")]
pub(super) struct Note {
    #[record(key)]
    pub(super) id: i64,
    pub(super) body: Vec<u8>,
}

pub(super) fn place(folder: &TempFolder) -> Place {
    Place::File(folder.file("notes.db"))
}

pub(super) fn opened(folder: &TempFolder) -> Writing {
    let writing = Writing::open(&place(folder), &SqlOptions::new("")).unwrap();
    tables::create_in(&writing.connection, Note::TABLE).unwrap();
    writing
}

pub(super) fn insert(id: i64, bytes: usize) -> Work {
    Work::One(Write::insert(&Note { id, body: vec![1; bytes] }).unwrap())
}

pub(super) fn number(writing: &Writing, sql: &str) -> i64 {
    writing.connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Lets the file grow by so many pages, and no further.
pub(super) fn bound(writing: &Writing, pages: i64) {
    let pages = number(writing, "PRAGMA page_count") + pages;
    number(writing, &format!("PRAGMA max_page_count = {pages}"));
}
