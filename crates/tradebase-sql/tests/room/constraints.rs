//! A row that is refused says by which of its fields, and not by which constraint.

use crate::common;
use common::records::{Event, Remark, events};
use tradebase_core::{Assigned, Code, Record};
use tradebase_sql::Sql;

promises! {
    async fn a_value_that_is_there_already_is_told_by_its_columns(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        sql.create_table::<Remark>().await.unwrap();
        let rows = events(91, 2);
        sql.insert_many(&rows).await.unwrap();
        let same = Event { large: 77, ..rows[0].clone() };
        let error = sql.insert(&same).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("id")));
        let mut twin = rows[1].clone();
        (twin.symbol, twin.large) = (rows[0].symbol.clone(), rows[0].large);
        let error = sql.update(&twin).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("symbol, large")));
        assert!(error.is_conflict());
        let remark = || Remark { id: Assigned::New, text: "once".into() };
        sql.insert(&mut remark()).await.unwrap();
        let error = sql.insert_many(&mut [remark()]).await.unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::NotUnique, Some("text")));
        assert_eq!(error.record(), Some("Remark"));
    }

    async fn a_reference_to_nothing_is_told_by_its_column_and_its_parent(sql: &Sql) {
        sql.create_table::<Leaf>().await.unwrap();
        sql.insert(&Tree { id: 1 }).await.unwrap();
        let good = leaf(1, 1, None);
        sql.insert(&good).await.unwrap();
        for (row, column, parent) in [
            (leaf(2, 9, Some(1)), "tree", "there is no Tree of this key"),
            (leaf(2, 1, Some(9)), "twin", "there is no Leaf of this key"),
        ] {
            for error in [
                sql.insert(&row).await.unwrap_err(),
                sql.patch::<Leaf>(&1)
                    .set(Leaf::TREE, row.tree)
                    .set(Leaf::TWIN, row.twin)
                    .run()
                    .await
                    .unwrap_err(),
                sql.insert_many(&[leaf(7, 1, None), row.clone()]).await.unwrap_err(),
                sql.update(&Leaf { id: 1, ..row }).await.unwrap_err(),
            ] {
                assert_eq!(error.code(), Code::BrokenReference, "{error}");
                assert_eq!(error.column_name(), Some(column), "{error}");
                assert!(error.to_string().contains(parent), "{error}");
            }
        }
        assert_eq!(sql.all::<Leaf>().await.unwrap(), [good]);
        sql.insert(&leaf(3, 1, Some(1))).await.unwrap();
    }

    async fn a_row_that_is_pointed_to_says_by_which_table(sql: &Sql) {
        sql.create_table::<Leaf>().await.unwrap();
        sql.insert_many(&[Tree { id: 1 }, Tree { id: 2 }]).await.unwrap();
        sql.insert(&leaf(1, 1, None)).await.unwrap();
        sql.insert(&leaf(2, 1, Some(1))).await.unwrap();
        for error in
            [sql.delete::<Tree>(&1).await.unwrap_err(), sql.delete::<Leaf>(&1).await.unwrap_err()]
        {
            assert_eq!((error.code(), error.column_name()), (Code::BrokenReference, None));
            assert!(error.to_string().contains("rows still point to this one"), "{error}");
            assert!(error.to_string().contains("of the table leaves"), "{error}");
        }
        let error = sql.insert(&leaf(3, 1, Some(9))).await.unwrap_err();
        assert_eq!(error.column_name(), Some("twin"), "{error}");
        assert!(sql.delete::<Tree>(&2).await.unwrap());
    }

    async fn an_unknown_column_that_needs_a_value_is_told_as_another_schema(sql: &Sql) {
        let create = "CREATE TABLE trees (id BIGINT PRIMARY KEY, height BIGINT NOT NULL)";
        sql.execute(create, &[]).await.unwrap();
        for error in [
            sql.insert(&Tree { id: 1 }).await.unwrap_err(),
            sql.insert_many(&[Tree { id: 1 }, Tree { id: 2 }]).await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::SchemaMismatch, "{error}");
            assert_eq!(error.column_name(), Some("height"), "{error}");
        }
    }
}

fn leaf(id: i64, tree: i64, twin: Option<i64>) -> Leaf {
    Leaf { id, tree, twin }
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "trees")]
struct Tree {
    #[record(key)]
    id: i64,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "leaves")]
struct Leaf {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Tree, index)]
    tree: i64,
    #[record(belongs_to = Leaf)]
    twin: Option<i64>,
}
