//! A journal on a disk.

use super::header::{HEADER_BYTES, Header};
use super::{JournalFile, SECTOR_BYTES};
use rustix::fs::statvfs;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The file's name beside `data.mdb`.
pub(crate) const NAME: &str = "journal";

/// Of a small disk, one part in this many is for the journal.
const PARTS: u64 = 8;

/// Shortest journal: a few records.
const CAPACITY_BYTES_MIN: u64 = 1 << 16;

/// The file.
#[derive(Debug)]
pub struct DiskFile(File);

impl DiskFile {
    /// Opens the journal in `dir`.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::NotFound`] if there is none.
    pub(crate) fn open(dir: &Path) -> io::Result<DiskFile> {
        File::options().read(true).write(true).open(dir.join(NAME)).map(DiskFile)
    }

    /// Makes a journal in `dir`, in the place of whatever is there, and takes its room on the disk.
    ///
    /// # Errors
    /// What the system says, as when there is no room. What is there then is not a journal.
    pub(crate) fn create(dir: &Path, header: Header) -> io::Result<DiskFile> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(dir.join(NAME))?;
        // Blocks that were only promised would be made out to the file when they are first written, at each sync.
        let zeros = vec![0; 1 << 20];
        let (mut offset, end) = (HEADER_BYTES, HEADER_BYTES + header.capacity);
        while offset < end {
            let bytes = (end - offset).min(zeros.len() as u64);
            file.write_all_at(&zeros[..bytes as usize], offset)?;
            offset += bytes;
        }
        file.write_all_at(&header.encode(), 0)?;
        file.sync_all()?;
        File::open(dir)?.sync_all()?;
        Ok(DiskFile(file))
    }
}

/// How large a journal is made in `dir`, one of `lanes`: `bytes_max`, or less on a small disk.
pub(crate) fn capacity_for(dir: &Path, lanes: u16, bytes_max: u64) -> io::Result<u64> {
    let disk = statvfs(dir)?;
    let share = disk.f_blocks.saturating_mul(disk.f_frsize) / PARTS / u64::from(lanes.max(1));
    let bytes = bytes_max.min(share).max(CAPACITY_BYTES_MIN);
    Ok(bytes.next_multiple_of(2 * SECTOR_BYTES as u64))
}

impl JournalFile for DiskFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
