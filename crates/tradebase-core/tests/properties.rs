//! What holds for all values: text forms come back, and no bytes make a reader panic.

use proptest::prelude::*;
use tradebase_core::json::{self, Scanner, decode_base64, encode_base64};
use tradebase_core::{Date, Decimal, Record, Timestamp, TimestampNs, Uuid, Value, decimal};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "samples")]
struct Sample {
    #[record(key)]
    id: Uuid,
    name: String,
    note: Option<String>,
    blob: Vec<u8>,
    flag: bool,
    small: i16,
    count: Option<u32>,
    offset: i64,
    ratio: f64,
    #[record(decimal(28, 9))]
    price: Decimal,
    at: Timestamp,
    at_ns: Option<TimestampNs>,
    day: Date,
    #[record(json)]
    tags: Vec<String>,
}

/// 28 digits.
const UNITS: i128 = 10_i128.pow(28) - 1;

prop_compose! {
    fn sample()(
        id in any::<u128>(),
        name in any::<String>(),
        note in any::<Option<String>>(),
        blob in any::<Vec<u8>>(),
        flag in any::<bool>(),
        small in any::<i16>(),
        count in any::<Option<u32>>(),
    )(
        offset in any::<i64>(),
        ratio in any::<f64>().prop_filter("equal to itself", |f| !f.is_nan()),
        units in -UNITS..=UNITS,
        at in any::<i64>(),
        at_ns in any::<Option<i64>>(),
        day in any::<i32>(),
        tags in any::<Vec<String>>(),
        id in Just(id), name in Just(name), note in Just(note), blob in Just(blob),
        flag in Just(flag), small in Just(small), count in Just(count),
    ) -> Sample {
        Sample {
            id: Uuid::from_u128(id),
            name, note, blob, flag, small, count, offset, ratio,
            price: Decimal::from_i128_with_scale(units, 9),
            at: Timestamp::from_micros(at),
            at_ns: at_ns.map(TimestampNs::from_nanos),
            day: Date::from_days(day),
            tags,
        }
    }
}

/// A number in the one form that equal ones have: sign, digits without zeros around, exponent.
fn normal(minus: bool, digits: &str, exponent: i64) -> (bool, String, i64) {
    let digits = digits.trim_start_matches('0');
    let short = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - short.len()).unwrap();
    match short {
        "" => (false, String::new(), 0),
        short => (minus, short.to_owned(), exponent + zeros),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_record_comes_back_from_its_json(sample in sample()) {
        let text = json::to_string(&sample).unwrap();
        prop_assert_eq!(&json::from_slice::<Sample>(text.as_bytes()).unwrap(), &sample, "{}", text);
        // Others read it too.
        let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(theirs["name"].as_str(), Some(sample.name.as_str()));
        // Members in another order are the same record.
        let shuffled = serde_json::to_string(&theirs).unwrap();
        if let Ok(back) = json::from_slice::<Sample>(shuffled.as_bytes()) {
            prop_assert_eq!(back.name, sample.name);
        }
    }

    #[test]
    fn every_record_comes_back_from_its_values(sample in sample()) {
        let values = Value::row(&sample).unwrap();
        prop_assert_eq!(Value::read::<Sample>(&values).unwrap(), sample);
    }

    #[test]
    fn decimals_come_back_from_their_text(units in any::<i128>(), scale in 0_u8..=28) {
        let units = units >> 1;
        let text = decimal::text(units, scale);
        prop_assert_eq!(decimal::parse(text.as_bytes(), scale), Some(units), "{}", text);
        if let Ok(theirs) = text.parse::<Decimal>()
            && theirs.scale() == u32::from(scale)
        {
            prop_assert_eq!(theirs.mantissa(), units);
        }
    }

    #[test]
    fn a_number_with_an_exponent_is_exact_or_refused(
        minus in any::<bool>(), digits in "[0-9]{1,33}", point in 0_usize..=33, e in -40_i64..=40,
    ) {
        let decimals = digits.len().saturating_sub(point);
        let (head, tail) = digits.split_at(digits.len() - decimals);
        let text = format!("{}{head}.{tail}e{e}", if minus { "-" } else { "" });
        let want = normal(minus, &digits, e - i64::try_from(decimals).unwrap());
        let some = decimal::digits_of(text.as_bytes());
        if let Some((units, scale)) = some {
            let have = normal(units < 0, &units.unsigned_abs().to_string(), -i64::from(scale));
            prop_assert_eq!(&have, &want, "{}", text);
        }
        let fits = want.1.len() <= 28 && (-28..=0).contains(&want.2);
        prop_assert!(some.is_some() || !fits, "{}", text);
        if let Some(units) = decimal::parse(text.as_bytes(), 9) {
            let have = normal(units < 0, &units.unsigned_abs().to_string(), -9);
            prop_assert_eq!(&have, &want, "{}", text);
        }
    }

    #[test]
    fn moments_come_back_from_their_text(n in any::<i64>(), days in any::<i32>()) {
        let (micros, nanos, day) =
            (Timestamp::from_micros(n), TimestampNs::from_nanos(n), Date::from_days(days));
        prop_assert_eq!(micros.to_string().parse(), Ok(micros));
        prop_assert_eq!(nanos.to_string().parse(), Ok(nanos));
        prop_assert_eq!(day.to_string().parse(), Ok(day));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in any::<Vec<u8>>(), scale in 0_u8..=28) {
        let _ = json::from_slice::<Sample>(&bytes);
        let _ = Scanner::new(&bytes).value();
        let _ = decimal::parse(&bytes, scale);
        let _ = decode_base64(&bytes, &mut Vec::new());
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let _ = text.parse::<Timestamp>();
            let _ = text.parse::<TimestampNs>();
            let _ = text.parse::<Date>();
        }
    }

    #[test]
    fn no_cut_or_changed_text_makes_a_reader_panic(
        sample in sample(), cut in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut text = json::to_string(&sample).unwrap().into_bytes();
        let at = cut.index(text.len());
        prop_assert!(json::from_slice::<Sample>(&text[..at]).is_err());
        text[at] = byte;
        let _ = json::from_slice::<Sample>(&text);
    }

    #[test]
    fn bytes_come_back_from_base_64(bytes in any::<Vec<u8>>()) {
        let (mut text, mut back) = (Vec::new(), Vec::new());
        encode_base64(&bytes, &mut text);
        prop_assert_eq!(decode_base64(&text, &mut back), Some(()));
        prop_assert_eq!(back, bytes);
    }
}
