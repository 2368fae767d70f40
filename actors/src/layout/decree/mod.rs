//! One layout version per number: the decree of each number is passed by single-decree Paxos (Lamport: "Paxos made
//! simple", 2001).
//!
//! Two operators may apply different changes to the same version at once. Gossip alone would let half of the cluster write by
//! one version and half by the other, so that neither half's quorums meet. Version `n + 1` is therefore live only once a
//! *majority of the nodes with a role in version `n`* has durably accepted that very version.
//!
//! ```text
//! Proposer ── Prepare(ballot) ──▶ Acceptors   promise, durable before it is sent: no smaller ballot any more
//!          ◀─ Promise(accepted) ─             the accepted proposal of the greatest ballot has to be proposed again
//!          ── Accept(ballot, version) ──▶     accepted, durable before it is sent
//!          ◀─ Accepted ──────────────         by enough: passed
//! ```
//!
//! **The first version** has no earlier one that could name its voters. It needs *every* node that it gives a role to: two
//! first versions with a node in common cannot both pass, and two without any make two clusters, which refuse to speak
//! with each other. As voters differ from proposal to proposal, a proposer asks every voter of what it is going to propose,
//! and takes over a proposal that it finds only if that may have passed: if none of the voters asked lacks it.

mod acceptor;
mod proposer;
#[cfg(test)]
mod tests;

pub use acceptor::{Accepted, Acceptor};
pub use proposer::{Proposer, Standing};

use super::version::LayoutVersion;
use crate::ids::NodeId;
use serde::{Deserialize, Serialize};

/// Orders proposals. No two proposers use the same one, nor one proposer for two proposals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Ballot {
    /// In the upper half a turn above that of every round that the proposer has heard of, in the lower half the attempt of the
    /// proposer: a node that applies again, perhaps after a restart, begins with turn 1 once more.
    pub round: u64,
    /// The proposer.
    pub node: NodeId,
}

impl Ballot {
    /// Below every ballot of a proposer.
    pub const ZERO: Ballot = Ballot { round: 0, node: NodeId([0; 32]) };

    fn of_attempt(turn: u32, attempt: u32, node: NodeId) -> Ballot {
        Ballot { round: u64::from(turn) << 32 | u64::from(attempt), node }
    }

    /// The turn of a round.
    fn turn(round: u64) -> u32 {
        (round >> 32) as u32
    }
}

/// What proposers and acceptors send each other about the version with one number.
///
/// Sent as postcard: the order of the variants is the wire, append only.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum DecreeMessage {
    /// Asks for a promise.
    Prepare {
        /// The number of the version.
        number: u64,
        /// The proposer's ballot.
        ballot: Ballot,
    },
    /// No smaller ballot will be accepted. Durable.
    Promise {
        /// As asked.
        number: u64,
        /// As asked.
        ballot: Ballot,
        /// What was accepted so far.
        accepted: Option<Accepted>,
    },
    /// Asks to accept a version.
    Accept {
        /// The proposer's ballot.
        ballot: Ballot,
        /// What is proposed; it has the number.
        version: Box<LayoutVersion>,
    },
    /// Accepted. Durable.
    Accepted {
        /// As asked.
        number: u64,
        /// As asked.
        ballot: Ballot,
    },
    /// Not promised or not accepted: a greater ballot was promised, or the number has been decided.
    Refused {
        /// As asked.
        number: u64,
        /// As asked.
        ballot: Ballot,
        /// What was promised instead.
        promised: Ballot,
    },
}
