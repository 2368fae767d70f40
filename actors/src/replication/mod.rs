//! How the replicas of a shard act as one: who stores a write, and how the pages of several sources become one page.
//!
//! ```text
//! source 0 ── SourcePage ──┐                        ┌──▶ items of the answer, in key order
//! source 1 ── SourcePage ──┼──▶ merge ─▶ filter ─▶ limit
//! source 2 ── SourcePage ──┘        │
//!     ▲                             └──▶ the next ask, or the end
//!     └──────────── ask ────────────────┘
//! ```
//!
//! The cores here read nothing themselves: they say what to ask of every source, and are given the pages that came
//! back. A node that holds a shard alone has one source, its own snapshot ([`local`]).
//!
//! Laws, each a test of this module:
//!
//! * a page is what a reader of the merged replicas would see: no filter, limit or count is applied to one source's
//!   items before they are merged;
//! * pages of any size, put together, show every item of the range exactly once.

pub mod actor;
pub mod changed;
pub mod changes;
pub mod coordinator;
pub mod count;
mod counts;
pub mod delete;
pub mod handle;
pub mod index;
pub mod item_state;
pub mod items;
pub mod local;
mod mend;
pub mod merged;
pub mod message;
pub mod order;
pub mod page;
pub mod pages;
pub mod plan;
pub mod poll;
pub mod quorum_index;
pub mod range_changes;
pub mod read;
mod serve;
pub mod subscriptions;
#[cfg(test)]
mod tests;
pub mod watch;
mod watches;

pub use counts::ReplicaCounts;
