//! The environments of a node: one folder per lane, whose name says how many there are.
//!
//! The number of lanes is chosen when the first one is made, and stays.

use super::{Durability, JournalOptions, NodeStore};
use crate::store::lmdb::{LmdbOptions, OpenError, loss, witness};
use crate::store::set::StoreSet;
use crate::store::{Epoch, LaneId};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
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
    /// How long the journals of all of them together are made, in bytes.
    pub journal_bytes_max: u64,
    /// Drawn at random for this very call.
    pub fresh_epoch: Epoch,
}

/// The folder of the environments, in the node's own.
const FOLDER: &str = "store";

/// Beside that folder: it is there once every environment was made. Without it, environments that are missing were never
/// finished; with it, they are lost.
const MADE: &str = "has-store";

const MADE_TEXT: &str =
    "This node keeps what it stores in the folder `store`. If that is missing, restore it.\n";

impl StoreSet<NodeStore> {
    /// Opens the environments of the node whose folder is `home`, or makes new ones there.
    ///
    /// # Errors
    /// [`OpenError`]; what was stored is as it was.
    pub fn open_all(home: &Path, options: &LanesOptions) -> Result<StoreSet<NodeStore>, OpenError> {
        let (dir, made) = (&home.join(FOLDER), home.join(MADE));
        let was_made = fs::exists(&made).map_err(|source| OpenError::io(home, source))?;
        fs::create_dir_all(dir).map_err(|source| OpenError::io(dir, source))?;
        let found = lanes_found(dir).map_err(|source| OpenError::io(dir, source))?;
        let lanes = found.unwrap_or(options.lanes_if_new.max(1));
        let folder = |lane| dir.join(format!("lane-{lane}-of-{lanes}"));
        // The first lane is made last: if it is there, so are the others.
        let others_were_made = was_made || folder(0).is_dir();
        // Before any is opened: a lane that is opened in vain begins a new epoch the next time.
        for lane in 0..lanes {
            loss::check(home, &folder(lane), if lane == 0 { was_made } else { others_were_made })?;
        }
        let journal = JournalOptions {
            bytes_max: options.journal_bytes_max / u64::from(lanes),
            durability: options.durability,
        };
        let open = |lane| {
            let tree = LmdbOptions {
                map_size: options.map_size / usize::from(lanes),
                fresh_epoch: options.fresh_epoch,
                lane: LaneId { lane, lanes },
            };
            NodeStore::open(&folder(lane), &tree, journal).map(Arc::new)
        };
        let mut others = (1..lanes).rev().map(open).collect::<Result<Vec<_>, _>>()?;
        others.reverse();
        let first = open(0)?;
        if !was_made {
            // A folder that is new must be found after a crash as well: its name is in the one above.
            witness::sync_dir(dir).map_err(|source| OpenError::io(dir, source))?;
            write_durably(&made, MADE_TEXT).map_err(|source| OpenError::io(home, source))?;
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

/// The number of lanes that the folders name, if there are any: that of the first lane, where they differ.
fn lanes_found(dir: &Path) -> io::Result<Option<u16>> {
    let mut found = None;
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let numbers = name.to_str().and_then(|name| name.strip_prefix("lane-")?.split_once("-of-"));
        let Some((lane, lanes)) = numbers else { continue };
        let (Ok(lane), Ok(lanes)) = (lane.parse::<u16>(), lanes.parse::<u16>()) else { continue };
        if lane == 0 && lanes > 0 {
            return Ok(Some(lanes));
        }
        found = found.max((lane < lanes).then_some(lanes));
    }
    Ok(found)
}

fn write_durably(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), witness::sync_dir)
}
