//! What an answered write may be taken back by.

/// When a group counts as done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// Once its record is on the disk: nothing takes it back.
    Commit,
    /// Once its record was handed to the system, which survives the end of the process. A crash of the machine may take
    /// back the groups of the last [`RELAXED_SYNC_INTERVAL_MS`](crate::limits::RELAXED_SYNC_INTERVAL_MS), the newest ones,
    /// each as a whole.
    Relaxed,
}
