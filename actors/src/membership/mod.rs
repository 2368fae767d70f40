//! Which nodes are up, as this node sees it: SWIM with suspicion and infection-style dissemination (Das, Gupta, Motivala:
//! "SWIM: Scalable weakly-consistent infection-style process group membership protocol", DSN 2002), by the crate `foca`.
//!
//! ```text
//! link up, packet, time ──▶ MembershipCore ──▶ SendPacket ──▶ transport
//!                                └──▶ Changed(Members) ──▶ who routes requests, `status`
//! ```
//!
//! Laws:
//!
//! * **It orders routes and does nothing else.** It moves no data, and no quorum counts by it: a node that is taken for down
//!   by mistake costs a detour.
//! * **A node that was declared down comes back by itself**: its identity carries a generation, and it takes a higher one
//!   when it hears of it. Each start begins with a higher one, too.
//! * **Everything that decides is passed in**: time, randomness, packets. The same inputs give the same effects.

mod about;
mod actor;
mod core;
mod draws;
mod handle;
mod identity;
mod members;
mod message;
mod pace;
mod timers;

#[cfg(test)]
mod tests;

pub use about::About;
pub use core::{Dropped, Effect, Event, MembershipCore, Now};
pub use handle::{Membership, MembershipInbox, MembershipService, inbox};
pub use identity::{AddrTooLong, MemberId, PeerAddr};
pub use members::{Member, MemberState, Members};
pub use message::{Message, MessageError};
