//! The journal's file: what is durable, and what a power cut may take back, sector by sector.

use crate::fuse::{Done, Fuse, failed};
use crate::random::Random;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use troupe_actors::store::journal::{HEADER_BYTES, Header, JournalFile, SECTOR_BYTES};

type Sector = [u8; SECTOR_BYTES];

/// What the file holds behind its first page.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    /// What a reader sees.
    written: Vec<Sector>,
    /// What the sectors hold on the disk that were written since the last sync.
    unsynced: BTreeMap<usize, Sector>,
}

impl Records {
    pub(crate) fn none(header: Header) -> Records {
        let sectors = header.capacity as usize / SECTOR_BYTES;
        Records { written: vec![[0; SECTOR_BYTES]; sectors], unsynced: BTreeMap::new() }
    }
}

/// The file. Clones are the same file.
#[derive(Clone, Debug)]
pub(crate) struct DiskJournal {
    records: Arc<Mutex<Records>>,
    fuse: Arc<Fuse>,
}

impl DiskJournal {
    pub(crate) fn new(records: Records, fuse: Arc<Fuse>) -> DiskJournal {
        DiskJournal { records: Arc::new(Mutex::new(records)), fuse }
    }

    /// What somebody reads who copies the file.
    pub(crate) fn read(&self) -> Records {
        Records { written: self.lock().written.clone(), unsynced: BTreeMap::new() }
    }

    /// What is there and what is under way, as the system goes on to hold it when the process is killed.
    pub(crate) fn left(&self) -> Records {
        self.lock().clone()
    }

    pub(crate) fn is_synced(&self) -> bool {
        self.lock().unsynced.is_empty()
    }

    /// The power fails: of the sectors under way some arrive, whichever they are. How many do not.
    pub(crate) fn cut_power(&self, random: &mut Random) -> u64 {
        let mut records = self.lock();
        let lost_percent = *random.pick(&[0, 25, 50, 75, 100]);
        let mut lost = 0;
        for (at, sector) in std::mem::take(&mut records.unsynced) {
            if random.percent(lost_percent) {
                records.written[at] = sector;
                lost += 1;
            }
        }
        lost
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().expect("nothing panics while it holds this lock")
    }
}

impl JournalFile for DiskJournal {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let records = self.lock();
        let all = records.written.as_flattened();
        let from = (offset - HEADER_BYTES) as usize;
        let read = all.get(from..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(read.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let done = self.fuse.operation();
        let mut records = self.lock();
        let first = (offset - HEADER_BYTES) as usize / SECTOR_BYTES;
        for (at, written) in bytes.chunks(SECTOR_BYTES).enumerate() {
            let is_done = match done {
                Done::Whole => true,
                Done::Parts(parts) => parts & (1 << (at % 64)) != 0,
                Done::Nothing => false,
            };
            if is_done {
                let Records { written: sectors, unsynced } = &mut *records;
                let sector = &mut sectors[first + at];
                unsynced.entry(first + at).or_insert(*sector);
                sector[..written.len()].copy_from_slice(written);
            }
        }
        if done == Done::Whole { Ok(()) } else { Err(failed()) }
    }

    fn sync(&self) -> io::Result<()> {
        if self.fuse.operation() != Done::Whole {
            return Err(failed());
        }
        self.lock().unsynced.clear();
        Ok(())
    }
}
