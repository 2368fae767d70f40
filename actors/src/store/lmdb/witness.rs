//! The file that testifies to a clean close, and what it is held against: see `store/epoch.rs`.
//!
//! ```text
//! closed-cleanly:  nonce u64 BE ‖ inode u64 BE ‖ change time in ns i128 BE
//! ```

use crate::store::epoch::{Testimony, Witness};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub(super) const NAME: &str = "closed-cleanly";

/// Says that `dir/data.mdb`, as it is now, was closed under `nonce`.
pub(super) fn write(dir: &Path, nonce: u64) -> io::Result<()> {
    let mut file = File::create(dir.join(NAME))?;
    file.write_all(&encode(Witness { nonce, file: testimony(dir)? }))?;
    file.sync_all()?;
    sync_dir(dir)
}

/// Reads the file. One that is missing, unreadable or of another length testifies nothing.
pub(super) fn read(dir: &Path) -> Option<Witness> {
    decode(&fs::read(dir.join(NAME)).ok()?)
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
pub(in crate::store) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Which file `dir/data.mdb` is now.
pub(super) fn testimony(dir: &Path) -> io::Result<Testimony> {
    let metadata = fs::metadata(dir.join("data.mdb"))?;
    let changed_ns = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
    Ok(Testimony { inode: metadata.ino(), changed_ns })
}

fn encode(witness: Witness) -> Vec<u8> {
    let Testimony { inode, changed_ns } = witness.file;
    [&witness.nonce.to_be_bytes()[..], &inode.to_be_bytes(), &changed_ns.to_be_bytes()].concat()
}

fn decode(bytes: &[u8]) -> Option<Witness> {
    let (nonce, rest) = bytes.split_first_chunk()?;
    let (inode, rest) = rest.split_first_chunk()?;
    let file = Testimony {
        inode: u64::from_be_bytes(*inode),
        changed_ns: i128::from_be_bytes(rest.try_into().ok()?),
    };
    Some(Witness { nonce: u64::from_be_bytes(*nonce), file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_witness_never_change() {
        let witness = Witness { nonce: 1, file: Testimony { inode: 2, changed_ns: 3 } };
        let bytes = hex::decode("0000000000000001000000000000000200000000000000000000000000000003");
        assert_eq!(encode(witness), bytes.unwrap_or_default());
        assert_eq!(decode(&encode(witness)), Some(witness));
        assert_eq!(decode(&encode(witness)[1..]), None);
    }
}
