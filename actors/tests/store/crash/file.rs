//! The journal's file: what was synced, what was only written, and every moment at which a machine could stop.

use super::moment::Moments;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use troupe_actors::store::journal::{HEADER_BYTES, Header, JournalFile, SECTOR_BYTES};

/// A file in memory. Clones are the same file.
#[derive(Clone)]
pub(crate) struct CrashFile {
    state: Arc<Mutex<FileState>>,
    moments: Arc<Moments>,
}

/// What lies on a disk, and what is on its way there.
#[derive(Clone, Debug)]
pub(crate) struct FileState {
    synced: Vec<u8>,
    /// What a reader of this life sees.
    written: Vec<u8>,
    /// Sectors that were written since the last sync, by their place.
    unsynced: BTreeMap<usize, Vec<u8>>,
}

impl FileState {
    /// An empty journal.
    pub(crate) fn new(header: Header) -> FileState {
        let mut bytes = vec![0; (HEADER_BYTES + header.capacity) as usize];
        let first = header.encode();
        bytes[..first.len()].copy_from_slice(&first);
        FileState::on_disk(bytes)
    }

    fn on_disk(bytes: Vec<u8>) -> FileState {
        FileState { written: bytes.clone(), synced: bytes, unsynced: BTreeMap::new() }
    }

    /// What is left if of the sectors under way those arrived of which `keeps` says so.
    pub(crate) fn after_crash(&self, mut keeps: impl FnMut() -> bool) -> FileState {
        let mut bytes = self.synced.clone();
        for (at, sector) in self.unsynced.iter().filter(|_| keeps()) {
            bytes[*at..at + sector.len()].copy_from_slice(sector);
        }
        FileState::on_disk(bytes)
    }
}

impl CrashFile {
    pub(crate) fn new(state: FileState, moments: Arc<Moments>) -> CrashFile {
        CrashFile { state: Arc::new(Mutex::new(state)), moments }
    }

    fn lock(&self) -> MutexGuard<'_, FileState> {
        self.state.lock().unwrap()
    }
}

impl JournalFile for CrashFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.lock();
        let from = state.written.get(offset as usize..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.lock();
        state.written[offset as usize..][..bytes.len()].copy_from_slice(bytes);
        for (at, sector) in (offset as usize..).step_by(SECTOR_BYTES).zip(bytes.chunks(SECTOR_BYTES)) {
            state.unsynced.insert(at, sector.to_vec());
        }
        self.moments.journal(&state);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.lock();
        *state = FileState::on_disk(state.written.clone());
        self.moments.journal(&state);
        Ok(())
    }
}
