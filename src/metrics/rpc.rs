use super::histogram::Histogram;
use super::{Exposition, Kind};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use troupe_actors::clock::monotonic_now;
use troupe_actors::ids::NodeId;
use troupe_actors::transport::{
    Carry, Link, LinkState, NotSent, Peers, RequestError, Subsystem, UnknownOutcome,
};

/// The way to the other nodes, with every request counted.
pub(crate) struct CountedPeers {
    peers: Peers,
    /// By [`Subsystem::ALL`].
    counts: Arc<[Counts; Subsystem::ALL.len()]>,
}

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    errors: AtomicU64,
    timeouts: AtomicU64,
    took: Histogram,
}

type Count = fn(&Counts) -> &AtomicU64;

fn name(subsystem: Subsystem) -> &'static str {
    match subsystem {
        Subsystem::Control => "control",
        Subsystem::Membership => "membership",
        Subsystem::Merge => "merge",
        Subsystem::Replication => "replication",
        Subsystem::AntiEntropy => "anti-entropy",
        Subsystem::Operator => "operator",
    }
}

impl CountedPeers {
    pub(crate) fn new(peers: Peers) -> Arc<CountedPeers> {
        Arc::new(CountedPeers { peers, counts: Arc::new(std::array::from_fn(|_| Counts::default())) })
    }

    /// Under Garage's names; `rpc_endpoint` is the part of a node that is asked.
    pub(crate) fn write(&self, out: &mut Exposition) {
        let counts = || Subsystem::ALL.into_iter().map(name).zip(self.counts.iter());
        let counters: [(&str, &str, Count); 3] = [
            ("rpc_request_counter", "Requests to other nodes.", |counts| &counts.requests),
            (
                "rpc_netapp_error_counter",
                "Requests to other nodes that were not sent, refused or lost.",
                |counts| &counts.errors,
            ),
            ("rpc_timeout_counter", "Requests to other nodes without an answer in time.", |counts| {
                &counts.timeouts
            }),
        ];
        for (metric, help, of) in counters {
            out.family(metric, help, Kind::Counter);
            for (endpoint, counts) in counts() {
                out.sample(metric, &[("rpc_endpoint", endpoint)], of(counts).load(Ordering::Relaxed) as f64);
            }
        }
        out.family("rpc_duration", "Seconds until another node answered.", Kind::Histogram);
        for (endpoint, counts) in counts() {
            counts.took.write(out, "rpc_duration", &[("rpc_endpoint", endpoint)]);
        }
    }
}

impl Carry for CountedPeers {
    fn request(
        &self,
        to: NodeId,
        link: Link,
        subsystem: Subsystem,
        body: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>> {
        let asked = self.peers.request(to, link, subsystem, body, deadline);
        let (counts, began) = (Arc::clone(&self.counts), monotonic_now());
        async move {
            let answered = asked.await;
            let Some(at) = Subsystem::ALL.iter().position(|other| *other == subsystem) else {
                return answered;
            };
            let counts = &counts[at];
            counts.requests.fetch_add(1, Ordering::Relaxed);
            match &answered {
                Ok(_) => counts.took.record(began.elapsed()),
                Err(RequestError::Unknown(UnknownOutcome::Deadline)) => {
                    counts.timeouts.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => _ = counts.errors.fetch_add(1, Ordering::Relaxed),
            }
            answered
        }
        .boxed()
    }

    fn tell(&self, to: NodeId, subsystem: Subsystem, body: Bytes) -> Result<(), NotSent> {
        self.peers.tell(to, subsystem, body)
    }

    fn links(&self) -> Arc<BTreeMap<NodeId, LinkState>> {
        self.peers.links()
    }
}
