//! What a call carries along while it waits: a program has thousands of them at a time, and it is
//! copied when a task is made of it.

use crate::common;
use std::mem::size_of_val;

use common::SqliteStore;
use common::records::{Event, EventId};
use tradebase_core::{Link, Uuid};
use tradebase_sql::count;

const LINK: Link<Event, Event> = Link::new(0);
/// Bytes of a call, its own record left aside.
const CALL_BYTES_MAX: usize = 4096;

#[tokio::test]
async fn calls_are_small() {
    let store = SqliteStore::new().await;
    let (sql, id, none) = (&store.sql, EventId(Uuid::nil()), Vec::<Event>::new());
    let sizes = [
        ("get", size_of_val(&sql.get::<Event>(&id))),
        ("get_many", size_of_val(&sql.get_many::<Event>(&[]))),
        ("exists", size_of_val(&sql.exists::<Event>(&id))),
        ("count", size_of_val(&sql.count::<Event>())),
        ("find", size_of_val(&sql.find::<Event>().all())),
        ("find with", size_of_val(&sql.find::<Event>().with(LINK).all())),
        ("parents", size_of_val(&sql.parents(&none, LINK))),
        ("children", size_of_val(&sql.children(&none, LINK).all())),
        ("sum", size_of_val(&sql.find::<Event>().sum(Event::PNL))),
        (
            "groups",
            size_of_val(&sql.find::<Event>().group_by(Event::SYMBOL).measure(count()).all()),
        ),
        ("find one", size_of_val(&sql.find::<Event>().one())),
        ("find page", size_of_val(&sql.find::<Event>().page(1, 1))),
        ("find keyset", size_of_val(&sql.find::<Event>().keyset(1).load())),
        ("find stream", size_of_val(&sql.find::<Event>().stream())),
        ("find count", size_of_val(&sql.find::<Event>().count())),
        ("update_where", size_of_val(&sql.update_every_row::<Event>().run())),
        ("delete_where", size_of_val(&sql.delete_every_row::<Event>())),
        ("all", size_of_val(&sql.all::<Event>())),
        ("insert_many", size_of_val(&sql.insert_many(&none))),
        ("update_many", size_of_val(&sql.update_many(&none))),
        ("delete", size_of_val(&sql.delete::<Event>(&id))),
    ];
    let large: Vec<_> = sizes.iter().filter(|(_, bytes)| *bytes > CALL_BYTES_MAX).collect();
    assert!(large.is_empty(), "{large:?}");
}
