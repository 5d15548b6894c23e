//! Work that is carried out as a whole, alone or together with other work.

use tradebase_core::{Code, Error, Result, Table};

use super::write::{Done, Write};
use super::writing::Writing;

/// What is carried out as a whole.
#[derive(Debug)]
pub(super) enum Work {
    One(Write),
    /// With their places in the batch.
    Several(Vec<Write>),
}

/// How work ended.
#[derive(Debug)]
pub(super) enum Outcome {
    One(Done),
    Several(Vec<Done>),
}

/// What became of work that was carried out together with other work.
#[derive(Debug)]
pub(super) enum Verdict {
    Ended(Result<Outcome>),
    /// It is not done, because of other work: it must be carried out alone.
    Undone,
}

impl Work {
    /// How many writes it has.
    pub(super) fn len(&self) -> usize {
        match self {
            Work::One(_) => 1,
            Work::Several(writes) => writes.len(),
        }
    }

    /// The tables that it writes to.
    pub(super) fn tables(&self) -> impl Iterator<Item = &'static Table> {
        let writes = match self {
            Work::One(write) => std::slice::from_ref(write),
            Work::Several(writes) => writes,
        };
        writes.iter().map(|write| write.table)
    }

    /// Whether nobody knows how many rows it writes: that is nothing for a thread that must not
    /// wait.
    pub(super) fn is_open_ended(&self) -> bool {
        matches!(self, Work::One(write) if write.is_open_ended())
    }
}

impl Writing {
    /// Carries work out, with a commit of its own.
    pub(super) fn alone(&self, work: &Work) -> Result<Outcome> {
        match work {
            Work::One(write) => write.run(&self.connection).map(Outcome::One),
            Work::Several(writes) => {
                self.step("BEGIN IMMEDIATE")?;
                let done = self.each(writes).and_then(|done| self.step("COMMIT").map(|()| done));
                if done.is_err() {
                    self.roll_back();
                }
                done.map(Outcome::Several)
            }
        }
    }

    /// Carries works out with one commit, each with an outcome of its own. An error is one of
    /// beginning: nothing has been done.
    pub(super) fn together<'w>(
        &self,
        works: impl Iterator<Item = &'w Work>,
    ) -> Result<Vec<Verdict>> {
        self.step("BEGIN IMMEDIATE")?;
        let mut verdicts = Vec::new();
        let mut lost = false;
        for work in works {
            if lost {
                verdicts.push(Verdict::Undone);
                continue;
            }
            let outcome = self.within(work);
            // A full disk and the like roll everything back.
            lost = outcome.is_err() && self.connection.is_autocommit();
            verdicts.push(Verdict::Ended(outcome));
        }
        let ended = if lost { Ok(()) } else { self.step("COMMIT") };
        match ended {
            Ok(()) if lost => undo(&mut verdicts, |_| Verdict::Undone),
            Ok(()) => {}
            Err(error) => {
                self.roll_back();
                // References that are checked at the end: which of them is at fault shows alone.
                let may_be_one = matches!(error.code(), Code::BrokenReference | Code::Locked);
                undo(&mut verdicts, |_| match may_be_one {
                    true => Verdict::Undone,
                    false => Verdict::Ended(Err(error.again())),
                });
            }
        }
        Ok(verdicts)
    }

    /// Carries work out as a part of an open transaction. Nothing of it is done if that fails.
    pub(super) fn within(&self, work: &Work) -> Result<Outcome> {
        match work {
            Work::One(write) => write.run(&self.connection).map(Outcome::One),
            Work::Several(writes) => {
                self.step("SAVEPOINT work")?;
                match self.each(writes) {
                    Ok(done) => self.step("RELEASE work").map(|()| Outcome::Several(done)),
                    Err(error) => {
                        if !self.connection.is_autocommit() {
                            self.execute("ROLLBACK TO work; RELEASE work")?;
                        }
                        Err(error)
                    }
                }
            }
        }
    }

    /// Writes that hang together: an update that finds no row fails them all.
    fn each(&self, writes: &[Write]) -> Result<Vec<Done>> {
        let run = |(at, write): (usize, &Write)| {
            let done = write.run(&self.connection).and_then(|done| done.needed(write.version()));
            done.map_err(|error| write_failed(at, write, error))
        };
        writes.iter().enumerate().map(run).collect()
    }
}

/// Changes the verdicts of what seemed to be done.
fn undo(verdicts: &mut [Verdict], verdict: impl Fn(()) -> Verdict) {
    for one in verdicts {
        if matches!(one, Verdict::Ended(Ok(_))) {
            *one = verdict(());
        }
    }
}

#[cold]
fn write_failed(at: usize, write: &Write, error: Error) -> Error {
    let message = format!("write {} of the batch failed", at + 1);
    let column = error.column_name().map(str::to_owned);
    let placed = Error::new(error.code(), message).of(write.table).because(error);
    match column {
        Some(column) => placed.column(column),
        None => placed,
    }
}

#[cfg(test)]
mod tests {
    use tradebase_testkit::TempFolder;

    use super::*;
    use crate::sqlite::fixture::{bound, insert, number, opened};

    #[test]
    fn a_full_disk_fails_whom_it_meets_and_undoes_the_others_to_be_done_alone() {
        let folder = TempFolder::new().unwrap();
        let writing = opened(&folder);
        bound(&writing, 8);
        let works = [insert(1, 10), insert(2, 1_000_000), insert(3, 10)];
        let verdicts = writing.together(works.iter()).unwrap();
        let [Verdict::Undone, Verdict::Ended(Err(full)), Verdict::Undone] = verdicts.as_slice()
        else {
            panic!("{verdicts:?}");
        };
        assert_eq!(full.code(), Code::StorageFull);
        assert!(writing.connection.is_autocommit());
        assert_eq!(number(&writing, "SELECT count(*) FROM notes"), 0);
        writing.alone(&works[0]).unwrap();
        writing.alone(&works[2]).unwrap();
        assert_eq!(number(&writing, "SELECT count(*) FROM notes"), 2);
    }

    #[test]
    fn work_of_several_writes_is_undone_alone() {
        let folder = TempFolder::new().unwrap();
        let writing = opened(&folder);
        let several = |works: [Work; 2]| {
            let writes = works.into_iter().flat_map(|work| match work {
                Work::One(write) => vec![write],
                Work::Several(writes) => writes,
            });
            Work::Several(writes.collect())
        };
        let works = [
            insert(1, 1),
            several([insert(2, 1), insert(1, 1)]),
            several([insert(2, 1), insert(3, 1)]),
        ];
        let verdicts = writing.together(works.iter()).unwrap();
        let [Verdict::Ended(Ok(_)), Verdict::Ended(Err(error)), Verdict::Ended(Ok(_))] =
            verdicts.as_slice()
        else {
            panic!("{verdicts:?}");
        };
        assert_eq!(error.code(), Code::NotUnique);
        assert_eq!(number(&writing, "SELECT count(*) FROM notes"), 3);
    }

    #[test]
    fn references_that_are_checked_at_the_end_fail_only_whom_they_are_of() {
        let folder = TempFolder::new().unwrap();
        let writing = opened(&folder);
        writing
            .execute(
                "CREATE TABLE bodies (id INTEGER PRIMARY KEY); DROP TABLE notes;
                 CREATE TABLE notes (id INTEGER PRIMARY KEY REFERENCES bodies DEFERRABLE \
                 INITIALLY DEFERRED, body BLOB) STRICT; INSERT INTO bodies VALUES (1)",
            )
            .unwrap();
        let works = [insert(1, 1), insert(2, 1)];
        let verdicts = writing.together(works.iter()).unwrap();
        assert!(verdicts.iter().all(|one| matches!(one, Verdict::Undone)), "{verdicts:?}");
        writing.alone(&works[0]).unwrap();
        let error = writing.alone(&works[1]).unwrap_err();
        assert_eq!(error.code(), Code::BrokenReference);
        assert!(writing.connection.is_autocommit());
    }
}
