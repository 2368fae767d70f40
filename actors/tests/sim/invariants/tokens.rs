use super::{Violation, require};
use crate::keyspace::ItemIndex;
use crate::oracle::{Oracle, Writes};
use troupe_actors::causality::Context;

pub(crate) const BOUND: &str = "a token serves the item that it was issued for, and no other one";
pub(crate) const EXACT: &str = "a token covers exactly what its read had seen";

/// A token is given out with what it stands for.
pub(crate) fn check(oracle: &Oracle, at: ItemIndex, token: &Context, seen: &Writes) -> Result<(), Violation> {
    for id in oracle.ever_held.iter().filter(|id| oracle.tried(*id).item == at) {
        let Some(dot) = oracle.tried(id).dot else { continue };
        require(EXACT, token.covers(dot) == seen.contains(id), || {
            format!("{at:?}: {token:?} and {id:?}, which is {dot:?}; seen: {seen:?}")
        })?;
    }
    Ok(())
}

/// A node has opened a token for a write to `at`, or refused to.
pub(crate) fn check_bound(at: ItemIndex, issued_for: ItemIndex, is_accepted: bool) -> Result<(), Violation> {
    require(BOUND, is_accepted == (at == issued_for), || {
        format!("a token of {issued_for:?} for {at:?}: accepted: {is_accepted}")
    })
}
