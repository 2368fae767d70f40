//! What happens to the tests' nodes and disks.

use super::replica::{Disk, Row, TestReplica, shard};
use super::world::{DELAY_MS, World, id};
use crate::antientropy::{Age, EntropyCore, Event, Held, may_forget};
use crate::causality::Context;

impl World {
    /// Ends a node's process, which starts again at once or later; `disk` takes the place of its disk.
    pub(super) fn crash(&mut self, node: usize, disk: Option<Disk>, down_ms: u64) {
        self.links_of(node, false);
        self.next_actor += 1;
        let (actor, is_rollback) = (self.next_actor, disk.is_some());
        let own = &mut self.nodes[node];
        let disk = disk.unwrap_or_else(|| own.replica.disk.clone());
        own.replica = TestReplica::open(disk, actor);
        own.boot += 1;
        own.merges.clear();
        own.acks.clear();
        own.incarnation += u64::from(is_rollback);
        own.is_being_removed = false;
        let held = match own.held {
            Held::Live(_) => Held::Live(0),
            Held::Receiving(_) => Held::Receiving(0),
            Held::Amnesiac(_) => Held::Amnesiac(0),
            Held::Absent | Held::Dropping => own.held,
        };
        let is_held = held != Held::Absent;
        let held = is_held.then_some((shard(), held));
        let is_amnesiac = matches!(held, Some((_, Held::Amnesiac(_))));
        own.core = EntropyCore::new(id(node), own.boot, self.limits, held);
        own.down_until_ms = if down_ms == 0 { 0 } else { self.now_ms + down_ms };
        let view = self.view(node);
        self.step(node, Event::Layout(view));
        if is_rollback || is_amnesiac {
            self.step(node, Event::LostMemory([shard()].into()));
            for peer in self.members() {
                self.step(node, Event::Voided { peer: id(peer) });
            }
        }
        if down_ms == 0 {
            self.links_of(node, true);
        }
    }

    /// A shard that is on its way out loses a row at a time, its clock last.
    pub(super) fn remove_rows(&mut self, node: usize) {
        if !self.nodes[node].is_being_removed {
            return;
        }
        let own = &mut self.nodes[node];
        own.replica.pending.clear();
        own.acks.clear();
        if own.replica.disk.rows.pop_first().is_none() {
            self.next_actor += 1;
            let own = &mut self.nodes[node];
            own.replica = TestReplica::new(self.next_actor);
            (own.is_being_removed, own.image) = (false, None);
            own.held = Held::Absent;
            self.step(node, Event::Removed(shard()));
        }
    }

    /// Drops the tombstones that may go, and has the core look out for actors that only items name.
    pub(super) fn forget(&mut self, node: usize) {
        if self.nodes[node].held == Held::Dropping {
            return;
        }
        let age = Age { now_ms: self.now_ms, delay_ms: DELAY_MS };
        let may_go = |row: &Row, clock: &Context| may_forget(&row.item, row.changed_ms, clock, age);
        self.nodes[node].replica.forget(may_go);
    }

    /// Keeps a copy of a node's disk, which may be put back later.
    pub(super) fn take_image(&mut self, node: usize) {
        let own = &mut self.nodes[node];
        if own.image.is_none() && own.held != Held::Dropping {
            own.image = Some(own.replica.disk.clone());
            self.say(&format!("image of node {node}"));
        }
    }
}
