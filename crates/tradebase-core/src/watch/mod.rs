//! What every operation of a room passes through: measures of it, and faults that a test ordered.

mod faults;
mod meter;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use faults::{Fault, Faults, When};
pub use meter::{BOUNDS, Measure};

use crate::clock::Tick;
use crate::error::Result;
use meter::Meter;

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// The verbs of the rooms, as measures and logs name them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Operation { $($(#[$doc])* $name,)+ }

        impl Operation {
            /// Every operation there is.
            pub const ALL: &'static [Operation] = &[$(Operation::$name),+];

            /// Its name: `insert_many`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Operation::$name => $text,)+ }
            }
        }
    };
}

operations! {
    /// Connecting to the store, or opening its file.
    Connect = "connect";
    /// Asking whether the store answers.
    Ping = "ping";
    /// Creating a table, a series or a database.
    Create = "create_table";
    /// Dropping a table.
    Drop = "drop_table";
    /// Inserting one record.
    Insert = "insert";
    /// Inserting many records.
    InsertMany = "insert_many";
    /// Inserting one record, or changing the one that is there.
    Upsert = "upsert";
    /// Inserting many records, or changing those that are there.
    UpsertMany = "upsert_many";
    /// Reading by key.
    Get = "get";
    /// Reading by many keys.
    GetMany = "get_many";
    /// Reading by a filter.
    Find = "find";
    /// Reading everything.
    All = "all";
    /// Reading a part of everything.
    List = "list";
    /// Reading rows one after another.
    Stream = "stream";
    /// Counting rows.
    Count = "count";
    /// Changing a record.
    Update = "update";
    /// Changing many records.
    UpdateMany = "update_many";
    /// Changing some columns of a record.
    Patch = "patch";
    /// Changing the records that pass a filter.
    UpdateWhere = "update_where";
    /// Deleting a record or an entry.
    Delete = "delete";
    /// Deleting many records.
    DeleteMany = "delete_many";
    /// Deleting the records that pass a filter.
    DeleteWhere = "delete_where";
    /// Several operations that take effect together.
    Transaction = "transaction";
    /// Several writes that are sent together.
    Batch = "batch";
    /// Writing an entry of a cache.
    Set = "set";
    /// Asking whether a record or an entry is there.
    Exists = "exists";
    /// Changing or asking for a time to live.
    Expire = "expire";
    /// Appending rows for analysis.
    Append = "append";
    /// A statement of the user's own.
    Query = "query";
    /// Writing points.
    Write = "write";
    /// Reading points.
    Read = "read";
    /// A command or request through a door.
    Door = "door";
    /// Closing the store.
    Close = "close";
}

/// Watches the operations of one store. Clones watch the same store.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    meter: Meter,
    faults: Faults,
}

impl Watch {
    /// Measures, and fails where these faults say so.
    pub fn with_faults(faults: Faults) -> Self {
        Self(Arc::new(Inner { meter: Meter::default(), faults }))
    }

    /// Carries an operation out, and notes how it went. `count` says how many rows it was about.
    pub async fn run<T>(
        &self,
        operation: Operation,
        count: impl FnOnce(&T) -> usize,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.timed(operation, count, work).await.0
    }

    /// As [`run`](Watch::run), and says how long it took.
    pub async fn timed<T>(
        &self,
        operation: Operation,
        count: impl FnOnce(&T) -> usize,
        work: impl Future<Output = Result<T>>,
    ) -> (Result<T>, Duration) {
        let begun = self.begin(operation);
        let faults = &self.0.faults;
        let result = match faults.before(operation) {
            Some(error) => Err(error),
            None => work.await.and_then(|done| faults.after(operation).map_or(Ok(done), Err)),
        };
        let took = begun.end(result.as_ref().ok().map(count));
        (result, took)
    }

    /// Notes that an operation begins.
    fn begin(&self, operation: Operation) -> Begun<'_> {
        Begun { meter: &self.0.meter, operation, start: Tick::now(), ended: false }
    }

    /// What was measured since the start, for each operation that was called.
    pub fn measures(&self) -> Vec<Measure> {
        self.0.meter.measures()
    }
}

/// An operation under way. Dropped before its end it counts as cancelled.
struct Begun<'a> {
    meter: &'a Meter,
    operation: Operation,
    start: Tick,
    ended: bool,
}

impl Begun<'_> {
    /// Ends with so many rows, or with an error. Says how long it took.
    fn end(mut self, rows: Option<usize>) -> Duration {
        self.ended = true;
        let took = self.start.elapsed();
        self.meter.note(self.operation, took, rows);
        took
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.meter.note_cancelled(self.operation);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::error::{Code, Error};

    /// Runs what never waits.
    fn now<T>(work: impl Future<Output = T>) -> T {
        match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done,
            Poll::Pending => panic!("it waits"),
        }
    }

    #[test]
    fn calls_errors_rows_and_cancelled_calls_are_counted() {
        let watch = Watch::default();
        assert_eq!(watch.measures(), []);
        let good = watch.run(Operation::Get, |n| *n, async { Ok(3_usize) });
        assert_eq!(now(good).ok(), Some(3));
        let bad = async { Err::<usize, _>(Error::new(Code::TimedOut, "late")) };
        assert!(now(watch.run(Operation::Get, |n| *n, bad)).is_err());
        {
            let waits = pin!(watch.run(Operation::Set, |()| 1, std::future::pending()));
            let mut context = Context::from_waker(Waker::noop());
            assert!(waits.poll(&mut context).is_pending());
        }
        let measures = watch.measures();
        let [get, set] = measures.as_slice() else { panic!("two operations: {measures:?}") };
        assert_eq!((get.operation, get.calls, get.errors, get.rows), (Operation::Get, 2, 1, 3));
        assert_eq!(get.buckets.iter().sum::<u64>(), 2);
        assert_eq!((set.operation, set.calls, set.cancelled), (Operation::Set, 0, 1));
    }

    #[test]
    fn ordered_faults_come_before_or_after_the_work_and_only_as_often_as_ordered() {
        let faults = Faults::default();
        let watch = Watch::with_faults(faults.clone());
        let mut done = 0;
        let mut call = || {
            let work = async {
                done += 1;
                Ok(())
            };
            now(watch.run(Operation::Insert, |()| 1, work)).err().map(|e| e.code())
        };
        faults.order(Fault::before(Operation::Insert, Code::ConnectionFailed).times(2));
        faults.order(Fault::after(Operation::Insert, Code::ConnectionLost));
        let codes: Vec<_> = (0..4).map(|_| call()).collect();
        let (failed, lost) = (Some(Code::ConnectionFailed), Some(Code::ConnectionLost));
        assert_eq!(codes, [failed, failed, lost, None]);
        assert_eq!(done, 2);
        assert_eq!(faults.pending(), 0);
    }
}
