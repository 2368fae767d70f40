//! The shell of the lane: a mailbox, one thread, and commits that block it.

use crate::disk::Disk;
use crate::invariants::{Violation, refused, snapshots};
use crate::keyspace::SHARDS;
use crate::node::Inside;
use crate::oracle::WriteId;
use crate::scheduler::Channel;
use crate::shape::Part;
use crate::world::World;
use std::collections::VecDeque;
use troupe_actors::store::lane::core::{Effect, Event, LaneCore};
use troupe_actors::store::lane::{Batch, BatchId, Fence, Owner};
use troupe_actors::store::{CommitError, Store, Write};

/// The operations of a commit, and a few more, after which a disk may fail in the middle of it.
const FAILING_OPERATIONS_MAX: u64 = 4;

/// A lane: its mailbox, its core, and the commit that blocks it.
#[derive(Default)]
pub(crate) struct Lane {
    core: LaneCore<LaneBatch>,
    mailbox: VecDeque<Batch<LaneBatch>>,
    arrived: u64,
    turn_is_scheduled: bool,
    wants_flush: bool,
    /// The group whose commit blocks the lane's thread; empty if none does.
    committing: Vec<Batch<LaneBatch>>,
    /// Whether that commit has done, on the disk, what it will do.
    is_decided: bool,
}

impl Lane {
    pub(crate) fn is_idle(&self) -> bool {
        self.mailbox.is_empty() && !self.wants_flush && !self.is_blocked()
    }

    fn is_blocked(&self) -> bool {
        !self.committing.is_empty()
    }

    /// What the lane's thread does next.
    fn next(&mut self) -> Option<Event<LaneBatch>> {
        if self.is_blocked() {
            return None;
        }
        if let Some(batch) = self.mailbox.pop_front() {
            return Some(Event::Arrived(batch));
        }
        std::mem::take(&mut self.wants_flush).then_some(Event::Flush)
    }
}

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
            node.lane.arrived += 1;
            let order = node.lane.arrived;
            node.lane.mailbox.push_back(Batch { order, ..batch });
        }
        self.wake_lane();
    }

    pub(crate) fn wake_lane(&mut self) {
        let delay_us = self.hop_us();
        let Some(node) = &mut self.node else { return };
        let lane = &mut node.lane;
        if !lane.is_idle() && !lane.is_blocked() && !lane.turn_is_scheduled {
            lane.turn_is_scheduled = true;
            self.inside(delay_us, Inside::LaneTurn);
        }
    }

    /// The lane's thread takes what is in the mailbox, then what it scheduled for itself, until a commit blocks it.
    pub(crate) fn lane_turn(&mut self) {
        if let Some(node) = &mut self.node {
            node.lane.turn_is_scheduled = false;
        }
        while let Some(event) = self.node.as_mut().and_then(|node| node.lane.next()) {
            self.lane_steps(event);
        }
    }

    fn lane_steps(&mut self, event: Event<LaneBatch>) {
        let now_ms = self.scheduler.now_us() / 1000;
        let Some(node) = &mut self.node else { return };
        for effect in node.lane.core.step(now_ms, event) {
            match effect {
                Effect::ScheduleFlush => {
                    if let Some(node) = &mut self.node {
                        node.lane.wants_flush = true;
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
            node.lane.committing = group;
            node.lane.is_decided = false;
        }
        let is_split = Disk::has_separate_counters();
        self.inside(delay_us, if is_split { Inside::ItemsCommitted } else { Inside::Committed });
    }

    /// The first half of a commit of a store that has the mutation.
    pub(crate) fn items_committed(&mut self) {
        let Some(node) = &self.node else { return };
        let group = &node.lane.committing;
        let (ids, stripped) = (ids_of(group), Disk::without_counters(&writes_of(group)));
        if self.disk.commit(&self.oracle, &ids, &stripped.iter().collect::<Vec<_>>()).is_ok() {
            ids.iter().for_each(|id| self.oracle.stored(*id));
        }
        let delay_us = self.random.between(1, 200);
        self.inside(delay_us, Inside::Committed);
    }

    /// The moment at which the transaction is durable and visible, both at once; or at which it fails.
    pub(crate) fn committed(&mut self) -> Result<(), Violation> {
        let breaks = !self.is_settling() && self.random.percent(1) && self.shape.has(Part::BrokenDisks);
        let Some(node) = &mut self.node else { return Ok(()) };
        let group = std::mem::take(&mut node.lane.committing);
        if breaks {
            self.disk.fail_soon(&mut self.random, FAILING_OPERATIONS_MAX);
        }
        let outcome = if self.random.percent(10) {
            self.commit_under_a_reader(&group)?
        } else {
            self.disk.commit(&self.oracle, &ids_of(&group), &writes_of(&group))
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
            node.lane.committing = group;
            node.lane.is_decided = true;
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
            self.disk.commit_under_a_reader(&self.oracle, &ids_of(group), writes, steps);
        snapshots::check(&self.oracle, &before, &self.disk.held, &snapshot)?;
        Ok(outcome)
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
        if node.lane.is_decided {
            return Ok(());
        }
        let group = std::mem::take(&mut node.lane.committing);
        if group.is_empty() || Disk::has_separate_counters() {
            return Ok(());
        }
        self.disk.fail_soon(&mut self.random, FAILING_OPERATIONS_MAX);
        if self.disk.commit(&self.oracle, &ids_of(&group), &writes_of(&group)).is_ok() {
            self.note("a commit of {} batches is on disk, and nobody hears of it", &[group.len() as u64]);
            self.stored(&group)?;
        }
        Ok(())
    }

    pub(crate) fn commit_returned(&mut self, outcome: Result<(), CommitError>) {
        let Some(node) = &mut self.node else { return };
        let group = std::mem::take(&mut node.lane.committing);
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
