use super::{Violation, require};
use crate::keyspace::ItemIndex;
use crate::oracle::{Oracle, Writes};
use troupe_actors::causality::Context;

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
