//! Requests between nodes.
//!
//! ```text
//! caller ─ request ─▶ Carry ═ link ═▶ Serve of the same subsystem at the peer
//!                        ◀─ answer ──
//! ```
//!
//! Laws, which one suite of tests holds every implementation to:
//! - A request ends in exactly one way: an answer, a refusal, *not sent*, or *outcome unknown*.
//! - *Not sent* is certain: the peer never sees the request. Whoever lost a request after that may not repeat it blindly.
//! - A link that goes down ends its requests at once.
//! - Nothing that came over an old link is processed once a newer one is up.
//! - Every queue is bounded in messages and bytes. A full one refuses.

mod alone;
mod carry;
mod connection;
mod door;
mod frame;
mod hello;
mod link;
pub mod memory;
mod outbox;
mod peer_addr;
mod pending;
mod roster;
mod round_trip;
mod serve;
pub mod tcp;

pub use alone::Alone;
pub use carry::{Carry, NotSent, Peers, RequestError, UnknownOutcome};
pub use door::take_bytes_of_a_peer;
pub use hello::ClusterSecret;
pub use link::{Environment, Link, LinkState};
pub use peer_addr::{NotAPeerAddr, PeerAddr};
pub use serve::{Refusal, Serve, Services, Subsystem};
