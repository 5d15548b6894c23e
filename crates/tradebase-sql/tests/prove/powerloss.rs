//! The power fails: whatever was not synced vanishes, in any part.

use std::sync::{Arc, Mutex};

use tradebase_powerloss::Recorder;
use tradebase_sql::{Durability, Sql, SqlOptions};
use tradebase_testkit::TempFolder;

use crate::common::{self, Dice};
use crate::load::{self, Mark};

/// Writes of a round.
const WRITES: i64 = 600;
/// Power failures of a round.
const FAILURES: usize = 80;

/// Writes that were answered, with how much had been done to the files by then.
type Answered = Arc<Mutex<Vec<(i64, usize)>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_every_answered_write() {
    let _alone = crate::alone().await;
    for seed in crate::seeds() {
        round(seed).await;
    }
}

async fn round(seed: u64) {
    let folder = TempFolder::new().unwrap();
    let recorder = Arc::new(Recorder::of(folder.path()).unwrap());
    let url = common::url(&folder.file("a.db"));
    let options = SqlOptions::new(url).durability(Durability::Full);
    let sql = Sql::open_with(options).await.unwrap();
    sql.create_table::<Mark>().await.unwrap();
    let created = recorder.position();
    let answered = Answered::default();
    let told = {
        let (answered, recorder) = (answered.clone(), recorder.clone());
        move |write, outcome: tradebase_core::Result<()>| {
            outcome.unwrap();
            let position = recorder.position();
            answered.lock().unwrap().push((write, position));
        }
    };
    load::run(&sql, |write| write <= WRITES, told).await;
    let answered = std::mem::take(&mut *answered.lock().unwrap());
    let all = recorder.position();
    let mut dice = Dice::new(seed);
    for number in 0..FAILURES {
        // Half of them right behind an answer, where nothing has been done since to save it.
        let at = match number % 2 {
            0 => dice.one(&answered).1,
            _ => usize::try_from(dice.below(all as u64 + 1)).unwrap(),
        };
        let after = TempFolder::new().unwrap();
        let chance = dice.next();
        recorder.disk_after(at, chance).write_to(after.path()).unwrap();
        let when = format!("seed {seed}, failure {number} after {at} of {all} changes");
        let path = after.file("a.db");
        if at < created {
            load::assert_sound(&path, &when);
            continue;
        }
        let before: Vec<_> = answered
            .iter()
            .filter(|(_, position)| *position <= at)
            .map(|(write, _)| *write)
            .collect();
        load::check_file(&path, &before, &when).await;
    }
    sql.close().await.unwrap();
}
