//! What a write means: dots, siblings, contexts, and the sealed tokens that carry contexts to clients and back.
//!
//! The method is the dotted version vector set of Preguiça, Baquero, Almeida, Fonte and Gonçalves ("Dotted Version
//! Vectors: Logical Clocks for Optimistic Replication", 2010; Almeida et al., "Scalable and Accurate Causality
//! Tracking for Eventually Consistent Stores", 2014).
//!
//! Laws, each a property test in this module:
//!
//! * merging is commutative, associative and idempotent;
//! * a write discards exactly the values that its context covers, and no concurrent one;
//! * the token of a read covers what that read showed, and nothing that its reader could not know;
//! * stripping a state by a clock and filling it again changes nothing that a reader or a merge sees.

mod context;
mod encoding;
mod item;
mod join;
mod marker;
mod seal;
mod state_hash;
#[cfg(test)]
mod tests;
mod token;

pub use context::{CLOSED, Context};
pub use item::{Branch, Item, Sibling, Value};
pub use marker::{MarkerError, SeenMarker};
pub use seal::TokenKey;
pub use token::TokenError;

use crate::ids::ActorId;

/// The identity of one write: minted once, ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Dot {
    /// Who minted it.
    pub actor: ActorId,
    /// When, by the actor's own clock: larger than every time the actor minted before.
    pub time: u64,
}
