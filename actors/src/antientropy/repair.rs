//! States that one replica merges so that it equals the other.

use super::replica::{Found, Replica};
use crate::ids::{ItemKey, Partition, ShardIndex};
use crate::limits::ENTROPY_KEYS_MAX;
use crate::shard::{ItemState, States};
use crate::store::StoreError;
use std::collections::VecDeque;

/// An item that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Suspect {
    /// Which item.
    pub(super) key: ItemKey,
    /// The other replica's digest of it, as it was shown last.
    pub(super) theirs: Option<u64>,
    /// The partition's names, if the other replica told them.
    pub(super) partition: Option<Partition>,
}

impl Suspect {
    /// An item that the other replica shows as `theirs`.
    pub(super) fn new(key: ItemKey, theirs: Option<u64>) -> Suspect {
        Suspect { key, theirs, partition: None }
    }
}

/// Items that are being merged here.
pub(super) struct Page {
    /// What to merge; `None` if neither replica holds any of the items.
    pub(super) merge: Option<States>,
    /// The items.
    pub(super) suspects: Vec<Suspect>,
}

/// What this replica merges of what the other one showed: its states, and of items that it does not hold the empty one,
/// which its clock fills. `None`: a state is not of the item that was asked for.
pub(super) fn merge_here(
    replica: &dyn Replica,
    shard: ShardIndex,
    theirs: Found,
    mut suspects: Vec<Suspect>,
    bytes_max: usize,
) -> Result<Option<Page>, StoreError> {
    let Found { clock, states } = theirs;
    let mut to_merge = Vec::with_capacity(states.len());
    let mut lacking = Vec::new();
    for (suspect, state) in suspects.iter_mut().zip(states) {
        match state {
            Some(state) if state.key() == suspect.key => {
                suspect.partition = Some(state.partition.clone());
                to_merge.push(state);
            }
            Some(_) => return Ok(None),
            None => lacking.push(suspect.key.clone()),
        }
    }
    let mut lacking = lacking.as_slice();
    while !lacking.is_empty() {
        // The other replica does not know the names of what it lacks; an item that is lacking on both sides is equal.
        let own = replica.states(shard, lacking, bytes_max)?.states;
        lacking = lacking.get(own.len().max(1)..).unwrap_or_default();
        let empty = own.into_iter().flatten().map(|own| ItemState::lacking(own.partition, own.sort_key));
        to_merge.extend(empty);
    }
    let merge = (!to_merge.is_empty()).then_some(States { clock, items: to_merge });
    Ok(Some(Page { merge, suspects }))
}

/// Takes items from the front of `merged` that the other replica may lack, as many as one message holds. `None`: there is
/// nothing to send about those that were taken.
pub(super) fn merge_there(
    replica: &dyn Replica,
    shard: ShardIndex,
    merged: &mut VecDeque<Suspect>,
    states: impl FnOnce(&[ItemKey]) -> Result<Found, StoreError>,
) -> Result<Option<States>, StoreError> {
    let page: Vec<Suspect> = merged.drain(..merged.len().min(ENTROPY_KEYS_MAX)).collect();
    let keys: Vec<ItemKey> = page.iter().map(|suspect| suspect.key.clone()).collect();
    let own = replica.digests(shard, &keys)?;
    // Equal now: the other replica was ahead.
    let behind = page.into_iter().zip(own).filter(|(suspect, own)| suspect.theirs != *own);
    let mut behind: Vec<Suspect> = behind.map(|(suspect, _)| suspect).collect();
    if behind.is_empty() {
        return Ok(None);
    }
    let keys: Vec<ItemKey> = behind.iter().map(|suspect| suspect.key.clone()).collect();
    let Found { clock, states: own } = states(&keys)?;
    for suspect in behind.split_off(own.len().clamp(1, keys.len())).into_iter().rev() {
        merged.push_front(suspect);
    }
    let state = |(suspect, own): (Suspect, Option<ItemState>)| {
        own.or_else(|| Some(ItemState::lacking(suspect.partition?, suspect.key.sort_key)))
    };
    let states: Vec<ItemState> = behind.into_iter().zip(own).filter_map(state).collect();
    Ok((!states.is_empty()).then_some(States { clock, items: states }))
}
