//! What a cluster of many nodes costs each of them: nodes without disks and sockets, in one process, under virtual time.
//!
//! ```text
//! cargo bench -p troupe-actors --bench scale [-- NODES,NODES,…]
//! ```
//!
//! Membership runs the code of a node, with a link between any two and 2 ms for each message. The table is in
//! `docs/scale.md`, with what each line means.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on stops")]

mod assignment;
mod membership;
#[expect(dead_code, reason = "the tests of the module use the rest of it")]
#[path = "../../src/membership/tests/world.rs"]
mod world;

use std::time::Instant;
use troupe_actors::clock::WallMs;
use troupe_actors::ids::NodeId;
use troupe_actors::membership::{
    About, Effect, Event, MemberId, MemberState, MembershipCore, Message, Now, PeerAddr,
};

const NODES: &[usize] = &[10, 100, 300, 1000];

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn now() -> Instant {
    Instant::now()
}

fn main() {
    let asked = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let asked = asked.map(|list| list.split(',').map(|count| count.parse().unwrap()).collect::<Vec<usize>>());
    let counts = asked.unwrap_or_else(|| NODES.to_vec());
    // Memory is measured while none was used and given back.
    membership::measure(&counts);
    println!();
    assignment::measure(&counts);
}
