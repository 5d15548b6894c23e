//! What the rooms log, as a program sees it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tradebase::log::{self, LogFormat, LogLevel, LogOptions};
use tradebase::{Config, Record, Tradebase, records};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(table = "bots")]
struct Bot {
    #[record(key)]
    id: i64,
    name: String,
}

/// The lines of the log, kept.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// The events since the last look, each one JSON object on its line.
    fn take(&self) -> Vec<Value> {
        let text = std::mem::take(&mut *self.0.lock().unwrap());
        text.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }
}

fn of<'a>(lines: &'a [Value], room: &str, operation: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["room"] == room && line["operation"] == operation).collect()
}

#[test]
fn each_operation_of_a_room_is_one_event_with_its_correlation_id_and_no_values() {
    let lines = Lines::default();
    let options = LogOptions::new().format(LogFormat::Json).levels("debug").unwrap();
    let handle = log::init(options.writer(lines.clone())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bot = Bot { id: 1, name: "hunter2".into() };

    let db = runtime.block_on(async {
        let opening = Tradebase::builder(Config::in_memory()).records(records![Bot]);
        opening.open().await.unwrap()
    });
    log::correlation("order-4711").in_scope(|| {
        runtime.block_on(async {
            db.sql().insert(&bot).await.unwrap();
            db.sql().insert(&bot).await.unwrap_err();
            db.cache::<Bot>().set(&bot).await.unwrap();
        });
    });
    let seen = lines.take();
    let inserts = of(&seen, "sql", "insert");
    let [good, bad] = inserts.as_slice() else { panic!("two events: {seen:?}") };
    for line in [good, bad] {
        assert_eq!(line["store"], "sqlite");
        assert_eq!(line["record"], "Bot");
        assert_eq!(line["level"], "debug");
        assert_eq!(line["correlation_id"], "order-4711");
    }
    assert_eq!((&good["count"], &bad["code"]), (&1.into(), &"DB_VAL_002".into()));
    assert_eq!(of(&seen, "cache", "set").len(), 1, "{seen:?}");
    assert!(!format!("{seen:?}").contains("hunter2"), "{seen:?}");

    // A room is made quiet while the program runs, the others go on.
    handle.set_level("sql", LogLevel::Warn).unwrap();
    runtime.block_on(async {
        db.sql().get::<Bot>(&1).await.unwrap();
        db.cache::<Bot>().get(&1).await.unwrap();
    });
    let seen = lines.take();
    assert_eq!(of(&seen, "sql", "get"), Vec::<&Value>::new());
    assert_eq!(of(&seen, "cache", "get").len(), 1, "{seen:?}");
    runtime.block_on(db.close()).unwrap();
}
