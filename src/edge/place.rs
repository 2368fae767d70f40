//! Sockets that take connections.

use crate::config::ListenAddr;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

/// A socket that takes connections.
pub(crate) enum Place {
    /// One for each address of the host's name.
    Tcp(Vec<TcpListener>),
    /// A file.
    Unix(UnixListener),
}

/// Connections that wait to be accepted.
const BACKLOG: i32 = 2048;

impl Place {
    /// Binds an address. A socket that an earlier process left behind is replaced, any other file is not.
    pub(crate) fn bind(addr: &ListenAddr) -> io::Result<Place> {
        match addr {
            ListenAddr::Tcp(addr) => bind_tcp(addr).map(Place::Tcp),
            ListenAddr::Unix(path) => bind_unix(path).map(Place::Unix),
        }
    }

    /// The addresses; none for a file.
    pub(crate) fn addrs(&self) -> Vec<SocketAddr> {
        match self {
            Place::Tcp(listeners) => {
                listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
            }
            Place::Unix(_) => Vec::new(),
        }
    }
}

/// Binds what can be bound of the addresses that a name has, as long as that is any.
fn bind_tcp(addr: &str) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for addr in addr.to_socket_addrs()? {
        match bind_socket(addr) {
            Ok(listener) => listeners.push(listener),
            Err(error) => failure = error,
        }
    }
    if listeners.is_empty() { Err(failure) } else { Ok(listeners) }
}

fn bind_socket(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // A node that is started again takes its port over from connections that are still closing.
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(file) if file.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => {
            let reason =
                "there is a file of this name that is no socket: move it away or choose another path";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    UnixListener::bind(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_was_left_behind_is_replaced_and_any_other_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k2v.sock");
        drop(bind_unix(&path).unwrap());
        bind_unix(&path).unwrap();
        let file = folder.path().join("precious");
        std::fs::write(&file, "data").unwrap();
        assert_eq!(bind_unix(&file).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&file).unwrap(), b"data");
    }
}
