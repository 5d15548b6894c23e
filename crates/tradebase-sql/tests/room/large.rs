//! Values of many megabytes.

use crate::common;
use tradebase_core::Record;
use tradebase_sql::{Conflict, Sql};

const BYTES: usize = 10 << 20;

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "reports")]
struct Report {
    #[record(key)]
    id: i64,
    text: String,
    data: Vec<u8>,
}

/// Text of two bytes a character, and bytes of every value.
fn report(id: i64) -> Report {
    let text = "äöüß".chars().cycle().skip(usize::try_from(id).unwrap()).take(BYTES / 2).collect();
    let data = (0..=u8::MAX).cycle().take(BYTES).collect();
    Report { id, text, data }
}

promises! {
    async fn ten_megabytes_go_in_and_come_back_by_every_way(sql: &Sql) {
        sql.create_table::<Report>().await.unwrap();
        let rows: Vec<_> = (0..4).map(report).collect();
        assert_eq!(rows[0].text.len(), BYTES);
        sql.insert(&rows[0]).await.unwrap();
        sql.insert_many(&rows[1..]).await.unwrap();
        assert!(sql.get::<Report>(&0).await.unwrap().as_ref() == Some(&rows[0]));
        assert!(sql.all::<Report>().await.unwrap() == rows);
        let found = sql.find::<Report>().filter(Report::TEXT.eq(rows[2].text.as_str())).all();
        assert!(found.await.unwrap() == rows[2..3]);
        let mut changed = rows.clone();
        for (id, row) in changed.iter_mut().enumerate() {
            *row = Report { id: i64::try_from(id).unwrap(), ..report(5) };
        }
        sql.update(&changed[0]).await.unwrap();
        sql.update_many(&changed[1..2]).await.unwrap();
        let upserted = sql.upsert_many(&changed[2..], &Conflict::replace()).await.unwrap();
        assert_eq!(upserted.updated, 2);
        let mut stream = sql.stream::<Report>().await.unwrap();
        for row in &changed {
            assert!(stream.next().await.unwrap().as_ref() == Some(row));
        }
    }
}
