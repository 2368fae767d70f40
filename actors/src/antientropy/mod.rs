//! Replicas that drifted apart become equal again.
//!
//! ```text
//!                 one round: one shard, one other replica
//! schedule ──▶ Compare: digests of many shards ──▶ equal: raise the shard clock
//!                          │ still different at a second look
//!                          ▼
//!              segments ─▶ spans ─▶ items ─▶ states, merged on both sides ─▶ stored: raise the shard clock
//! ```
//!
//! What is compared are live dots, never contexts: replicas whose clocks differ are equal all the same. A round claims
//! no more than it has seen: when it began, both sides said what they had committed; once all that it brought is stored,
//! each side knows every dot of the other's actor up to that time, and its clock says so.

pub mod actor;
mod answer;
mod answering;
mod asking;
mod compare;
mod core;
mod differing;
mod effect;
mod event;
mod forget;
mod handle;
mod holds;
mod message;
mod pace;
mod progress;
mod repair;
mod replica;
mod round;
mod rounds;
mod schedule;
mod span;
mod standing;
mod stored;
#[cfg(test)]
mod tests;

pub use self::core::{EntropyCore, EntropyLimits};
pub use answer::AnswerLimits;
pub use effect::Effect;
pub use event::{AskId, EntropyView, Event, MergeId, RequestId};
pub use forget::{Age, may_forget};
pub use handle::{Entropy, EntropyInbox, EntropyService, inbox};
pub use message::{Answer, Began, MalformedMessage, Part, Question, Rows, Side};
pub use pace::Rate;
pub use progress::{Failure, PeerProgress, Progress};
pub use replica::{Found, Replica, ShardSummary};
pub use span::Span;
pub use standing::{Held, ShardView};
