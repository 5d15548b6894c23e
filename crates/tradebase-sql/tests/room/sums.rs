//! Counts, sums, means, extremes and groups: exact, and the same on both engines.

use crate::common;
use common::records::{Event, Pnl, events, units};
use tradebase_core::{Code, Col, Decimal, Record, Result, Timestamp};
use tradebase_sql::{
    Sql, avg, by_day, by_hour, by_minute, count, count_distinct, count_of, max, min, sum,
};

/// A fill, small enough to be reckoned by hand.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "fills")]
struct Fill {
    #[record(key)]
    id: i64,
    bot: Option<i64>,
    symbol: String,
    number: i64,
    #[record(decimal(18, 8))]
    fee: Decimal,
    pnl: Option<Pnl>,
    ratio: f64,
    at: Timestamp,
}

fn fill(id: i64, bot: Option<i64>, symbol: &str, pnl: Option<&str>) -> Fill {
    Fill {
        id,
        bot,
        symbol: symbol.into(),
        number: id,
        fee: units(i128::from(id) * 10_000_000, 8),
        pnl: pnl.map(|text| Pnl(text.parse().unwrap())),
        ratio: 0.5,
        at: Timestamp::from_micros(id * 1_800_000_000),
    }
}

fn fills() -> Vec<Fill> {
    vec![
        fill(1, Some(7), "BTC", Some("10")),
        fill(2, Some(7), "ETH", Some("-4")),
        fill(3, Some(8), "BTC", None),
        fill(4, None, "BTC", Some("2.5")),
        fill(5, None, "ETH", Some("0.0000000001")),
        fill(6, Some(9), "SOL", None),
    ]
}

async fn filled(sql: &Sql) {
    sql.create_table::<Fill>().await.unwrap();
    sql.insert_many(&fills()).await.unwrap();
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

promises! {
    async fn sums_are_exact_beyond_what_64_bits_hold(sql: &Sql) {
        sql.create_table::<Fill>().await.unwrap();
        let most = units(10_i128.pow(18) - 1, 8);
        let many = |id| Fill { number: i64::MAX, fee: most, ..fill(id, None, "", None) };
        sql.insert_many(&(0..40).map(many).collect::<Vec<_>>()).await.unwrap();
        let find = || sql.find::<Fill>();
        let number = Decimal::from_i128_with_scale(40 * i128::from(i64::MAX), 0);
        assert_eq!(find().sum(Fill::NUMBER).await.unwrap(), Some(number));
        assert_eq!(find().avg(Fill::NUMBER).await.unwrap(), Some(i64::MAX.into()));
        let fees = units(40 * (10_i128.pow(18) - 1), 8);
        assert_eq!(find().sum(Fill::FEE).await.unwrap(), Some(fees));
        assert_eq!(find().avg(Fill::FEE).await.unwrap(), Some(most));
        assert_eq!(find().sum(Fill::RATIO).await.unwrap(), Some(20.0));
        assert_eq!(find().avg(Fill::RATIO).await.unwrap(), Some(0.5));
        let hundredth = Fill { fee: units(1, 8), ..fill(40, None, "", None) };
        sql.insert(&hundredth).await.unwrap();
        assert_eq!(find().sum(Fill::FEE).await.unwrap(), Some(fees + units(1, 8)));
    }

    async fn of_nothing_there_is_no_sum(sql: &Sql) {
        sql.create_table::<Fill>().await.unwrap();
        let all = (count(), count_of(Fill::PNL), sum(Fill::FEE), avg(Fill::PNL), max(Fill::AT));
        let none = (0, 0, None, None, None);
        assert_eq!(sql.find::<Fill>().measure(all).await.unwrap(), none);
        filled(sql).await;
        let nulls = || sql.find::<Fill>().filter(Fill::PNL.is_null());
        assert_eq!(nulls().sum(Fill::PNL).await.unwrap(), None);
        assert_eq!(nulls().avg(Fill::PNL).await.unwrap(), None);
        assert_eq!(nulls().min(Fill::PNL).await.unwrap(), None);
        let counts = (count(), count_of(Fill::PNL), count_distinct(Fill::PNL));
        assert_eq!(nulls().measure(counts).await.unwrap(), (2, 0, 0));
        let counts = (count(), count_of(Fill::PNL), count_distinct(Fill::SYMBOL));
        assert_eq!(sql.find::<Fill>().measure(counts).await.unwrap(), (6, 4, 3));
    }

    async fn a_sum_of_more_digits_than_a_decimal_has_is_an_error(sql: &Sql) {
        sql.create_table::<Fill>().await.unwrap();
        let most = 10_i128.pow(28) - 1;
        let rows: Vec<_> = [most, 1, most, -most]
            .into_iter()
            .zip(1..)
            .map(|(pnl, id)| Fill { pnl: Some(Pnl(units(pnl, 10))), ..fill(id, None, "", None) })
            .collect();
        sql.insert_many(&rows).await.unwrap();
        let upto = |id| sql.find::<Fill>().filter(Fill::ID.le(id));
        assert_eq!(upto(1).sum(Fill::PNL).await.unwrap(), Some(units(most, 10)));
        for id in [2, 3] {
            let error = upto(id).sum(Fill::PNL).await.unwrap_err();
            assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("pnl")));
            assert_eq!((error.operation(), error.record()), (Some("find"), Some("Fill")));
        }
        // The mean of them is no larger than they are, and what is compared stays in the engine.
        assert!(upto(3).avg(Fill::PNL).await.unwrap() > Some(units(most / 2, 10)));
        let large = upto(3).group_by(Fill::BOT).measure(count());
        let large = large.having(sum(Fill::PNL).gt(units(most, 10))).all().await.unwrap();
        assert_eq!(large, [(None, 3)]);
        let error = upto(4).sum(Fill::PNL).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid);
    }

    async fn a_sum_of_floats_beyond_all_floats_is_an_error(sql: &Sql) {
        sql.create_table::<Fill>().await.unwrap();
        let large = |id| Fill { ratio: f64::MAX, ..fill(id, None, "", None) };
        sql.insert_many(&[large(1), large(2)]).await.unwrap();
        assert_eq!(sql.find::<Fill>().max(Fill::RATIO).await.unwrap(), Some(f64::MAX));
        for found in [
            sql.find::<Fill>().sum(Fill::RATIO).await,
            sql.find::<Fill>().avg(Fill::RATIO).await,
        ] {
            assert_eq!(found.unwrap_err().code(), Code::Invalid);
        }
    }

    async fn means_are_exact_to_the_digit_they_are_rounded_at(sql: &Sql) {
        filled(sql).await;
        let find = || sql.find::<Fill>();
        let mean = find().filter(Fill::ID.le(3)).avg(Fill::NUMBER).await.unwrap();
        assert_eq!(mean, Some(decimal("2")));
        let mean = find().filter(Fill::ID.one_of([1, 2, 4])).avg(Fill::NUMBER).await.unwrap();
        assert_eq!(mean, Some(decimal("2.333333")));
        let mean = find().avg(Fill::PNL).await.unwrap();
        assert_eq!(mean, Some(decimal("2.125000000025")));
        let mean = find().avg(Fill::FEE).await.unwrap();
        assert_eq!(mean, Some(decimal("0.35")));
    }

    async fn extremes_are_known_of_every_kind_that_has_an_order(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let rows = events(60, 120);
        sql.insert_many(&rows).await.unwrap();
        macro_rules! check {
            ($($col:ident |$row:ident| $value:expr, |$v:ident| $key:expr;)+) => {$(
                let found = sql.find::<Event>().measure((min(Event::$col), max(Event::$col)));
                let values = || rows.iter().filter_map(|$row| $value);
                let want = (values().min_by_key(|$v| $key), values().max_by_key(|$v| $key));
                assert_eq!(found.await.unwrap(), want);
            )+};
        }
        check! {
            ID |row| Some(row.id), |v| v.0;
            FLAG |row| Some(row.flag), |v| *v;
            SMALL |row| Some(row.small), |v| *v;
            MEDIUM |row| Some(row.medium), |v| *v;
            LARGE |row| Some(row.large), |v| *v;
            UNSIGNED |row| Some(row.unsigned), |v| *v;
            HUGE |row| Some(row.huge), |v| *v;
            PRICE |row| Some(row.price), |v| *v;
            FRACTION |row| Some(row.fraction), |v| *v;
            PNL |row| Some(row.pnl), |v| v.0;
            SYMBOL |row| Some(row.symbol.clone()), |v| v.clone();
            DATA |row| Some(row.data.clone()), |v| v.clone();
            OTHER |row| Some(row.other), |v| *v;
            AT |row| Some(row.at), |v| *v;
            AT_NS |row| Some(row.at_ns), |v| *v;
            DAY |row| Some(row.day), |v| *v;
            SIDE |row| Some(row.side), |v| v.as_str().to_owned();
            STATUS |row| Some(row.status.clone()), |v| v.as_str().to_owned();
            FLAG_OR |row| row.flag_or, |v| *v;
            PRICE_OR |row| row.price_or, |v| *v;
            PNL_OR |row| row.pnl_or, |v| v.0;
            TEXT_OR |row| row.text_or.clone(), |v| v.clone();
            DATA_OR |row| row.data_or.clone(), |v| v.clone();
            OTHER_OR |row| row.other_or, |v| *v;
            AT_OR |row| row.at_or, |v| *v;
            AT_NS_OR |row| row.at_ns_or, |v| *v;
            DAY_OR |row| row.day_or, |v| *v;
        }
        let least = rows.iter().filter_map(|row| row.ratio_or).fold(f64::MAX, f64::min);
        assert_eq!(sql.find::<Event>().min(Event::RATIO_OR).await.unwrap(), Some(least));
    }

    async fn groups_are_put_together_by_columns_and_null_is_one_of_them(sql: &Sql) {
        filled(sql).await;
        let groups = sql.find::<Fill>().group_by(Fill::BOT);
        let groups = groups.measure((count(), sum(Fill::PNL))).order_by(Fill::BOT.asc());
        let want = [
            (None, (2, Some(decimal("2.5000000001")))),
            (Some(7), (2, Some(decimal("6")))),
            (Some(8), (1, None)),
            (Some(9), (1, None)),
        ];
        assert_eq!(groups.all().await.unwrap(), want);
        let groups = sql.find::<Fill>().filter(Fill::ID.lt(6)).group_by((Fill::SYMBOL, Fill::BOT));
        let groups = groups.measure(max(Fill::ID)).order_by(Fill::SYMBOL.desc());
        let groups = groups.order_by(Fill::BOT.desc().nulls_first()).all().await.unwrap();
        let want = [
            (("ETH".to_owned(), None), Some(5)),
            (("ETH".to_owned(), Some(7)), Some(2)),
            (("BTC".to_owned(), None), Some(4)),
            (("BTC".to_owned(), Some(8)), Some(3)),
            (("BTC".to_owned(), Some(7)), Some(1)),
        ];
        assert_eq!(groups, want);
        let mut symbols = sql.find::<Fill>().group_by(Fill::SYMBOL).all().await.unwrap();
        symbols.sort();
        assert_eq!(symbols, ["BTC", "ETH", "SOL"]);
    }

    async fn groups_are_chosen_and_ordered_by_what_is_reckoned(sql: &Sql) {
        filled(sql).await;
        let groups = || sql.find::<Fill>().group_by(Fill::SYMBOL).measure(sum(Fill::PNL));
        let found = groups().order_by(sum(Fill::PNL).desc()).all().await.unwrap();
        let names: Vec<_> = found.iter().map(|(symbol, _)| symbol.as_str()).collect();
        assert_eq!(names, ["BTC", "ETH", "SOL"]);
        let found = groups().order_by(sum(Fill::PNL).asc()).offset(1).limit(1).all().await.unwrap();
        assert_eq!(found, [("ETH".to_owned(), Some(decimal("-3.9999999999")))]);
        let found = groups().having(sum(Fill::PNL).gt(decimal("12.4")));
        let found = found.having(count().ge(3)).first().await.unwrap();
        assert_eq!(found, Some(("BTC".to_owned(), Some(decimal("12.5")))));
        for (having, want) in [
            (min(Fill::PNL).lt(decimal("0")), 1),
            (max(Fill::PNL).ne(decimal("10")), 1),
            (sum(Fill::FEE).le(decimal("0.8")), 3),
            (sum(Fill::NUMBER).eq(decimal("7")), 1),
            (sum(Fill::RATIO).lt(1.25), 2),
            (count_of(Fill::PNL).eq(0), 1),
        ] {
            assert_eq!(groups().having(having).all().await.unwrap().len(), want);
        }
    }

    async fn moments_are_put_together_by_minute_hour_and_day(sql: &Sql) {
        sql.create_table::<Event>().await.unwrap();
        let mut rows = events(61, 200);
        let day = 86_400_000_000;
        for (row, number) in rows.iter_mut().zip(-100_i64..) {
            // Around 1970, where remainders change their sign, and the edges of the range.
            row.at = match number {
                -100 => Timestamp::MIN,
                -99 => Timestamp::MAX,
                _ => Timestamp::from_micros(number * 7_777_777_777),
            };
            row.at_or = (number % 3 != 0).then_some(row.at);
        }
        sql.insert_many(&rows).await.unwrap();
        let start = |at: Timestamp, span: i64| {
            Timestamp::from_micros(at.as_micros().div_euclid(span) * span)
        };
        let mut want: Vec<_> = rows.iter().map(|row| row.at_or.map(|at| start(at, day))).collect();
        want.sort();
        want.dedup();
        let found = sql.find::<Event>().group_by(by_day(Event::AT_OR)).measure(count());
        let found = found.order_by(by_day(Event::AT_OR).asc()).all().await.unwrap();
        assert_eq!(found.iter().map(|(day, _)| *day).collect::<Vec<_>>(), want);
        assert_eq!(found.iter().map(|(_, count)| count).sum::<u64>(), 200);
        let spans = (by_day(Event::AT), by_hour(Event::AT), by_minute(Event::AT));
        let found = sql.find::<Event>().group_by(spans).measure((min(Event::AT), max(Event::AT)));
        for ((a_day, hour, minute), (least, most)) in found.all().await.unwrap() {
            for at in [least.unwrap(), most.unwrap()] {
                assert_eq!(a_day, start(at, day));
                assert_eq!(hour, start(at, day / 24));
                assert_eq!(minute, start(at, day / 1440));
            }
        }
    }

    async fn what_makes_no_sense_is_refused_before_it_is_asked(sql: &Sql) {
        filled(sql).await;
        sql.create_table::<Event>().await.unwrap();
        let find = || sql.find::<Fill>();
        let json = Col::<Event, String>::new(Event::TABLE.position("notes").unwrap());
        let by_symbol = || find().group_by(Fill::SYMBOL).measure(count());
        let fine = sum(Fill::FEE).gt(units(1, 9));
        for (error, code) in [
            (find().limit(3).sum(Fill::FEE).await.unwrap_err(), Code::Unsupported),
            (sql.find::<Event>().min(json).await.unwrap_err(), Code::Unsupported),
            (sql.find::<Event>().group_by(json).all().await.unwrap_err(), Code::Unsupported),
            (by_symbol().order_by(Fill::BOT.asc()).all().await.unwrap_err(), Code::Unsupported),
            (
                by_symbol().order_by(by_day(Fill::AT).asc()).all().await.unwrap_err(),
                Code::Unsupported,
            ),
            (find().group_by(by_day(Fill::NUMBER)).all().await.unwrap_err(), Code::Unsupported),
            (by_symbol().having(fine).all().await.unwrap_err(), Code::Invalid),
            (find().filter(Fill::PNL.eq(Pnl(units(1, 11)))).sum(Fill::FEE).await.unwrap_err(),
             Code::Invalid),
        ] {
            assert_eq!(error.code(), code, "{error}");
        }
        assert_eq!(sql.find::<Event>().measure(count_of(json)).await.unwrap(), 0);
    }

    async fn a_transaction_reckons_with_its_own_rows(sql: &Sql) {
        filled(sql).await;
        let sums: Result<_> = sql
            .transaction(async |sql| {
                sql.insert(&fill(7, Some(7), "BTC", Some("1"))).await?;
                let all = sql.find::<Fill>().sum(Fill::PNL).await?;
                let groups = sql.find::<Fill>().group_by(Fill::BOT).measure(sum(Fill::PNL));
                Ok((all, groups.order_by(sum(Fill::PNL).desc()).first().await?))
            })
            .await;
        let first = Some((Some(7), Some(decimal("7"))));
        assert_eq!(sums.unwrap(), (Some(decimal("9.5000000001")), first));
    }
}

/// As [`Fill`], over a table of the test's own.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "loose")]
struct Loose {
    #[record(key)]
    id: i64,
    #[record(decimal(28, 10))]
    pnl: Decimal,
    #[record(decimal(18, 8))]
    fee: Decimal,
    ratio: f64,
}

#[tokio::test]
async fn sqlite_sums_of_what_no_record_was_written_with_are_errors() {
    let store = common::SqliteStore::new().await;
    let sql = &store.sql;
    sql.execute("CREATE TABLE loose (id INTEGER PRIMARY KEY, pnl, fee, ratio)", &[]).await.unwrap();
    sql.execute("INSERT INTO loose VALUES (1, 'ten', X'00', 1)", &[]).await.unwrap();
    let find = || sql.find::<Loose>();
    assert_eq!(find().sum(Loose::PNL).await.unwrap_err().code(), Code::Unreadable);
    assert_eq!(find().avg(Loose::FEE).await.unwrap_err().code(), Code::Unreadable);
    // The connection goes on.
    assert_eq!(find().measure(count()).await.unwrap(), 1);
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_sums_of_what_no_record_was_written_with_are_errors() {
    let store = common::PostgresStore::new().await;
    let sql = &store.sql;
    let table = "CREATE TABLE loose (id BIGINT PRIMARY KEY, pnl NUMERIC, fee NUMERIC, \
                 ratio DOUBLE PRECISION)";
    sql.execute(table, &[]).await.unwrap();
    sql.execute("INSERT INTO loose VALUES (1, 'NaN', 0.000000001, 'NaN')", &[]).await.unwrap();
    let find = || sql.find::<Loose>();
    assert_eq!(find().sum(Loose::PNL).await.unwrap_err().code(), Code::Unreadable);
    assert_eq!(find().avg(Loose::FEE).await.unwrap_err().code(), Code::Unreadable);
    assert_eq!(find().sum(Loose::RATIO).await.unwrap_err().code(), Code::Invalid);
    assert_eq!(find().measure(count()).await.unwrap(), 1);
}
