//! Which records a journal holds, and which of them the tree lacks.
//!
//! A crash may lose, tear or keep any sector that was written after the last sync. So the end of a journal is the first
//! record that is missing or damaged. Intact records behind it are either older ones, whose room was about to be used
//! again, or were written after the missing one and before any sync. A record that says of the missing one that it was
//! *durable* proves something else: the disk lost what it had promised to keep. Then the journal is corrupt, and nothing
//! of it may be taken for the whole.

use super::header::HEADER_BYTES;
use super::record::{self, RecordHead};
use super::{JournalFile, SECTOR_BYTES, Stamp};
use std::io;

/// Bytes that are looked at at a time.
const WINDOW_BYTES: usize = 1 << 20;

/// An intact record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub(crate) head: RecordHead,
    /// Where it begins in the file.
    pub(crate) offset: u64,
}

impl Found {
    /// Where the next record may begin.
    pub(crate) fn end(&self) -> u64 {
        self.offset + record::padded_bytes(self.head.rows_bytes as usize) as u64
    }
}

/// Records that were durable are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Gap {
    /// Later records are there.
    #[error(
        "record {missing} should begin at byte {expected_at} and is missing or damaged, yet record {behind} at byte \
         {behind_at} was written after it was durable"
    )]
    Damaged {
        /// The sequence of the first record that is missing.
        missing: u64,
        /// Where it should be; 0 if the record before it is not in the journal either.
        expected_at: u64,
        /// The sequence of an intact record behind it.
        behind: u64,
        /// Where that one begins.
        behind_at: u64,
    },
    /// The tree holds rows of later ones.
    #[error(
        "it ends before record {missing} at byte {expected_at}, yet rows up to record {written} are in the tree"
    )]
    Older {
        /// The sequence of the first record that is missing.
        missing: u64,
        /// Where it should be; 0 if the record before it is not in the journal either.
        expected_at: u64,
        /// The sequence of the last record of which the tree holds rows.
        written: u64,
    },
}

/// Every intact record of an environment, wherever it lies.
pub(crate) fn scan<F: JournalFile>(file: &F, environment: u64, capacity: u64) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    let (mut window, mut record) = (Vec::new(), Vec::new());
    let mut window_at = 0;
    let end = HEADER_BYTES + capacity;
    let mut offset = HEADER_BYTES;
    while offset + SECTOR_BYTES as u64 <= end {
        if offset < window_at || offset + SECTOR_BYTES as u64 > window_at + window.len() as u64 {
            window.resize(WINDOW_BYTES.min((end - offset) as usize), 0);
            file.read_at(&mut window, offset)?;
            window_at = offset;
        }
        let plausible = RecordHead::decode(&window[(offset - window_at) as usize..])
            .filter(|head| head.environment == environment && head.bytes() as u64 <= end - offset);
        if let Some(head) = plausible {
            record.resize(head.bytes(), 0);
            file.read_at(&mut record, offset)?;
            if record::is_intact(&record) {
                let intact = Found { head, offset };
                found.push(intact);
                offset = intact.end();
                continue;
            }
        }
        offset += SECTOR_BYTES as u64;
    }
    Ok(found)
}

/// The records that follow the one up to which the tree holds everything, in order. The tree may hold single rows of
/// records up to `written`.
///
/// # Errors
/// [`Gap`] if some of them are missing that were durable.
pub(crate) fn follow(mut found: Vec<Found>, applied: Stamp, written: u64) -> Result<Vec<Found>, Gap> {
    // Of two records with one sequence, the later opening's is the one that took the other's place.
    found.sort_unstable_by_key(|found| (found.head.stamp.sequence, found.head.stamp.opening));
    let mut chain: Vec<Found> = Vec::new();
    let mut expected_at = 0;
    let mut last = applied;
    for record in &found {
        let stamp = record.head.stamp;
        let follows = stamp.sequence == last.sequence + 1 && stamp.opening >= last.opening;
        let replaces = !chain.is_empty() && stamp.sequence == last.sequence && stamp.opening > last.opening;
        if replaces {
            chain.pop();
        }
        if follows || replaces {
            chain.push(*record);
        }
        if follows || replaces || stamp == applied {
            (last, expected_at) = (stamp, record.end());
        }
    }
    let missing = last.sequence + 1;
    let proof = found
        .iter()
        .find(|record| record.head.durable >= missing && record.head.stamp.opening >= last.opening);
    if let Some(behind) = proof {
        let (behind, behind_at) = (behind.head.stamp.sequence, behind.offset);
        return Err(Gap::Damaged { missing, expected_at, behind, behind_at });
    }
    if last.sequence < written {
        return Err(Gap::Older { missing, expected_at, written });
    }
    Ok(chain)
}

#[cfg(test)]
mod tests;
