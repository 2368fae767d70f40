//! Sockets that take connections.

use crate::config::ListenAddr;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, ToSocketAddrs};
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

/// Closes a [`Place`] that a server has taken over: nobody can connect any more, whoever is connected stays.
#[derive(Debug)]
pub(crate) struct Gate {
    sockets: Vec<Socket>,
}

impl Gate {
    /// Clients that try to connect are refused from now on, so that they know that nothing was sent.
    pub(crate) fn close(&self) {
        for socket in &self.sockets {
            // Systems that cannot do this close the socket when the server ends.
            if let Err(error) = socket.shutdown(Shutdown::Read) {
                log::debug!("a listening socket stays open until the server ends: {error}");
            }
        }
    }
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

    /// What closes it later.
    ///
    /// # Errors
    /// There is no file descriptor left.
    pub(crate) fn gate(&self) -> io::Result<Gate> {
        let sockets = match self {
            Place::Tcp(listeners) => listeners
                .iter()
                .map(|listener| SockRef::from(listener).try_clone())
                .collect::<Result<_, _>>()?,
            Place::Unix(listener) => vec![SockRef::from(listener).try_clone()?],
        };
        Ok(Gate { sockets })
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
                "a file of this name exists and is not a socket: move it away or choose another path";
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
    use std::io::{Read, Write};
    use std::net::TcpStream;

    #[test]
    fn behind_a_closed_gate_nobody_is_let_in_and_whoever_is_in_stays() {
        let place = Place::bind(&ListenAddr::Tcp("127.0.0.1:0".into())).unwrap();
        let addr = place.addrs()[0];
        let gate = place.gate().unwrap();
        let mut early = TcpStream::connect(addr).unwrap();
        let Place::Tcp(listeners) = &place else { panic!("it is TCP") };
        let (mut accepted, _) = listeners[0].accept().unwrap();
        gate.close();
        assert_eq!(TcpStream::connect(addr).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        accepted.write_all(b"x").unwrap();
        early.read_exact(&mut [0]).unwrap();
    }

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
