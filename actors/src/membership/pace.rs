//! How often members probe each other, and how long a suspect has to object.

use crate::limits::MEMBERSHIP_PACKET_BYTES_MAX;
use foca::{Config, PeriodicParams};
use std::num::{NonZeroU8, NonZeroUsize};
use std::time::Duration;

/// How often a member is probed; at the end of it one that did not answer is suspected. A link answers within milliseconds.
const PROBE_PERIOD: Duration = Duration::from_secs(1);

/// How long the probed member has before others are asked to probe it.
const PROBE_ROUND_TRIP: Duration = Duration::from_millis(400);

/// How long a suspect may object: the suspicion has to reach it, and its objection everybody, each in some ten rounds
/// of gossip in a cluster of a thousand.
const SUSPICION: Duration = Duration::from_secs(3);

/// How long a member that is down is remembered. It comes back with a higher generation at any time.
const DOWN_REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// How often what is new is passed on, while there is something new.
const GOSSIP_PERIOD: Duration = Duration::from_millis(200);

/// Transmissions of one piece of news by each member: enough to reach everybody in a cluster of thousands.
const TRANSMISSIONS: u8 = 12;

pub(super) fn config() -> Config {
    let every = |frequency, members| PeriodicParams { frequency, num_members: at_least_one(members) };
    Config {
        probe_period: PROBE_PERIOD,
        probe_rtt: PROBE_ROUND_TRIP,
        num_indirect_probes: at_least_one(3),
        max_transmissions: NonZeroU8::new(TRANSMISSIONS).unwrap_or(NonZeroU8::MIN),
        suspect_to_down_after: SUSPICION,
        remove_down_after: DOWN_REMEMBERED,
        max_packet_size: at_least_one(MEMBERSHIP_PACKET_BYTES_MAX),
        notify_down_members: true,
        periodic_announce: Some(every(Duration::from_secs(30), 1)),
        periodic_announce_to_down_members: Some(every(Duration::from_secs(10), 2)),
        periodic_gossip: Some(every(GOSSIP_PERIOD, 3)),
    }
}

fn at_least_one(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN)
}
