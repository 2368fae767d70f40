//! The actors of a Troupe node: the cores (plain state machines) and the shells (actix actors) around them.
//!
//! Modules depend downwards only:
//!
//! ```text
//! antientropy   replicas that drifted apart become equal again
//! replication   who stores a write, and how the pages of several sources become one
//! control     buckets, keys, permissions, the applied layout
//! shard       who may write an item, and when the writer is told
//!   layout    which node holds which shard, while versions of it follow each other
//!   store     one durable transaction per group of writes
//!     causality   what a write means: dots, siblings, tokens
//! membership  which nodes are up
//! incarnation   whether this node still has what it stored
//!   transport   requests between nodes
//!       ids, limits, clock, mutation, whole_file
//! ```

pub mod antientropy;
pub mod causality;
pub mod clock;
pub mod control;
pub mod ids;
pub mod incarnation;
pub mod layout;
pub mod limits;
pub mod membership;
pub mod mutation;
pub mod replication;
pub mod shard;
pub mod store;
pub mod transport;
pub mod whole_file;
