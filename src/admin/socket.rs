//! The Unix socket over which the commands reach the running node.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// The socket cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {}: {source}{}", .path.display(), hint(.path))]
pub struct SocketError {
    path: PathBuf,
    source: io::Error,
}

/// What the kernel has room for in the name of a socket.
const SOCKET_PATH_BYTES_MAX: usize = 107;

fn hint(path: &Path) -> &'static str {
    if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
        " (the path of a Unix socket has at most 107 bytes: choose a shorter metadata_dir)"
    } else {
        ""
    }
}

/// Listens at `path` with mode 0600, in place of a socket that a killed node left behind. The caller holds the lock of
/// the directory, so no running node loses its socket.
///
/// It is made in a private directory and moved into place, so that no other user can connect before its mode is set.
///
/// # Errors
/// [`SocketError`] with the system's reason.
pub fn listen(path: &Path) -> Result<UnixListener, SocketError> {
    listen_privately(path).map_err(|source| SocketError { path: path.to_owned(), source })
}

fn listen_privately(path: &Path) -> io::Result<UnixListener> {
    if std::fs::symlink_metadata(path).is_ok_and(|file| !file.file_type().is_socket()) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file of this name that is no socket: move it away",
        ));
    }
    let nursery = path.with_extension("d");
    match DirBuilder::new().mode(0o700).create(&nursery) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let newborn = nursery.join("s");
    match std::fs::remove_file(&newborn) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&newborn)?;
    std::fs::set_permissions(&newborn, Permissions::from_mode(0o600))?;
    std::fs::rename(&newborn, path)?;
    std::fs::remove_dir(&nursery)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_socket_is_private_and_replaces_one_that_was_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        drop(listen(&path).unwrap());
        let _listener = listen(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        UnixStream::connect(&path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_no_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        std::fs::write(&path, "data").unwrap();
        assert!(listen(&path).unwrap_err().to_string().contains("no socket"));
        assert_eq!(std::fs::read(&path).unwrap(), b"data");
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let error = listen(&deep.join("admin.sock")).unwrap_err().to_string();
        assert!(error.contains("choose a shorter metadata_dir"), "{error}");
    }
}
