//! Records as MessagePack, without a store: golden bytes, other writers, and bytes of any kind.
//!
//! The golden files hold what Python's `msgpack` writes for the same values, so that they prove
//! both that bytes stay and that other languages write and read them alike.

mod common;

use common::{Session, assert_same, edges, hex, session, unhex};
use proptest::prelude::*;
use tradebase_cache::codec::{Index, MessagePackSource, decode, encode};
use tradebase_core::{
    Code, Column, Date, Decimal, Got, Put, Record, Result, Row, Source, Timestamp, TimestampNs,
    Uuid,
};

fn written<T: Put>(row: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(row, &mut bytes).unwrap();
    bytes
}

#[test]
fn memory_and_redis_entries_keep_their_golden_bytes() {
    let golden = unhex(include_str!("golden/session_v1.hex"));
    assert_eq!(hex(&written(&session())), hex(&golden));
    assert_same(&decode::<Session>(&golden).unwrap(), &session());
}

#[test]
fn every_edge_comes_back() {
    for row in edges() {
        assert_same(&decode::<Session>(&written(&row)).unwrap(), &row);
    }
}

/// One of each kind that other writers write in more than one form.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "forms")]
struct Forms {
    #[record(key)]
    number: i64,
    float: Option<f64>,
    #[record(decimal(10, 2))]
    price: Option<Decimal>,
    id: Option<Uuid>,
    at: Option<Timestamp>,
    fine: Option<TimestampNs>,
    day: Option<Date>,
    text: Option<String>,
    bytes: Option<Vec<u8>>,
    flag: Option<bool>,
}

/// A map of one column.
fn pair(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = unhex("82 a6 6e756d626572 01");
    bytes.push(0xa0 | u8::try_from(name.len()).unwrap());
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(&unhex(value));
    bytes
}

fn read(name: &str, value: &str) -> Result<Forms> {
    decode(&pair(name, value))
}

#[test]
fn integers_are_read_in_any_width() {
    for (value, want) in [
        ("07", 7),
        ("e0", -32),
        ("cc ff", 255),
        ("cd 0007", 7),
        ("ce 00000007", 7),
        ("cf 0000000000000007", 7),
        ("cf 7fffffffffffffff", i64::MAX),
        ("d0 80", -128),
        ("d1 fff9", -7),
        ("d2 fffffff9", -7),
        ("d3 fffffffffffffff9", -7),
    ] {
        let bytes = [unhex("81 a6 6e756d626572"), unhex(value)].concat();
        assert_eq!(decode::<Forms>(&bytes).unwrap().number, want, "{value}");
    }
    for value in ["cf 8000000000000000", "cb 3ff0000000000000", "a1 37", "c3", "c0", "91 07"] {
        let bytes = [unhex("81 a6 6e756d626572"), unhex(value)].concat();
        let error = decode::<Forms>(&bytes).unwrap_err();
        assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some("number")));
    }
}

#[test]
fn floats_and_decimals_are_read_in_any_exact_form() {
    assert_eq!(read("float", "ca 3fc00000").unwrap().float, Some(1.5));
    assert_eq!(read("float", "cb 3ff8000000000000").unwrap().float, Some(1.5));
    assert_eq!(read("float", "d0 fe").unwrap().float, Some(-2.0));
    assert!(read("float", "a3 312e35").is_err());
    let price = |value| read("price", value).unwrap().price.unwrap().to_string();
    assert_eq!(price("a3 312e35"), "1.50");
    assert_eq!(price("d9 03 312e35"), "1.50");
    assert_eq!(price("07"), "7.00");
    assert_eq!(price("d0 fe"), "-2.00");
    for value in ["cb 3ff8000000000000", "a5 312e353035", "a1 78", "c4 01 31"] {
        let error = read("price", value).unwrap_err();
        assert_eq!(error.column_name(), Some("price"), "{value}");
    }
}

#[test]
fn moments_days_and_ids_are_read_in_any_form() {
    let at = |value| read("at", value).map(|row| row.at.unwrap().as_micros());
    assert_eq!(at("d6 ff 00000001").unwrap(), 1_000_000);
    assert_eq!(at("d7 ff 00000fa0 00000001").unwrap(), 1_000_001);
    assert_eq!(at("c7 0c ff 000003e8 ffffffffffffffff").unwrap(), -999_999);
    assert_eq!(at("b4 323032362d31312d32305430393a33303a30305a").unwrap(), 1_795_167_000_000_000);
    for value in [
        "d7 ff 00000004 00000001",            // one nanosecond, which does not fit
        "c7 0c ff 3b9aca00 0000000000000000", // a whole second of nanoseconds
        "c7 0c ff 00000000 7fffffffffffffff", // years that do not fit
        "d6 05 00000001",                     // another extension
        "c7 05 ff 0000000001",                // a length that is none of the three
        "01",
    ] {
        assert_eq!(at(value).unwrap_err().column_name(), Some("at"), "{value}");
    }
    assert_eq!(
        read("fine", "d7 ff 00000004 00000001").unwrap().fine.unwrap().as_nanos(),
        1_000_000_001
    );
    assert_eq!(read("day", "aa 323032362d31312d3230").unwrap().day, Date::new(2026, 11, 20));
    assert!(read("day", "aa 323032362d30322d3330").is_err());
    let id = read("id", "c4 10 00000000000000000000000000000007").unwrap().id;
    assert_eq!(id, Some(Uuid::from_u128(7)));
    let text: String =
        "00000000-0000-0000-0000-000000000007".bytes().map(|b| format!("{b:02x}")).collect();
    assert_eq!(read("id", &format!("d9 24 {text}")).unwrap().id, id);
    assert!(read("id", "c4 02 0007").is_err());
}

#[test]
fn null_is_not_absent_and_others_are_refused() {
    for name in ["float", "price", "id", "at", "fine", "day", "text", "bytes", "flag"] {
        assert_eq!(read(name, "c0").unwrap(), decode(&unhex("81 a6 6e756d626572 01")).unwrap());
        for value in ["90", "80", "d4 00 00", "c1"] {
            assert_eq!(read(name, value).unwrap_err().code(), Code::Unreadable, "{name} {value}");
        }
    }
    assert!(read("text", "a2 c328").is_err(), "not UTF-8");
    assert!(read("text", "c4 01 61").is_err());
    assert!(read("bytes", "a1 61").is_err());
}

#[test]
fn maps_of_any_form_and_order_are_read() {
    let wanted = decode::<Forms>(&unhex("82 a6 6e756d626572 01 a4 74657874 a1 78")).unwrap();
    for bytes in [
        "82 a4 74657874 a1 78 a6 6e756d626572 01",
        "de 0002 a6 6e756d626572 01 a4 74657874 a1 78",
        "df 00000002 a6 6e756d626572 01 a4 74657874 a1 78",
        "82 d9 06 6e756d626572 01 da 0004 74657874 a1 78",
        "83 a3 6e6577 92 81 01 02 c3 a6 6e756d626572 01 a4 74657874 a1 78",
        "84 07 08 c0 c0 a6 6e756d626572 01 a4 74657874 a1 78",
    ] {
        assert_eq!(decode::<Forms>(&unhex(bytes)).unwrap(), wanted, "{bytes}");
    }
    for bytes in ["", "c0", "90", "81", "82 a6 6e756d626572 01", "81 a6 6e756d626572 01 c0", "7b"] {
        assert_eq!(decode::<Forms>(&unhex(bytes)).unwrap_err().code(), Code::Unreadable, "{bytes}");
    }
}

#[test]
fn a_length_that_lies_costs_nothing() {
    for value in ["c6 ffffffff", "db ffffffff", "c9 ffffffff ff", "dd ffffffff", "df ffffffff"] {
        for name in ["text", "bytes", "at", "other"] {
            assert!(read(name, value).is_err(), "{name} {value}");
        }
        let bytes = [unhex("81 a7 64657461696c73"), unhex(value)].concat();
        assert!(decode::<Session>(&bytes).is_err());
        assert!(decode::<Document>(&unhex("df ffffffff")).is_err());
    }
}

#[derive(Record, Debug, PartialEq)]
#[record(name = "documents")]
struct Document {
    #[record(key)]
    id: i64,
    #[record(json)]
    body: serde_json::Value,
}

fn nested(depth: usize) -> Document {
    let body = (0..depth).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]));
    Document { id: 1, body }
}

#[test]
fn json_has_a_bound_of_depth_that_is_the_same_both_ways() {
    let deepest = nested(128);
    assert_eq!(decode::<Document>(&written(&deepest)).unwrap(), deepest);
    let mut bytes = b"kept".to_vec();
    let error = encode(&nested(129), &mut bytes).unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Invalid, Some("body")));
    assert_eq!(bytes, b"kept", "an error leaves the buffer as it was");
    for head in ["91", "81", "dd 00000001", "81 a1 61"] {
        let deep = unhex(head).repeat(100_000);
        let bytes = [unhex("82 a2 6964 01 a4 626f6479"), deep].concat();
        assert_eq!(decode::<Document>(&bytes).unwrap_err().code(), Code::Unreadable);
    }
}

#[test]
fn a_column_left_out_is_not_counted() {
    #[derive(Record, Debug)]
    #[record(table = "tickets")]
    struct Ticket {
        #[record(key)]
        id: tradebase_core::Assigned<i64>,
        subject: String,
    }
    let ticket = Ticket { id: tradebase_core::Assigned::New, subject: "a".into() };
    assert_eq!(hex(&written(&ticket)), "81a77375626a656374a161");
    assert_eq!(decode::<Ticket>(&written(&ticket)).unwrap_err().column_name(), Some("id"));
}

#[test]
fn long_names_are_written_and_read() {
    #[derive(Record, Debug, PartialEq)]
    #[record(table = "limits")]
    struct Limit {
        #[record(key)]
        a_name_that_has_thirty_one_byte: i64,
        a_name_that_has_thirty_two_bytes: i64,
        a_name_that_has_as_many_bytes_as_a_name_may_have: Option<String>,
    }
    for text in [None, Some("x".to_owned())] {
        let limit = Limit {
            a_name_that_has_thirty_one_byte: 1,
            a_name_that_has_thirty_two_bytes: 2,
            a_name_that_has_as_many_bytes_as_a_name_may_have: text,
        };
        assert_eq!(decode::<Limit>(&written(&limit)).unwrap(), limit);
    }
}

#[test]
fn looking_at_a_cell_does_not_pass_it() {
    let bytes = unhex("82 a6 6e756d626572 07 a4 74657874 c0");
    let column = |at: usize| -> &'static Column { &Forms::COLUMNS[at] };
    let mut index = Index::default();
    let mut source = MessagePackSource::new(Forms::COLUMNS, &bytes, &mut index).unwrap();
    for _ in 0..2 {
        assert_eq!(source.cell(0, column(0)).unwrap(), Got::Value(()));
    }
    assert_eq!(source.i64(0, column(0)).unwrap(), Got::Value(7));
    for _ in 0..2 {
        assert_eq!(source.cell(7, column(7)).unwrap(), Got::Null);
    }
    assert_eq!(source.text(7, column(7)).unwrap(), Got::Null);
    source.finish().unwrap();
    let mut index = Index::default();
    let mut source = MessagePackSource::new(Forms::COLUMNS, &bytes, &mut index).unwrap();
    assert_eq!(source.cell(1, column(1)).unwrap(), Got::Absent);
    assert_eq!(source.f64(1, column(1)).unwrap(), Got::Absent);
    assert_eq!(source.cell(7, column(7)).unwrap(), Got::Null);
    assert_eq!(source.text(7, column(7)).unwrap(), Got::Null);
    for bytes in [written(&nested(1)), unhex("82 a4 626f6479 91 01 a2 6964 01")] {
        let mut index = Index::default();
        let mut source = MessagePackSource::new(Document::COLUMNS, &bytes, &mut index).unwrap();
        assert_eq!(Option::<Document>::read(&mut source).unwrap(), Some(nested(1)));
    }
    let mut index = Index::default();
    let mut source = MessagePackSource::new(Document::COLUMNS, &[0x80], &mut index).unwrap();
    assert_eq!(Option::<Document>::read(&mut source).unwrap(), None);
}

fn any_session() -> impl Strategy<Value = Session> {
    let numbers = (any::<i16>(), any::<i32>(), any::<i64>(), any::<Option<u32>>(), any::<f64>());
    let texts = (".{0,40}", any::<Option<String>>(), any::<Vec<u8>>());
    let times = (Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros(), any::<i64>());
    (numbers, texts, times, any::<i64>(), any::<u128>()).prop_map(|(n, t, at, units, id)| {
        let mut row = session();
        (row.lanes, row.orders, row.offset, row.errors, row.drift) = n;
        (row.place.city, row.note, row.checksum) = t;
        row.seen_at = Some(Timestamp::from_micros(at.0));
        row.opened_at = TimestampNs::from_nanos(at.1.clamp(-i64::MAX + 1, i64::MAX - 1));
        row.last = Decimal::new(units % 1_000_000_000_000_000_000, 8);
        row.session_id = Uuid::from_u128(id);
        row.place.city.retain(|c| c != '\0');
        row.note = row.note.map(|note| note.replace('\0', ""));
        row
    })
}

proptest! {
    #[test]
    fn any_row_comes_back(row in any_session()) {
        prop_assert_eq!(decode::<Session>(&written(&row)).unwrap(), row);
    }

    #[test]
    fn any_bytes_are_a_row_or_an_error(bytes in any::<Vec<u8>>()) {
        let _ = decode::<Session>(&bytes);
        let _ = decode::<Forms>(&bytes);
    }

    #[test]
    fn any_value_of_a_column_is_read_or_refused(
        at in 0..Forms::COLUMNS.len(),
        value in any::<Vec<u8>>(),
    ) {
        let mut bytes = pair(Forms::COLUMNS[at].name.text, "");
        bytes.extend_from_slice(&value);
        let _ = decode::<Forms>(&bytes);
    }

    #[test]
    fn damaged_rows_are_a_row_or_an_error(
        row in any_session(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = written(&row);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = decode::<Session>(&bytes);
    }

    #[test]
    fn rows_cut_short_are_an_error(row in any_session(), at in any::<prop::sample::Index>()) {
        let bytes = written(&row);
        let cut = at.index(bytes.len());
        prop_assert_eq!(decode::<Session>(&bytes[..cut]).unwrap_err().code(), Code::Unreadable);
    }
}
