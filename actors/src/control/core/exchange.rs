//! How peers come to hold the same rows: each change is sent to all at once, and what got lost is found by comparing
//! digests.
//!
//! ```text
//! A ── Summary ──▶ B      the same: B answers Same
//! A ◀── Buckets ── B      not the same
//! A ── Rows, Wanted ─▶ B  of the buckets that differ
//! A ◀── Rows ──── B
//! A ◀─ Summary ─▶ B       once they are durable: one a tick
//! ```

use super::{ControlCore, Effect, Job, Own};
use crate::clock::WallMs;
use crate::control::digests::{BUCKETS, bucket_of};
use crate::control::message::{ControlMessage, Envelope};
use crate::control::rows::Row;
use crate::control::state::ControlState;
use crate::ids::NodeId;
use crate::limits::{
    CONTROL_EXCHANGE_MS, CONTROL_MESSAGE_BYTES_MAX, CONTROL_MESSAGES_PER_EXCHANGE, CONTROL_PEERS_PER_EXCHANGE,
};
use std::collections::BTreeSet;
use std::ops::Bound;

/// When rows that a peer sent are answered with a summary: at once, but with one summary a tick. An exchange whose rows come
/// in several messages, or while others change, would begin one more exchange with each of them: these multiply, and an
/// actor that only receives hears nothing of its disk and never becomes equal.
#[derive(Debug, Default)]
pub(super) struct Summaries {
    sent_in_this_tick: BTreeSet<NodeId>,
    due: BTreeSet<NodeId>,
}

impl ControlCore {
    /// Compares with a peer whose rows are stored, now or with the next tick.
    pub(super) fn summarise_paced(&mut self, now: WallMs, to: NodeId) -> Vec<Effect> {
        if self.summaries.sent_in_this_tick.insert(to) {
            return vec![self.summarise(now, to)];
        }
        self.summaries.due.insert(to);
        Vec::new()
    }

    fn summarise_due(&mut self, now: WallMs) -> Vec<Effect> {
        self.summaries.sent_in_this_tick = std::mem::take(&mut self.summaries.due);
        self.summaries.sent_in_this_tick.iter().map(|peer| self.summarise(now, *peer)).collect()
    }

    pub(super) fn receive(&mut self, now: WallMs, from: NodeId, envelope: Envelope) -> Vec<Effect> {
        let Envelope { cluster, wall_ms, message } = envelope;
        if let (Some(mine), Some(theirs)) = (self.state.cluster_id(), cluster)
            && mine != theirs
        {
            self.heard.foreign(from);
            return Vec::new();
        }
        self.heard.clock(from, now, wall_ms);
        match message {
            ControlMessage::Rows { change, rows } => {
                let state = Box::new(ControlState::from_peer(&rows));
                self.wait_for_peer(Job::Take { from, change, state });
                Vec::new()
            }
            ControlMessage::Held { change } => self.hear_held(from, change),
            ControlMessage::Summary { digest } if digest == self.digests.summary() => {
                let mut effects = self.agree(from);
                effects.push(self.send(now, from, ControlMessage::Same { digest }));
                effects
            }
            ControlMessage::Summary { digest: _ } => {
                let digests = self.digests.buckets().to_vec();
                vec![self.send(now, from, ControlMessage::Buckets { digests })]
            }
            ControlMessage::Same { digest } if digest == self.digests.summary() => self.agree(from),
            ControlMessage::Same { digest: _ } => Vec::new(),
            ControlMessage::Buckets { digests } if digests.len() == BUCKETS => {
                let buckets = self.digests.differing(&digests);
                let mut effects = self.send_buckets(now, from, &buckets);
                effects.push(self.send(now, from, ControlMessage::Wanted { buckets }));
                effects
            }
            ControlMessage::Buckets { digests: _ } => Vec::new(),
            ControlMessage::Wanted { buckets } => self.send_buckets(now, from, &buckets),
            ControlMessage::Decree(message) => self.hear_decree(now, from, message),
        }
    }

    pub(super) fn link(&mut self, now: WallMs, peer: NodeId, is_up: bool) -> Vec<Effect> {
        if !is_up {
            self.linked.remove(&peer);
            return Vec::new();
        }
        self.linked.insert(peer);
        vec![self.summarise(now, peer)]
    }

    pub(super) fn tick(&mut self, now: WallMs, uptime_ms: u64) -> Vec<Effect> {
        self.uptime_ms = uptime_ms;
        let mut effects = self.summarise_due(now);
        effects.extend(self.confirm_again(now));
        effects.extend(self.apply_again(now));
        let (mut peer, last_ms) = self.exchanged;
        if uptime_ms.saturating_sub(last_ms) < CONTROL_EXCHANGE_MS {
            return effects;
        }
        let count = 1 + self.linked.len() / CONTROL_PEERS_PER_EXCHANGE;
        for _ in 0..count.min(self.linked.len()) {
            let after = self.linked.range((Bound::Excluded(peer), Bound::Unbounded)).next();
            let Some(next) = after.or(self.linked.first()) else { break };
            peer = *next;
            effects.push(self.summarise(now, peer));
        }
        self.exchanged = (peer, uptime_ms);
        effects
    }

    /// Begins an exchange.
    pub(super) fn summarise(&self, now: WallMs, to: NodeId) -> Effect {
        self.send(now, to, ControlMessage::Summary { digest: self.digests.summary() })
    }

    /// Sends rows to every peer that can be reached.
    pub(super) fn spread(&self, now: WallMs, change: Option<u64>, rows: &[Row]) -> Vec<Effect> {
        let message = ControlMessage::Rows { change, rows: rows.to_vec() };
        self.linked.iter().map(|peer| self.send(now, *peer, message.clone())).collect()
    }

    /// A peer holds the same rows.
    fn agree(&mut self, peer: NodeId) -> Vec<Effect> {
        self.heard.agreed(peer, self.uptime_ms);
        if self.has_joined {
            return Vec::new();
        }
        self.has_joined = true;
        match self.state.secrets.oldest() {
            None => self.wait_for_own(Own::Secret),
            Some(_) => self.wait_for_own(Own::Incarnation),
        }
    }

    fn send_buckets(&self, now: WallMs, to: NodeId, buckets: &[u8]) -> Vec<Effect> {
        let mut is_wanted = [false; BUCKETS];
        buckets.iter().for_each(|bucket| is_wanted[usize::from(*bucket)] = true);
        let mut rows = self.state.to_rows();
        rows.retain(|(key, _)| is_wanted[usize::from(bucket_of(key))]);
        // Whole buckets become equal one after the other, should there be too much for one exchange.
        rows.sort_by_cached_key(|(key, _)| bucket_of(key));
        let messages = in_messages(rows).into_iter().take(CONTROL_MESSAGES_PER_EXCHANGE);
        messages.map(|rows| self.send(now, to, ControlMessage::Rows { change: None, rows })).collect()
    }
}

fn in_messages(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut messages: Vec<Vec<Row>> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let row_bytes = row.0.len() + row.1.len();
        match messages.last_mut() {
            Some(message) if bytes + row_bytes <= CONTROL_MESSAGE_BYTES_MAX => {
                bytes += row_bytes;
                message.push(row);
            }
            Some(_) | None => {
                bytes = row_bytes;
                messages.push(vec![row]);
            }
        }
    }
    messages
}
