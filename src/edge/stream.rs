//! A socket whose connection is watched: it ends when its time is over, and reads no further ahead than it may.

use super::connection::Cut;
use super::link::Link;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A watched socket.
#[derive(Debug)]
pub(super) struct Stream<Io> {
    io: Io,
    link: Arc<Link>,
    /// Whether the last write left something for the next one.
    is_write_open: bool,
}

/// The answer to a client whose head does not come.
const SLOW_HEAD_ANSWER: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

impl<Io: AsyncRead + AsyncWrite + Unpin> Stream<Io> {
    pub(super) fn new(io: Io, link: Arc<Link>) -> Stream<Io> {
        Stream { io, link, is_write_open: false }
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// An error if the connection is cut: its driver then drops it.
    fn end_if(&mut self, cut: Option<Cut>, context: &mut Context<'_>) -> io::Result<()> {
        let Some(reason) = cut else { return Ok(()) };
        if reason == Cut::SlowHead && !self.is_write_open {
            // Whether it can be told changes nothing.
            let _ = Pin::new(&mut self.io).poll_write(context, SLOW_HEAD_ANSWER);
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Until there is something to read, or the connection is cut: by another thread perhaps, and at this moment.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let cut = self.link.wake_later(context);
        self.end_if(cut, context)?;
        Poll::Pending
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<Io> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        let (cut, may_read) = stream.link.with(|connection| (connection.cut_reason(), connection.may_read()));
        stream.end_if(cut, context)?;
        if !may_read {
            return stream.wait(context);
        }
        let filled = buffer.filled().len();
        let read = Pin::new(&mut stream.io).poll_read(context, buffer);
        match read {
            Poll::Pending => return stream.wait(context),
            Poll::Ready(_) => {
                let bytes = buffer.filled().len() - filled;
                if bytes > 0 {
                    stream.link.with(|connection| connection.read(bytes, Instant::now));
                }
            }
        }
        read
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<Io> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        let cut = stream.link.with(|connection| connection.cut_reason());
        // What is left to be written to an idle client is the end of its answer: it leaves if it can at once.
        stream.end_if(cut.filter(|reason| *reason != Cut::Idle), context)?;
        stream.is_write_open = true;
        let written = ready!(Pin::new(&mut stream.io).poll_write(context, bytes))?;
        stream.is_write_open = written < bytes.len();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}
