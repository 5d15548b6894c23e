//! Answers that nobody should give: errors, and no panic.

mod common;

use common::*;
use proptest::prelude::*;
use tradebase_core::Code;
use tradebase_series::codec::{Decoder, read_document};

const ROWS: &str = include_str!("golden/everything.rows.json");

fn document() -> String {
    let mut lines = ROWS.lines();
    let names = lines.next().unwrap();
    let rows: Vec<_> = lines.collect();
    let series = format!(r#"{{"columns":{names},"values":[{}]}}"#, rows.join(","));
    format!(r#"{{"results":[{{"statement_id":1,"series":[{series}]}}]}}"#)
}

#[test]
fn influx_answers_cut_at_any_byte_are_errors() {
    let document = document();
    assert_eq!(read_document::<Everything>(document.as_bytes()).unwrap().len(), 3);
    for end in 0..document.len() {
        let error = read_document::<Everything>(&document.as_bytes()[..end]).unwrap_err();
        assert_eq!(error.code(), Code::Unreadable, "{end}");
    }
}

#[test]
fn influx_answers_of_another_shape_are_errors() {
    let columns = r#""columns":["time","id"]"#;
    for series in [
        r#"{"values":[[1,2]]}"#.to_owned(),
        format!(r#"{{{columns},"values":[[1]]}}"#),
        format!(r#"{{{columns},"values":[[1,2,3]]}}"#),
        format!(r#"{{{columns},"values":[{{}}]}}"#),
        format!(r#"{{{columns},"values":1}}"#),
        format!(r#"{{{columns}}}"#),
        r#"{"columns":[1]}"#.to_owned(),
        r#"{"columns":{}}"#.to_owned(),
        "[]".to_owned(),
        "1".to_owned(),
    ] {
        for id in ["0", "1", "2", "-1", "\"x\"", "99999999999999999999999"] {
            let text = format!(r#"{{"results":[{{"statement_id":{id},"series":[{series}]}}]}}"#);
            // The first statement's columns are none of ours.
            if id != "0" {
                assert!(read_document::<Trade>(text.as_bytes()).is_err(), "{text}");
            }
        }
    }
}

proptest! {
    /// One byte of an answer is another one.
    #[test]
    fn influx_answers_with_a_wrong_byte_never_panic(at in 0.0..1.0_f64, byte: u8) {
        let mut bytes = document().into_bytes();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let at = ((bytes.len() as f64) * at) as usize;
        bytes[at] = byte;
        let _any = read_document::<Everything>(&bytes);
    }

    #[test]
    fn influx_answers_of_any_bytes_never_panic(bytes: Vec<u8>) {
        prop_assert!(read_document::<Trade>(&bytes).is_err());
    }

    /// Any JSON value stands in any cell.
    #[test]
    fn influx_cells_of_any_kind_never_panic(
        cells in prop::collection::vec(
            prop_oneof![
                Just("null".to_owned()),
                Just("true".to_owned()),
                Just("1e400".to_owned()),
                Just("-".to_owned()),
                Just("[[]]".to_owned()),
                Just("\"\\ud800\"".to_owned()),
                any::<i64>().prop_map(|n| n.to_string()),
                any::<f64>().prop_map(|n| n.to_string()),
                any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
            ],
            31,
        ),
    ) {
        let names: Vec<String> = serde_json::from_str(ROWS.lines().next().unwrap()).unwrap();
        let decoder = Decoder::new::<Everything>(&names).unwrap();
        let row = format!("[{}]", cells.join(","));
        let _any = decoder.read::<Everything>(row.as_bytes(), &mut Vec::new());
    }
}
