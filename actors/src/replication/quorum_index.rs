//! Reading a bucket's partitions at several nodes: of every shard, as many replicas as a quorum asks for.
//!
//! Replicas that show the same digest for a partition hold the same live values of it, and so the same counters. Where
//! they differ, the partition is counted over merged keys ([`super::count`]). A replica does not show a partition that
//! holds no value; if none does, their join holds none either.

use super::merged::order;
use super::page::Limit;
use crate::ids::{BucketId, NodeId, PartitionHash, PartitionKey, ShardIndex};
use crate::mutation::{Mutation, is_on};
use crate::store::counters::PartitionCounters;
use crate::store::range::KeyRange;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A partition as one node shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CountedPartition {
    /// Its key.
    pub key: String,
    /// What it holds there.
    pub counters: PartitionCounters,
    /// What is alive in it there.
    pub digest: u64,
}

/// What a node answers: the partitions that it shows of a range, up to some key.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PartitionsPage {
    /// In the order of the range.
    pub rows: Vec<CountedPartition>,
    /// The last key up to which the node looked, itself included; `None` if it looked at the whole range.
    pub upto: Option<String>,
    /// Shards of which the node's rows count towards no quorum.
    pub voteless: BTreeSet<ShardIndex>,
}

/// Who may be read: shards with the same replicas together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadSets {
    /// Each with how many of its replicas a read takes.
    pub sets: Vec<(Vec<NodeId>, usize)>,
    /// By shard, which of `sets`.
    pub by_shard: Vec<u16>,
}

impl ReadSets {
    fn of(&self, shard: ShardIndex) -> &(Vec<NodeId>, usize) {
        &self.sets[usize::from(self.by_shard[shard.index()])]
    }
}

/// What a reader wants done next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// Ask each of these nodes for a page of its range, and report [`IndexRead::page`] or [`IndexRead::failed`].
    Ask(Vec<(NodeId, KeyRange)>),
    /// Count a partition over the merged keys of these replicas, and report [`IndexRead::counted`].
    Count(String, Vec<NodeId>),
    /// Show a partition.
    Show(String, PartitionCounters),
    /// Nothing is left, or the limit is reached: then this is the first key that was not shown.
    End(Option<String>),
    /// Of some shard too few replicas answer.
    Unavailable,
}

/// A reader of the index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexRead {
    bucket: BucketId,
    sets: ReadSets,
    /// Who is read, and has not failed.
    sources: BTreeMap<NodeId, Source>,
    /// Who can be read instead, the nearest first.
    spare: VecDeque<NodeId>,
    /// What no source was read beyond.
    rest: KeyRange,
    limit: Limit,
    /// A partition that was counted and not yet shown.
    counted: Option<(String, PartitionCounters)>,
}

/// What one node has still to contribute.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Source {
    rows: VecDeque<CountedPartition>,
    /// Not yet read; `None` once the node holds nothing more.
    rest: Option<KeyRange>,
    voteless: BTreeSet<ShardIndex>,
}

impl IndexRead {
    /// A reader of `range` that shows at most `limit` partitions. `nodes` can be asked, the nearest first.
    pub fn new(
        bucket: BucketId,
        sets: ReadSets,
        nodes: Vec<NodeId>,
        range: KeyRange,
        limit: Option<u64>,
    ) -> IndexRead {
        let (sources, spare) = (BTreeMap::new(), nodes.into());
        IndexRead { bucket, sets, sources, spare, rest: range, limit: Limit(limit), counted: None }
    }

    /// What to do next. A partition is only shown once every source has shown its next one, or that it has none.
    pub fn proceed(&mut self) -> Next {
        // Partitions that are not shown are passed one after the other, however many there are.
        loop {
            if let Some(next) = self.step() {
                return next;
            }
        }
    }

    /// The next thing to do, if the next partition leads to one.
    fn step(&mut self) -> Option<Next> {
        if let Some((key, counters)) = self.counted.take() {
            return self.show(key, counters);
        }
        if !self.cover() {
            return Some(Next::Unavailable);
        }
        let unknown = |source: &Source| if source.rows.is_empty() { source.rest.clone() } else { None };
        let asks = self.sources.iter().filter_map(|(node, source)| Some((*node, unknown(source)?)));
        let asks: Vec<_> = asks.collect();
        if !asks.is_empty() {
            return Some(Next::Ask(asks));
        }
        let is_descending = self.rest.descending;
        let heads = self.sources.values().filter_map(|source| Some(source.rows.front()?.key.as_str()));
        let Some(key) = heads.min_by(|a, b| order(a, b, is_descending)).map(str::to_owned) else {
            return Some(Next::End(None));
        };
        self.judge(key)
    }

    /// Takes what a node answered.
    pub fn page(&mut self, node: NodeId, page: PartitionsPage) {
        let Some(source) = self.sources.get_mut(&node) else { return };
        source.rows.extend(page.rows);
        source.voteless = page.voteless;
        match (page.upto, &mut source.rest) {
            (Some(key), Some(rest)) => rest.pass(&key),
            (_, rest) => *rest = None,
        }
        source.rest = source.rest.take().filter(|rest| !rest.is_void());
    }

    /// A node does not answer: others take its place, from where the listing stands.
    pub fn failed(&mut self, node: NodeId) {
        self.sources.remove(&node);
    }

    /// A partition was counted over merged keys.
    pub fn counted(&mut self, key: String, counters: PartitionCounters) {
        self.pass(&key);
        self.counted = Some((key, counters));
    }

    /// Shows the next partition if its replicas agree on it.
    fn judge(&mut self, key: String) -> Option<Next> {
        let Ok(partition) = PartitionKey::new(&key) else {
            self.pass(&key);
            return None;
        };
        let shard = PartitionHash::of(self.bucket, &partition).shard();
        let (replicas, quorum) = self.sets.of(shard);
        let voters: Vec<NodeId> = self.voters(replicas, shard).collect();
        if voters.len() < *quorum {
            return Some(Next::Unavailable);
        }
        let rows: Vec<Option<&CountedPartition>> =
            voters.iter().map(|node| self.sources[node].rows.front().filter(|row| row.key == key)).collect();
        let first = rows.iter().copied().flatten().next().cloned();
        let Some(first) = first else {
            // Only nodes that no longer hold the shard show it.
            self.pass(&key);
            return None;
        };
        let agrees = |row: &Option<&CountedPartition>| row.is_some_and(|row| *row == first);
        if rows.iter().all(agrees) || is_on(Mutation::IndexFromOneReplica) {
            self.pass(&key);
            self.show(key, first.counters)
        } else {
            Some(Next::Count(key, voters))
        }
    }

    fn show(&mut self, key: String, counters: PartitionCounters) -> Option<Next> {
        if counters.entries == 0 {
            return None;
        }
        Some(if self.limit.admits() { Next::Show(key, counters) } else { Next::End(Some(key)) })
    }

    fn pass(&mut self, key: &str) {
        for source in self.sources.values_mut() {
            if source.rows.front().is_some_and(|row| row.key == key) {
                source.rows.pop_front();
            }
        }
        self.rest.pass(key);
    }

    fn voters(&self, replicas: &[NodeId], shard: ShardIndex) -> impl Iterator<Item = NodeId> {
        let votes = move |node: &&NodeId| {
            self.sources.get(*node).is_some_and(|source| !source.voteless.contains(&shard))
        };
        replicas.iter().filter(votes).copied()
    }

    /// Takes in spare nodes until a quorum of each shard's replicas is read. `false`: there are too few of them.
    fn cover(&mut self) -> bool {
        let voteless: BTreeSet<(NodeId, u16)> = self
            .sources
            .iter()
            .flat_map(|(node, source)| {
                source.voteless.iter().map(|shard| (*node, self.sets.by_shard[shard.index()]))
            })
            .collect();
        for at in 0..self.sets.sets.len() {
            // A node without a vote in one shard of a set is not counted in any of them.
            let votes = |node: &NodeId| u16::try_from(at).is_ok_and(|at| !voteless.contains(&(*node, at)));
            loop {
                let (replicas, quorum) = &self.sets.sets[at];
                let is_source = |node: &&NodeId| self.sources.contains_key(*node) && votes(node);
                if replicas.iter().filter(is_source).count() >= *quorum {
                    break;
                }
                let Some(next) = self.spare.iter().position(|node| replicas.contains(node)) else {
                    return false;
                };
                let Some(node) = self.spare.remove(next) else { return false };
                let source = Source {
                    rows: VecDeque::new(),
                    rest: Some(self.rest.clone()).filter(|rest| !rest.is_void()),
                    voteless: BTreeSet::new(),
                };
                self.sources.insert(node, source);
            }
        }
        true
    }
}
