//! Many rows that are written as a whole, in a transaction of their own or as a part of one.

use tradebase_core::{Code, Error, Result};

use super::held::Use;
use super::store::Store;
use super::writer::Writer;
use super::writing::Writing;
use crate::call::Call;

/// A whole. Dropped before its end, nothing of it is done.
pub(super) struct Unit {
    base: Base,
    ended: bool,
}

enum Base {
    /// A transaction of its own; none once it has been committed.
    Own(Option<Writer>),
    /// A savepoint in the caller's.
    Within(Use),
}

impl Unit {
    pub(super) async fn begin(store: &Store, call: &Call<'_>) -> Result<Self> {
        store.acquaint(call, call.table.into_iter()).await?;
        let base = match call.sqlite() {
            None => {
                let mut writer = store.writer(call).await?;
                writer.begin().await?;
                Base::Own(Some(writer))
            }
            Some(held) => {
                let mut held = held.take(call).await?;
                let pointed = held.writing().and_then(|writing| writing.step("SAVEPOINT unit"));
                pointed.inspect_err(|e| call.fails(e))?;
                Base::Within(held)
            }
        };
        Ok(Self { base, ended: false })
    }

    /// The connection.
    pub(super) fn writing(&mut self) -> Result<&mut Writing> {
        match &mut self.base {
            Base::Own(Some(writer)) => writer.parts(),
            Base::Own(None) => Err(crate::error::closed()),
            Base::Within(held) => held.writing(),
        }
    }

    /// Ends it. On a thread that may wait for the disk, unless the caller may.
    pub(super) async fn commit(mut self, store: &Store, call: &Call<'_>) -> Result<()> {
        match &mut self.base {
            Base::Own(writer) => {
                self.ended = true;
                let Some(writer) = writer.take() else { return Ok(()) };
                writer.commit(store.lane.commits_in_place(call), false, store.runtime()).await
            }
            Base::Within(held) => {
                held.writing()?.step("RELEASE unit")?;
                self.ended = true;
                Ok(())
            }
        }
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        if !self.ended
            && let Base::Within(held) = &mut self.base
            && let Ok(writing) = held.writing()
            && let Err(error) = writing.execute("ROLLBACK TO unit; RELEASE unit")
        {
            tracing::warn!(store = "sqlite", %error, "a part of a transaction is not rolled back");
        }
    }
}

/// A call that changes a transaction, and may be cancelled meanwhile: how far it came nobody
/// knows then, so the transaction can only be rolled back.
pub(super) struct Changing<'a> {
    call: &'a Call<'a>,
    ended: bool,
}

impl<'a> Changing<'a> {
    pub(super) fn begin(call: &'a Call<'a>) -> Self {
        Self { call, ended: false }
    }

    /// It has come to its end, well or not.
    pub(super) fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.call.fails(&cancelled());
        }
    }
}

#[cold]
fn cancelled() -> Error {
    Error::new(Code::QueryFailed, "a call of the transaction was cancelled")
}

/// Tells the transaction of a call, if it is part of one, that a statement was refused; not so
/// of values that never got to the engine, nor of rows that are not as expected.
pub(super) fn noted<R>(call: &Call<'_>, done: Result<R>) -> Result<R> {
    done.inspect_err(|error: &Error| {
        let harmless = matches!(
            error.code(),
            Code::NotFound | Code::VersionConflict | Code::OutsideTransaction | Code::Unreadable
        );
        if !harmless && error.violations().is_empty() {
            call.fails(error);
        }
    })
}
