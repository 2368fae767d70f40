//! Anti-entropy of a running node: its thread, and its numbers.

use super::memory::ShardsOfNode;
use super::{NodeError, lanes, vital};
use crate::admin::Gauge;
use crate::watchdog::Beats;
use actix::Arbiter;
use rand::Rng;
use std::sync::Arc;
use troupe_actors::antientropy::actor::EntropyParts;
use troupe_actors::antientropy::{Entropy, EntropyInbox};
use troupe_actors::incarnation::Incarnation;
use troupe_actors::transport::Peers;

/// Anti-entropy at work. It reads stores, so it has a thread of its own.
pub(super) struct AntiEntropy {
    pub(super) handle: Entropy,
    arbiter: Arbiter,
}

impl AntiEntropy {
    /// Compares the shards of this node with the other replicas from now on, and answers what comes in at `inbox`.
    pub(super) fn start(
        inbox: EntropyInbox,
        of_node: ShardsOfNode,
        peers: Peers,
        incarnation: Incarnation,
        beats: &Beats,
    ) -> Result<AntiEntropy, NodeError> {
        let arbiter = vital::arbiter(beats, "anti-entropy");
        let ShardsOfNode { node, control, shards } = of_node;
        let seen = control.clone();
        let on_synced = move |version, synced| {
            let control = control.clone();
            actix_rt::spawn(async move { control.synced(version, synced).await });
        };
        let parts = EntropyParts {
            node,
            boot: rand::rng().next_u64(),
            shards,
            peers,
            layout: Arc::new(move || seen.snapshot().layout.clone()),
            answered: Arc::new(move || incarnation.shown().answered.clone()),
            on_synced: Arc::new(on_synced),
        };
        let handle = Entropy::start(inbox, parts, &arbiter.handle())?;
        Ok(AntiEntropy { handle, arbiter })
    }

    /// Ends it. A round that is under way begins anew after the next start, and finds what is done.
    pub(super) async fn stop(self) {
        lanes::stop_and_join(vec![self.arbiter]).await;
    }
}

/// What is done and what is left.
pub(super) fn add_gauges(entropy: &Entropy, gauges: &mut Vec<Gauge>) {
    let progress = entropy.progress();
    let mut add = |name, help, value: u64| gauges.push(Gauge { name, help, value: value as f64 });
    add("entropy_comparisons", "Comparisons that ended with equal replicas.", progress.comparisons);
    add("entropy_rounds", "Rounds that repaired a shard.", progress.rounds);
    add("entropy_failures", "Rounds that were given up.", progress.failures);
    add("entropy_items", "Items that rounds of this node repaired.", progress.items);
    add("entropy_bytes", "Bytes of anti-entropy's questions and answers.", progress.bytes);
    add("entropy_waiting", "Shards that differ and wait for their round.", progress.waiting as u64);
    add("entropy_running", "Rounds at work.", progress.running as u64);
    add(
        "shards_receiving",
        "Shards that this node gained and does not hold whole.",
        progress.receiving as u64,
    );
    add(
        "shards_amnesiac",
        "Shards that lost their memory and are not whole again.",
        progress.amnesiac as u64,
    );
    add("shards_dropping", "Shards that this node is removing.", progress.dropping as u64);
    add(
        "entropy_never_compared",
        "Shards and peers not compared since the start.",
        progress.never_compared as u64,
    );
    let (name, help) = ("entropy_oldest_seconds", "Seconds since the oldest comparison.");
    gauges.push(Gauge { name, help, value: progress.oldest_ms as f64 / 1000.0 });
}
