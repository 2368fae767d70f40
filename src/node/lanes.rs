//! The node's stores and the lanes that write to them.

use super::{NodeError, vital};
use crate::config::{self, StoreConfig};
use actix::{Addr, Arbiter};
use rand::Rng;
use std::path::Path;
use std::sync::Arc;
use troupe_actors::store::Epoch;
use troupe_actors::store::lane::LaneHandle;
use troupe_actors::store::lane::actor::{Drain, LaneActor, OnBroken};
use troupe_actors::store::lmdb::{Durability, LanesOptions, LmdbStore};
use troupe_actors::store::set::StoreSet;

/// How many environments a new node spreads its shards over. One commit at a time keeps groups large, and one disk
/// syncs one of them at a time anyway.
const LANES_DEFAULT: u16 = 1;

/// Every environment, and the writer of each.
pub(super) struct Lanes {
    pub(super) stores: StoreSet<LmdbStore>,
    actors: Vec<Addr<LaneActor<LmdbStore>>>,
    handles: Vec<LaneHandle>,
    /// Each lane has a thread of its own: commits block it.
    arbiters: Vec<Arbiter>,
}

impl Lanes {
    /// Opens every environment of the node in `home`, or makes new ones, and starts their lanes.
    pub(super) fn open(
        home: &Path,
        config: &StoreConfig,
        on_broken: impl Fn() -> OnBroken,
    ) -> Result<Lanes, NodeError> {
        let lanes_if_new = match config.lanes {
            Some(lanes) => u16::try_from(lanes.get()).map_err(|_| NodeError::TooManyLanes { lanes })?,
            None => LANES_DEFAULT,
        };
        let options = LanesOptions {
            lanes_if_new,
            map_size: usize::try_from(config.map_size_bytes).unwrap_or(usize::MAX),
            durability: match config.durability {
                config::Durability::Commit => Durability::Commit,
                config::Durability::Relaxed => Durability::Relaxed,
            },
            fresh_epoch: Epoch(rand::rng().next_u64()),
        };
        let stores = StoreSet::open_all(home, &options)?;
        if config.lanes.is_some_and(|lanes| lanes.get() != stores.lanes()) {
            log::warn!(
                "the store was made with {} lanes, and keeps them: `lanes` has no effect",
                stores.lanes()
            );
        }
        let arbiters: Vec<Arbiter> = stores.iter().map(|_| vital::arbiter()).collect();
        let start = |(store, arbiter): (&Arc<LmdbStore>, &Arbiter)| {
            LaneActor::start_on(&arbiter.handle(), Arc::clone(store), on_broken())
        };
        let actors: Vec<_> = stores.iter().zip(&arbiters).map(start).collect();
        let handles = actors.iter().map(|lane| LaneHandle::new(lane.clone().recipient())).collect();
        Ok(Lanes { stores, actors, handles, arbiters })
    }

    /// Each lane's store and the way into the lane.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<LmdbStore>, &LaneHandle)> {
        self.stores.iter().zip(&self.handles)
    }

    /// The lane that commits to [`StoreSet::control`].
    pub(super) fn control(&self) -> LaneHandle {
        self.handles[0].clone()
    }

    /// Commits what is queued.
    pub(super) async fn drain(&self) {
        for lane in &self.actors {
            // A lane that is gone has nothing queued.
            let _ = lane.send(Drain).await;
        }
    }

    /// Commits what is queued, and ends the lanes. Nobody may write any more.
    pub(super) async fn stop(self) -> StoreSet<LmdbStore> {
        self.drain().await;
        stop_and_join(self.arbiters).await;
        self.stores
    }
}

/// Ends the arbiters' threads and waits for them.
pub(super) async fn stop_and_join(arbiters: Vec<Arbiter>) {
    let joined = actix_rt::task::spawn_blocking(move || {
        for arbiter in arbiters {
            arbiter.stop();
            // A thread that panicked has ended too.
            let _ = arbiter.join();
        }
    });
    let _ = joined.await;
}
