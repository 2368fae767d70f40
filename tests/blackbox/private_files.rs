//! What a node writes is for its own user, whatever the umask that it was started under.

use crate::harness::{Home, Node};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Every file and folder below `dir`, itself included, with its permission bits.
fn modes(dir: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = vec![(dir.to_owned(), mode(dir))];
    for entry in fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(modes(&entry.path()));
        } else {
            found.push((entry.path(), mode(&entry.path())));
        }
    }
    found
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn files_are_0600_and_folders_0700_under_an_open_umask() {
    let node = Node::dev_under(Home::new(), "umask 000");
    node.client().put("pk", "sk", None, "x").expect(204);
    let modes = modes(&node.home.path().join("node"));
    assert!(modes.len() > 5, "{modes:?}");
    for (path, mode) in modes {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{}: {mode:04o}", path.display());
    }
}
