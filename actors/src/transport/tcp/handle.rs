//! The end of a link that the rest of the node holds.

use crate::transport::outbox::{Outbox, Outgoing};
use crate::transport::{NotSent, RequestError};
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Context;
use tokio::sync::oneshot;

/// Who waits for an answer.
pub(super) type Asker = oneshot::Sender<Result<Bytes, RequestError>>;

/// The end of a link that the rest of the node holds.
pub(super) struct Handle {
    serial: u64,
    outbox: Mutex<Outbox<Asker>>,
    waker: AtomicWaker,
    has_ended: AtomicBool,
}

impl Handle {
    pub(super) fn new(serial: u64) -> Handle {
        let outbox = Mutex::new(Outbox::new());
        Handle { serial, outbox, waker: AtomicWaker::new(), has_ended: AtomicBool::new(false) }
    }

    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    /// Queues a message.
    pub(super) fn send(&self, message: Outgoing<Asker>) -> Result<(), NotSent> {
        self.outbox().push(message)?;
        self.waker.wake();
        Ok(())
    }

    /// Ends the link: nothing that comes over it is processed any more.
    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether [`Handle::end`] was called.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Wakes the link's task `context` when there is something to do.
    pub(super) fn wake_later(&self, context: &Context<'_>) {
        self.waker.register(context.waker());
    }

    /// Has the link look around.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    pub(super) fn outbox(&self) -> MutexGuard<'_, Outbox<Asker>> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
