//! Memory that is held for clients, counted from the first byte of a request to the last of its answer.
//!
//! A [`Budget`] is a number of bytes; a [`Share`] is a part of it, on the account of the access key that it is held
//! for, and is given back by being dropped. There are two budgets, one for requests and one for answers: what waits for
//! an answer's share never holds another's, so nobody waits in a circle.

mod ledger;
pub(crate) mod limits;

pub(crate) use ledger::Owner;

use ledger::Ledger;
use limits::{
    ANONYMOUS_BYTES_MAX, ANSWERS_BYTES_MAX, REQUESTS_BYTES_MAX, SHARE_PATIENCE, UNCOUNTED_BYTES_MAX,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The budgets of a node. Clones are the same budgets.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    /// For heads and bodies, and what is made of them.
    pub(crate) requests: Arc<Budget>,
    /// For answers until their last byte was taken.
    pub(crate) answers: Arc<Budget>,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory {
            requests: Budget::new(REQUESTS_BYTES_MAX, ANONYMOUS_BYTES_MAX),
            answers: Budget::new(ANSWERS_BYTES_MAX, 0),
        }
    }
}

/// Bytes that may be held at the same time.
#[derive(Debug)]
pub(crate) struct Budget {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    ledger: Ledger,
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    owner: Owner,
    bytes: usize,
    granted: oneshot::Sender<Share>,
}

/// There is no room at present, for this owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// A part of a budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    owner: Owner,
    bytes: usize,
    is_estimate: bool,
    budget: Arc<Budget>,
}

impl Budget {
    pub(crate) fn new(bytes_max: usize, anonymous_bytes_max: usize) -> Arc<Budget> {
        let state = State { ledger: Ledger::new(bytes_max, anonymous_bytes_max), waiting: VecDeque::new() };
        Arc::new(Budget { state: Mutex::new(state) })
    }

    /// A share of nothing, which can grow. Costs nothing.
    pub(crate) fn empty_share(self: &Arc<Budget>, owner: Owner) -> Share {
        Share { owner, bytes: 0, is_estimate: false, budget: Arc::clone(self) }
    }

    /// A share of approximately so many bytes as soon as there is room; before those who came later for the same owner.
    /// More than an owner can ever have is cut to that. What it is for is to be made at once, and the share to be settled:
    /// only a few are open at a time.
    ///
    /// # Errors
    /// There is no room for [`SHARE_PATIENCE`].
    pub(crate) async fn estimate(self: &Arc<Budget>, owner: Owner, bytes: usize) -> Result<Share, NoRoom> {
        let granted = {
            let mut state = self.lock();
            let bytes = bytes.min(state.ledger.lone_share());
            let is_queueing =
                state.waiting.iter().any(|waiting| waiting.owner == owner && !waiting.granted.is_closed());
            if !is_queueing && state.ledger.estimate(owner, bytes) {
                return Ok(Share { owner, bytes, is_estimate: true, budget: Arc::clone(self) });
            }
            let (sender, granted) = oneshot::channel();
            state.waiting.push_back(Waiting { owner, bytes, granted: sender });
            granted
        };
        match tokio::time::timeout(SHARE_PATIENCE, granted).await {
            Ok(Ok(share)) => Ok(share),
            Ok(Err(_)) | Err(_) => Err(NoRoom),
        }
    }

    /// Changes what is held, and lets those in for whom there is room now.
    fn change(self: &Arc<Budget>, change: impl FnOnce(&mut Ledger)) {
        let granted = {
            let mut state = self.lock();
            change(&mut state.ledger);
            state.grant()
        };
        // Outside of the lock: a share that nobody waits for any more comes back here.
        for Waiting { owner, bytes, granted } in granted {
            let _ = granted.send(Share { owner, bytes, is_estimate: true, budget: Arc::clone(self) });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics between two steps that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that is held.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.lock().ledger.taken()
    }
}

impl State {
    /// Takes out of the queue whoever there is room for now. Nobody overtakes those who wait for the same owner; other
    /// owners do not wait for them.
    fn grant(&mut self) -> Vec<Waiting> {
        let mut granted = Vec::new();
        let mut blocked: Vec<Owner> = Vec::new();
        let mut at = 0;
        while let Some(Waiting { owner, bytes, granted: sender }) = self.waiting.get(at) {
            let (owner, bytes, is_gone) = (*owner, *bytes, sender.is_closed());
            if !is_gone && (blocked.contains(&owner) || !self.ledger.estimate(owner, bytes)) {
                blocked.push(owner);
                at += 1;
            } else if let Some(waiting) = self.waiting.remove(at)
                && !is_gone
            {
                granted.push(waiting);
            }
        }
        granted
    }
}

impl Share {
    /// Whether it is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Makes it at least so many bytes.
    ///
    /// # Errors
    /// There is no room; it stays as it was.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let more = bytes.saturating_sub(self.bytes);
        if more > 0 {
            if !self.budget.lock().ledger.take(self.owner, more) {
                return Err(NoRoom);
            }
            self.bytes += more;
        }
        Ok(())
    }

    /// Gives back what is more than so many bytes.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let less = self.bytes.saturating_sub(bytes);
        if less > 0 {
            self.bytes -= less;
            let owner = self.owner;
            self.budget.change(|ledger| ledger.give_back(owner, less));
        }
    }

    /// What it was estimated for takes so many bytes.
    pub(crate) fn settle(&mut self, bytes: usize) {
        if std::mem::replace(&mut self.is_estimate, false) {
            let bytes = if bytes > UNCOUNTED_BYTES_MAX { bytes } else { 0 };
            let (owner, estimate) = (self.owner, std::mem::replace(&mut self.bytes, bytes));
            self.budget.change(|ledger| ledger.settle(owner, estimate, bytes));
        }
    }

    /// It turned out whose it is.
    pub(crate) fn belongs_to(&mut self, owner: Owner) {
        let (earlier, bytes) = (std::mem::replace(&mut self.owner, owner), self.bytes);
        if bytes > 0 && earlier != owner {
            self.budget.change(|ledger| {
                ledger.give_back(earlier, bytes);
                ledger.hand_over(owner, bytes);
            });
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.settle(0);
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests;
