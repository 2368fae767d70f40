use std::sync::atomic::{AtomicU64, Ordering};

/// What went over all links of a node since it started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// Frames that were sent: a message is one, unless it is longer than a piece.
    pub frames_sent: u64,
    /// Bytes of these frames, before TLS.
    pub bytes_sent: u64,
    /// Writes that they were sent in: the fewer, the more was sent together.
    pub writes: u64,
    /// Frames that came.
    pub frames_received: u64,
    /// Bytes of these frames, after TLS.
    pub bytes_received: u64,
}

/// The same, while it is counted.
#[derive(Default)]
pub(super) struct Counters {
    frames_sent: AtomicU64,
    bytes_sent: AtomicU64,
    writes: AtomicU64,
    frames_received: AtomicU64,
    bytes_received: AtomicU64,
}

impl Counters {
    /// Frames were made, to be written at once.
    pub(super) fn sent(&self, frames: u64, bytes: usize) {
        self.frames_sent.fetch_add(frames, Ordering::Relaxed);
        self.bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// Frames were read.
    pub(super) fn received(&self, frames: u64, bytes: usize) {
        self.frames_received.fetch_add(frames, Ordering::Relaxed);
        self.bytes_received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub(super) fn so_far(&self) -> Traffic {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic {
            frames_sent: read(&self.frames_sent),
            bytes_sent: read(&self.bytes_sent),
            writes: read(&self.writes),
            frames_received: read(&self.frames_received),
            bytes_received: read(&self.bytes_received),
        }
    }
}
