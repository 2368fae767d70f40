//! Stores from outside: one contract for all of them, and what is LMDB's alone: epochs, folders, full disks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod checkpointed;
mod contract;
mod counting;
mod damaged;
mod epochs;
mod folders;
mod full;
mod gated;
mod journalled;
mod lane;
mod losses;
mod migration;
mod model;
mod moments;
mod recorded;
mod stalled;
