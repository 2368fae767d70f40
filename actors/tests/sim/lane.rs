//! The shell of the lane: a mailbox, one thread, and commits that block it.

use crate::disk::Disk;
use crate::invariants::{Violation, refused};
use crate::keyspace::SHARDS;
use crate::node::Inside;
use crate::oracle::WriteId;
use crate::scheduler::Channel;
use crate::shape::Part;
use crate::world::World;
use std::collections::VecDeque;
use troupe_actors::store::lane::core::{Effect, Event, LaneCore};
use troupe_actors::store::lane::{Batch, BatchId, Fence, Owner};
use troupe_actors::store::{CommitError, FailureCause, Store, Write};

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
        let stripped = Disk::without_counters(&writes_of(group));
        if self.disk.commit(&stripped.iter().collect::<Vec<_>>()).is_ok() {
            for id in group.iter().flat_map(|batch| &batch.payload.ids) {
                self.oracle.stored(&mut self.disk.held, *id);
            }
        }
        let delay_us = self.random.between(1, 200);
        self.inside(delay_us, Inside::Committed);
    }

    /// The moment at which the transaction is durable and visible, both at once; or at which it fails.
    pub(crate) fn committed(&mut self) -> Result<(), Violation> {
        let breaks = !self.is_settling() && self.random.percent(1) && self.shape.has(Part::BrokenDisks);
        let is_tried = !breaks || self.random.percent(50);
        let Some(node) = &mut self.node else { return Ok(()) };
        let group = std::mem::take(&mut node.lane.committing);
        let mut outcome = if is_tried { self.disk.commit(&writes_of(&group)) } else { Ok(()) };
        let is_stored = is_tried && outcome.is_ok();
        self.note(
            "a commit of {} batches is {?not on disk|on disk}{?|, and the disk fails}",
            &[group.len() as u64, u64::from(is_stored), u64::from(breaks)],
        );
        if is_stored {
            self.stored(&group)?;
        }
        if breaks {
            // Whether the transaction made it is then anybody's guess.
            outcome = Err(FailureCause::Io(std::io::Error::other("input/output error")).into());
        }
        if let Some(node) = &mut self.node {
            node.lane.committing = group;
            node.lane.is_decided = true;
        }
        let delay_us = self.hop_us();
        self.inside(delay_us, Inside::CommitReturned(outcome));
        Ok(())
    }

    fn stored(&mut self, group: &[Batch<LaneBatch>]) -> Result<(), Violation> {
        self.commits += 1;
        self.unheard += group.iter().filter(|batch| batch.payload.from != Sender::Control).count();
        for id in group.iter().flat_map(|batch| &batch.payload.ids) {
            refused::check_commit(&self.oracle, *id)?;
            self.oracle.stored(&mut self.disk.held, *id);
            self.forget_excuses(self.oracle.tried(*id).item);
        }
        if self.random.percent(20) {
            self.disk.copy();
        }
        self.check_counters()
    }

    /// The process dies while a commit is under way: whether it made it is anybody's guess.
    pub(crate) fn cut_off_commit(&mut self) -> Result<(), Violation> {
        let Some(node) = &mut self.node else { return Ok(()) };
        if node.lane.is_decided {
            return Ok(());
        }
        let group = std::mem::take(&mut node.lane.committing);
        let is_kept = self.random.percent(50) && !Disk::has_separate_counters();
        if !group.is_empty() && is_kept && self.disk.commit(&writes_of(&group)).is_ok() {
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

fn writes_of(group: &[Batch<LaneBatch>]) -> Vec<&Write> {
    group.iter().flat_map(|batch| &batch.payload.writes).collect()
}
