//! Random runs of clusters whose layout changes under them: what every node knows of the others is late, and yet nothing
//! that was acknowledged is ever out of a reader's sight.
//!
//! One shard's data is followed: each write is a number, stored on some of the nodes.

use super::*;
use crate::ids::ShardIndex;
use crate::mutation::{Mutation, turn_on};
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

const NODES: u8 = 6;

/// What one node knows and holds.
struct Member {
    /// How many of the versions it has heard of.
    known: usize,
    trackers: BTreeMap<NodeId, Tracker>,
    layout: Layout,
    data: BTreeSet<u32>,
    /// Layouts of writes that have not ended, and what they write.
    writing: Vec<(Layout, u32)>,
}

struct Cluster {
    versions: Vec<Arc<LayoutVersion>>,
    members: BTreeMap<NodeId, Member>,
    acknowledged: BTreeSet<u32>,
    next_value: u32,
}

fn shard() -> ShardIndex {
    ShardIndex::new(0).unwrap()
}

impl Cluster {
    fn new(versions: Vec<Arc<LayoutVersion>>) -> Cluster {
        let layout = Layout::of(versions[..1].to_vec(), BTreeMap::new(), 0);
        let member = || Member {
            known: 1,
            trackers: BTreeMap::new(),
            layout: layout.clone(),
            data: BTreeSet::new(),
            writing: Vec::new(),
        };
        let members = (1..=NODES).map(|number| (node(number), member())).collect();
        Cluster { versions, members, acknowledged: BTreeSet::new(), next_value: 0 }
    }

    fn member(&mut self, node: NodeId) -> &mut Member {
        self.members.get_mut(&node).unwrap()
    }

    fn say(&mut self, node: NodeId, tracker: &Tracker) {
        let own = self.member(node).trackers.entry(node).or_default();
        let before = own.clone();
        own.join(tracker);
        if *own != before {
            self.look(node);
        }
    }

    fn look(&mut self, node: NodeId) {
        let versions = self.versions.clone();
        let member = self.member(node);
        let progress = member.trackers.iter().map(|(node, tracker)| {
            (*node, NodeProgress { tracker: tracker.clone(), ..NodeProgress::default() })
        });
        let retired = member.trackers.values().map(|tracker| tracker.retired).max().unwrap_or(0);
        member.layout = Layout::of(versions[..member.known].to_vec(), progress.collect(), retired);
    }

    fn hear(&mut self, from: NodeId, to: NodeId) {
        let (known, trackers) = (self.members[&from].known, self.members[&from].trackers.clone());
        let member = self.member(to);
        let before = (member.known, member.trackers.clone());
        member.known = member.known.max(known);
        for (node, tracker) in &trackers {
            member.trackers.entry(*node).or_default().join(tracker);
        }
        if before != (member.known, member.trackers.clone()) {
            self.look(to);
        }
    }

    /// A write reaches a random quorum of each set and then counts.
    fn end_write(&mut self, node: NodeId, random: &mut StdRng) {
        let Some((layout, value)) = self.member(node).writing.pop() else { return };
        for set in layout.write_sets(shard()) {
            for replica in set.nodes.iter().sample(random, set.quorum) {
                self.member(*replica).data.insert(value);
            }
        }
        self.acknowledged.insert(value);
    }

    fn compare(&mut self, node: NodeId) {
        let layout = self.members[&node].layout.clone();
        let Some(version) = layout.sync_version() else { return };
        let shards = layout.to_sync(node);
        if shards.contains(&shard()) {
            for source in layout.sources(shard(), version) {
                let theirs = self.members[&source].data.clone();
                self.member(node).data.extend(theirs);
            }
        }
        let synced = BTreeMap::from([(version, shards.into_iter().collect())]);
        self.say(node, &Tracker { synced, ..Tracker::default() });
    }

    fn step(&mut self, random: &mut StdRng) {
        let (node, other) = (node(random.random_range(1..=NODES)), node(random.random_range(1..=NODES)));
        match random.random_range(0..100) {
            0..4 => {
                let all = self.versions.len();
                let member = self.member(node);
                member.known = (member.known + 1).min(all);
                self.look(node);
            }
            4..44 => self.hear(node, other),
            44..50 if self.members[&node].layout.has_role(node) => {
                self.next_value += 1;
                let (value, member) = (self.next_value, self.member(node));
                member.writing.push((member.layout.clone(), value));
            }
            50..65 => self.end_write(node, random),
            65..80 => {
                let member = self.member(node);
                let held = member.writing.iter().fold(Held::NOTHING, |held, (layout, _)| {
                    held.with(layout.version().number, layout.watch().reads_by)
                });
                let said = member.layout.to_say(node, held);
                self.say(node, &said);
            }
            80..95 => self.compare(node),
            _ => {
                let member = self.member(node);
                if member.layout.may_drop(node, shard()) {
                    member.data.clear();
                }
            }
        }
    }

    /// Whether every quorum that some node might ask shows everything that was acknowledged.
    fn is_readable(&self) -> bool {
        self.members.iter().filter(|(node, reader)| reader.layout.has_role(**node)).all(|(_, reader)| {
            let set = reader.layout.read_set(shard());
            let missing = |node: &&NodeId| !self.acknowledged.is_subset(&self.members[*node].data);
            // A majority may be made of any two: only what both miss is out of sight.
            let behind: Vec<_> = set.nodes.iter().filter(missing).collect();
            behind.iter().enumerate().all(|(at, one)| {
                behind[at + 1..].iter().all(|two| {
                    let both = self.members[*one].data.union(&self.members[*two].data);
                    let shown: BTreeSet<u32> = both.copied().collect();
                    self.acknowledged.is_subset(&shown)
                })
            })
        })
    }
}

/// The number of steps that a run holds, or `None` if it holds to its end. `all_versions` says whether the last one took
/// over.
fn run(versions: &[Arc<LayoutVersion>], seed: u64, steps: usize) -> (Option<usize>, u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut cluster = Cluster::new(versions.to_vec());
    for step in 0..steps {
        cluster.step(&mut random);
        if !cluster.is_readable() {
            return (Some(step), 0);
        }
    }
    (None, cluster.members.values().map(|member| member.layout.oldest_live()).max().unwrap_or(0))
}

fn two_changes() -> Vec<Arc<LayoutVersion>> {
    versions(&[&[1, 2, 3], &[2, 4, 5], &[4, 5, 6]])
}

#[test]
fn what_was_acknowledged_stays_readable_while_layouts_follow_each_other() {
    let versions = two_changes();
    let mut taken_over = 0;
    for seed in 0..25 {
        let (broken, oldest_live) = run(&versions, seed, 600);
        assert_eq!(broken, None, "seed {seed}");
        taken_over += u64::from(oldest_live > 1);
    }
    assert!(taken_over > 5, "hand-overs have to end for this test to see them: {taken_over}");
}

#[test]
fn every_known_mistake_of_a_hand_over_is_found() {
    let versions = two_changes();
    for mutation in [
        Mutation::ReadsMovedBeforeEveryReplicaSynced,
        Mutation::WritesLeaveAVersionBeforeItsReaders,
        Mutation::ShardDroppedBeforeTheVersionRetired,
        Mutation::LayoutAckBeforeOlderWritesEnded,
    ] {
        turn_on(Some(mutation));
        let found = (0..2_000).any(|seed| run(&versions, seed, 300).0.is_some());
        turn_on(None);
        assert!(found, "{mutation:?}");
    }
}
