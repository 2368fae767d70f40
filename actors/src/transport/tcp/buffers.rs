use crate::limits::FRAME_BYTES_MAX;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a buffer has room for at first: most turns of most links.
const FIRST_BYTES: usize = 16 << 10;

/// Bytes that were read and not taken yet: at most one frame, the longest one, and what was read with it.
#[derive(Default)]
pub(super) struct Incoming {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Incoming {
    /// What was read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Takes the first bytes out.
    pub(super) fn take(&mut self, bytes: usize) {
        self.start += bytes;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads more: how many bytes; none at the end of the stream. Whole frames have to be taken out first.
    pub(super) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.make_room();
        let mut room = ReadBuf::new(&mut self.buffer[self.end..]);
        ready!(Pin::new(stream).poll_read(cx, &mut room))?;
        let read_bytes = room.filled().len();
        self.end += read_bytes;
        Poll::Ready(Ok(read_bytes))
    }

    fn make_room(&mut self) {
        if self.end < self.buffer.len() {
            return;
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        // A frame that fills the buffer is not whole, so the buffer is shorter than the longest frame.
        if self.end * 2 > self.buffer.len() || self.buffer.is_empty() {
            let longer_bytes = (self.buffer.len() * 2).clamp(FIRST_BYTES, 2 * FRAME_BYTES_MAX);
            self.buffer.resize(longer_bytes, 0);
        }
    }
}

/// Frames that were made and not all written.
#[derive(Default)]
pub(super) struct Unsent {
    frames: Vec<u8>,
    written_bytes: usize,
}

impl Unsent {
    /// Whether all is written.
    pub(super) fn is_empty(&self) -> bool {
        self.written_bytes == self.frames.len()
    }

    /// Where the next frames are put, once all is written.
    pub(super) fn next(&mut self) -> &mut Vec<u8> {
        self.frames.clear();
        self.written_bytes = 0;
        &mut self.frames
    }

    /// Writes all of it and has it sent.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let unwritten = &self.frames[self.written_bytes..];
            match ready!(Pin::new(&mut *stream).poll_write(cx, unwritten))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written_bytes => self.written_bytes += written_bytes,
            }
        }
        Pin::new(stream).poll_flush(cx)
    }
}
