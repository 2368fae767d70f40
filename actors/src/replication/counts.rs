//! What is worth counting when replicas are read and written, for people.

use super::coordinator::CoordinateError;
use crate::shard::{UnknownCause, WriteError};
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start. Shared, without a lock.
#[derive(Debug, Default)]
pub(super) struct Counts {
    hedges: AtomicU64,
    repairs: AtomicU64,
    quorum_failures: AtomicU64,
}

/// The same at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReplicaCounts {
    /// Reads of an item for which one more replica was asked, as the others took longer than they usually do.
    pub hedges: u64,
    /// Replicas that a read of an item found behind, and had merge what they lack.
    pub repairs: u64,
    /// Reads and writes of items that too few replicas answered.
    pub quorum_failures: u64,
}

impl Counts {
    pub(super) fn hedged(&self) {
        self.hedges.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn repaired(&self, replicas: usize) {
        self.repairs.fetch_add(replicas as u64, Ordering::Relaxed);
    }

    pub(super) fn no_quorum(&self) {
        self.quorum_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn written(&self, outcome: &Result<(), CoordinateError>) {
        match outcome {
            Err(
                CoordinateError::NoReplica
                | CoordinateError::Unknown
                | CoordinateError::Write(WriteError::Unknown(UnknownCause::Replicas)),
            ) => self.no_quorum(),
            Ok(()) | Err(CoordinateError::Write(_) | CoordinateError::NoRoom | CoordinateError::NotRead) => {}
        }
    }

    pub(super) fn now(&self) -> ReplicaCounts {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ReplicaCounts {
            hedges: of(&self.hedges),
            repairs: of(&self.repairs),
            quorum_failures: of(&self.quorum_failures),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_one_replica_is_no_failure_of_the_quorum() {
        let counts = Counts::default();
        counts.written(&Ok(()));
        counts.written(&Err(CoordinateError::NoRoom));
        counts.written(&Err(CoordinateError::NoReplica));
        counts.written(&Err(CoordinateError::Write(WriteError::Unknown(UnknownCause::Replicas))));
        counts.hedged();
        counts.repaired(2);
        assert_eq!(counts.now(), ReplicaCounts { hedges: 1, repairs: 2, quorum_failures: 2 });
    }
}
