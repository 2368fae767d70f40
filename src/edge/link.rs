//! One connection, shared between its stream, its requests and the registry.

use super::connection::{Connection, Cut};
use super::registry::Seat;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Instant;

/// A connection as its worker and the registry see it. Its lock is held for some instructions at a time and, but for the
/// second in which the registry looks at it, taken by its worker alone.
#[derive(Debug)]
pub(super) struct Link {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    connection: Connection,
    /// Wakes the task that drives the connection.
    waker: Option<Waker>,
    seat: Option<Seat>,
}

impl Link {
    pub(super) fn new(connection: Connection, seat: Seat) -> Link {
        Link { state: Mutex::new(State { connection, waker: None, seat: Some(seat) }) }
    }

    /// Looks at the connection, or tells it something. Not to be nested.
    pub(super) fn with<T>(&self, f: impl FnOnce(&mut Connection) -> T) -> T {
        f(&mut self.lock().connection)
    }

    /// Wakes the task of `context` when the connection is cut, or may read again. `Some` if it is cut already.
    pub(super) fn wake_later(&self, context: &Context<'_>) -> Option<Cut> {
        let mut state = self.lock();
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => state.waker = Some(context.waker().clone()),
        }
        state.connection.cut_reason()
    }

    pub(super) fn wake(&self) {
        let waker = self.lock().waker.clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// How stale it is; `None` if it cannot be shed.
    pub(super) fn staleness(&self, now: Instant) -> Option<u64> {
        self.with(|connection| sheddable(connection, now))
    }

    /// Closes it as soon as its task runs, if the server still waits for its client. Its seat is free at once.
    pub(super) fn shed(&self, now: Instant) -> bool {
        let mut state = self.lock();
        if sheddable(&state.connection, now).is_none() {
            return false;
        }
        state.connection.cut(Cut::Idle);
        self.close(state);
        true
    }

    /// Closes it if its time is over.
    pub(super) fn sweep(&self, now: Instant) {
        let mut state = self.lock();
        state.connection.check_time(now);
        if state.connection.cut_reason().is_some() {
            // Woken once more if it did not run since: a task that hangs up says so only once.
            self.close(state);
        }
    }

    fn close(&self, mut state: MutexGuard<'_, State>) {
        state.seat = None;
        drop(state);
        self.wake();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sheddable(connection: &Connection, now: Instant) -> Option<u64> {
    connection.cut_reason().is_none().then(|| connection.staleness(now)).flatten()
}
