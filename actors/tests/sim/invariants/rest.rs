use super::{Violation, require};
use crate::oracle::{Fate, Oracle, WriteId};
use std::any::Any;
use troupe_actors::store::CommitError;

/// Messages of one run. Far beyond what any run needs: more of them is a loop.
const MESSAGES_MAX: u64 = 50_000;

pub(crate) const SOUND: &str = "nothing panics";
pub(crate) const DELETABLE: &str = "a full disk takes deletions";
pub(crate) const FORGOTTEN: &str = "a poll that is over is forgotten";

pub(crate) fn check_end(messages: u64) -> Result<(), Violation> {
    require("a node comes to rest when its clients do", messages <= MESSAGES_MAX, || {
        format!("{messages} messages")
    })
}

pub(crate) fn check_pollers(in_core: usize, waiting: usize) -> Result<(), Violation> {
    require(FORGOTTEN, in_core == waiting, || format!("{in_core} pollers for {waiting} polls"))
}

/// Everything is over, nothing is broken, there is room, and a client writes once more.
pub(crate) fn check_taken(oracle: &Oracle, ids: &[WriteId]) -> Result<(), Violation> {
    let fates: Vec<Fate> = ids.iter().map(|id| oracle.tried(*id).fate).collect();
    let is_taken = fates.iter().all(|fate| *fate == Fate::Acknowledged);
    require("a node that has room takes writes", is_taken, || format!("{ids:?}: {fates:?}"))
}

/// Nothing is broken, there is room, and everything is brought into the tree.
pub(crate) fn check_stored(outcome: &Result<(), CommitError>) -> Result<(), Violation> {
    require("a tree that has room takes what the journal holds", outcome.is_ok(), || format!("{outcome:?}"))
}

/// The disk is full, and whatever holds a value was deleted.
pub(crate) fn check_deleted(oracle: &Oracle, ids: &[WriteId]) -> Result<(), Violation> {
    let refused = ids.iter().find(|id| oracle.tried(**id).fate != Fate::Acknowledged);
    require(DELETABLE, refused.is_none(), || format!("{refused:?} of {ids:?}"))
}

/// A core, or the simulator, panicked.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Violation {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let what = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned();
    Violation { invariant: SOUND, what }
}
