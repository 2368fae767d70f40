//! Letting the file grow in steps, ahead of what is used.
//!
//! A commit that makes the file longer has the file system write its own records too, and wait for them. So zeros are
//! written behind the last page now and then: the commits after that only write over blocks that are there already.
//!
//! What the tree will need for rows that are acknowledged already is *reserved* further ahead: the file system allocates
//! blocks behind the file's end without making it longer. Whoever else fills the disk cannot take them.

use crate::limits::{STORE_GROWTH_BYTES, STORE_RESERVATION_BYTES};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The environment's file, for making it longer. LMDB has its own handle.
#[derive(Debug)]
pub(super) struct Growth {
    file: File,
    /// Up to where the file is known to have blocks.
    reserved_bytes: AtomicU64,
    /// Whether the file system can allocate blocks that nothing was written to.
    can_reserve: AtomicBool,
}

/// What became of a reservation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reservation {
    /// The blocks are the file's.
    Made,
    /// The file system has no room for them.
    NoRoom,
    /// The file system knows no such thing.
    Unsupported,
}

impl Growth {
    /// For `dir/data.mdb`.
    pub(super) fn open(dir: &Path) -> io::Result<Growth> {
        let file = File::options().write(true).open(dir.join("data.mdb"))?;
        let found = file.metadata()?;
        // A copy may have got holes; what lies behind the end is allocated once more, which costs nothing.
        let has_holes = found.blocks().saturating_mul(512) < found.len();
        let reserved_bytes = AtomicU64::new(if has_holes { 0 } else { found.len() });
        Ok(Growth { file, reserved_bytes, can_reserve: AtomicBool::new(true) })
    }

    /// Sees to it that the first `bytes` of the file have blocks on the disk, whether or not it is that long.
    pub(super) fn reserve(&self, bytes: u64) -> Reservation {
        let reserved = self.reserved_bytes.load(Ordering::Relaxed);
        if bytes <= reserved {
            return Reservation::Made;
        }
        if !self.can_reserve.load(Ordering::Relaxed) {
            return Reservation::Unsupported;
        }
        let mut outcome = Err(Errno::NOSPC);
        // Some more if there is room, so that it is not asked for every few rows.
        for upto in [bytes.next_multiple_of(STORE_RESERVATION_BYTES), bytes] {
            outcome = fallocate(&self.file, FallocateFlags::KEEP_SIZE, reserved, upto - reserved);
            if outcome.is_ok() {
                self.reserved_bytes.fetch_max(upto, Ordering::Relaxed);
            }
            if outcome != Err(Errno::NOSPC) {
                break;
            }
        }
        match outcome {
            Ok(()) => Reservation::Made,
            Err(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Reservation::NoRoom,
            Err(error) => {
                if self.can_reserve.swap(false, Ordering::Relaxed) {
                    log::warn!(
                        "the file system reserves no room for the store's tree, it is only looked for: {error}"
                    );
                }
                Reservation::Unsupported
            }
        }
    }

    /// Adds a step if less than half of one is left behind the pages that were ever used, within the map. What is
    /// written lies behind every page of LMDB as long as the caller holds LMDB's write lock: a transaction that is not
    /// committed has written nothing.
    ///
    /// # Errors
    /// There may be no room. Nothing depends on the step.
    pub(super) fn ahead_of(&self, used_bytes: u64, map_bytes: u64) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        let longer = (length + STORE_GROWTH_BYTES).min(map_bytes);
        if used_bytes + STORE_GROWTH_BYTES / 2 <= length || longer <= length {
            return Ok(());
        }
        let zeros = vec![0; (longer - length) as usize];
        self.file.write_all_at(&zeros, length)?;
        self.reserved_bytes.fetch_max(longer, Ordering::Relaxed);
        Ok(())
    }

    /// Makes the file at least `used_bytes` long. LMDB does not write the last pages of a transaction if it took and freed
    /// them again: its root page then counts pages that the file does not have. For the caller see [`Growth::ahead_of`].
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn cover(&self, used_bytes: u64) -> io::Result<()> {
        if self.file.metadata()?.len() >= used_bytes {
            return Ok(());
        }
        // The pages have no content, and are going to be written one day.
        let _ = self.reserve(used_bytes);
        self.file.set_len(used_bytes)?;
        self.file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_as_long_as_is_asked_and_never_shorter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data.mdb");
        std::fs::write(&path, [1; 10]).unwrap();
        let growth = Growth::open(dir.path()).unwrap();
        for (used_bytes, length) in [(10, 10), (4, 10), (25, 25)] {
            growth.cover(used_bytes).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().len(), length);
        }
        assert_eq!(&std::fs::read(&path).unwrap()[..11], &[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
    }

    #[test]
    fn what_is_reserved_is_on_the_disk_and_the_file_is_no_longer_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data.mdb");
        std::fs::write(&path, [1; 10]).unwrap();
        let growth = Growth::open(dir.path()).unwrap();
        match growth.reserve(100_000) {
            Reservation::Made => {}
            Reservation::Unsupported => return,
            Reservation::NoRoom => panic!("the disk is full"),
        }
        let found = std::fs::metadata(&path).unwrap();
        assert_eq!(found.len(), 10);
        assert!(found.blocks() * 512 >= 100_000, "{} blocks", found.blocks());
        assert_eq!(growth.reserve(u64::MAX >> 1), Reservation::NoRoom, "more than any disk has");
    }
}
