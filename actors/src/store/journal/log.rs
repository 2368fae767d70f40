//! The journal itself: records are appended, synced, and given up once the tree holds them.

use super::header::{HEADER_BYTES, Header};
use super::record::{RecordBuilder, padded_bytes};
use super::recovery::{self, Found, Gap};
use super::ring::Ring;
use super::{JournalFile, Stamp};
use crate::mutation::{Mutation, is_on};
use std::io;
use std::sync::Arc;

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal<F> {
    file: Arc<F>,
    environment: u64,
    /// The newest record.
    last: Stamp,
    /// The last sequence that is known to be synced.
    durable: u64,
    ring: Ring,
}

/// The journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Gap(#[from] Gap),
}

/// What the tree knows of the journal when it is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Known {
    /// The record up to which the tree holds everything.
    pub(crate) applied: Stamp,
    /// The sequence up to which it holds single rows.
    pub(crate) written: u64,
    /// The openings that the environment had so far.
    pub(crate) openings: u64,
}

impl<F: JournalFile> Journal<F> {
    /// Finds the records that the tree lacks, and shows each of them, without its padding, in order. Whatever of them was
    /// not durable before is when this returns.
    ///
    /// Nothing is written. The next record will be the first of a new opening, whose number [`Journal::opening`] tells:
    /// the tree must remember it before one is appended.
    pub(crate) fn replay(
        file: F,
        header: Header,
        known: Known,
        mut show: impl FnMut(Arc<[u8]>, &Found),
    ) -> Result<Journal<F>, ReplayError> {
        let Header { environment, capacity } = header;
        let found = recovery::scan(&file, environment, capacity)?;
        // The tree may be older than the journal; then its count of openings is, too.
        let newest = found.iter().map(|found| found.head.stamp.opening).max().unwrap_or(0);
        let opening = known.openings.max(newest) + 1;
        let mut chain = recovery::follow(found, known.applied, known.written)?;
        if is_on(Mutation::ReplayStopsOneRecordEarly) {
            chain.pop();
        }
        // A record that a killed process wrote may be in the system's memory only. Once it was shown it must not vanish.
        file.sync()?;
        for found in &chain {
            let mut record = vec![0; found.head.bytes()];
            file.read_at(&mut record, found.offset)?;
            show(record.into(), found);
        }
        let sequence = chain.last().map_or(known.applied.sequence, |last| last.head.stamp.sequence);
        let ring = match (chain.first(), chain.last()) {
            (Some(first), Some(last)) => Ring::holding(capacity, first.offset, last.end()),
            (None, _) | (_, None) => Ring::empty(capacity, HEADER_BYTES),
        };
        let last = Stamp { opening, sequence };
        Ok(Journal { file: Arc::new(file), environment, last, durable: sequence, ring })
    }

    /// Whether a record with this many bytes of rows fits now.
    pub(crate) fn has_room_for(&self, rows_bytes: usize) -> bool {
        self.ring.place(padded_bytes(rows_bytes) as u64).is_some()
    }

    /// The number that its records carry.
    pub(crate) fn environment(&self) -> u64 {
        self.environment
    }

    /// Appends a record, and returns it with its stamp. It is durable after the next sync. `None` if there is no room.
    ///
    /// # Errors
    /// What the system says. The record is not in the journal: the next one takes its place.
    pub(crate) fn append(&mut self, record: RecordBuilder) -> io::Result<Option<(Vec<u8>, Stamp)>> {
        let Some((offset, head)) = self.ring.place(record.padded_bytes() as u64) else { return Ok(None) };
        let stamp = self.next();
        let bytes = record.finish(self.environment, stamp, self.durable);
        self.file.write_at(&bytes, offset)?;
        self.ring.advance(head);
        self.last = stamp;
        Ok(Some((bytes, stamp)))
    }

    /// What the next record will be called.
    pub(crate) fn next(&self) -> Stamp {
        Stamp { sequence: self.last.sequence + 1, ..self.last }
    }

    /// Leaves out a record whose rows went to the tree directly.
    pub(crate) fn skip(&mut self) {
        self.last = self.next();
        self.durable = self.last.sequence;
    }

    /// The newest record.
    pub(crate) fn last(&self) -> Stamp {
        self.last
    }

    /// Takes note that everything up to `sequence` was synced.
    pub(crate) fn synced(&mut self, sequence: u64) {
        self.durable = self.durable.max(sequence);
    }

    /// Whether everything that was appended is durable.
    pub(crate) fn is_synced(&self) -> bool {
        self.durable >= self.last.sequence
    }

    /// The file, to sync it without holding up those who append.
    pub(crate) fn file(&self) -> &Arc<F> {
        &self.file
    }

    /// Where the room of the records so far ends: what [`Journal::release`] takes once the tree holds them.
    pub(crate) fn head(&self) -> u64 {
        self.ring.head()
    }

    /// Gives up the records before a former head: the tree holds them, durably.
    pub(crate) fn release(&mut self, head: u64) {
        self.ring.release(head);
    }

    /// Bytes of records that the tree may lack.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.ring.used_bytes()
    }

    /// Bytes of records that fit.
    pub(crate) fn capacity(&self) -> u64 {
        self.ring.capacity()
    }
}
