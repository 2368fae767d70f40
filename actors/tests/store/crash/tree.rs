//! The tree's file. LMDB writes it by itself, so that its states before and after each transaction are taken: the pages
//! of the new one are on their way while the old root counts; once they are synced, the root follows in one sector.

use super::moment::Moments;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use troupe_actors::store::journal::SECTOR_BYTES;
use troupe_actors::store::lmdb::{LmdbSnapshot, LmdbStore};
use troupe_actors::store::rows::RowChange;
use troupe_actors::store::tree::{Tree, TreeNeed};
use troupe_actors::store::{CommitError, Epoch, StoreError};

const PAGE_BYTES: usize = 4096;

/// What lies on a disk, and what is on its way there.
#[derive(Clone, Debug)]
pub(crate) struct TreeState {
    bytes: Arc<Vec<u8>>,
    /// The file after the pages of a transaction are there, and before its root is.
    coming: Option<Arc<Vec<u8>>>,
}

impl TreeState {
    pub(crate) fn of(dir: &Path) -> TreeState {
        TreeState { bytes: Arc::new(read(dir)), coming: None }
    }

    /// What is left if of the sectors under way those arrived of which `keeps` says so.
    pub(crate) fn after_crash(&self, mut keeps: impl FnMut() -> bool) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        let Some(coming) = &self.coming else { return bytes };
        bytes.resize(bytes.len().max(coming.len()), 0);
        for (at, sector) in (0..).step_by(SECTOR_BYTES).zip(coming.chunks(SECTOR_BYTES)) {
            if bytes[at..at + SECTOR_BYTES] != *sector && keeps() {
                bytes[at..at + SECTOR_BYTES].copy_from_slice(sector);
            }
        }
        bytes
    }
}

/// The file up to its last page that is not empty: behind it LMDB's growth lies.
fn read(dir: &Path) -> Vec<u8> {
    let mut bytes = fs::read(dir.join("data.mdb")).unwrap();
    let pages = bytes.chunks(PAGE_BYTES).rposition(|page| page != &[0; PAGE_BYTES][..page.len()]);
    bytes.truncate(pages.map_or(0, |last| last + 1) * PAGE_BYTES);
    bytes
}

/// An LMDB environment whose transactions are watched.
pub(crate) struct CrashTree {
    tree: LmdbStore,
    dir: PathBuf,
    moments: Arc<Moments>,
}

impl CrashTree {
    pub(crate) fn new(tree: LmdbStore, dir: &Path, moments: Arc<Moments>) -> CrashTree {
        CrashTree { tree, dir: dir.to_path_buf(), moments }
    }
}

impl Tree for CrashTree {
    type View<'t> = LmdbSnapshot<'t>;

    fn view(&self) -> Result<LmdbSnapshot<'_>, StoreError> {
        self.tree.view()
    }

    fn apply(&self, rows: &mut dyn Iterator<Item = RowChange<'_>>) -> Result<(), CommitError> {
        let before = Arc::new(read(&self.dir));
        self.tree.apply(rows)?;
        let after = read(&self.dir);
        // Only one of the two roots is written, and it is written last.
        let mut pages = after.clone();
        pages[..2 * PAGE_BYTES].copy_from_slice(&before[..2 * PAGE_BYTES]);
        let pages = Arc::new(pages);
        self.moments.tree(TreeState { bytes: Arc::clone(&before), coming: Some(Arc::clone(&pages)) });
        self.moments.tree(TreeState { bytes: pages, coming: None });
        self.moments.tree(TreeState { bytes: Arc::new(after), coming: None });
        Ok(())
    }

    fn promise_room(&self, need: TreeNeed) -> Result<(), CommitError> {
        self.tree.promise_room(need)
    }

    fn epoch(&self) -> Epoch {
        Tree::epoch(&self.tree)
    }

    fn end_epoch(&self) {
        Tree::end_epoch(&self.tree);
    }
}
