//! The lane of a node: groups of batches, committed to its disk.

use super::invariants::{context, held};
use super::machine::Inside;
use super::world::{Channel, Cluster};
use crate::invariants::{Violation, refused};
use crate::keyspace::ItemIndex;
use crate::oracle::{Held, History, Oracle, WriteId};
use crate::shape::Part;
use std::collections::BTreeSet;
use troupe_actors::store::journalled::Step;
use troupe_actors::store::lane::Batch;
use troupe_actors::store::lane::BatchId;
use troupe_actors::store::lane::core::{Effect, Event};
use troupe_actors::store::{CommitError, Store, Write};

/// Operations of a commit, and a few more, after which a disk may fail in the middle of it.
const FAILING_OPERATIONS_MAX: u64 = 4;

/// What a batch is for.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(super) shard: usize,
    pub(super) batch: BatchId,
    pub(super) changes: Vec<Change>,
    pub(super) writes: Vec<Write>,
}

/// What a batch does to an item, as the oracle sees it.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A client's write, coordinated here.
    Write(WriteId),
    /// What another replica knew of an item.
    Join(ItemIndex, Box<History>),
}

impl Change {
    pub(super) fn minted(&self) -> Option<WriteId> {
        match self {
            Change::Write(id) => Some(*id),
            Change::Join(..) => None,
        }
    }

    /// Which item, and what is known of it afterwards.
    fn apply(&self, oracle: &Oracle, held: &mut Held) {
        match self {
            Change::Write(id) => oracle.apply(held, *id),
            Change::Join(at, history) => held.join(*at, history),
        }
    }

    fn item(&self, oracle: &Oracle) -> ItemIndex {
        match self {
            Change::Write(id) => oracle.tried(*id).item,
            Change::Join(at, _) => *at,
        }
    }
}

impl Cluster {
    pub(super) fn lane_gets(&mut self, node: usize, batch: Batch<Stored>) {
        if let Some(process) = &mut self.machines[node].process {
            process.lane.arrives(batch);
        }
        self.wake_lane(node);
    }

    fn wake_lane(&mut self, node: usize) {
        let delay_us = self.hop_us();
        let Some(process) = &mut self.machines[node].process else { return };
        if process.lane.wakes() {
            self.inside(node, delay_us, Inside::LaneTurn);
        }
    }

    /// The lane's thread takes what is in the mailbox, until a commit blocks it.
    pub(super) fn lane_turn(&mut self, node: usize) {
        if let Some(process) = &mut self.machines[node].process {
            process.lane.turns();
        }
        while let Some(event) = self.machines[node].process.as_mut().and_then(|process| process.lane.next()) {
            self.lane_steps(node, event);
        }
    }

    fn lane_steps(&mut self, node: usize, event: Event<Stored>) {
        let now_ms = self.scheduler.now_us() / 1000;
        let Some(process) = &mut self.machines[node].process else { return };
        for effect in process.lane.step(now_ms, event) {
            match effect {
                Effect::ScheduleFlush => {
                    if let Some(process) = &mut self.machines[node].process {
                        process.lane.schedules_flush();
                    }
                }
                Effect::Commit(group) => {
                    let duration_us = if self.random.percent(10) { 20_000 } else { 1_000 };
                    let delay_us = self.random.between(1, duration_us);
                    if let Some(process) = &mut self.machines[node].process {
                        process.lane.begins(group);
                    }
                    self.inside(node, delay_us, Inside::Committed);
                }
                Effect::EndEpoch => self.machines[node].disk.store.end_epoch(),
                Effect::Answer(batch, outcome) => {
                    let Stored { shard, batch, .. } = batch.payload;
                    let delay_us = self.hop_us();
                    let persisted = Inside::Persisted { shard, batch, outcome };
                    self.inside_on(Channel::LaneToShard { node, shard }, node, delay_us, persisted);
                }
                Effect::ReportBroken(_) => {
                    self.note("node {} gives up on its environment", &[node as u64]);
                    let delay_us = self.hop_us();
                    self.inside(node, delay_us, Inside::Exit);
                }
            }
        }
    }

    /// The moment at which a group is durable and visible, both at once; or at which the disk fails.
    pub(super) fn committed(&mut self, node: usize) -> Result<(), Violation> {
        let breaks = self.random.percent(1) && self.shape.has(Part::BrokenDisks) && !self.is_settling();
        let Some(process) = &mut self.machines[node].process else { return Ok(()) };
        let group = process.lane.takes();
        if breaks {
            self.machines[node].disk.fail_soon(&mut self.random, FAILING_OPERATIONS_MAX);
        }
        let outcome = self.commit(node, &group);
        self.machines[node].disk.fail_no_more();
        self.note(
            "node {}: a commit of {} batches is {?not on disk|on disk}",
            &[node as u64, group.len() as u64, u64::from(outcome.is_ok())],
        );
        if outcome.is_ok() {
            self.stored(node, &group)?;
        }
        if let Some(process) = &mut self.machines[node].process {
            process.lane.decides(group);
        }
        let delay_us = self.hop_us();
        self.inside(node, delay_us, Inside::CommitReturned(outcome));
        Ok(())
    }

    fn commit(&mut self, node: usize, group: &[Batch<Stored>]) -> Result<(), CommitError> {
        let changes = || group.iter().flat_map(|batch| &batch.payload.changes);
        let mut held = self.machines[node].disk.held;
        changes().for_each(|change| change.apply(&self.oracle, &mut held));
        let ids: Vec<WriteId> = changes().filter_map(Change::minted).collect();
        let writes: Vec<&Write> = group.iter().flat_map(|batch| &batch.payload.writes).collect();
        self.machines[node].disk.commit(held, &ids, &writes)
    }

    fn stored(&mut self, node: usize, group: &[Batch<Stored>]) -> Result<(), Violation> {
        let mut touched = BTreeSet::new();
        for change in group.iter().flat_map(|batch| &batch.payload.changes) {
            touched.insert(change.item(&self.oracle));
            if let Some(id) = change.minted() {
                refused::check_commit(&self.oracle, id)?;
                self.oracle.stored(id);
            }
        }
        self.plan_checkpoint(node);
        self.copy_now_and_then(node);
        for at in touched {
            held::check(&self.oracle, &self.machines[node].disk, at)?;
            context::check(self, node, at)?;
        }
        held::check_index(&self.oracle, &self.machines[node].disk)
    }

    /// The process dies while a commit is under way, at any of the steps that it consists of.
    pub(super) fn cut_off_commit(&mut self, node: usize) -> Result<(), Violation> {
        let Some(process) = &mut self.machines[node].process else { return Ok(()) };
        if process.lane.is_decided() {
            return Ok(());
        }
        let group = process.lane.takes();
        if group.is_empty() {
            return Ok(());
        }
        self.machines[node].disk.fail_soon(&mut self.random, FAILING_OPERATIONS_MAX);
        if self.commit(node, &group).is_ok() {
            self.note("node {}: a commit is on disk, and nobody hears of it", &[node as u64]);
            self.stored(node, &group)?;
        }
        Ok(())
    }

    pub(super) fn commit_returned(&mut self, node: usize, outcome: Result<(), CommitError>) {
        let Some(process) = &mut self.machines[node].process else { return };
        let group = process.lane.takes();
        self.lane_steps(node, Event::Committed { group, outcome });
        self.wake_lane(node);
    }

    /// Something is in the tables and the journal.
    pub(super) fn plan_checkpoint(&mut self, node: usize) {
        if !std::mem::replace(&mut self.machines[node].checkpoint_is_planned, true) {
            let delay_us = self.random.between(1, 30_000);
            self.inside(node, delay_us, Inside::Checkpoint);
        }
    }

    pub(super) fn checkpoint_step(&mut self, node: usize) {
        let rows_max = self.random.between(1, 8) as usize;
        let machine = &mut self.machines[node];
        machine.checkpoint_is_planned = false;
        match machine.disk.checkpoint_step(rows_max) {
            Ok(Step::Partial | Step::Finished) => self.plan_checkpoint(node),
            // Whatever is stored next has it tried again.
            Ok(Step::Idle) | Err(CommitError::MapFull | CommitError::DiskFull) => {}
            Err(CommitError::Broken(_)) => {
                let delay_us = self.hop_us();
                self.inside(node, delay_us, Inside::Exit);
            }
        }
    }

    /// What a node's shard builds on: what is stored of an item, and what is on its way to the disk.
    pub(super) fn known_to_shard(&self, node: usize, at: ItemIndex) -> History {
        let machine = &self.machines[node];
        let mut held = machine.disk.held;
        let in_flight = machine.process.iter().flat_map(|process| &process.in_flight);
        for change in in_flight.flat_map(|sent| &sent.changes) {
            change.apply(&self.oracle, &mut held);
        }
        *held.of(at)
    }
}
