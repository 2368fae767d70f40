//! The proof that an environment was closed with nothing lost and has not been replaced since.
//!
//! Closing cleanly leaves a nonce in the environment, and beside it a file that holds the same nonce and says which
//! file `data.mdb` then was: its inode and the time of its last change, which no copy can bring back. An older image
//! that is copied back over has another nonce; a whole folder that is restored has another inode or change time.
//!
//! What it cannot see is a stopped machine whose whole disk is rolled back to a moment when the node was stopped too.
//!
//! ```text
//! closed-cleanly:  nonce u64 BE ‖ inode u64 BE ‖ change time in ns i128 BE
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub(super) const NAME: &str = "closed-cleanly";

/// Says that `dir/data.mdb`, as it is now, was closed under `nonce`.
pub(super) fn write(dir: &Path, nonce: u64) -> io::Result<()> {
    let mut file = File::create(dir.join(NAME))?;
    file.write_all(&bytes(nonce, Testimony::of(dir)?))?;
    file.sync_all()?;
    sync_dir(dir)
}

/// Whether what `dir/data.mdb` was before it was opened is what was closed under `nonce`.
pub(super) fn confirms(dir: &Path, nonce: u64, left_as: Testimony) -> bool {
    // Without a witness there is nothing to compare with; a file that cannot be read testifies nothing.
    matches!(fs::read(dir.join(NAME)), Ok(written) if written == bytes(nonce, left_as))
}

/// Takes the proof away: from here on only another clean close makes a new one.
pub(super) fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_file(dir.join(NAME)) {
        Ok(()) => sync_dir(dir),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes new and removed names in a folder durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Which file `data.mdb` is, and when it last changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Testimony {
    inode: u64,
    changed_ns: i128,
}

impl Testimony {
    /// Looks at `dir/data.mdb`.
    pub(super) fn of(dir: &Path) -> io::Result<Testimony> {
        let metadata = fs::metadata(dir.join("data.mdb"))?;
        let changed_ns = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
        Ok(Testimony { inode: metadata.ino(), changed_ns })
    }
}

fn bytes(nonce: u64, testimony: Testimony) -> Vec<u8> {
    let Testimony { inode, changed_ns } = testimony;
    [&nonce.to_be_bytes()[..], &inode.to_be_bytes(), &changed_ns.to_be_bytes()].concat()
}
