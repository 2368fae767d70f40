//! Whether this node still has everything that it ever stored. It cannot know by itself: an older image of a disk looks like a
//! disk that nobody wrote to. Its peers can: they remember the newest commit of its stores that they heard of.
//!
//! ```text
//!            start            enough peers answered, nobody contradicts
//!  ──────▶ Asking ───────────────────────────────────────────────▶ Whole ◀── compared with every other replica ──┐
//!             │                                                      │                                            │
//!             └── somebody heard of a later commit, or another life ─┴──▶ Lost (older image, or an empty disk) ───┘
//! ```
//!
//! Laws:
//!
//! * **Only a whole node votes.** One that asks, or lost something, stores and acknowledges writes, but its answers count
//!   towards no read quorum: a write may have been acknowledged by it and any one other replica.
//! * **A restart forgets nothing of this.** What a node compares is what it had when it began to ask, even if it has committed
//!   more since; and one that lost something is lost until it was compared with every other replica. Both are durable
//!   before they matter.
//! * **A loss begins a new life**, with a higher number. Peers void what the earlier life acknowledged of writes that are not
//!   answered yet, and only then answer.
//! * **Everybody answers, always**, so that a cluster that starts as a whole after a power cut does not wait for itself.
//!
//! What holds this: the later commit is remembered by so many of the other replicas that every set of peers whose answers
//! suffice contains one of them. Peers hear of commits every second, and keep what they heard on disk a moment later.

pub mod actor;
mod core;
mod handle;
mod life;
mod message;
mod standing;
mod state;

#[cfg(test)]
mod tests;

pub use core::{Effect, Event, IncarnationCore};
pub use handle::{Incarnation, IncarnationInbox, IncarnationPort, Remembering, Shown, inbox};
pub use life::{Life, Memory};
pub use message::{Answer, Message};
pub use standing::{Loss, Standing};
pub use state::{Saved, State, StateError};
