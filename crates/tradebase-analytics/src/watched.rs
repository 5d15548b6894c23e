//! What every verb of the room passes through.

use tradebase_core::watch::Operation;
use tradebase_core::{Result, Table};

use crate::Analytics;
use crate::capability::ENGINE;

impl Analytics {
    /// Carries an operation out, measures it, and says how it went.
    pub(crate) async fn watched<T>(
        &self,
        operation: Operation,
        table: Option<&'static Table>,
        count: impl Fn(&T) -> usize,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let done = self.watch().run(operation, &count, work).await;
        told(operation, table, count, done)
    }
}

/// Says what was done, and names operation and record in an error.
pub(crate) fn told<T>(
    operation: Operation,
    table: Option<&'static Table>,
    count: impl Fn(&T) -> usize,
    done: Result<T>,
) -> Result<T> {
    let (operation, record) = (operation.as_str(), table.map(|table| table.record));
    match done {
        Ok(done) => {
            tracing::debug!(store = ENGINE, operation, record, count = count(&done), "done");
            Ok(done)
        }
        Err(error) => {
            let code = error.code().as_str();
            tracing::debug!(store = ENGINE, operation, record, code, "failed");
            let error = error.during(operation);
            Err(match table {
                Some(table) => error.of(table),
                None => error,
            })
        }
    }
}
