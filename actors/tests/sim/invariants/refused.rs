use super::{Violation, require};
use crate::oracle::{Fate, Oracle, WriteId};

pub(crate) const HONEST: &str = "a write that was refused never happens";

/// A client is told that nothing happened.
pub(crate) fn check_answer(oracle: &Oracle, id: WriteId) -> Result<(), Violation> {
    require(HONEST, !oracle.ever_held.contains(id), || format!("{id:?} is refused after it was stored"))
}

/// A disk is about to take a write.
pub(crate) fn check_commit(oracle: &Oracle, id: WriteId) -> Result<(), Violation> {
    let was_refused = oracle.tried(id).fate == Fate::Refused;
    require(HONEST, !was_refused, || format!("{id:?} is stored after it was refused"))
}
