use super::replicas::{Replica, joined, replicas};
use crate::ids::{BucketId, NodeId, PartitionHash, ShardIndex};
use crate::limits::SHARD_COUNT;
use crate::mutation::{Mutation, turn_on};
use crate::replication::count::{counters_of_outline, outline};
use crate::replication::merged::{ReplicaPage, merge_pages};
use crate::replication::quorum_index::{CountedPartition, IndexRead, Next, PartitionsPage, ReadSets};
use crate::store::counters::PartitionCounters;
use crate::store::range::KeyRange;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const BUCKET: BucketId = BucketId([7; 32]);

fn node(at: usize) -> NodeId {
    NodeId([at as u8; 32])
}

/// A bucket on several nodes: every sort key of a replica is a partition that holds this one item.
fn partitions(replica: &Replica) -> Vec<CountedPartition> {
    let rows = replica.items.iter().map(|(key, item)| CountedPartition {
        key: key.clone(),
        counters: PartitionCounters::of(item),
        digest: item.state_hash(),
    });
    rows.filter(|row| row.counters.entries > 0).collect()
}

fn sets(nodes: usize, quorum: usize) -> ReadSets {
    ReadSets { sets: vec![((0..nodes).map(node).collect(), quorum)], by_shard: vec![0; SHARD_COUNT] }
}

/// The partitions shown, and the first that was not.
type Listed = (Vec<(String, PartitionCounters)>, Option<String>);

/// What a listing shows, and where the next one begins; `None` if it is not available. The first `lost` questions fail.
fn list(
    replicas: &[Replica],
    quorum: usize,
    range: &KeyRange,
    limit: Option<u64>,
    rows_max: usize,
    mut lost: usize,
) -> Option<Listed> {
    let nodes = (0..replicas.len()).map(node).collect();
    let mut read = IndexRead::new(BUCKET, sets(replicas.len(), quorum), nodes, range.clone(), limit);
    let mut shown = Vec::new();
    loop {
        match read.proceed() {
            Next::Ask(asks) => {
                for (node, range) in asks {
                    if lost > 0 {
                        lost -= 1;
                        read.failed(node);
                        continue;
                    }
                    let mut rows = partitions(&replicas[usize::from(node.0[0])]);
                    rows.retain(|row| range.contains(&row.key));
                    if range.descending {
                        rows.reverse();
                    }
                    rows.truncate(rows_max);
                    let upto = rows.get(rows_max - 1).map(|row| row.key.clone());
                    read.page(node, PartitionsPage { rows, upto, voteless: BTreeSet::new() });
                }
            }
            Next::Count(key, nodes) => {
                let outlined = |node: &NodeId| {
                    let replica = &replicas[usize::from(node.0[0])];
                    let mut replica = replica.clone();
                    replica.items =
                        replica.items.iter().map(|(key, item)| (key.clone(), outline(item))).collect();
                    replica
                };
                let outlines: Vec<Replica> = nodes.iter().map(outlined).collect();
                let pages = outlines.iter().map(|replica| replica.page(&|wanted| wanted == key, false, 9));
                let merged = merge_pages(pages.collect::<Vec<ReplicaPage<'_>>>(), false);
                let counters = merged.items.first().map(|(_, item)| counters_of_outline(item));
                read.counted(key, counters.unwrap_or_default());
            }
            Next::Show(key, counters) => shown.push((key, counters)),
            Next::End(next) => return Some((shown, next)),
            Next::Unavailable => return None,
        }
    }
}

fn expected(replicas: &[Replica], range: &KeyRange, limit: Option<u64>) -> Listed {
    let joined: BTreeMap<_, _> = joined(replicas);
    let counted = joined.into_iter().map(|(key, item)| (key, PartitionCounters::of(&item)));
    let mut rows: Vec<_> =
        counted.filter(|(key, counters)| counters.entries > 0 && range.contains(key)).collect();
    if range.descending {
        rows.reverse();
    }
    let rest = rows.split_off(limit.map_or(rows.len(), |limit| rows.len().min(limit as usize)));
    (rows, rest.into_iter().next().map(|(key, _)| key))
}

proptest! {
    #[test]
    fn the_index_of_replicas_that_differ_counts_what_they_hold_together(
        replicas in replicas(),
        prefix in "[a-d]{0,1}",
        descending: bool,
        limit in proptest::option::of(0..6_u64),
        rows_max in 1..5_usize,
    ) {
        let range = KeyRange { descending, ..KeyRange::prefix(&prefix) };
        let listed = list(&replicas, replicas.len(), &range, limit, rows_max, 0);
        prop_assert_eq!(listed, Some(expected(&replicas, &range, limit)));
    }

    #[test]
    fn a_listing_does_not_depend_on_who_fails(replicas in replicas(), rows_max in 1..5_usize, lost in 0..2_usize) {
        prop_assume!(replicas.len() == 3);
        let same = vec![replicas[0].clone(); 3];
        let range = KeyRange::all();
        prop_assert_eq!(list(&same, 2, &range, None, rows_max, lost), Some(expected(&same, &range, None)));
    }
}

#[test]
fn a_shard_without_a_quorum_makes_the_listing_unavailable() {
    let replicas = vec![Replica::default(); 3];
    assert_eq!(list(&replicas, 2, &KeyRange::all(), None, 9, 2), None);
}

#[test]
fn rows_of_a_node_without_a_vote_are_not_counted() {
    let key = "a".to_owned();
    let shard = PartitionHash::of(BUCKET, &crate::ids::PartitionKey::new(&key).unwrap()).shard();
    let mut read = IndexRead::new(BUCKET, sets(3, 2), (0..3).map(node).collect(), KeyRange::all(), None);
    let row = |entries| CountedPartition {
        key: key.clone(),
        counters: PartitionCounters { entries, ..PartitionCounters::default() },
        digest: entries,
    };
    let page = |entries, voteless: Option<ShardIndex>| PartitionsPage {
        rows: vec![row(entries)],
        upto: None,
        voteless: voteless.into_iter().collect(),
    };
    assert!(matches!(read.proceed(), Next::Ask(asks) if asks.len() == 2));
    read.page(node(0), page(2, None));
    read.page(node(1), page(1, Some(shard)));
    let Next::Ask(asks) = read.proceed() else { panic!("a third node is asked") };
    assert_eq!(asks, [(node(2), KeyRange::all())]);
    read.page(node(2), page(2, None));
    assert_eq!(read.proceed(), Next::Show(key.clone(), row(2).counters));
}

#[test]
fn an_index_from_one_replica_is_found() {
    let (older, newer) = (Replica::default(), Replica::default());
    let mut replicas = [older, newer];
    let mut item = crate::causality::Item::empty();
    let dot = |time| crate::causality::Dot { actor: crate::ids::ActorId(1), time };
    item.write(dot(1), &Default::default(), crate::causality::Value::Bytes(b"v"[..].into()));
    replicas[0].items.insert("a".into(), item.clone());
    item.write(dot(2), &Default::default(), crate::causality::Value::Bytes(b"w"[..].into()));
    replicas[1].items.insert("a".into(), item);
    let range = KeyRange::all();
    turn_on(Some(Mutation::IndexFromOneReplica));
    let listed = list(&replicas, 2, &range, None, 9, 0);
    turn_on(None);
    assert_ne!(listed, Some(expected(&replicas, &range, None)));
}
