//! The contract as a user sees it: derives, rules, defaults, keys, JSON, values.

use tradebase_core::{
    Assigned, Code, Date, Decimal, Field, Filter, Handed, Kind, OnDelete, PartitionStep, Put,
    Record, Roles, Row, Stamp, Table, Timestamp, Value, Violations, json, rule,
    schema::{self, TableSchema},
};

#[derive(Field, Clone, Copy, Debug, PartialEq)]
#[field(rename_all = "UPPERCASE")]
enum Side {
    Buy,
    Sell,
}

#[derive(Field, Clone, Debug, PartialEq)]
enum State {
    PartlyFilled,
    #[field(other)]
    Other(String),
}

#[derive(Field, Clone, Copy, Debug, PartialEq)]
#[field(decimal(18, 8))]
struct Price(Decimal);

#[derive(Row, Clone, Debug, PartialEq)]
struct Place {
    city: String,
    #[record(length(2..=2))]
    country: Option<String>,
}

fn is_even(lot: &i32) -> Result<(), String> {
    if lot % 2 == 0 { Ok(()) } else { Err(format!("must be even, is {lot}")) }
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "desks", index(place_city, day))]
struct Desk {
    #[record(key)]
    day: Date,
    #[record(key, pattern = "[A-Z]+")]
    name: String,
    #[record(embed)]
    place: Place,
    #[record(default = "BUY")]
    side: Side,
    state: State,
    #[record(min = "0.00000001", max = 1000)]
    price: Price,
    #[record(check = is_even, default = 2)]
    lot: i32,
    #[record(email)]
    contact: Option<String>,
    #[record(json)]
    tags: Vec<String>,
    #[record(json)]
    extra: Option<serde_json::Value>,
    #[record(skip)]
    seen: usize,
}

fn desk() -> Desk {
    Desk {
        day: Date::new(2026, 11, 20).unwrap(),
        name: "ALPHA".into(),
        place: Place { city: "Köln \"am\" Rhein\n".into(), country: Some("DE".into()) },
        side: Side::Sell,
        state: State::PartlyFilled,
        price: Price("1.5".parse().unwrap()),
        lot: 4,
        contact: Some("desk@example.org".into()),
        tags: vec!["a".into(), "\u{1f600}".into()],
        extra: None,
        seen: 0,
    }
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "notes")]
struct Note {
    #[record(key)]
    id: Assigned<i64>,
    #[record(belongs_to = Note, on_delete = set_null)]
    parent: Option<i64>,
    #[record(created)]
    created_at: Timestamp,
    #[record(updated)]
    updated_at: Timestamp,
    #[record(version)]
    version: i64,
}

#[test]
fn embedded_columns_stand_under_their_prefix() {
    let names: Vec<_> = Desk::COLUMNS.iter().map(|c| c.name.text).collect();
    assert_eq!(
        names,
        [
            "day",
            "name",
            "place_city",
            "place_country",
            "side",
            "state",
            "price",
            "lot",
            "contact",
            "tags",
            "extra"
        ]
    );
    assert_eq!(Desk::WIDTH, 11);
    assert_eq!(Desk::TABLE.key, [0, 1]);
    assert_eq!(Desk::TABLE.indexes[0].columns, [2, 0]);
    assert_eq!(Desk::PRICE.column().kind, Kind::Decimal { precision: 18, scale: 8 });
    assert_eq!(Desk::PLACE.then(Place::COUNTRY).column().name.text, "place_country");
    assert!(Desk::PLACE.then(Place::COUNTRY).column().nullable);
}

#[test]
fn a_record_comes_back_from_json_and_from_values() {
    let desk = desk();
    let text = json::to_string(&desk).unwrap();
    assert_eq!(
        text,
        "{\"day\":\"2026-11-20\",\"name\":\"ALPHA\",\"place_city\":\"Köln \\\"am\\\" Rhein\\n\",\
         \"place_country\":\"DE\",\"side\":\"SELL\",\"state\":\"partly_filled\",\
         \"price\":1.50000000,\"lot\":4,\"contact\":\"desk@example.org\",\"tags\":[\"a\",\"😀\"],\
         \"extra\":null}"
    );
    assert_eq!(json::from_slice::<Desk>(text.as_bytes()).unwrap(), desk);
    let values = Value::row(&desk).unwrap();
    assert_eq!(values[6], Value::Decimal(150_000_000, 8));
    assert_eq!(Value::read::<Desk>(&values).unwrap(), desk);
    let pair: (Desk, Option<Note>) =
        Value::read(&[values, vec![Value::Null; Note::WIDTH]].concat()).unwrap();
    assert_eq!(pair, (desk, None));
}

#[test]
fn members_may_stand_in_any_order_and_be_missing() {
    let text = br#" { "unknown": [1, {"x": "]"}], "price": "1.5", "name": "ALPHA", "tags": [],
        "place_city": "Rome", "day": "2026-11-20", "state": "brand_new" } "#;
    let desk: Desk = json::from_slice(text).unwrap();
    assert_eq!(desk.side, Side::Buy);
    assert_eq!(desk.lot, 2);
    assert_eq!(desk.state, State::Other("brand_new".into()));
    assert_eq!((desk.contact, desk.place.country, desk.extra), (None, None, None));
    let error = json::from_slice::<Desk>(br#"{"name":"A","lot":null}"#).unwrap_err();
    assert_eq!((error.code(), error.column_name()), (Code::Unreadable, Some("day")));
    let error = json::from_slice::<Desk>(
        br#"{"day":"2026-11-20","name":"A","place_city":"R","state":"x","price":1,
            "lot":null,"tags":[]}"#,
    )
    .unwrap_err();
    assert_eq!(error.column_name(), Some("lot"), "a default is not for null: {error}");
}

#[test]
fn every_field_at_fault_is_named() {
    let mut desk = desk();
    rule::check(&desk).unwrap();
    desk.name = "beta".into();
    desk.place.country = Some("Germany".into());
    desk.place.city = "a\0b".into();
    desk.price = Price(Decimal::ZERO);
    desk.lot = 3;
    desk.contact = Some("nobody".into());
    desk.state = State::Other("partly_filled".into());
    let error = rule::check(&desk).unwrap_err();
    let faults: Vec<_> = error.violations().iter().map(|v| (v.column.as_str(), v.rule)).collect();
    assert_eq!(
        faults,
        [
            ("name", "pattern"),
            ("place_city", "nul"),
            ("place_country", "length"),
            ("state", "label"),
            ("price", "range"),
            ("contact", "email"),
            ("lot", "custom"),
        ]
    );
    desk.price = Price("0.000000001".parse().unwrap());
    let error = rule::check(&desk).unwrap_err();
    assert!(error.to_string().contains("price must have at most 8 digits"), "{error}");
}

#[test]
fn the_layer_fills_what_the_record_declares() {
    let mut note = Note {
        id: Assigned::New,
        parent: None,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        version: 0,
    };
    assert!(Note::TABLE.is_filled_by_layer() && !Desk::TABLE.is_filled_by_layer());
    let now = Some(Timestamp::from_micros(7));
    let before =
        Handed::stamp(&mut &mut note, Stamp { created: now, updated: now, version: Some(1) });
    let stamped = (note.created_at.as_micros(), note.updated_at.as_micros(), note.version);
    assert_eq!(stamped, (7, 7, 1));
    Record::stamp(&mut note, before);
    assert_eq!((note.created_at.as_micros(), note.version), (0, 0));
    Handed::assign(&mut &mut note, 42);
    assert_eq!(note.key(), Assigned::Is(42));
    let parent = Note::PARENT.column().parent.unwrap();
    assert_eq!((parent.table().name, parent.on_delete), ("notes", OnDelete::SetNull));
    assert!(Note::ID.column().is(Roles::ASSIGNED));
}

#[test]
fn a_skipped_key_is_left_out_and_not_null() {
    let note = Note {
        id: Assigned::New,
        parent: None,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        version: 1,
    };
    let text = json::to_string(&note).unwrap();
    assert!(text.starts_with("{\"parent\":null,"), "{text}");
}

#[test]
fn a_filter_reports_a_refused_value_when_used() {
    let fine: Filter<Desk> =
        Desk::LOT.ge(2).and(Desk::NAME.eq("ALPHA")).or(!Desk::SIDE.eq(Side::Buy));
    assert!(fine.into_condition().is_ok());
    let finer = Desk::PRICE.eq("0.123456789".parse::<Decimal>().unwrap());
    assert_eq!(finer.into_condition().unwrap_err().code(), Code::Invalid);
}

#[derive(Record)]
#[record(table = "prints", partition_by(day, on = at), unique(symbol, at))]
struct Print {
    #[record(key)]
    id: i64,
    #[record(key)]
    at: Timestamp,
    symbol: String,
}

#[test]
fn a_table_says_how_it_is_cut_and_so_does_its_schema() {
    let partition = Print::TABLE.partition.unwrap();
    assert_eq!((partition.column, partition.step), (1, PartitionStep::Day));
    let schema = TableSchema::from(Print::TABLE);
    let text = serde_json::to_string(&schema).unwrap();
    let back: TableSchema = serde_json::from_str(&text).unwrap();
    assert_eq!(back.table().unwrap().partition, Some(partition));

    type Spoil = fn(&mut TableSchema);
    let spoiled: [(Spoil, &str); 4] = [
        (|s| s.partition.as_mut().unwrap().step = "week".into(), "not by week"),
        (|s| s.partition.as_mut().unwrap().column = "id".into(), "id is none"),
        (|s| s.indexes[0].columns = vec!["symbol".into()], "does not: symbol"),
        (|s| s.columns[2].roles = vec!["unique".into()], "does not: symbol"),
    ];
    for (spoil, said) in spoiled {
        let mut spoiled = schema.clone();
        spoil(&mut spoiled);
        let error = spoiled.table().unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn a_schema_is_data_and_becomes_a_table_again() {
    let schema = TableSchema::from(Desk::TABLE);
    let text = serde_json::to_string(&schema).unwrap();
    let back: TableSchema = serde_json::from_str(&text).unwrap();
    assert_eq!(back, schema);
    let table = back.table().unwrap();
    assert!(std::ptr::eq(table, schema.table().unwrap()), "equal schemas are one table");
    assert_eq!(TableSchema::from(table), schema);
    assert_eq!(table.columns[6].name.json, ",\"price\":");
    let mut broken = schema;
    broken.columns[0].name = "Day".into();
    assert_eq!(broken.table().unwrap_err().code(), Code::Config);
}

#[test]
fn schemas_that_point_to_each_other_become_tables_that_do() {
    let schema = |table: &str, parent: &str, rule: &str| -> TableSchema {
        serde_json::from_value(serde_json::json!({
            "record": table, "table": table, "key": ["id"], "was": format!("old_{table}"),
            "columns": [
                { "name": "id", "kind": "i64" },
                { "name": "other", "kind": "i64", "nullable": true, "parent": parent,
                  "on_delete": rule, "was": "another" },
            ],
        }))
        .unwrap()
    };
    let pair = [schema("left", "right", "cascade"), schema("right", "left", "set_null")];
    let tables = schema::tables(&pair).unwrap();
    let [left, right] = tables[..] else { panic!("{tables:?}") };
    let parent = |table: &Table| table.columns[1].parent.unwrap();
    assert!(std::ptr::eq(parent(left).table(), right) && std::ptr::eq(parent(right).table(), left));
    assert_eq!(parent(left).on_delete, OnDelete::Cascade);
    assert_eq!([left.was, left.columns[1].was], [Some("old_left"), Some("another")]);
    assert_eq!(tables.iter().map(|&t| TableSchema::from(t)).collect::<Vec<_>>(), pair);
    assert!(std::ptr::eq(schema::tables(&pair).unwrap()[0], left), "equal schemas are one table");
    // Alone, it points to nothing; among others, what it points to must be there.
    assert!(pair[0].table().unwrap().columns[1].parent.is_none());
    let error = schema::tables(&pair[..1]).unwrap_err().to_string();
    assert!(error.contains("points to the table right") && error.contains("other"), "{error}");
    let bad = schema("left", "left", "explode");
    assert!(schema::tables(&[bad]).unwrap_err().to_string().contains("explode"));
}

#[test]
fn one_column_can_be_checked_alone() {
    let mut found = Violations::new();
    let mut desk = desk();
    desk.lot = 1;
    desk.check_in(Desk::COLUMNS, &mut found);
    assert!(found.into_result().unwrap_err().to_string().contains("lot must be even"));
}

#[test]
fn a_cut_or_longer_text_is_no_record() {
    let text = json::to_string(&desk()).unwrap();
    for cut in 0..text.len() {
        assert!(json::from_slice::<Desk>(&text.as_bytes()[..cut]).is_err(), "{cut}");
    }
    assert!(json::from_slice::<Desk>(format!("{text} ").as_bytes()).is_ok());
    assert!(json::from_slice::<Desk>(format!("{text}}}").as_bytes()).is_err());
    assert!(json::from_slice::<Desk>(format!("{text}{text}").as_bytes()).is_err());
}

#[test]
fn the_missing_side_of_a_join_is_none() {
    let mut columns = Vec::new();
    <Option<Place>>::list(&mut columns);
    let read =
        |text: &str| json::from_slice_by::<Option<Place>>(&columns, text.as_bytes()).unwrap();
    let rome = Place { city: "Rome".into(), country: None };
    assert_eq!(read(r#"{"city":"Rome","country":null}"#), Some(rome.clone()));
    assert_eq!(read(r#"{"country":null,"city":"Rome"}"#), Some(rome));
    assert_eq!(read(r#"{"city":null,"country":null}"#), None);
    assert_eq!(read("{}"), None);
}
