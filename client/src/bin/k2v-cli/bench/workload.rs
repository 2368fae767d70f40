//! What is measured.

use clap::ValueEnum;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// One value a request, each under a new key
    Insert,
    /// One value a request, of a random item
    Read,
    /// Reads and inserts
    Mixed,
    /// Many new items a request
    Batch,
    /// Many items a request, of a random partition
    Range,
    /// From a write to the answer of the poll that waits for it
    Poll,
}

pub(crate) const ALL: [Workload; 6] =
    [Workload::Insert, Workload::Read, Workload::Mixed, Workload::Batch, Workload::Range, Workload::Poll];

impl Workload {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Read => "read",
            Self::Mixed => "mixed",
            Self::Batch => "batch",
            Self::Range => "range",
            Self::Poll => "poll",
        }
    }

    /// Whether it reads items that must be there.
    pub(crate) fn reads(self) -> bool {
        match self {
            Self::Read | Self::Mixed | Self::Range => true,
            Self::Insert | Self::Batch | Self::Poll => false,
        }
    }
}
