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
//! * the context of a read covers exactly what that read showed.

mod context;
mod item;
mod marker;
mod seal;
#[cfg(test)]
mod tests;
mod token;

pub use context::Context;
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
