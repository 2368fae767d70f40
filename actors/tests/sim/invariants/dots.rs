use super::{Violation, require};
use crate::keyspace::ItemIndex;
use crate::oracle::{Oracle, WriteId};
use troupe_actors::causality::{Dot, Item, Value};

pub(crate) const ONCE: &str = "a dot is minted once, ever";
pub(crate) const ALIVE: &str = "a new value is alive in the state that it was minted for";

/// A shard merged these writes, in this order, into an item and is about to store it: names each write by its dot.
pub(crate) fn check(
    oracle: &mut Oracle,
    at: ItemIndex,
    item: &Item<'_>,
    minted: &[WriteId],
) -> Result<(), Violation> {
    let mut unnamed: Vec<(Dot, &Value<'_>)> = Vec::new();
    for (dot, value) in item.siblings() {
        match oracle.by_dot(dot) {
            Some(known) => {
                let tried = oracle.tried(known);
                let is_the_same = tried.item == at && tried.value.as_deref() == value.bytes();
                require(ONCE, is_the_same, || {
                    format!("{dot:?} is {known:?}, and a value of {at:?} as well")
                })?;
            }
            None => unnamed.push((dot, value)),
        }
    }
    // The order of minting: times only grow, whoever the actor is.
    unnamed.sort_by_key(|(dot, _)| dot.time);
    require(ALIVE, unnamed.len() == minted.len(), || {
        format!("{minted:?} of {at:?} were minted, and the new dots are {unnamed:?}")
    })?;
    for (&id, (dot, value)) in minted.iter().zip(unnamed) {
        let is_its_own = oracle.tried(id).value.as_deref() == value.bytes();
        require(ALIVE, is_its_own, || format!("{dot:?} stands for {id:?} and holds another value"))?;
        oracle.name(id, dot);
    }
    Ok(())
}
