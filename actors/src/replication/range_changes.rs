//! What changed in a range, told by several replicas.
//!
//! A seen marker holds a position of each replica that answered. Each says what changed in its own rows since its own
//! position; the union of that is read at a quorum. A row that changed at one replica is not always news: a replica that
//! is late takes in what the client was shown from another one. The client has seen an item if a replica shows the same
//! values as the quorum, in a row that did not change since that replica's position.

use crate::causality::SeenMarker;
use crate::ids::{ActorId, NodeId, SortKey};
use crate::limits::PAGE_ITEMS_MAX;
use crate::mutation::{Mutation, is_on};
use std::collections::{BTreeMap, BTreeSet};

/// What a replica said of its rows since a marker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RowsSince {
    /// It does not know the marker.
    Everything,
    /// These changed, and no other.
    Recent(BTreeSet<String>),
    /// Its rows tell.
    Unseen,
}

/// A replica that answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Teller {
    /// Which one.
    pub node: NodeId,
    /// Its pair of the next marker.
    pub reach: Option<(ActorId, u64)>,
    /// What changed there.
    pub since: RowsSince,
}

/// Keys that changed at one replica, ascending, up to some key.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChangedKeys {
    /// The keys.
    pub keys: BTreeSet<String>,
    /// The last key up to which the replica looked, itself included; `None` if it looked at the whole range.
    pub upto: Option<String>,
}

/// The keys that changed at any of the replicas, and up to which key that is all of them; `None`: to the end.
pub fn changed_anywhere(lists: &[ChangedKeys]) -> (Vec<SortKey>, Option<String>) {
    let mut upto = lists.iter().filter_map(|list| list.upto.as_ref()).min().cloned();
    let all: BTreeSet<&String> = lists.iter().flat_map(|list| &list.keys).collect();
    let within = all.into_iter().filter(|key| upto.as_ref().is_none_or(|upto| *key <= upto));
    let mut keys: Vec<SortKey> = within.filter_map(|key| SortKey::new(key).ok()).collect();
    if keys.len() > PAGE_ITEMS_MAX {
        keys.truncate(PAGE_ITEMS_MAX);
        upto = keys.last().map(|key| key.as_str().to_owned());
    }
    (keys, upto)
}

/// What one replica shows of the items that are read.
#[derive(Clone, Copy, Debug)]
pub struct Witness<'w> {
    /// Whether it knows the marker.
    pub knows_marker: bool,
    /// What changed there.
    pub changed: &'w ChangedKeys,
    /// The hashes of the states that it shows.
    pub hashes: &'w BTreeMap<String, u64>,
}

/// Whether the client has not seen what a quorum shows of an item.
pub fn is_news(key: &str, merged_hash: u64, witnesses: &[Witness<'_>]) -> bool {
    let has_shown = |witness: &Witness<'_>| {
        let knows_marker = witness.knows_marker || is_on(Mutation::MarkerOfAnotherReplica);
        let is_unchanged = !witness.changed.keys.contains(key) || !witness.knows_marker;
        knows_marker && is_unchanged && witness.hashes.get(key) == Some(&merged_hash)
    };
    !witnesses.iter().any(has_shown)
}

/// The marker of the next poll: where those stand who answered, and, as far as there are other replicas, what the client
/// brought along of them.
pub fn next_marker(seen: &SeenMarker, tellers: &[Teller], replicas: usize) -> SeenMarker {
    let mut pairs: BTreeMap<ActorId, u64> = tellers.iter().filter_map(|teller| teller.reach).collect();
    let silent = replicas.saturating_sub(tellers.len());
    let others: Vec<_> =
        seen.seen.iter().filter(|(actor, _)| !pairs.contains_key(actor)).copied().take(silent).collect();
    pairs.extend(others);
    SeenMarker { seen: pairs.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::turn_on;

    fn keys(keys: &[&str], upto: Option<&str>) -> ChangedKeys {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        ChangedKeys { keys, upto: upto.map(str::to_owned) }
    }

    #[test]
    fn what_changed_anywhere_is_read_as_far_as_every_replica_looked() {
        let lists = [keys(&["a", "c", "e"], None), keys(&["b", "d"], Some("d"))];
        let (changed, upto) = changed_anywhere(&lists);
        assert_eq!(changed.iter().map(SortKey::as_str).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert_eq!(upto.as_deref(), Some("d"));
        assert_eq!(changed_anywhere(&[keys(&[], None)]), (vec![], None));
    }

    #[test]
    fn an_item_is_news_unless_a_replica_has_shown_the_same_values_before() {
        let (changed, unchanged) = (keys(&["k"], None), keys(&[], None));
        let (same, other) = (BTreeMap::from([("k".to_owned(), 5)]), BTreeMap::from([("k".to_owned(), 4)]));
        let witness = |knows_marker, changed, hashes| Witness { knows_marker, changed, hashes };
        // A late replica takes in what the client was shown from another one.
        assert!(!is_news("k", 5, &[witness(true, &changed, &same), witness(true, &unchanged, &same)]));
        // It was written.
        assert!(is_news("k", 5, &[witness(true, &changed, &same), witness(true, &unchanged, &other)]));
        assert!(is_news("k", 5, &[witness(true, &changed, &same), witness(true, &changed, &same)]));
        // A replica that does not know the marker shows everything.
        let stranger = [witness(true, &changed, &same), witness(false, &unchanged, &same)];
        assert!(is_news("k", 5, &stranger));
        turn_on(Some(Mutation::MarkerOfAnotherReplica));
        let is_missed = !is_news("k", 5, &stranger);
        turn_on(None);
        assert!(is_missed);
    }

    #[test]
    fn a_marker_has_a_pair_for_each_replica_and_does_not_grow() {
        let teller =
            |number: u8, reach| Teller { node: NodeId([number; 32]), reach, since: RowsSince::Everything };
        let pair = |actor, time| (ActorId(actor), time);
        let seen = SeenMarker { seen: vec![pair(1, 1), pair(2, 2), pair(3, 3)] };
        let two = [teller(1, Some(pair(1, 10))), teller(2, Some(pair(9, 20)))];
        assert_eq!(next_marker(&seen, &two, 3).seen, [pair(1, 10), pair(2, 2), pair(9, 20)]);
        let three = [two[0].clone(), two[1].clone(), teller(3, Some(pair(3, 4)))];
        assert_eq!(next_marker(&seen, &three, 3).seen, [pair(1, 10), pair(3, 4), pair(9, 20)]);
        assert_eq!(next_marker(&SeenMarker::default(), &[teller(1, None)], 3).seen, []);
    }
}
