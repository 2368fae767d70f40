//! Room that is kept so that deletions go through when nothing else does.
//!
//! *On the disk:* a file of zeros beside the environment. When the disk is full it is removed, and what it held is for
//! deletions. It comes back once the disk has room again; until then writes that grow must fit into pages that the
//! environment already owns.
//!
//! *In the map:* writes that grow are refused when they would leave fewer free pages than the reserve. LMDB changes no
//! page in place, so that without free pages not even a deletion can be written.

use crate::limits::STORE_RESERVE_BYTES_MAX;
use rustix::fs::{FallocateFlags, StatVfs, fallocate, statvfs};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) const NAME: &str = "reserve";

/// Of a small disk or map, one part in this many is kept.
const PARTS: u64 = 8;

/// A disk with less than this left may have cut a write short.
const FULL_BYTES_MAX: u64 = 1 << 20;

/// The file of zeros. Only the lane's thread uses it.
#[derive(Debug)]
pub(super) struct DiskReserve {
    path: PathBuf,
    bytes: u64,
    is_held: AtomicBool,
}

impl DiskReserve {
    /// The reserve of an environment in `dir`, held or not.
    pub(super) fn find(dir: &Path) -> io::Result<DiskReserve> {
        let disk = statvfs(dir)?;
        let bytes = STORE_RESERVE_BYTES_MAX.min(disk.f_blocks.saturating_mul(disk.f_frsize) / PARTS);
        let path = dir.join(NAME);
        // A copy that was restored may have the length and no blocks.
        let holds = |file: fs::Metadata| file.len() == bytes && file.blocks().saturating_mul(512) >= bytes;
        let is_held = fs::metadata(&path).is_ok_and(holds);
        Ok(DiskReserve { path, bytes, is_held: AtomicBool::new(is_held) })
    }

    /// Takes the reserve, if it is not held and the disk has room for twice as much. Whether it is held now.
    pub(super) fn take(&self) -> bool {
        if self.is_held.load(Ordering::Relaxed) {
            return true;
        }
        let has_room = self.disk().is_some_and(|disk| available(&disk) >= 2 * self.bytes);
        if has_room && let Err(error) = allocate(&self.path, self.bytes) {
            log::debug!("{}: {error}", self.path.display());
            // What was allocated of it is not enough, and would be missing elsewhere.
            self.release();
            return false;
        }
        self.is_held.store(has_room, Ordering::Relaxed);
        has_room
    }

    /// Whether the disk has this much left beside the reserve.
    pub(super) fn has_left(&self, bytes: u64) -> bool {
        bytes == 0 || self.disk().is_some_and(|disk| available(&disk) >= bytes)
    }

    /// Gives the reserve to the writes that come next.
    pub(super) fn release(&self) {
        self.is_held.store(false, Ordering::Relaxed);
        match fs::remove_file(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => log::warn!("{}: {error}", self.path.display()),
        }
    }

    /// Whether a transaction failed for want of room on the disk.
    pub(super) fn was_missing(&self, error: &heed::Error) -> bool {
        let heed::Error::Io(cause) = error else { return false };
        let is_full = || self.disk().is_some_and(|disk| available(&disk) < FULL_BYTES_MAX);
        match cause.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => true,
            // LMDB reports a write that was cut short as EIO.
            _ => cause.raw_os_error() == Some(Errno::IO.raw_os_error()) && is_full(),
        }
    }

    fn disk(&self) -> Option<StatVfs> {
        statvfs(self.path.parent()?).ok()
    }
}

/// How many bytes of a map (or of the part of it that is on a full disk) are kept for deletions.
pub(super) fn map_reserve_bytes(map_bytes: u64) -> u64 {
    STORE_RESERVE_BYTES_MAX.min(map_bytes / PARTS)
}

fn available(disk: &StatVfs) -> u64 {
    disk.f_bavail.saturating_mul(disk.f_frsize)
}

fn allocate(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => Ok(()),
        // A file system that cannot promise room has to be given the zeros.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            let zeros = [0; 1 << 16];
            let mut left = bytes;
            while left > 0 {
                let count = left.min(zeros.len() as u64);
                file.write_all(&zeros[..count as usize])?;
                left -= count;
            }
            file.sync_all()
        }
        Err(error) => Err(error.into()),
    }
}
