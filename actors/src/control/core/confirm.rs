//! A change is acknowledged when a majority of the nodes with a role hold it durably.

use super::{ControlCore, ControlError, Effect, RequestId};
use crate::clock::WallMs;
use crate::control::message::ControlMessage;
use crate::control::rows::Row;
use crate::ids::NodeId;
use crate::limits::CONTROL_CONFIRM_S;
use crate::mutation::{Mutation, is_on};
use std::collections::{BTreeMap, BTreeSet};

/// Changes that are durable here and wait for others.
#[derive(Debug, Default)]
pub(super) struct Confirming {
    changes: BTreeMap<u64, Change>,
    next: u64,
}

#[derive(Debug)]
struct Change {
    request: RequestId,
    rows: Vec<Row>,
    /// Whether every peer that can be reached has to hold it, too.
    by_all: bool,
    held_by: BTreeSet<NodeId>,
    since_ms: u64,
}

impl ControlCore {
    pub(super) fn confirm(
        &mut self,
        now: WallMs,
        request: RequestId,
        by_all: bool,
        rows: Vec<Row>,
    ) -> Vec<Effect> {
        let number = self.confirming.next;
        self.confirming.next += 1;
        let mut effects = self.spread(now, Some(number), &rows);
        let change =
            Change { request, rows, by_all, held_by: BTreeSet::from([self.node]), since_ms: self.uptime_ms };
        self.confirming.changes.insert(number, change);
        effects.extend(self.settle(number));
        effects
    }

    pub(super) fn hear_held(&mut self, from: NodeId, number: u64) -> Vec<Effect> {
        if let Some(change) = self.confirming.changes.get_mut(&number) {
            change.held_by.insert(from);
        }
        self.settle(number).into_iter().collect()
    }

    /// Sends again what is not confirmed, and gives up what was not for too long.
    pub(super) fn confirm_again(&mut self, now: WallMs) -> Vec<Effect> {
        let mut effects = Vec::new();
        let numbers: Vec<u64> = self.confirming.changes.keys().copied().collect();
        for number in numbers {
            effects.extend(self.settle(number));
            let Some(change) = self.confirming.changes.get(&number) else { continue };
            if self.uptime_ms.saturating_sub(change.since_ms) < CONTROL_CONFIRM_S * 1000 {
                let missing = self.linked.difference(&change.held_by);
                let message = ControlMessage::Rows { change: Some(number), rows: change.rows.clone() };
                effects.extend(missing.map(|peer| self.send(now, *peer, message.clone())));
                continue;
            }
            let (held, needed) = self.count(&change.held_by);
            let (request, result) = (change.request, Err(ControlError::Unconfirmed { held, needed }));
            self.confirming.changes.remove(&number);
            effects.push(Effect::Answer { request, result });
        }
        effects
    }

    fn settle(&mut self, number: u64) -> Option<Effect> {
        let change = self.confirming.changes.get(&number)?;
        let (held, needed) = self.count(&change.held_by);
        let is_everywhere = !change.by_all || self.linked.is_subset(&change.held_by);
        let is_enough = held >= needed || is_on(Mutation::ChangeAcknowledgedWithoutMajority);
        if !is_enough || !is_everywhere {
            return None;
        }
        let request = self.confirming.changes.remove(&number)?.request;
        Some(Effect::Answer { request, result: Ok(()) })
    }

    /// How many nodes with a role hold a change, and how many have to. Before there are any: none.
    fn count(&self, held_by: &BTreeSet<NodeId>) -> (usize, usize) {
        let voters = self.voters();
        let needed = if voters.is_empty() { 0 } else { voters.len() / 2 + 1 };
        (voters.intersection(held_by).count(), needed)
    }
}
