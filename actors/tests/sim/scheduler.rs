//! Virtual time: what happens when, and in which order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

/// Deliveries that keep their order, as between two actors. What has no channel may overtake.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    /// From a shard to the lane.
    ShardToLane(usize),
    /// From the lane back to a shard.
    LaneToShard(usize),
    /// From the control plane to the lane.
    ControlToLane,
    /// From the lane back to the control plane.
    LaneToControl,
    /// From one poll to its shard.
    PollToShard(u64),
}

struct Delivery<M> {
    at_us: u64,
    /// Breaks ties in the order of sending.
    number: u64,
    message: M,
}

/// The queue of everything that is under way: messages, and the channels on which some of them keep their order.
pub(crate) struct Scheduler<M, C = Channel> {
    now_us: u64,
    sent: u64,
    queue: BinaryHeap<Delivery<M>>,
    last_on: BTreeMap<C, u64>,
}

impl<M, C: Ord> Scheduler<M, C> {
    pub(crate) fn new() -> Scheduler<M, C> {
        Scheduler { now_us: 0, sent: 0, queue: BinaryHeap::new(), last_on: BTreeMap::new() }
    }

    pub(crate) fn now_us(&self) -> u64 {
        self.now_us
    }

    pub(crate) fn send(&mut self, delay_us: u64, message: M) {
        self.sent += 1;
        self.queue.push(Delivery { at_us: self.now_us + delay_us, number: self.sent, message });
    }

    /// As [`Scheduler::send`], but never before what was sent earlier on the same channel.
    pub(crate) fn send_on(&mut self, channel: C, delay_us: u64, message: M) {
        let last_at = self.last_on.get(&channel).copied().unwrap_or(0);
        let at_us = last_at.max(self.now_us + delay_us);
        self.last_on.insert(channel, at_us);
        self.send(at_us - self.now_us, message);
    }

    /// Takes the next message and moves time on to it.
    pub(crate) fn next(&mut self) -> Option<M> {
        let delivery = self.queue.pop()?;
        self.now_us = delivery.at_us;
        Some(delivery.message)
    }
}

impl<M> Ord for Delivery<M> {
    fn cmp(&self, other: &Delivery<M>) -> Ordering {
        // The heap gives its greatest first.
        (other.at_us, other.number).cmp(&(self.at_us, self.number))
    }
}

impl<M> PartialOrd for Delivery<M> {
    fn partial_cmp(&self, other: &Delivery<M>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<M> PartialEq for Delivery<M> {
    fn eq(&self, other: &Delivery<M>) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<M> Eq for Delivery<M> {}
