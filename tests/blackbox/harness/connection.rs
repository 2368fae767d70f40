use super::{Request, Response};
use socket2::{Domain, Socket, Type};
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Nothing that a story asks takes so long: a server that does not answer fails the story instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(120);

/// One TCP connection, to be used for one request after the other.
#[derive(Debug)]
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(addr: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        let connection = Connection::of(stream);
        connection.set_patience(PATIENCE)?;
        Ok(connection)
    }

    /// A connection into which the kernel takes little of an answer that is not read.
    pub(crate) fn open_narrow(addr: SocketAddr) -> io::Result<Connection> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
        socket.set_recv_buffer_size(32 << 10)?;
        socket.connect(&addr.into())?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Connection::of(socket.into()))
    }

    pub(crate) fn of(stream: TcpStream) -> Connection {
        Connection { reader: BufReader::with_capacity(64 << 10, stream) }
    }

    /// The socket, once every answer was read.
    pub(crate) fn into_stream(self) -> TcpStream {
        assert!(self.reader.buffer().is_empty(), "bytes of an answer would be lost");
        self.reader.into_inner()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    pub(crate) fn receive(&mut self) -> io::Result<Response> {
        Response::read(&mut self.reader, false)
    }

    pub(crate) fn call(&mut self, request: &Request) -> io::Result<Response> {
        self.send(&request.to_bytes())?;
        Response::read(&mut self.reader, request.method == "HEAD")
    }

    /// Waits no longer than this for any part of an answer, and for any part of a request to be taken.
    pub(crate) fn set_patience(&self, patience: Duration) -> io::Result<()> {
        let stream = self.reader.get_ref();
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))
    }

    /// Tells the server that nothing more comes; the answer can still be read.
    pub(crate) fn finish_sending(&mut self) -> io::Result<()> {
        self.reader.get_mut().shutdown(Shutdown::Write)
    }

    /// Everything up to the end of the connection.
    pub(crate) fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        self.reader.read_to_end(bytes)
    }

    /// Whether the server has closed the connection, waiting for it to do so.
    pub(crate) fn is_closed_by_server(&mut self) -> bool {
        use std::io::BufRead;
        match self.reader.fill_buf() {
            Ok(bytes) => bytes.is_empty(),
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}
