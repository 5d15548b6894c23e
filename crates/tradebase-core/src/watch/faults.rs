//! Faults that a test orders: the real store stays, its answers fail.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Operation;
use crate::error::{Code, Error};

/// The orders of a test. Clones share them.
///
/// ```
/// use tradebase_core::Code;
/// use tradebase_core::watch::{Fault, Faults, Operation};
///
/// let faults = Faults::default();
/// // The next insert is carried out, and its answer is lost.
/// faults.order(Fault::after(Operation::Insert, Code::ConnectionLost));
/// assert_eq!(faults.pending(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Orders>);

#[derive(Debug, Default)]
struct Orders {
    /// So that a store without orders pays one look.
    pending: AtomicUsize,
    queue: Mutex<VecDeque<Fault>>,
}

/// When a fault comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// Instead of the work: nothing has happened.
    Before,
    /// After the work: it took effect, and its answer is lost.
    After,
}

/// One order.
#[derive(Clone, Debug)]
#[must_use]
pub struct Fault {
    operation: Operation,
    code: Code,
    when: When,
    times: usize,
}

impl Fault {
    /// The next such operation fails, and nothing happens.
    pub fn before(operation: Operation, code: Code) -> Self {
        Self { operation, code, when: When::Before, times: 1 }
    }

    /// The next such operation is carried out and then fails.
    pub fn after(operation: Operation, code: Code) -> Self {
        Self { operation, code, when: When::After, times: 1 }
    }

    /// So many times in a row.
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }
}

impl Faults {
    /// Orders a fault. Those for the same operation come one after the other.
    pub fn order(&self, fault: Fault) {
        if fault.times > 0 {
            let mut queue = self.queue();
            queue.push_back(fault);
            self.0.pending.store(queue.len(), Ordering::Release);
        }
    }

    /// How many orders are not carried out yet.
    pub fn pending(&self) -> usize {
        self.queue().len()
    }

    /// Takes all orders back.
    pub fn clear(&self) {
        self.queue().clear();
        self.0.pending.store(0, Ordering::Release);
    }

    pub(super) fn before(&self, operation: Operation) -> Option<Error> {
        self.due(operation, When::Before)
    }

    pub(super) fn after(&self, operation: Operation) -> Option<Error> {
        self.due(operation, When::After)
    }

    /// The fault that is due, if the first order for the operation is for now.
    fn due(&self, operation: Operation, when: When) -> Option<Error> {
        if self.0.pending.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut queue = self.queue();
        let at = queue.iter().position(|fault| fault.operation == operation)?;
        let fault = queue.get_mut(at).filter(|fault| fault.when == when)?;
        let code = fault.code;
        fault.times -= 1;
        if fault.times == 0 {
            queue.remove(at);
            self.0.pending.store(queue.len(), Ordering::Release);
        }
        Some(Error::new(code, "a test ordered this fault"))
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        // An order is put in and taken out whole.
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
