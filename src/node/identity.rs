//! The node's identity: an Ed25519 key in its own directory, made at the first start, or by `troupe node id` before.
//!
//! ```text
//! node_key    secret[32]                made here
//!             secret[32] ‖ public[32]   left by Garage: a node that moves over keeps its id
//! ```

use ed25519_dalek::{KEYPAIR_LENGTH, SECRET_KEY_LENGTH, SigningKey};
use rand::Rng;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
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
    #[error("{} does not hold a node's key: restore it, or remove it and be another node", path.display())]
    Malformed {
        /// The key's file.
        path: PathBuf,
    },
    /// Others may read the file.
    #[error("the node's key {} can be read by others (mode {mode:04o}): run chmod 600 on it", path.display())]
    Open {
        /// The key's file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// What a node is: its id, and the key that proves it.
pub struct Identity {
    /// The public key.
    pub node: NodeId,
    /// The secret key.
    pub(super) key: [u8; SECRET_KEY_LENGTH],
}

/// Reads the node's identity; `None` if the node has never been started.
///
/// # Errors
/// [`IdentityError`].
pub fn read(metadata_dir: &Path) -> Result<Option<Identity>, IdentityError> {
    let path = metadata_dir.join(KEY_FILE);
    let failed = |source| IdentityError::Io { path: path.clone(), source };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
    // A group may have it: orchestrators hand volumes to groups.
    if mode & 0o007 != 0 {
        return Err(IdentityError::Open { path, mode });
    }
    let mut bytes = Vec::new();
    (&mut file).take(KEYPAIR_LENGTH as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    let key = signing_key(&bytes).ok_or(IdentityError::Malformed { path })?;
    Ok(Some(Identity { node: NodeId(key.verifying_key().to_bytes()), key: key.to_bytes() }))
}

fn signing_key(bytes: &[u8]) -> Option<SigningKey> {
    if let Ok(secret) = bytes.try_into() {
        return Some(SigningKey::from_bytes(secret));
    }
    SigningKey::from_keypair_bytes(bytes.try_into().ok()?).ok()
}

/// Reads the node's identity, or makes a key for a new node.
///
/// # Errors
/// [`IdentityError`].
pub fn read_or_create(metadata_dir: &Path) -> Result<Identity, IdentityError> {
    if let Some(identity) = read(metadata_dir)? {
        return Ok(identity);
    }
    let mut secret = [0; SECRET_KEY_LENGTH];
    rand::rng().fill_bytes(&mut secret);
    let path = metadata_dir.join(KEY_FILE);
    create(metadata_dir, &path, &secret)
        .map_err(|source| IdentityError::Io { path: path.clone(), source })?;
    // What is read is what counts: another process may have been first.
    read(metadata_dir)?.ok_or(IdentityError::Malformed { path })
}

/// Written aside and linked into place, so that a crash leaves a whole key or none, and of two processes that make one
/// at the same time the first wins.
fn create(metadata_dir: &Path, path: &Path, secret: &[u8]) -> io::Result<()> {
    fs::create_dir_all(metadata_dir)?;
    let newborn = path.with_extension(format!("{:016x}.new", rand::random::<u64>()));
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&newborn)?;
    file.write_all(secret)?;
    file.sync_all()?;
    let linked = fs::hard_link(&newborn, path);
    fs::remove_file(&newborn)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    File::open(metadata_dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_its_identity_and_nobody_else_can_read_its_key() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).unwrap().is_none());
        let node = read_or_create(dir.path()).unwrap().node;
        assert_eq!(read_or_create(dir.path()).unwrap().node, node);
        assert_eq!(node_in(dir.path()), node);
        let mode = fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_not_silently_replaced() {
        let dir = tempfile::tempdir().unwrap();
        write_key(dir.path(), b"short", 0o600);
        assert!(matches!(read_or_create(dir.path()), Err(IdentityError::Malformed { .. })));
    }

    fn node_in(dir: &Path) -> NodeId {
        read(dir).unwrap().unwrap().node
    }

    fn write_key(dir: &Path, bytes: &[u8], mode: u32) {
        let path = dir.join(KEY_FILE);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_key_pair_that_garage_left_names_the_same_node_as_its_secret() {
        let dir = tempfile::tempdir().unwrap();
        let pair = SigningKey::from_bytes(&[7; 32]).to_keypair_bytes();
        write_key(dir.path(), &pair, 0o600);
        let node = node_in(dir.path());
        write_key(dir.path(), &pair[..32], 0o600);
        assert_eq!(node_in(dir.path()), node);
        let mut torn = pair;
        torn[63] ^= 1;
        write_key(dir.path(), &torn, 0o600);
        assert!(matches!(read(dir.path()), Err(IdentityError::Malformed { .. })));
    }

    #[test]
    fn a_key_that_everybody_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        write_key(dir.path(), &[7; 32], 0o644);
        let Err(error) = read(dir.path()) else { panic!("it is refused") };
        let error = error.to_string();
        assert!(error.ends_with("can be read by others (mode 0644): run chmod 600 on it"), "{error}");
    }

    #[test]
    fn of_many_that_make_a_key_at_once_all_see_the_same_one() {
        let dir = tempfile::tempdir().unwrap();
        let nodes: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| read_or_create(dir.path()).unwrap().node)).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(nodes.iter().all(|node| *node == nodes[0]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
