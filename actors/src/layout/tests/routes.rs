use super::*;
use crate::ids::ShardIndex;
use std::collections::{BTreeMap, BTreeSet};

fn shard() -> ShardIndex {
    ShardIndex::new(0).unwrap()
}

fn sets(layout: &Layout) -> Vec<Vec<NodeId>> {
    layout.write_sets(shard()).iter().map(|set| set.nodes.to_vec()).collect()
}

fn nodes(numbers: &[u8]) -> Vec<NodeId> {
    numbers.iter().map(|number| node(*number)).collect()
}

/// Every one of these nodes says the same of itself.
fn all_say(numbers: &[u8], tracker: &Tracker) -> BTreeMap<NodeId, NodeProgress> {
    let progress = NodeProgress { tracker: tracker.clone(), ..NodeProgress::default() };
    numbers.iter().map(|number| (node(*number), progress.clone())).collect()
}

fn synced(version: u64, acked: u64) -> Tracker {
    let synced = BTreeMap::from([(version, ShardIndex::all().collect())]);
    Tracker { acked, synced, ..Tracker::default() }
}

fn acked(version: u64) -> Tracker {
    Tracker { acked: version, ..Tracker::default() }
}

#[test]
fn without_a_version_no_shard_has_replicas() {
    let layout = Layout::of([], BTreeMap::new(), 0);
    assert!(!layout.is_assigned() && layout.write_sets(shard()).is_empty());
    assert!(layout.read_set(shard()).nodes.is_empty());
    assert_eq!((layout.version().number, layout.oldest_live(), layout.sync_version()), (0, 0, None));
}

#[test]
fn a_write_needs_a_quorum_in_each_live_version_and_reads_ask_the_oldest() {
    let layout = Layout::of(versions(&[&[1, 2, 3], &[4, 5, 6]]), BTreeMap::new(), 0);
    assert_eq!(sets(&layout), [nodes(&[1, 2, 3]), nodes(&[4, 5, 6])]);
    assert!(layout.write_sets(shard()).iter().all(|set| set.quorum == 2));
    assert_eq!(layout.read_set(shard()).nodes.to_vec(), nodes(&[1, 2, 3]));
    assert_eq!(layout.holders(shard()), BTreeSet::from_iter(nodes(&[1, 2, 3, 4, 5, 6])));
}

#[test]
fn nobody_compares_before_every_node_with_a_role_has_acked() {
    let versions = versions(&[&[1, 2, 3], &[4, 5, 6]]);
    let layout = Layout::of(versions.clone(), all_say(&[1, 2, 3, 4, 5], &acked(2)), 0);
    assert_eq!(layout.sync_version(), None);
    let layout = Layout::of(versions, all_say(&[1, 2, 3, 4, 5, 6], &acked(2)), 0);
    assert_eq!(layout.sync_version(), Some(2));
    assert_eq!((layout.to_sync(node(4)).len(), layout.to_sync(node(1)).len()), (1024, 0));
    assert_eq!(layout.sources(shard(), 2), BTreeSet::from_iter(nodes(&[1, 2, 3])));
}

#[test]
fn reads_move_up_when_the_last_replica_has_synced() {
    let versions = versions(&[&[1, 2, 3], &[4, 5, 6]]);
    let mut progress = all_say(&[1, 2, 3, 6], &acked(2));
    progress.extend(all_say(&[4, 5], &synced(2, 2)));
    let layout = Layout::of(versions.clone(), progress.clone(), 0);
    assert_eq!(layout.read_set(shard()).nodes.to_vec(), nodes(&[1, 2, 3]));
    progress.extend(all_say(&[6], &synced(2, 2)));
    let layout = Layout::of(versions, progress, 0);
    assert_eq!(layout.read_set(shard()).nodes.to_vec(), nodes(&[4, 5, 6]));
    assert_eq!(sets(&layout).len(), 2, "somebody may still read by version 1");
}

#[test]
fn a_version_retires_when_every_node_reads_by_the_next_one_and_not_before() {
    let versions = versions(&[&[1, 2, 3], &[4, 5, 6]]);
    let released = Tracker { released: 2, ..synced(2, 2) };
    let mut progress = all_say(&[1, 2, 4, 5, 6], &released);
    progress.extend(all_say(&[3], &acked(2)));
    let layout = Layout::of(versions.clone(), progress.clone(), 0);
    assert_eq!((layout.oldest_live(), layout.may_drop(node(1), shard())), (1, false));
    progress.extend(all_say(&[3], &Tracker { released: 2, ..acked(2) }));
    let layout = Layout::of(versions.clone(), progress, 0);
    assert_eq!((layout.oldest_live(), sets(&layout)), (2, vec![nodes(&[4, 5, 6])]));
    assert!(layout.may_drop(node(1), shard()) && !layout.may_drop(node(4), shard()));
    assert!(layout.has_role(node(4)) && !layout.has_role(node(1)));

    let layout = Layout::of(versions, BTreeMap::new(), 2);
    assert_eq!(layout.oldest_live(), 2, "what has retired stays so, even if every tracker were lost");
}

/// Nobody has anything to compare, so nobody has to say that they did.
#[test]
fn a_version_with_the_same_replicas_takes_over_as_soon_as_it_is_acked() {
    let versions = versions(&[&[1, 2, 3], &[1, 2, 3]]);
    let layout = Layout::of(versions.clone(), BTreeMap::new(), 0);
    assert_eq!((layout.oldest_live(), sets(&layout)), (1, vec![nodes(&[1, 2, 3])]));
    let released = Tracker { released: 2, ..acked(2) };
    let layout = Layout::of(versions, all_say(&[1, 2, 3], &released), 0);
    assert_eq!((layout.oldest_live(), layout.sync_version()), (2, None));
}

#[test]
fn what_an_operator_says_of_a_dead_node_stands_for_its_own_word() {
    let versions = versions(&[&[1, 2, 3], &[1, 2, 4]]);
    let mut progress = all_say(&[1, 2, 4], &Tracker { released: 2, ..synced(2, 2) });
    let layout = Layout::of(versions.clone(), progress.clone(), 0);
    assert_eq!(layout.oldest_live(), 1, "node 3 may still write by version 1 alone");
    let skipped = Skipped { acked: 2, synced: 0 };
    progress.insert(node(3), NodeProgress { skipped, ..NodeProgress::default() });
    assert_eq!(Layout::of(versions, progress, 0).oldest_live(), 2);
}

#[test]
fn a_node_acks_only_what_none_of_its_requests_is_behind() {
    let layout = Layout::of(versions(&[&[1, 2, 3], &[1, 2, 4]]), BTreeMap::new(), 0);
    let said = |held| layout.to_say(node(1), held);
    assert_eq!(said(Held::NOTHING), Tracker { released: 1, retired: 1, ..acked(2) });
    assert_eq!(said(Held::NOTHING.with(1, 1)).acked, 1);
    assert_eq!(layout.to_say(node(9), Held::NOTHING), Tracker::default(), "nobody waits for it");
}

#[test]
fn a_layout_is_in_use_as_long_as_somebody_holds_it() {
    let layout = Layout::of(versions(&[&[1, 2, 3]]), BTreeMap::new(), 0);
    let (watch, held) = (layout.watch(), layout.clone());
    drop(layout);
    assert!(watch.is_held());
    drop(held);
    assert!(!watch.is_held());
}
