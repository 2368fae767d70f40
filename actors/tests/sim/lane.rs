//! The shell of the lane: what its thread is told, and what becomes of its commits.

use crate::disk::Disk;
use crate::invariants::{Violation, refused, snapshots};
use crate::keyspace::SHARDS;
use crate::node::Inside;
use crate::oracle::{Held, WriteId};
use crate::scheduler::Channel;
use crate::shape::Part;
use crate::world::World;
use troupe_actors::store::lane::core::{Effect, Event};
use troupe_actors::store::lane::{Batch, BatchId, Fence, Owner};
use troupe_actors::store::{CommitError, Store, Write};

/// The operations of a commit, and a few more, after which a disk may fail in the middle of it.
const FAILING_OPERATIONS_MAX: u64 = 4;

/// Who hands a batch to the lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sender {
    Shard(usize),
    Control,
}

/// What a batch is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LaneBatch {
    pub(crate) from: Sender,
    pub(crate) batch: BatchId,
    pub(crate) ids: Vec<WriteId>,
    pub(crate) writes: Vec<Write>,
}

impl World {
    pub(crate) fn persist(&mut self, shard: usize, fence: Fence, payload: LaneBatch) {
        let batch = Batch {
            owner: Owner::Shard(SHARDS[shard]),
            fence,
            order: 0,
            grows: payload.writes.iter().any(Write::grows),
            bytes: payload.writes.iter().map(Write::bytes).sum(),
            payload,
        };
        let delay_us = self.hop_us();
        self.inside_on(Channel::ShardToLane(shard), delay_us, Inside::Persist(batch));
    }

    pub(crate) fn lane_gets(&mut self, batch: Batch<LaneBatch>) {
        if let Some(node) = &mut self.node {
            node.lane.arrives(batch);
        }
        self.wake_lane();
    }

    pub(crate) fn wake_lane(&mut self) {
        let delay_us = self.hop_us();
        let Some(node) = &mut self.node else { return };
        if node.lane.wakes() {
            self.inside(delay_us, Inside::LaneTurn);
        }
    }

    /// The lane's thread takes what is in the mailbox, then what it scheduled for itself, until a commit blocks it.
    pub(crate) fn lane_turn(&mut self) {
        if let Some(node) = &mut self.node {
            node.lane.turns();
        }
        while let Some(event) = self.node.as_mut().and_then(|node| node.lane.next()) {
            self.lane_steps(event);
        }
    }

    fn lane_steps(&mut self, event: Event<LaneBatch>) {
        let now_ms = self.scheduler.now_us() / 1000;
        let Some(node) = &mut self.node else { return };
        for effect in node.lane.step(now_ms, event) {
            match effect {
                Effect::ScheduleFlush => {
                    if let Some(node) = &mut self.node {
                        node.lane.schedules_flush();
                    }
                }
                Effect::Commit(group) => self.begin_commit(group),
                Effect::EndEpoch => self.disk.store.end_epoch(),
                Effect::Answer(batch, outcome) => {
                    let LaneBatch { from, batch, .. } = batch.payload;
                    let delay_us = self.hop_us();
                    match from {
                        Sender::Shard(shard) => {
                            let persisted = Inside::Persisted { shard, batch, outcome };
                            self.inside_on(Channel::LaneToShard(shard), delay_us, persisted);
                        }
                        Sender::Control => {
                            self.inside_on(
                                Channel::LaneToControl,
                                delay_us,
                                Inside::ControlPersisted(outcome),
                            );
                        }
                    }
                }
                Effect::ReportBroken(_) => {
                    self.note("the lane gives up on its environment", &[]);
                    let delay_us = self.hop_us();
                    self.inside(delay_us, Inside::Exit);
                }
            }
        }
    }

    fn begin_commit(&mut self, group: Vec<Batch<LaneBatch>>) {
        self.note("a commit of {} batches begins", &[group.len() as u64]);
        let duration_us = if self.random.percent(10) { 20_000 } else { 1_000 };
        let delay_us = self.random.between(1, duration_us);
        if let Some(node) = &mut self.node {
            node.lane.begins(group);
        }
        let is_split = Disk::has_separate_counters();
        self.inside(delay_us, if is_split { Inside::ItemsCommitted } else { Inside::Committed });
    }

    /// The first half of a commit of a store that has the mutation.
    pub(crate) fn items_committed(&mut self) {
        let Some(node) = &self.node else { return };
        let group = node.lane.committing();
        let (ids, stripped) = (ids_of(group), Disk::without_counters(&writes_of(group)));
        if self.disk.commit(self.held_after(&ids), &ids, &stripped.iter().collect::<Vec<_>>()).is_ok() {
            ids.iter().for_each(|id| self.oracle.stored(*id));
        }
        let delay_us = self.random.between(1, 200);
        self.inside(delay_us, Inside::Committed);
    }

    /// The moment at which the transaction is durable and visible, both at once; or at which it fails.
    pub(crate) fn committed(&mut self) -> Result<(), Violation> {
        let breaks = !self.is_settling() && self.random.percent(1) && self.shape.has(Part::BrokenDisks);
        let Some(node) = &mut self.node else { return Ok(()) };
        let group = node.lane.takes();
        if breaks {
            self.disk.fail_soon(&mut self.random, FAILING_OPERATIONS_MAX);
        }
        let outcome = if self.random.percent(10) {
            self.commit_under_a_reader(&group)?
        } else {
            self.disk.commit(self.held_after(&ids_of(&group)), &ids_of(&group), &writes_of(&group))
        };
        self.disk.fail_no_more();
        self.note(
            "a commit of {} batches is {?not on disk|on disk}",
            &[group.len() as u64, u64::from(outcome.is_ok())],
        );
        if outcome.is_ok() {
            self.stored(&group)?;
        }
        if let Some(node) = &mut self.node {
            node.lane.decides(group);
        }
        let delay_us = self.hop_us();
        self.inside(delay_us, Inside::CommitReturned(outcome));
        Ok(())
    }

    /// A commit, and a checkpoint behind it, between the two looks of a reader who takes a snapshot.
    fn commit_under_a_reader(
        &mut self,
        group: &[Batch<LaneBatch>],
    ) -> Result<Result<(), CommitError>, Violation> {
        let before = self.disk.held;
        let writes = writes_of(group).into_iter().cloned().collect();
        let steps = (0..self.random.below(6)).map(|_| self.random.between(1, 8) as usize).collect();
        let (outcome, snapshot) =
            self.disk.commit_under_a_reader(self.held_after(&ids_of(group)), &ids_of(group), writes, steps);
        snapshots::check(&self.oracle, &before, &self.disk.held, &snapshot)?;
        Ok(outcome)
    }

    /// What the disk holds once it took these writes.
    fn held_after(&self, ids: &[WriteId]) -> Held {
        let mut held = self.disk.held;
        ids.iter().for_each(|id| self.oracle.apply(&mut held, *id));
        held
    }

    fn stored(&mut self, group: &[Batch<LaneBatch>]) -> Result<(), Violation> {
        self.commits += 1;
        self.unheard += group.iter().filter(|batch| batch.payload.from != Sender::Control).count();
        self.note_stored(&ids_of(group))?;
        if self.random.percent(20) {
            self.disk.copy();
        }
        self.plan_upkeep();
        self.check_counters()
    }

    /// A disk took these writes.
    pub(crate) fn note_stored(&mut self, ids: &[WriteId]) -> Result<(), Violation> {
        for id in ids {
            refused::check_commit(&self.oracle, *id)?;
            self.oracle.stored(*id);
            self.forget_excuses(self.oracle.tried(*id).item);
        }
        Ok(())
    }

    /// The process dies while a commit is under way, at any of the steps that it consists of: whether it made it is seen
    /// when the environment is opened again.
    pub(crate) fn cut_off_commit(&mut self) -> Result<(), Violation> {
        let Some(node) = &mut self.node else { return Ok(()) };
        if node.lane.is_decided() {
            return Ok(());
        }
        let group = node.lane.takes();
        if group.is_empty() || Disk::has_separate_counters() {
            return Ok(());
        }
        self.disk.fail_soon(&mut self.random, FAILING_OPERATIONS_MAX);
        if self.disk.commit(self.held_after(&ids_of(&group)), &ids_of(&group), &writes_of(&group)).is_ok() {
            self.note("a commit of {} batches is on disk, and nobody hears of it", &[group.len() as u64]);
            self.stored(&group)?;
        }
        Ok(())
    }

    pub(crate) fn commit_returned(&mut self, outcome: Result<(), CommitError>) {
        let Some(node) = &mut self.node else { return };
        let group = node.lane.takes();
        self.lane_steps(Event::Committed { group, outcome });
        self.wake_lane();
    }
}

fn ids_of(group: &[Batch<LaneBatch>]) -> Vec<WriteId> {
    group.iter().flat_map(|batch| batch.payload.ids.iter().copied()).collect()
}

fn writes_of(group: &[Batch<LaneBatch>]) -> Vec<&Write> {
    group.iter().flat_map(|batch| &batch.payload.writes).collect()
}
