//! Small files that are replaced as a whole, also on a disk that has become full.
//!
//! ```text
//! NAME        what counts
//! NAME.new    the version before it: its room is what the next one is written into
//! ```

use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Replaces the file `name` in `folder`, durably. After a crash it is the old one or the new one. It takes room on the disk only
/// where it becomes longer than both versions before it.
///
/// # Errors
/// What the system said; then the file is the old one.
pub fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
    write(&new, bytes)?;
    // The two change places, so that the older one keeps its room.
    if renameat_with(CWD, &new, CWD, &path, RenameFlags::EXCHANGE).is_err() {
        fs::rename(&new, &path)?;
        // Without room for it the next version has to find its own.
        let _ = write(&new, bytes);
    }
    File::open(folder)?.sync_all()
}

/// Over what is there, not in its place: the room is kept.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts_however_long_it_is() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["first", "a longer one", "", "short"] {
            replace(folder.path(), "file", text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), text);
        }
    }

    #[test]
    fn the_room_of_the_version_before_is_kept_for_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["1", "2"] {
            replace(folder.path(), "file", text.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(folder.path().join("file.new")).unwrap(), "1");
    }
}
