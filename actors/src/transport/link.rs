use serde::{Deserialize, Serialize};

/// Which of the two connections to a peer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Link {
    /// What a client waits for.
    Request,
    /// Large transfers that nobody waits for: they never delay requests.
    Bulk,
}

impl Link {
    /// Both.
    pub const ALL: [Link; 2] = [Link::Request, Link::Bulk];
}

/// One store of a node: a random number that is drawn when it is made, and its newest commit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Environment {
    /// The store's random number.
    pub id: u64,
    /// Its commit sequence: ascends with every commit, falls only if an older image of the store was put back.
    pub sequence: u64,
}

/// What is known of a peer and of the request link to it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LinkState {
    /// Whether the request link is up.
    pub is_up: bool,
    /// Where the peer is reached, as `host:port`; `None` if it connects to this node and told no address.
    pub addr: Option<String>,
    /// Smoothed time of a ping and its answer, in microseconds; `None` before the first.
    pub round_trip_us: Option<u64>,
    /// The 95th percentile of the latest answers' times, in microseconds, to hedge by; `None` before the first answer.
    pub answer_p95_us: Option<u64>,
    /// The number of the peer's present run: ascends with each of its starts. 0 before the first contact.
    pub boot: u64,
    /// The peer's stores as of its latest hello or ping: at most a few seconds old while the link is up.
    pub environments: Vec<Environment>,
}
