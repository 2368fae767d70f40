//! What goes wrong in a cluster, and how it ends.

use super::world::{Cluster, Message};
use crate::disk::Fate;
use crate::invariants::{Violation, refused};
use crate::keyspace::SHARDS;
use crate::shape::Part;
use troupe_actors::shard::Event;
use troupe_actors::store::{Epoch, ShardState};

impl Cluster {
    pub(super) fn schedule_fault(&mut self) {
        let delay_us = match self.random.below(10) {
            0 => self.random.between(100_000, 10_000_000),
            _ => self.random.between(500, 100_000),
        };
        self.scheduler.send(delay_us, Message::Fault);
    }

    pub(super) fn fault(&mut self) -> Result<(), Violation> {
        if self.is_settling() {
            return Ok(());
        }
        let node = self.random.below(self.machines.len());
        match self.random.below(12) {
            0..3 if self.shape.has(Part::Crashes) => self.crash(node)?,
            3 if self.shape.has(Part::Stops) => self.stop(node),
            4..6 if self.shape.has(Part::Cuts) => self.cut(node),
            7 | 10 => self.network.heal(),
            6 | 9 if self.shape.has(Part::Layouts) => self.layout_changes()?,
            8 if self.shape.has(Part::Clocks) => self.turn_clock(node),
            _ => {}
        }
        self.schedule_fault();
        Ok(())
    }

    /// A node is cut off from some of the others: nothing from them arrives, nothing to them, or neither.
    fn cut(&mut self, node: usize) {
        let kind = self.random.below(3);
        for other in (0..self.machines.len()).filter(|other| *other != node) {
            if self.random.percent(60) {
                if kind != 0 {
                    self.network.cut(node, other);
                }
                if kind != 1 {
                    self.network.cut(other, node);
                }
            }
        }
        self.note("node {} is cut off: {?inwards|outwards|both ways}", &[node as u64, kind as u64]);
    }

    fn turn_clock(&mut self, node: usize) {
        let machine = &mut self.machines[node];
        machine.skew_ms = match self.random.percent(50) {
            true => self.random.between(1_000_000, 1_100_000),
            false => machine.skew_ms.saturating_sub(self.random.between(1, 100)),
        };
        let skew_ms = machine.skew_ms;
        self.note("somebody sets the clock of node {}: it is {} ms ahead", &[node as u64, skew_ms]);
    }

    /// The process dies, alone or with its machine.
    pub(super) fn crash(&mut self, node: usize) -> Result<(), Violation> {
        self.cut_off_commit(node)?;
        if self.machines[node].process.is_some() {
            let is_power_cut = self.random.percent(50) && self.shape.has(Part::PowerCuts);
            if is_power_cut {
                self.machines[node].disk.cut_power(&mut self.random);
            }
            self.note(
                "node {}: {?the process dies|the power fails}",
                &[node as u64, u64::from(is_power_cut)],
            );
            self.ends(node);
        }
        Ok(())
    }

    /// A node that has nothing to do is stopped, and closes its environment.
    fn stop(&mut self, node: usize) {
        let is_idle = self.machines[node].process.as_ref().is_some_and(|process| {
            process.lane.is_idle() && process.in_flight.is_empty() && process.writing.is_empty()
        });
        if is_idle {
            let nonce = self.random.next();
            self.machines[node].disk.close_clean(nonce);
            self.copy_now_and_then(node);
            self.note("node {} has stopped", &[node as u64]);
            self.ends(node);
        }
    }

    /// Somebody copies a disk.
    pub(super) fn copy_now_and_then(&mut self, node: usize) {
        if self.random.percent(20) {
            self.machines[node].disk.copy();
        }
    }

    fn ends(&mut self, node: usize) {
        self.lose_connections(node);
        self.machines[node].process = None;
        let delay_us = if self.random.percent(20) { 100_000_000 } else { 10_000 };
        let delay_us = self.random.between(1, delay_us);
        self.scheduler.send(delay_us, Message::Start(node));
    }

    pub(super) fn start(&mut self, node: usize) -> Result<(), Violation> {
        if self.machines[node].process.is_some() {
            return Ok(());
        }
        let (fresh, which) = (Epoch(self.random.next()), self.random.below(16));
        let fate = self.fate();
        let opened = self.machines[node].disk.reopen(fate, which, fresh)?;
        for id in opened.last {
            refused::check_commit(&self.oracle, id)?;
            self.oracle.stored(id);
        }
        self.open(node)?;
        self.check_replica(node)?;
        if fate != Fate::Kept {
            self.note(
                "node {} comes back with {?an older|an empty} disk",
                &[node as u64, u64::from(fate == Fate::Vanished)],
            );
            self.machines[node].has_lost_memory = true;
            self.is_reborn(node)?;
        }
        if self.machines[node].has_lost_memory {
            self.forgets(node)?;
        }
        for shard in 0..SHARDS.len() {
            if self.layout.gaining.contains(&(node, shard)) {
                self.gains(node, shard)?;
            }
        }
        Ok(())
    }

    /// What happened to a disk while its node was down. A second replica must not lose its memory before the first has it
    /// back: together they may be all that held a write. Nor is a disk lost while a layout changes.
    fn fate(&mut self) -> Fate {
        let is_drawn = self.random.percent(self.habits.rollback_percent());
        let others_are_whole = (0..self.machines.len()).all(|other| !self.machines[other].has_lost_memory);
        let may = !self.layout.is_changing()
            && self.layout.replication > 1
            && others_are_whole
            && self.shape.has(Part::Rollbacks);
        match self.random.below(3) {
            _ if !is_drawn || !may || self.is_settling() => Fate::Kept,
            0 => Fate::EnvironmentRestored { in_place: self.random.percent(50) },
            1 => Fate::FolderRestored,
            _ => Fate::Vanished,
        }
    }

    /// The others hear that a node lost its memory, before anything else that it says.
    fn is_reborn(&mut self, node: usize) -> Result<(), Violation> {
        let peer = self.node_id(node);
        for other in (0..self.machines.len()).filter(|other| *other != node) {
            for shard in 0..SHARDS.len() {
                self.shard_steps(other, shard, Event::PeerReborn { peer }, Vec::new())?;
            }
        }
        Ok(())
    }

    /// A node that lost its memory does not vote on its shards until it was compared with all others.
    fn forgets(&mut self, node: usize) -> Result<(), Violation> {
        for shard in 0..SHARDS.len() {
            if self.layout.replicas(shard).contains(&node) {
                self.shard_steps(node, shard, Event::Standing(ShardState::Amnesiac), Vec::new())?;
                self.shard_steps(node, shard, Event::StoreRow, Vec::new())?;
            }
        }
        self.remembers(node);
        Ok(())
    }

    /// Whether a node that lost its memory has it back.
    pub(super) fn remembers(&mut self, node: usize) {
        let lacks = |shard: usize| {
            let process = self.machines[node].process.as_ref();
            self.layout.replicas(shard).contains(&node)
                && !process.is_some_and(|process| process.shards[shard].may_vote())
        };
        if !(0..SHARDS.len()).any(lacks) {
            self.machines[node].has_lost_memory = false;
        }
    }

    /// Clients make no more trouble, and neither does anything else.
    pub(super) fn settle(&mut self) {
        self.network.settle();
        self.note("nothing goes wrong from now on", &[]);
    }
}
