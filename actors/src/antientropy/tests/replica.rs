//! A replica of the tests: items on a disk that keeps what was committed, and what is on its way there.

use crate::antientropy::{Found, Replica, ShardSummary, Span};
use crate::causality::{Context, Dot, Item, Value};
use crate::ids::{ActorId, BucketId, ItemKey, Partition, PartitionKey, ShardIndex, SortKey};
use crate::limits::SHARD_SEGMENTS;
use crate::shard::{ItemState, RoundEnd, ShardClock, States};
use crate::store::StoreError;
use crate::store::digest::item_digest;
use crate::store::segments::Segment;
use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

/// What one disk holds of one shard.
#[derive(Clone, Default)]
pub(super) struct Disk {
    pub(super) rows: BTreeMap<ItemKey, Row>,
    clock: Context,
    /// Who minted here, the latest last.
    actors: Vec<ActorId>,
}

#[derive(Clone)]
pub(super) struct Row {
    pub(super) partition: Partition,
    pub(super) item: Item<'static>,
    pub(super) changed_ms: u64,
}

/// What goes to the disk in one transaction.
pub(super) enum Change {
    Item { key: ItemKey, partition: Partition, item: Item<'static>, own: u64 },
    Clock(Context),
    Drop(ItemKey),
}

/// One shard of one node.
pub(super) struct TestReplica {
    pub(super) disk: Disk,
    pub(super) clock: ShardClock,
    pub(super) pending: VecDeque<(u64, Change)>,
    /// The newest uncommitted state of each item.
    overlay: BTreeMap<ItemKey, Item<'static>>,
    minted: u64,
    next_batch: u64,
}

pub(super) fn shard() -> ShardIndex {
    partition("p0").shard()
}

/// Partitions of one shard, found by trying names.
pub(super) fn partitions(count: usize) -> Vec<Partition> {
    let names = (0..).map(|number| partition(&format!("p{number}")));
    names.filter(|partition| partition.shard() == shard()).take(count).collect()
}

fn partition(name: &str) -> Partition {
    Partition::new(BucketId([7; 32]), PartitionKey::new(name).unwrap())
}

pub(super) fn key(partition: &Partition, sort_key: &str) -> ItemKey {
    ItemKey { partition: partition.hash, sort_key: SortKey::new(sort_key).unwrap() }
}

impl TestReplica {
    pub(super) fn new(actor: u64) -> TestReplica {
        TestReplica::open(Disk::default(), actor)
    }

    /// Goes on with what a disk holds, under another actor.
    pub(super) fn open(mut disk: Disk, actor: u64) -> TestReplica {
        let actor = ActorId(actor);
        let clock = ShardClock::open(disk.clock.clone(), actor, 0, &disk.actors);
        disk.actors.push(actor);
        TestReplica {
            disk,
            clock,
            pending: VecDeque::new(),
            overlay: BTreeMap::new(),
            minted: 0,
            next_batch: 0,
        }
    }

    pub(super) fn actor(&self) -> ActorId {
        self.clock.actor()
    }

    /// The newest state, committed or not.
    fn head(&self, key: &ItemKey) -> Item<'static> {
        let row = || self.disk.rows.get(key).map(|row| row.item.clone());
        self.overlay.get(key).cloned().or_else(row).unwrap_or_default()
    }

    /// Writes a value with a token; returns the batch, the dot and the state that goes to peers.
    pub(super) fn write(
        &mut self,
        partition: &Partition,
        sort_key: &str,
        token: &Context,
        value: Value<'static>,
    ) -> (u64, Dot, ItemState) {
        let key = key(partition, sort_key);
        let mut item = self.head(&key);
        self.minted += 1;
        let dot = Dot { actor: self.actor(), time: self.minted };
        item.write(dot, token, value);
        let state = encoded(partition, &key, &item);
        (self.push(key, partition.clone(), item, self.minted), dot, state)
    }

    /// Merges states of a peer; returns the last batch.
    pub(super) fn merge(&mut self, states: &States) -> u64 {
        states.clock.pairs().iter().for_each(|pair| self.clock.sighted(pair.0));
        for state in &states.items {
            let key = state.key();
            let mut item = self.head(&key);
            // What was minted is in the head, committed or not.
            item.fill(&self.clock.known(self.minted));
            let mut theirs = state.item().into_owned();
            theirs.branches().iter().for_each(|branch| self.clock.sighted(branch.actor));
            theirs.fill(&states.clock);
            item.merge(&theirs);
            self.push(key, state.partition.clone(), item, 0);
        }
        self.next_batch
    }

    pub(super) fn round_is_stored(&mut self, end: &RoundEnd) {
        self.clock.round_is_stored(end.began, end.side, &end.others);
        self.store_clock();
    }

    fn store_clock(&mut self) {
        if self.clock.has_more_to_store() {
            self.next_batch += 1;
            let clock = self.clock.for_row();
            self.pending.push_back((self.next_batch, Change::Clock(clock)));
        }
    }

    /// Drops the tombstones that may go.
    pub(super) fn forget(&mut self, may_go: impl Fn(&Row, &Context) -> bool) {
        let named = self.disk.rows.values().flat_map(|row| row.item.branches());
        let named: Vec<ActorId> = named.map(|branch| branch.actor).collect();
        named.into_iter().for_each(|actor| self.clock.sighted(actor));
        let shown = self.clock.shown();
        let rows = self
            .disk
            .rows
            .iter()
            .filter(|(key, row)| !self.overlay.contains_key(*key) && may_go(row, &shown));
        let keys: Vec<ItemKey> = rows.map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.next_batch += 1;
            self.pending.push_back((self.next_batch, Change::Drop(key)));
        }
    }

    fn push(&mut self, key: ItemKey, partition: Partition, mut item: Item<'static>, own: u64) -> u64 {
        self.store_clock();
        item.strip(self.clock.strips_by());
        self.next_batch += 1;
        self.overlay.insert(key.clone(), item.clone());
        self.pending.push_back((self.next_batch, Change::Item { key, partition, item, own }));
        self.next_batch
    }

    /// Commits the oldest change; returns its batch.
    pub(super) fn commit(&mut self, now_ms: u64) -> Option<u64> {
        let (batch, change) = self.pending.pop_front()?;
        match change {
            Change::Item { key, partition, item, own } => {
                self.clock.committed_up_to(own);
                let is_of =
                    |change: &Change| matches!(change, Change::Item { key: other, .. } if *other == key);
                if !self.pending.iter().any(|(_, change)| is_of(change)) {
                    self.overlay.remove(&key);
                }
                if item.is_empty() {
                    self.disk.rows.remove(&key);
                } else {
                    self.disk.rows.insert(key, Row { partition, item, changed_ms: now_ms });
                }
            }
            Change::Clock(clock) => self.disk.clock = clock,
            Change::Drop(key) => {
                // A write or a merge that came in between builds on the tombstone.
                let is_tombstone = |row: &Row| row.item.is_tombstone();
                if !self.overlay.contains_key(&key) && self.disk.rows.get(&key).is_some_and(is_tombstone) {
                    self.disk.rows.remove(&key);
                }
            }
        }
        Some(batch)
    }

    pub(super) fn live(&self) -> BTreeMap<ItemKey, Vec<Dot>> {
        let live = |row: &Row| row.item.siblings().map(|(dot, _)| dot).collect::<Vec<_>>();
        let rows = self.disk.rows.iter().map(|(key, row)| (key.clone(), live(row)));
        rows.filter(|(_, live)| !live.is_empty()).collect()
    }
}

fn digest(key: &ItemKey, item: &Item<'_>) -> u64 {
    item_digest(key.partition, key.sort_key.as_str(), item)
}

fn encoded(partition: &Partition, key: &ItemKey, item: &Item<'_>) -> ItemState {
    ItemState::own(partition.clone(), key.sort_key.clone(), item.encode().into())
}

impl Replica for TestReplica {
    fn summary(&self, _: ShardIndex) -> Result<ShardSummary, StoreError> {
        let digest = self.disk.rows.iter().fold(0, |sum, (key, row)| sum ^ digest(key, &row.item));
        Ok(ShardSummary {
            actor: self.actor(),
            committed: self.clock.committed(),
            learned: self.clock.moment(),
            may_vote: true,
            digest,
        })
    }

    fn segments(&self, _: ShardIndex) -> Result<Vec<u64>, StoreError> {
        let mut digests = vec![0; SHARD_SEGMENTS];
        for (key, row) in &self.disk.rows {
            digests[usize::from(Segment::of(key.partition).index)] ^= digest(key, &row.item);
        }
        Ok(digests)
    }

    fn scan(
        &self,
        shard: ShardIndex,
        span: &Span,
        visit: &mut dyn FnMut(ItemKey, u64) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        for (key, row) in &self.disk.rows {
            let digest = digest(key, &row.item);
            if span.contains(shard, key) && digest != 0 && visit(key.clone(), digest).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn digests(&self, _: ShardIndex, keys: &[ItemKey]) -> Result<Vec<Option<u64>>, StoreError> {
        let of = |key: &ItemKey| {
            self.disk.rows.get(key).map(|row| digest(key, &row.item)).filter(|digest| *digest != 0)
        };
        Ok(keys.iter().map(of).collect())
    }

    fn states(&self, _: ShardIndex, keys: &[ItemKey], bytes_max: usize) -> Result<Found, StoreError> {
        let mut bytes = 0;
        let mut states = Vec::new();
        for key in keys {
            let row = self.disk.rows.get(key);
            let state = row.map(|row| encoded(&row.partition, key, &row.item));
            bytes += state.as_ref().map_or(0, ItemState::bytes);
            if bytes > bytes_max && !states.is_empty() {
                break;
            }
            states.push(state);
        }
        Ok(Found { clock: self.clock.shown(), states })
    }
}

/// Puts an item straight onto the disk.
pub(super) fn put(replica: &mut TestReplica, partition: &Partition, sort_key: &str) -> ItemKey {
    replica.write(partition, sort_key, &Context::empty(), Value::Bytes(b"value".as_slice().into()));
    while replica.commit(0).is_some() {}
    key(partition, sort_key)
}
