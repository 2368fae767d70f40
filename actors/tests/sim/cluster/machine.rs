//! A node: its disk and clock, which outlive it, and the process that runs on them, one life after the other.

use super::frame::{Answer, CallNumber, Then};
use super::gateway::{Coordinating, Request};
use super::lane::Stored;
use super::ranges::{PageAsk, PageNumber, Ranging};
use super::read::{Part, Reading};
use super::rounds::Round;
use super::shards::{InFlight, Origin, Writing};
use super::world::Cluster;
use crate::disk::{Disk, Durability};
use crate::invariants::Violation;
use crate::keyspace::SHARDS;
use crate::limits::{JOURNAL_BYTES, SHARD_LIMITS};
use crate::mailbox::Lane;
use crate::oracle::WriteId;
use crate::random::Random;
use crate::world::RequestNumber;
use std::collections::BTreeMap;
use troupe_actors::causality::Context;
use troupe_actors::clock::WallMs;
use troupe_actors::ids::NodeId;
use troupe_actors::replication::read::Event as Read;
use troupe_actors::shard::{Event, RequestId, ShardCore};
use troupe_actors::store::lane::{Batch, BatchId, Fence, PersistError};
use troupe_actors::store::{CommitError, Epoch, Snapshot, Store};

/// Nodes of a cluster.
const NODES: [u64; 2] = [3, 7];

pub(crate) struct Machine {
    pub(super) id: NodeId,
    pub(super) disk: Disk,
    pub(super) process: Option<Process>,
    /// Counts its processes.
    pub(super) life: u64,
    pub(super) checkpoint_is_planned: bool,
    /// Its disk is an older image or a new one, and not all that it ever acknowledged is back.
    pub(super) has_lost_memory: bool,
    /// How far its clock is off, and by how many milliseconds in a second it runs ahead.
    pub(super) skew_ms: u64,
    drift_ms: u64,
}

/// One life of a node.
pub(crate) struct Process {
    pub(super) shards: Vec<ShardCore>,
    pub(super) lane: Lane<Stored>,
    /// What each shard was asked to write.
    pub(super) writing: BTreeMap<(usize, RequestId), Writing>,
    pub(super) requests_to_shards: u64,
    /// What is on its way to the disk, in order.
    pub(super) in_flight: Vec<InFlight>,
    /// Questions to other nodes.
    pub(super) calls: BTreeMap<CallNumber, (usize, Then)>,
    /// What clients asked of this node.
    pub(super) requests: BTreeMap<RequestNumber, Request>,
    /// Writes that look for a coordinator.
    pub(super) coordinating: BTreeMap<(RequestNumber, usize), Coordinating>,
    pub(super) reads: BTreeMap<RequestNumber, Reading>,
    pub(super) ranges: BTreeMap<RequestNumber, Ranging>,
    pub(super) rounds: BTreeMap<u64, Round>,
}

/// What goes on inside a node.
pub(crate) enum Inside {
    /// A shard of this node coordinates writes of one of its own clients.
    Coordinate { shard: usize, request: RequestNumber, writes: Vec<(WriteId, Context)> },
    /// A read of one of its own clients looks into its own store.
    Look { request: RequestNumber, part: Part },
    /// A page of a range is looked up in its own store.
    LookAtRange { request: RequestNumber, page: PageNumber, ask: PageAsk },
    /// A read takes longer than usual.
    Late { request: RequestNumber },
    /// The lane gets a batch.
    Persist(Batch<Stored>),
    /// The lane works off its mailbox.
    LaneTurn,
    /// A commit is on the disk, or will never be.
    Committed,
    /// The lane's thread goes on.
    CommitReturned(Result<(), CommitError>),
    /// A shard hears of a commit.
    Persisted { shard: usize, batch: BatchId, outcome: Result<(), PersistError> },
    /// Time passes for a shard that waits for others.
    Tick(usize),
    /// A question was not answered in time.
    Deadline(CallNumber),
    /// A step of a checkpoint.
    Checkpoint,
    /// The process gives up on its environment.
    Exit,
}

impl Machine {
    /// The machines of a cluster, each with an empty disk.
    pub(super) fn several(random: &mut Random) -> Vec<Machine> {
        let count = random.between(NODES[0], NODES[1]);
        (0..count).map(|number| Machine::new(number as u8, random)).collect()
    }

    fn new(number: u8, random: &mut Random) -> Machine {
        let capacity = *random.pick(&JOURNAL_BYTES);
        Machine {
            id: NodeId([number + 1; 32]),
            disk: Disk::new(Epoch(random.next()), Durability::Commit, capacity),
            process: None,
            life: 0,
            checkpoint_is_planned: false,
            has_lost_memory: false,
            skew_ms: random.between(1_000_000, 1_002_000),
            drift_ms: random.below(3) as u64,
        }
    }

    pub(super) fn wall(&self, now_us: u64) -> WallMs {
        let now_ms = now_us / 1000;
        WallMs(self.skew_ms + now_ms + now_ms / 1000 * self.drift_ms)
    }
}

impl Cluster {
    /// Opens a node's environment as a new process does.
    pub(super) fn open(&mut self, node: usize) -> Result<(), Violation> {
        let machine = &mut self.machines[node];
        machine.life += 1;
        machine.checkpoint_is_planned = false;
        let mut shards = Vec::new();
        for shard in SHARDS.iter() {
            let meta = machine.disk.store.snapshot().and_then(|snapshot| snapshot.shard_meta(*shard));
            let meta = meta.map_err(|error| Violation {
                invariant: "what a shard left behind can be read",
                what: error.to_string(),
            })?;
            let epoch = machine.disk.store.epoch();
            let seed = self.random.seed();
            shards.push(ShardCore::open(
                *shard,
                machine.id,
                meta,
                epoch,
                SHARD_LIMITS,
                Fence::first(0),
                seed,
            ));
        }
        machine.process = Some(Process {
            shards,
            lane: Lane::default(),
            writing: BTreeMap::new(),
            requests_to_shards: 0,
            in_flight: Vec::new(),
            calls: BTreeMap::new(),
            requests: BTreeMap::new(),
            coordinating: BTreeMap::new(),
            reads: BTreeMap::new(),
            ranges: BTreeMap::new(),
            rounds: BTreeMap::new(),
        });
        let life = machine.life;
        self.note("node {} starts its life {}", &[node as u64, life]);
        self.plan_checkpoint(node);
        Ok(())
    }

    pub(super) fn node_does(&mut self, node: usize, life: u64, inside: Inside) -> Result<(), Violation> {
        if self.machines[node].life != life || self.machines[node].process.is_none() {
            return Ok(());
        }
        match inside {
            Inside::Coordinate { shard, request, writes } => {
                self.coordinate(node, shard, Origin::Client(request), writes)
            }
            Inside::Look { request, part } => self.look_here(node, request, part),
            Inside::LookAtRange { request, page, ask } => {
                let answer = Answer::Page(self.show_page(node, &ask));
                self.page_came(node, request, page, Some(answer))
            }
            Inside::Late { request } => self.read_steps(node, request, Read::Late),
            Inside::Persist(batch) => {
                self.lane_gets(node, batch);
                Ok(())
            }
            Inside::LaneTurn => {
                self.lane_turn(node);
                Ok(())
            }
            Inside::Committed => self.committed(node),
            Inside::CommitReturned(outcome) => {
                self.commit_returned(node, outcome);
                Ok(())
            }
            Inside::Persisted { shard, batch, outcome } => self.shard_hears(node, shard, batch, outcome),
            Inside::Tick(shard) => self.shard_steps(node, shard, Event::Tick, Vec::new()),
            Inside::Deadline(call) => self.goes_on(node, call, None),
            Inside::Checkpoint => {
                self.checkpoint_step(node);
                Ok(())
            }
            Inside::Exit => self.crash(node),
        }
    }
}
