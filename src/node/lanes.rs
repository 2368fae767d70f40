//! The node's stores and the lanes that write to them.

use super::{NodeError, vital};
use crate::config::{self, StoreConfig};
use crate::watchdog::Beats;
use actix::{Addr, Arbiter};
use rand::Rng;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use troupe_actors::limits::JOURNAL_BYTES_MAX;
use troupe_actors::store::journalled::{Durability, LanesOptions, NodeStore};
use troupe_actors::store::lane::LaneHandle;
use troupe_actors::store::lane::actor::{Drain, LaneActor, OnBroken};
use troupe_actors::store::set::StoreSet;
use troupe_actors::store::{CommitError, Epoch};

/// How many environments a new node spreads its shards over. One commit at a time keeps groups large, and one disk
/// syncs one of them at a time anyway.
const LANES_DEFAULT: u16 = 1;

/// Every environment, and the writer of each.
pub(super) struct Lanes {
    pub(super) stores: StoreSet<NodeStore>,
    actors: Vec<Addr<LaneActor<NodeStore>>>,
    handles: Vec<LaneHandle>,
    /// Each lane has a thread of its own: commits block it.
    arbiters: Vec<Arbiter>,
    /// Each store has threads that bring its journal into its tree.
    background: Vec<JoinHandle<()>>,
}

impl Lanes {
    /// Opens every environment of the node in `home`, or makes new ones, and starts their lanes.
    pub(super) fn open(
        home: &Path,
        config: &StoreConfig,
        beats: &Beats,
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
            journal_bytes_max: JOURNAL_BYTES_MAX,
            fresh_epoch: Epoch(rand::rng().next_u64()),
        };
        let stores = StoreSet::open_all(home, &options)?;
        if config.lanes.is_some_and(|lanes| lanes.get() != stores.lanes()) {
            log::warn!(
                "the store was made with {} lanes, and keeps them: `lanes` has no effect",
                stores.lanes()
            );
        }
        let arbiters: Vec<Arbiter> = stores.iter().map(|_| vital::arbiter(beats, "lane")).collect();
        let start = |(store, arbiter): (&Arc<NodeStore>, &Arbiter)| {
            LaneActor::start_on(&arbiter.handle(), Arc::clone(store), on_broken())
        };
        let actors: Vec<_> = stores.iter().zip(&arbiters).map(start).collect();
        let handles = actors.iter().map(|lane| LaneHandle::new(lane.clone().recipient())).collect();
        let mut lanes = Lanes { stores, actors, handles, arbiters, background: Vec::new() };
        for store in lanes.stores.iter() {
            lanes.background.push(in_background(
                "checkpoint",
                store,
                on_broken(),
                NodeStore::run_checkpoints,
            )?);
            lanes.background.push(in_background("sync", store, on_broken(), NodeStore::run_syncs)?);
        }
        Ok(lanes)
    }

    /// Each lane's store and the way into the lane.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<NodeStore>, &LaneHandle)> {
        self.stores.iter().zip(&self.handles)
    }

    /// The lane that commits to [`StoreSet::control`].
    pub(super) fn control(&self) -> LaneHandle {
        self.handles[0].clone()
    }

    /// Commits what is queued.
    pub(super) async fn drain(&self) {
        for lane in &self.actors {
            // A lane that has ended has nothing queued.
            let _ = lane.send(Drain).await;
        }
    }

    /// Commits what is queued, and ends the lanes. There must be no writer any more.
    pub(super) async fn stop(self) -> StoreSet<NodeStore> {
        self.drain().await;
        stop_and_join(self.arbiters).await;
        self.stores.iter().for_each(|store| store.stop_background());
        let joined = actix_rt::task::spawn_blocking(|| {
            // A thread that panicked has ended the process.
            self.background.into_iter().for_each(|thread| _ = thread.join());
        });
        let _ = joined.await;
        self.stores
    }
}

fn in_background(
    name: &str,
    store: &Arc<NodeStore>,
    on_broken: OnBroken,
    run: fn(&NodeStore) -> Result<(), CommitError>,
) -> Result<JoinHandle<()>, NodeError> {
    let store = Arc::clone(store);
    let run = move || {
        if let Err(error) = run(&store) {
            log::error!("the store failed and takes no more writes: {error}");
            on_broken(&error);
        }
    };
    vital::thread(name, run).map_err(NodeError::Thread)
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
