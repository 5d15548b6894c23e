//! The relational room without async, its transactions above all.

use std::thread;

use tradebase::sql::{Conflict, Upserted, count};
use tradebase::{Code, Config, Error, Record, blocking};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "accounts")]
struct Account {
    #[record(key)]
    id: i64,
    cents: i64,
}

fn account(id: i64, cents: i64) -> Account {
    Account { id, cents }
}

fn promises(config: Config) {
    let db = blocking::Tradebase::open(config).unwrap();
    let sql = db.sql();
    sql.create_table::<Account>().unwrap();
    sql.insert_many(&[account(1, 500), account(2, 0)]).unwrap();
    // Moves, nested, with the outer handles refused inside.
    let moved = sql.transaction(|tx| {
        let from = tx.get::<Account>(&1)?.unwrap();
        tx.update(&account(1, from.cents - 200))?;
        assert_eq!(sql.get::<Account>(&1).unwrap_err().code(), Code::OutsideTransaction);
        let undone = tx.transaction(|inner| {
            inner.insert(&account(3, 0))?;
            assert_eq!(tx.count::<Account>().unwrap_err().code(), Code::OutsideTransaction);
            Err::<(), _>(Error::new(Code::Invalid, "the user's own"))
        });
        assert_eq!(undone.unwrap_err().code(), Code::Invalid);
        assert!(!tx.exists::<Account>(&3)?);
        tx.update(&account(2, 200))?;
        Ok::<_, Error>(from.cents)
    });
    assert_eq!(moved.unwrap(), 500);
    assert_eq!(sql.all::<Account>().unwrap(), [account(1, 300), account(2, 200)]);
    let failed = sql.transaction(|tx| {
        tx.insert(&account(4, 0))?;
        Err::<(), _>(Error::new(Code::Invalid, "the user's own"))
    });
    assert_eq!(failed.unwrap_err().code(), Code::Invalid);
    assert_eq!(sql.count::<Account>().unwrap(), 2);
    // A panic undoes it too, and the store goes on.
    let panicked = thread::scope(|scope| {
        let work = scope.spawn(|| {
            sql.transaction(|tx| {
                tx.insert(&account(5, 0))?;
                if tx.exists::<Account>(&5)? {
                    panic!("in the closure");
                }
                Ok::<_, Error>(())
            })
        });
        work.join()
    });
    assert!(panicked.is_err());
    assert_eq!(sql.upsert(&account(5, 1), &Conflict::keep()).unwrap(), Upserted::Inserted);
    // Threads take their turns.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    sql.transaction(|tx| {
                        let row = "UPDATE accounts SET cents = cents + 1 WHERE id = 5";
                        tx.execute(row, &[]).map(drop)
                    })
                    .unwrap();
                }
            });
        }
    });
    assert_eq!(sql.get_many::<Account>(&[5, 9]).unwrap(), [Some(account(5, 101)), None]);
    let read: Vec<_> = sql.stream::<Account>().unwrap().map(Result::unwrap).collect();
    assert_eq!(read.len(), 3);
    let rows = [account(1, 1), account(2, 2)];
    assert_eq!(sql.update_many(&rows).unwrap(), 2);
    assert!(sql.run_patch(sql.patch::<Account>(&1).set(Account::CENTS, 9)).unwrap());
    let (new, old) = (account(7, 7), account(2, 22));
    let mut batch = sql.batch();
    batch.insert(&new).unwrap();
    batch.update(&old).unwrap();
    sql.run_batch(batch).unwrap();
    assert_eq!(sql.list::<Account>(2, 1).unwrap(), [old, account(5, 101)]);
    assert_eq!(sql.delete_many::<Account>(&[1, 2, 99]).unwrap(), 2);
    db.close().unwrap();
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "moves")]
struct Move {
    #[record(key)]
    id: i64,
    #[record(belongs_to = Account)]
    account_id: i64,
    cents: i64,
}

/// Whatever is put together first is asked for, outside of a transaction and inside.
fn questions(config: Config) {
    let db = blocking::Tradebase::open(config).unwrap();
    let sql = db.sql();
    sql.create_table::<Move>().unwrap();
    let accounts = [account(1, 500), account(2, 0), account(3, 70)];
    sql.insert_many(&accounts).unwrap();
    let moved = |id, account_id| Move { id, account_id, cents: id };
    sql.insert_many(&[moved(1, 1), moved(2, 1), moved(3, 3)]).unwrap();
    let rich = || Account::CENTS.gt(50);
    let asked = sql.transaction(|tx| {
        let found = tx.ask(|sql| sql.find().filter(rich()).order_by(Account::ID.desc()).all())?;
        assert_eq!(found, [account(3, 70), account(1, 500)]);
        let page = tx.ask(|sql| sql.find::<Account>().order_by(Account::ID.asc()).page(2, 2))?;
        assert_eq!((page.items, page.total), (vec![account(3, 70)], 3));
        let changed = tx.ask(|sql| sql.update_where(rich()).set(Account::CENTS, 60).run())?;
        assert_eq!(changed, 2);
        let sum = tx.ask(|sql| sql.find::<Account>().sum(Account::CENTS))?;
        assert_eq!(sum, Some(120.into()));
        let names = tx.ask(|sql| sql.table(Account::TABLE).find().count())?;
        assert_eq!(names, 3);
        Err::<(), _>(Error::new(Code::Invalid, "the user's own"))
    });
    assert_eq!(asked.unwrap_err().code(), Code::Invalid);
    let moves = sql.ask(|sql| sql.children(&accounts, Move::ACCOUNT).all()).unwrap();
    assert_eq!(moves.iter().map(Vec::len).collect::<Vec<_>>(), [2, 0, 1]);
    let groups = sql.ask(|sql| {
        let groups = sql.find::<Move>().group_by(Move::ACCOUNT_ID).measure(count());
        groups.order_by(Move::ACCOUNT_ID.asc()).all()
    });
    assert_eq!(groups.unwrap(), [(1, 2), (3, 1)]);
    let rows = sql.ask(|sql| sql.find::<Account>().filter(rich()).stream()).unwrap();
    assert_eq!(sql.each(rows).map(|row| row.unwrap().cents).sum::<i64>(), 570);
    let text = "SELECT CAST(sum(cents) AS BIGINT) FROM moves WHERE account_id = :account";
    let one = sql.ask(|sql| sql.query_scalar::<i64>(text, [("account", 1.into())]));
    assert_eq!(one.unwrap(), 3);
    let none = sql.ask(|sql| sql.find::<Account>().filter(Account::ID.eq(9)).one());
    assert_eq!(none.unwrap_err().code(), Code::NotFound);
    db.close().unwrap();
}

#[test]
fn sqlite_without_async_answers_questions() {
    questions(Config::in_memory());
}

#[cfg(feature = "postgres")]
#[test]
fn postgres_without_async_answers_questions() {
    let database = tradebase_testkit::Postgres::shared().database();
    questions(Config::in_memory().set("sql.url", database.url()).unwrap());
}

#[test]
fn sqlite_without_async_has_transactions_and_all_verbs() {
    let folder = tradebase_testkit::TempFolder::new().unwrap();
    let path = folder.file("a.db").display().to_string();
    promises(Config::in_memory());
    promises(Config::new().set("sql.path", path).unwrap());
}

#[cfg(feature = "postgres")]
#[test]
fn postgres_without_async_has_transactions_and_all_verbs() {
    let database = tradebase_testkit::Postgres::shared().database();
    promises(Config::in_memory().set("sql.url", database.url()).unwrap());
}
