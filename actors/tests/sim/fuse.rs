//! When the disk fails in the middle of its work: after so many operations one is done in part, and no other one ever
//! again.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const NEVER: u32 = u32::MAX;

/// Counts operations of the journal's file and of the tree until the disk fails.
#[derive(Debug)]
pub(crate) struct Fuse {
    left: AtomicU32,
    /// Says which parts of the last operation are done.
    parts: AtomicU64,
}

/// What becomes of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Done {
    Whole,
    /// It fails, and the parts whose bits are set are done all the same.
    Parts(u64),
    Nothing,
}

impl Default for Fuse {
    fn default() -> Fuse {
        Fuse { left: AtomicU32::new(NEVER), parts: AtomicU64::new(0) }
    }
}

impl Fuse {
    /// The disk fails after so many operations.
    pub(crate) fn light(&self, operations: u64, parts: u64) {
        self.left.store(operations as u32, Ordering::Relaxed);
        self.parts.store(parts, Ordering::Relaxed);
    }

    /// The disk does not fail after all, unless it did.
    pub(crate) fn put_out(&self) {
        if self.left.load(Ordering::Relaxed) > 0 {
            self.left.store(NEVER, Ordering::Relaxed);
        }
    }

    pub(crate) fn operation(&self) -> Done {
        let left = self.left.load(Ordering::Relaxed);
        if left != NEVER {
            self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        }
        match left {
            0 => Done::Nothing,
            1 => Done::Parts(self.parts.load(Ordering::Relaxed)),
            _ => Done::Whole,
        }
    }
}

/// What the system says of an operation that failed.
pub(crate) fn failed() -> std::io::Error {
    std::io::Error::other("input/output error")
}
