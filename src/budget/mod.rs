//! Memory that is held for clients, counted from the first byte of a request to the last of its answer.
//!
//! A [`Budget`] is a number of bytes; a [`Share`] is a part of it, on the account of the access key that it is held
//! for, and is given back by being dropped. There are two budgets, one for requests and one for answers: what waits for
//! an answer's share never holds another's, so there is no cyclic wait.

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
    /// One for each owner that waits; it is the first one's turn.
    lines: VecDeque<Line>,
}

/// Those who wait on the same account, in the order in which they came.
#[derive(Debug)]
struct Line {
    owner: Owner,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
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
        let state = State { ledger: Ledger::new(bytes_max, anonymous_bytes_max), lines: VecDeque::new() };
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
            let is_first = state.line(owner).is_none();
            if is_first && state.ledger.estimate(owner, bytes) {
                return Ok(Share { owner, bytes, is_estimate: true, budget: Arc::clone(self) });
            }
            let (sender, granted) = oneshot::channel();
            let waiting = Waiting { bytes, granted: sender };
            match state.line(owner) {
                Some(line) => line.waiting.push_back(waiting),
                None => state.lines.push_back(Line { owner, waiting: VecDeque::from([waiting]) }),
            }
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
        for (owner, Waiting { bytes, granted }) in granted {
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
    /// Those who wait on an account, if anybody does.
    fn line(&mut self, owner: Owner) -> Option<&mut Line> {
        let at = self.lines.iter().position(|line| line.owner == owner)?;
        let line = &mut self.lines[at];
        line.waiting.retain(|waiting| !waiting.granted.is_closed());
        if line.waiting.is_empty() {
            self.lines.remove(at);
            return None;
        }
        self.lines.get_mut(at)
    }

    /// Takes out whoever there is room for now. Owners take turns, however many wait for one of them; nobody overtakes
    /// those who wait on the same account.
    fn grant(&mut self) -> Vec<(Owner, Waiting)> {
        let mut granted = Vec::new();
        let mut passed = 0;
        while passed < self.lines.len()
            && let Some(mut line) = self.lines.pop_front()
        {
            while line.waiting.front().is_some_and(|waiting| waiting.granted.is_closed()) {
                line.waiting.pop_front();
            }
            let Some(first) = line.waiting.front() else { continue };
            passed += 1;
            if self.ledger.estimate(line.owner, first.bytes) {
                passed = 0;
                granted.extend(line.waiting.pop_front().map(|waiting| (line.owner, waiting)));
            }
            self.lines.push_back(line);
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

    /// What it was estimated for takes so many bytes. Whatever has to be waited for before that is known is waited for
    /// with [`Share::hold`].
    pub(crate) fn settle(&mut self, bytes: usize) {
        let bytes = if bytes > UNCOUNTED_BYTES_MAX { bytes } else { 0 };
        let (owner, earlier) = (self.owner, std::mem::replace(&mut self.bytes, bytes));
        if std::mem::replace(&mut self.is_estimate, false) {
            self.budget.change(|ledger| ledger.settle(owner, earlier, bytes));
        } else if earlier != bytes {
            self.budget.change(|ledger| {
                ledger.give_back(owner, earlier);
                ledger.hand_over(owner, bytes);
            });
        }
    }

    /// Keeps what was estimated while other nodes are waited for, and lets the next ones have their turn.
    pub(crate) fn hold(&mut self) {
        self.settle(self.bytes);
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
    }
}

#[cfg(test)]
mod tests;
