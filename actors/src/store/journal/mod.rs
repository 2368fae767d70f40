//! The journal: where a group of writes becomes durable, with one sequential write and one sync.
//!
//! One file of fixed length beside the tree, written round and round. Its blocks are taken, and filled with zeros, when
//! the store is made, so that a write later changes bytes that the file already has: the file system has nothing of its
//! own to record, and the disk cannot be too full.
//!
//! ```text
//!          tail: oldest record that the tree lacks      head: where the next one goes
//!            ▼                                            ▼
//!  ┌────────┬────────────┬──────────┬──────────┬──────────┬─────────────────┐
//!  │ header │ (released) │ record 7 │ record 8 │ record 9 │ (older records) │
//!  └────────┴────────────┴──────────┴──────────┴──────────┴─────────────────┘
//! ```
//!
//! A record is one group's rows in their final state (`record.rs`), so that applying a record twice, or on top of later
//! ones that come again behind it, changes nothing. A record begins at a sector of its own and never wraps round the
//! end of the file. Room is used again once the tree holds its rows; nothing is erased, and nothing but the record says
//! where it belongs:
//!
//! * its *environment*: a random number, so that no other journal's record, and no value of a client, is taken for one;
//! * its *sequence*: one more than that of the record before it;
//! * its *opening*: how often the environment had been opened. A record that did not survive a crash leaves its sequence
//!   to another one, written by a later opening; pieces of the former that turn up later are told by it;
//! * what was *durable*: the last sequence that was known to be synced when the record was written. That tells a crash
//!   from corruption (`recovery.rs`).

pub mod disk;
mod error;
mod header;
pub(crate) mod log;
pub(crate) mod record;
pub(crate) mod recovery;
pub(crate) mod ring;

pub use error::JournalError;
pub use header::{HEADER_BYTES, Header};
use std::io;

/// The unit in which a disk writes whole or not at all; records begin at multiples of it.
pub const SECTOR_BYTES: usize = 512;

/// Which record: in which opening of the environment it was written, and its place in the order of all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Stamp {
    /// Counts the openings of the environment from 1.
    pub opening: u64,
    /// Counts the groups of the environment from 1: its commit sequence.
    pub sequence: u64,
}

/// The file under a journal. Tests put one below it that remembers what was synced and what was not.
pub trait JournalFile: Send + Sync + 'static {
    /// Reads `bytes.len()` bytes from `offset` on.
    ///
    /// # Errors
    /// What the system says; the file may be shorter.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes within the length that the file has. What is written may be lost, torn or kept until the next
    /// [`JournalFile::sync`] returned.
    ///
    /// # Errors
    /// What the system says; any part of it may be written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Returns once everything that was written before is durable.
    ///
    /// # Errors
    /// What the system says; which writes are durable is then unknown.
    fn sync(&self) -> io::Result<()>;
}
