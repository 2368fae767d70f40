//! What goes wrong in a cluster, and how it ends.

use super::world::{Cluster, Message};
use crate::disk::Fate;
use crate::invariants::{Violation, refused};
use crate::shape::Part;
use troupe_actors::store::Epoch;

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
        match self.random.below(10) {
            0..3 if self.shape.has(Part::Crashes) => self.crash(node)?,
            3 if self.shape.has(Part::Stops) => self.stop(node),
            4..6 if self.shape.has(Part::Cuts) => self.cut(node),
            6..8 => self.network.heal(),
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
            self.note("node {} has stopped", &[node as u64]);
            self.ends(node);
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
        let fresh = Epoch(self.random.next());
        let opened = self.machines[node].disk.reopen(Fate::Kept, 0, fresh)?;
        for id in opened.last {
            refused::check_commit(&self.oracle, id)?;
            self.oracle.stored(id);
        }
        self.open(node)?;
        self.check_replica(node)
    }

    /// Clients make no more trouble, and neither does anything else.
    pub(super) fn settle(&mut self) {
        self.network.settle();
        self.note("nothing goes wrong from now on", &[]);
    }
}
