//! Rounds of anti-entropy, and what a cluster is like after enough of them.

use super::{Asked, Cluster, Half, Heard, node, partition, sort_key};
use crate::happening::Happening;
use std::rc::Rc;
use troupe_actors::shard::{Event, ItemState, States};

impl Cluster {
    pub(super) fn round_begins(&mut self, a: usize, b: usize) {
        self.spent.rounds += 1;
        for (one, other) in [(a, b), (b, a)] {
            if !self.votes(one) {
                self.heard.insert(Heard::Reborn(self.replicas[other].life, one, self.spent.rounds));
                self.learns(other, Event::PeerReborn { peer: node(one) });
            }
        }
        for (to, other) in [(a, b), (b, a)] {
            let shows = &self.replicas[other];
            let clock = shows.core.clock();
            let asked = Asked::Round {
                other,
                began: self.replicas[to].core.clock().moment().0,
                actor: clock.actor().0,
                committed: clock.committed(),
                is_complete: self.votes(other),
            };
            let item = shows.disk.row.clone().unwrap_or_default();
            let state = ItemState::new(partition(), sort_key(), item.encode().into());
            let state = state.expect("it was encoded as an item");
            let states = Rc::new(States { clock: clock.shown(), items: vec![state] });
            self.halves.push(Half { to, life: self.replicas[to].life, asked, states });
        }
    }

    /// Whatever is under way arrives, everything is committed, and every two replicas are compared, again and again.
    pub(crate) fn comes_to_rest(&mut self) {
        for message in 0..self.messages.len() {
            self.happens(Happening::Arrive { message });
        }
        for _ in 0..3 {
            for (a, b) in [(0, 1), (0, 2), (1, 2)] {
                self.round_begins(a, b);
                while !self.halves.is_empty() {
                    self.happens(Happening::RoundArrives { half: 0 });
                    (0..3).for_each(|at| self.commit_all(at));
                }
            }
        }
    }

    pub(super) fn commit_all(&mut self, at: usize) {
        while self.has_pending(at) {
            self.commit(at);
        }
    }
}
