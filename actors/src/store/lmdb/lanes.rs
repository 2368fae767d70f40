//! The environments of a node: one folder per lane, whose name says how many there are.
//!
//! The number of lanes is chosen when the first one is made, and stays.

use super::{Durability, LmdbOptions, LmdbStore, OpenError};
use crate::store::set::StoreSet;
use crate::store::{Epoch, LaneId};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the environments of a node are opened.
#[derive(Clone, Debug)]
pub struct LanesOptions {
    /// How many to make if there is none yet.
    pub lanes_if_new: u16,
    /// What all of them together may grow to, in bytes.
    pub map_size: usize,
    /// When a commit counts as done.
    pub durability: Durability,
    /// Drawn at random for this very call.
    pub fresh_epoch: Epoch,
}

impl StoreSet<LmdbStore> {
    /// Opens the environments below `dir`, or makes new ones there.
    ///
    /// # Errors
    /// [`OpenError`]; what was stored is as it was.
    pub fn open_all(dir: &Path, options: &LanesOptions) -> Result<StoreSet<LmdbStore>, OpenError> {
        fs::create_dir_all(dir).map_err(|source| OpenError::io(dir, source))?;
        let found = lanes_found(dir).map_err(|source| OpenError::io(dir, source))?;
        let lanes = found.unwrap_or(options.lanes_if_new.max(1));
        let map_size = options.map_size / usize::from(lanes);
        let open = |lane| {
            let lane = LaneId { lane, lanes };
            let folder = folder(dir, lane);
            // The first lane is made last: if it is there, so are the others.
            if found.is_some() && !folder.is_dir() {
                return Err(OpenError::LaneMissing { dir: folder });
            }
            let (durability, fresh_epoch) = (options.durability, options.fresh_epoch);
            LmdbStore::open(&folder, &LmdbOptions { map_size, durability, fresh_epoch, lane }).map(Arc::new)
        };
        let mut others = (1..lanes).rev().map(open).collect::<Result<Vec<_>, _>>()?;
        others.reverse();
        let first = open(0)?;
        // A folder that is new must be found after a crash as well: its name is in the one above.
        for folder in std::iter::once(dir).chain(dir.parent().filter(|parent| parent.is_dir())) {
            super::witness::sync_dir(folder).map_err(|source| OpenError::io(folder, source))?;
        }
        Ok(StoreSet::new(first, others))
    }

    /// Marks every environment as closed with nothing lost. The lanes must have stopped.
    ///
    /// # Errors
    /// Those that could not be marked begin a new epoch when they are opened; nothing else is lost.
    pub fn close_clean(&self) -> Result<(), OpenError> {
        self.iter().try_for_each(|store| store.close_clean())
    }
}

fn folder(dir: &Path, LaneId { lane, lanes }: LaneId) -> PathBuf {
    dir.join(format!("lane-{lane}-of-{lanes}"))
}

/// The number of lanes that the first lane's folder names, if it is there.
fn lanes_found(dir: &Path) -> io::Result<Option<u16>> {
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let lanes = name.to_str().and_then(|name| name.strip_prefix("lane-0-of-"));
        if let Some(lanes) = lanes.and_then(|lanes| lanes.parse().ok()).filter(|&lanes| lanes > 0) {
            return Ok(Some(lanes));
        }
    }
    Ok(None)
}
