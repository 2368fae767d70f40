use super::{Violation, require};
use crate::keyspace::ItemIndex;
use crate::oracle::{Oracle, Writes};
use crate::token::Token;

pub(crate) const BOUND: &str = "a token serves the item that it was issued for, and no other one";
pub(crate) const EXACT: &str =
    "a token covers what its read showed, and nothing that its reader did not know";

/// A token is given out by a read that showed `live` to a reader who knows `known`.
pub(crate) fn check(
    oracle: &Oracle,
    at: ItemIndex,
    token: &Token,
    known: &Writes,
    live: &Writes,
) -> Result<(), Violation> {
    require(EXACT, live.is_subset(&token.seen), || format!("{at:?}: {token:?} does not cover {live:?}"))?;
    for id in oracle.ever_held.iter().filter(|id| oracle.tried(*id).item == at) {
        let Some(dot) = oracle.tried(id).dot else { continue };
        require(EXACT, !token.context.covers(dot) || known.contains(id), || {
            format!("{at:?}: {token:?} and {id:?}, which is {dot:?}; known: {known:?}")
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
