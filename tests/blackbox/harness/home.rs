use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The directory of a node, which outlives its processes.
#[derive(Debug)]
pub(crate) struct Home {
    dir: TempDir,
}

impl Home {
    pub(crate) fn new() -> Home {
        Home { dir: TempDir::with_prefix("troupe-story-").expect("a temporary directory") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file into it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).expect("the directory is writable");
        path
    }
}

/// The first file of that name below `dir`.
pub(crate) fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    let mut below = Vec::new();
    for entry in fs::read_dir(dir).ok()?.flatten() {
        if entry.file_name() == name {
            return Some(entry.path());
        }
        if entry.path().is_dir() {
            below.push(entry.path());
        }
    }
    below.iter().find_map(|dir| find(dir, name))
}
