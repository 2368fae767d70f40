use crate::now;
use crate::world::node_id;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use troupe_actors::ids::{NodeId, ShardIndex};
use troupe_actors::incarnation::{Life, Memory, Message};
use troupe_actors::layout::{Layout, LayoutVersion, NodeRole, StagedRole};
use troupe_actors::limits::SHARD_COUNT;
use troupe_actors::transport::Environment;

const REPLICATION_FACTOR: u8 = 3;

/// With as many nodes in each.
const ZONES: usize = 5;

pub(crate) fn measure(counts: &[usize]) {
    println!(
        "| nodes | first assignment | five nodes more | replicas moved by them | shards on a node (least, most) | layout version | peers that share a shard | bytes/s of what stores have |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for count in counts {
        measure_one(*count);
    }
}

fn measure_one(count: usize) {
    let (first, first_took) = next(&LayoutVersion::empty(), &roles(0..count));
    let (second, second_took) = next(&first, &roles(count..count + ZONES));
    let moved = second.assignment.moved_since(&first.assignment);
    let shards: Vec<_> = (0..count).map(|node| first.assignment.shards_on(node_id(node))).collect();
    let least_and_most = (shards.iter().min().unwrap(), shards.iter().max().unwrap());
    let bytes = second.encode().len();
    let sharing = sharing(&first, count);
    let memory = Memory {
        life: Life { number: 1, id: u64::MAX },
        boot: 1_700_000_000_000,
        stores: vec![Environment { id: u64::MAX, sequence: 1 << 40 }],
    };
    let pulse = troupe_actors::membership::Message::Incarnation(Message::Pulse(memory)).encode().len();
    println!(
        "| {count} | {first_took:.2} s | {second_took:.2} s | {moved} of {} | {}, {} | {} KB | {sharing:.0} | {:.0} |",
        SHARD_COUNT * usize::from(REPLICATION_FACTOR),
        least_and_most.0,
        least_and_most.1,
        bytes / 1000,
        sharing * pulse as f64,
    );
}

/// Zones of equal nodes.
fn roles(nodes: std::ops::Range<usize>) -> BTreeMap<NodeId, StagedRole> {
    let role = |node: usize| NodeRole {
        zone: format!("zone{}", node % ZONES),
        capacity_bytes: Some(1_000_000_000_000),
        tags: Vec::new(),
    };
    nodes.map(|node| (node_id(node), StagedRole::Assign(role(node)))).collect()
}

fn next(before: &LayoutVersion, staged: &BTreeMap<NodeId, StagedRole>) -> (LayoutVersion, f64) {
    let started = now();
    let version = before.next(staged, None, REPLICATION_FACTOR).unwrap();
    (version, started.elapsed().as_secs_f64())
}

/// With how many others a node shares a shard, on average.
fn sharing(version: &LayoutVersion, count: usize) -> f64 {
    let layout = Layout::new(Arc::new(version.clone()));
    let mut others: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    for shard in ShardIndex::all() {
        for node in layout.replicas(shard) {
            let peers = layout.replicas(shard).iter().filter(|peer| *peer != node);
            others.entry(*node).or_default().extend(peers);
        }
    }
    others.values().map(BTreeSet::len).sum::<usize>() as f64 / count as f64
}
