//! Letting the file grow in steps, ahead of what is used.
//!
//! A commit that makes the file longer has the file system write its own records too, and wait for them. So zeros are
//! written behind the last page now and then: the commits after that only write over blocks that are there already.

use crate::limits::STORE_GROWTH_BYTES;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The environment's file, for making it longer. LMDB has its own handle.
#[derive(Debug)]
pub(super) struct Growth(File);

impl Growth {
    /// For `dir/data.mdb`.
    pub(super) fn open(dir: &Path) -> io::Result<Growth> {
        File::options().write(true).open(dir.join("data.mdb")).map(Growth)
    }

    /// Adds a step if less than half of one is left behind the pages that were ever used, within the map. What is
    /// written lies behind every page of LMDB as long as the caller holds LMDB's write lock: a transaction that is not
    /// committed has written nothing.
    ///
    /// # Errors
    /// There may be no room. Nothing depends on the step.
    pub(super) fn ahead_of(&self, used_bytes: u64, map_bytes: u64) -> io::Result<()> {
        let length = self.0.metadata()?.len();
        let longer = (length + STORE_GROWTH_BYTES).min(map_bytes);
        if used_bytes + STORE_GROWTH_BYTES / 2 <= length || longer <= length {
            return Ok(());
        }
        let zeros = vec![0; (longer - length) as usize];
        self.0.write_all_at(&zeros, length)
    }

    /// Makes the file at least `used_bytes` long. LMDB does not write the last pages of a transaction if it took and freed
    /// them again: its root page then counts pages that the file does not have. For the caller see [`Growth::ahead_of`].
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn cover(&self, used_bytes: u64) -> io::Result<()> {
        if self.0.metadata()?.len() >= used_bytes {
            return Ok(());
        }
        self.0.set_len(used_bytes)?;
        self.0.sync_all()
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
}
