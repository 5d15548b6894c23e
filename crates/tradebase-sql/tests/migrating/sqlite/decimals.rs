//! Decimals of another precision or scale: every digit, or an error.

use tradebase_core::Value;

use super::kit::{column, draft, go, insert, records, run, store, table};

/// Narrow ones are integers, wide ones 16 bytes.
const FORMS: [(u8, u8); 11] = [
    (18, 8),
    (18, 6),
    (18, 0),
    (18, 18),
    (4, 2),
    (28, 8),
    (28, 10),
    (28, 0),
    (28, 28),
    (19, 6),
    (24, 12),
];

/// Units at the edges of a form, and around the words of the bytes.
fn edges(precision: u8) -> Vec<i128> {
    let most = 10_i128.pow(precision.into()) - 1;
    let mut units = vec![0, 1, 7, 99, most, most - 1, most / 3, most / 10 * 10];
    for power in 0..=27 {
        units.push(10_i128.pow(power));
    }
    for bits in [8, 15, 16, 17, 31, 32, 47, 48, 63, 64, 80, 88, 93] {
        units.extend([(1 << bits) - 1, 1 << bits, (1 << bits) + 1]);
    }
    units.retain(|units| *units <= most);
    let negative: Vec<_> = units.iter().map(|units| -units).collect();
    units.extend(negative);
    units.sort_unstable();
    units.dedup();
    units
}

/// The same number in units of another form, if that has a place for it.
fn fits(units: i128, from: u8, (precision, to): (u8, u8)) -> Option<i128> {
    let units = if to >= from {
        units.checked_mul(10_i128.pow((to - from).into()))?
    } else {
        let unit = 10_i128.pow((from - to).into());
        (units % unit == 0).then_some(units / unit)?
    };
    (units.abs() < 10_i128.pow(precision.into())).then_some(units)
}

#[tokio::test]
async fn every_digit_goes_to_every_other_form_or_none_does() {
    for from in FORMS {
        for to in FORMS.into_iter().filter(|to| *to != from) {
            becomes(from, to).await;
        }
    }
}

async fn becomes(from: (u8, u8), to: (u8, u8)) {
    let form = |(p, s): (u8, u8)| records([table("trades", &[column("d", &kind(p, s))])].into());
    let (was, is) = (form(from), form(to));
    let store = store(&was).await;
    let (mut want, mut unfit) = (Vec::new(), Vec::new());
    for (id, units) in (1..).zip(edges(from.0)) {
        match fits(units, from.1, to) {
            Some(units) => want.push((id, units)),
            None => unfit.push(units),
        }
        if fits(units, from.1, to).is_some() {
            let value = Value::Decimal(units, from.1);
            insert(&store.sql, was[0], &[("id", Value::Int(id)), ("d", value)]).await;
        }
    }
    insert(&store.sql, was[0], &[("id", Value::Int(0)), ("d", Value::Null)]).await;
    let plan = draft(&store.sql, &is).await.unwrap().up;
    assert_eq!(plan.losses, []);
    for units in [unfit.first(), unfit.get(unfit.len() / 2), unfit.last()].into_iter().flatten() {
        let value = Value::Decimal(*units, from.1);
        insert(&store.sql, was[0], &[("id", Value::Int(-1)), ("d", value)]).await;
        let before = run(&store, "SELECT id, d FROM trades_readable ORDER BY id");
        let error = go(&store, &plan).unwrap_err();
        assert!(error.contains("cannot store") || error.contains("CHECK"), "{error}");
        assert_eq!(run(&store, "SELECT id, d FROM trades_readable ORDER BY id"), before);
        run(&store, "DELETE FROM trades WHERE id = -1");
    }
    go(&store, &plan).unwrap();
    let rows = store.sql.table(is[0]).find().all().await.unwrap();
    assert_eq!(rows.len(), want.len() + 1, "{from:?} {to:?}");
    for row in rows {
        let Some(Value::Int(id)) = row.get("id") else { panic!("{row:?}") };
        let units = want.iter().find(|(of, _)| of == id).map(|(_, units)| *units);
        let want = units.map_or(Value::Null, |units| Value::Decimal(units, to.1));
        assert_eq!(row.get("d"), Some(&want), "{from:?} {to:?}");
    }
}

fn kind(precision: u8, scale: u8) -> String {
    format!("decimal({precision}, {scale})")
}

#[tokio::test]
async fn integers_become_decimals_and_go_back_at_their_edges() {
    for (p, s) in [(18, 0), (18, 8), (28, 0), (28, 8), (19, 0)] {
        let was = records([table("trades", &[column("d", "i64")])].into());
        let is = records([table("trades", &[column("d", &kind(p, s))])].into());
        let store = store(&was).await;
        let all = [i64::MIN, i64::MAX, i64::MIN + 1, 0, -1, 1, 999_999_999_999_999_999, 9_999_999];
        let kept: Vec<_> =
            all.into_iter().filter(|n| fits((*n).into(), 0, (p, s)).is_some()).collect();
        for (id, n) in (1..).zip(&kept) {
            let row = [("id", Value::Int(id)), ("d", Value::Int(*n))];
            insert(&store.sql, was[0], &row).await;
        }
        let draft = super::kit::up(&store, &is).await;
        for (row, n) in store.sql.table(is[0]).find().all().await.unwrap().iter().zip(&kept) {
            let units = i128::from(*n) * 10_i128.pow(s.into());
            assert_eq!(row.get("d"), Some(&Value::Decimal(units, s)));
        }
        go(&store, &draft.down).unwrap();
        for (row, n) in store.sql.table(was[0]).find().all().await.unwrap().iter().zip(&kept) {
            assert_eq!(row.get("d"), Some(&Value::Int(*n)));
        }
    }
}
