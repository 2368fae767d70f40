//! A journal's file that keeps what was synced apart from what was only written.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use troupe_actors::store::journal::{HEADER_BYTES, Header, JournalFile, SECTOR_BYTES};

/// A file in memory. Clones are the same file.
#[derive(Clone, Debug)]
pub(crate) struct RecordedFile(Arc<Mutex<State>>);

#[derive(Clone, Debug)]
struct State {
    synced: Vec<u8>,
    /// Sectors that were written since the last sync, by their place.
    unsynced: BTreeMap<usize, Vec<u8>>,
}

impl RecordedFile {
    /// An empty journal.
    pub(crate) fn new(header: Header) -> RecordedFile {
        let mut synced = vec![0; (HEADER_BYTES + header.capacity) as usize];
        let first = header.encode();
        synced[..first.len()].copy_from_slice(&first);
        RecordedFile(Arc::new(Mutex::new(State { synced, unsynced: BTreeMap::new() })))
    }

    /// What is durable, and the sectors that were written since, by their place.
    pub(crate) fn state(&self) -> (Vec<u8>, BTreeMap<usize, Vec<u8>>) {
        let state = self.0.lock().unwrap();
        (state.synced.clone(), state.unsynced.clone())
    }

    /// What a crash leaves if it keeps the sectors of which `keeps` says so.
    pub(crate) fn after_crash(&self, mut keeps: impl FnMut() -> bool) -> RecordedFile {
        let (mut synced, unsynced) = self.state();
        for (at, sector) in unsynced.into_iter().filter(|_| keeps()) {
            synced[at..at + sector.len()].copy_from_slice(&sector);
        }
        RecordedFile(Arc::new(Mutex::new(State { synced, unsynced: BTreeMap::new() })))
    }
}

impl JournalFile for RecordedFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let (whole, _) = self.after_crash(|| true).state();
        let from = whole.get(offset as usize..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        for (at, sector) in (offset as usize..).step_by(SECTOR_BYTES).zip(bytes.chunks(SECTOR_BYTES)) {
            state.unsynced.insert(at, sector.to_vec());
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let synced = self.after_crash(|| true).state().0;
        let mut state = self.0.lock().unwrap();
        *state = State { synced, unsynced: BTreeMap::new() };
        Ok(())
    }
}
