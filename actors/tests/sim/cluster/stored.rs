//! The shards of a node as anti-entropy reads them, and how one is removed.

use super::lane::Change;
use super::machine::Inside;
use super::shards::Origin;
use super::world::Cluster;
use crate::disk::{DiskSnapshot, DiskStore};
use crate::invariants::Violation;
use crate::keyspace::{ItemIndex, SHARDS};
use crate::node::stored_item;
use troupe_actors::antientropy::{Event, Held, StoredShards, rows_of};
use troupe_actors::ids::{ItemKey, ShardIndex};
use troupe_actors::shard::{self, Moment, Removal, ShardCore, View};
use troupe_actors::store::{Store, StoreError};

/// The shards of a node as its stored replica sees them.
pub(super) struct Seen<'n> {
    pub(super) store: &'n DiskStore,
    pub(super) shards: &'n [ShardCore],
}

impl Seen<'_> {
    fn core(&self, shard: ShardIndex) -> &ShardCore {
        &self.shards[number_of(shard)]
    }
}

impl StoredShards for Seen<'_> {
    type Store = DiskStore;

    fn store(&self, _: ShardIndex) -> &DiskStore {
        self.store
    }

    fn view(&self, shard: ShardIndex) -> Result<View<DiskSnapshot>, StoreError> {
        let clock = self.core(shard).clock();
        let (actor, committed) = (clock.actor(), clock.committed());
        Ok(View { snapshot: self.store.snapshot()?, clock: clock.shown(), actor, committed })
    }

    fn moment(&self, shard: ShardIndex) -> Moment {
        self.core(shard).clock().moment()
    }

    fn may_vote(&self, shard: ShardIndex) -> bool {
        self.core(shard).may_vote()
    }
}

pub(super) fn number_of(shard: ShardIndex) -> usize {
    SHARDS.iter().position(|known| *known == shard).expect("a shard of this world")
}

impl Cluster {
    /// The next rows of a shard that is on its way out, or its end.
    pub(super) fn removes(&mut self, node: usize, shard: usize) -> Result<(), Violation> {
        let now = self.wall(node);
        let machine = &mut self.machines[node];
        let Some(process) = &mut machine.process else { return Ok(()) };
        // What was staged before the shard was on its way out would come behind the last page.
        if process.in_flight.iter().any(|sent| sent.shard == shard) {
            self.inside(node, 1_000, Inside::Removes(shard));
            return Ok(());
        }
        let seen = Seen { store: &machine.disk.store, shards: &process.shards };
        let rows = rows_of(&seen, SHARDS[shard]).map_err(|error| Violation {
            invariant: "a store in memory can be read",
            what: error.to_string(),
        })?;
        if rows.is_empty() {
            self.note("node {} has nothing left of shard {}", &[node as u64, shard as u64]);
            self.shard_steps(node, shard, shard::Event::Removed, Vec::new())?;
            self.stores_row(node, shard)?;
            let removed = Event::Removed(SHARDS[shard]);
            return self.entropy_steps(node, removed, None, None);
        }
        let mut read = |key: &ItemKey| Ok(stored_item(&machine.disk, key));
        let staged = process.shards[shard].stage_removal(now, Removal::Dropped, &rows, &mut read);
        let request = self.request_to_shard(node, shard, Origin::Removal);
        match staged {
            Ok(staged) => self.shard_steps(node, shard, shard::Event::Merge { request, staged }, Vec::new()),
            Err(error) => self.shard_answers(node, shard, request, Err(error)),
        }
    }

    /// What a batch of a removal takes away, as the oracle sees it.
    pub(super) fn removed_by(&self, node: usize, shard: usize, keys: &[ItemKey]) -> Vec<Change> {
        let process = self.machines[node].process.as_ref();
        let held = process.map_or(Held::Absent, |process| process.entropy.core.held(SHARDS[shard]));
        let is_leaving = held == Held::Dropping;
        keys.iter().filter(|_| is_leaving).filter_map(ItemIndex::of).map(Change::Dropped).collect()
    }
}
