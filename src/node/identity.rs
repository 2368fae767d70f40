//! Who the node is: an Ed25519 key in its own directory, made at the first start.

use ed25519_dalek::{SECRET_KEY_LENGTH, SigningKey};
use rand::Rng;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use troupe_actors::ids::NodeId;

/// The file's name in `metadata_dir`.
const KEY_FILE: &str = "node_key";

/// The node's key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file system refused.
    #[error("the node's key {}: {source}", path.display())]
    Io {
        /// The key's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "the node's key {} is not {SECRET_KEY_LENGTH} bytes long: restore it, or the node is another one",
        path.display()
    )]
    Malformed {
        /// The key's file.
        path: PathBuf,
    },
}

/// Reads the node's id; `None` if the node has never been started.
///
/// # Errors
/// [`IdentityError`].
pub fn read(metadata_dir: &Path) -> Result<Option<NodeId>, IdentityError> {
    let path = metadata_dir.join(KEY_FILE);
    match fs::read(&path) {
        Ok(bytes) => {
            let secret = bytes.try_into().map_err(|_| IdentityError::Malformed { path })?;
            Ok(Some(NodeId(SigningKey::from_bytes(&secret).verifying_key().to_bytes())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(IdentityError::Io { path, source }),
    }
}

/// Reads the node's id, or makes a key for a new node.
///
/// # Errors
/// [`IdentityError`].
pub fn read_or_create(metadata_dir: &Path) -> Result<NodeId, IdentityError> {
    if let Some(node) = read(metadata_dir)? {
        return Ok(node);
    }
    let mut secret = [0; SECRET_KEY_LENGTH];
    rand::rng().fill_bytes(&mut secret);
    let path = metadata_dir.join(KEY_FILE);
    create(&path, &secret).map_err(|source| IdentityError::Io { path, source })?;
    Ok(NodeId(SigningKey::from_bytes(&secret).verifying_key().to_bytes()))
}

/// Written aside and moved into place, so that a crash leaves a whole key or none.
fn create(path: &Path, secret: &[u8]) -> io::Result<()> {
    let newborn = path.with_extension("new");
    match fs::remove_file(&newborn) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&newborn)?;
    file.write_all(secret)?;
    file.sync_all()?;
    fs::rename(&newborn, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_node_keeps_its_identity_and_nobody_else_can_read_its_key() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        let node = read_or_create(dir.path()).unwrap();
        assert_eq!(read_or_create(dir.path()).unwrap(), node);
        assert_eq!(read(dir.path()).unwrap(), Some(node));
        let mode = fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_not_silently_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(KEY_FILE), b"short").unwrap();
        assert!(matches!(read_or_create(dir.path()), Err(IdentityError::Malformed { .. })));
    }
}
