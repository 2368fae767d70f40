//! The bounds of connections: why this number, and what a client sees at the limit.

use std::time::Duration;

/// A client has this long to send a head: from connecting to the end of the first, and from its first byte to its end
/// for each that follows. Beyond it: 408, and the connection is closed.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Idle connections are closed after this time.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// What is read ahead of the answer that is being made: pipelined requests, or what was sent after a body. The rest
/// stays in the kernel until the answer is sent.
pub(super) const AHEAD_BYTES_MAX: usize = 16 << 10;

/// After an answer that left a body unread, so much of it is read and thrown away, so that the client sees the answer
/// and not a reset: more than kernels keep on the way.
pub(crate) const LEFTOVER_BYTES_MAX: usize = 8 << 20;

/// The same in time.
pub(crate) const LEFTOVER_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes of an answer that are handed to the connection at a time. They are copied there, and the copy is kept until
/// the client takes it, so this and not the length of the answer is what a connection holds.
pub(super) const PIECE_BYTES_MAX: usize = 32 << 10;

/// A client that takes nothing of its answer for this long, or whose machine is silent while nothing is sent, has its
/// connection closed.
pub(crate) const CLIENT_SILENCE: Duration = Duration::from_secs(60);

/// How often connections are looked at whose time may be over.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Connections of the K2V API unless the configuration says otherwise, if there are descriptors for so many. Each may
/// hold some 100 KiB of buffers that no budget counts. Beyond it: see [`super::registry`].
pub(crate) const CONNECTIONS_MAX_DEFAULT: usize = 16_384;

/// Connections of each listener of the admin API: administration is rare.
pub(super) const ADMIN_CONNECTIONS_MAX: usize = 256;

/// Descriptors for everything that is no client, but for what each thread takes: stores, listeners, pipes, and connections
/// that are being closed. A process that may open fewer is refused with a message before its runtime panics.
pub(super) const DESCRIPTORS_RESERVED: usize = 64;

/// Descriptors that clients leave to the links with other nodes, two for each of them, and to connections on which nodes
/// have not proven yet that they are some; an eighth of all where there are fewer.
pub(super) const DESCRIPTORS_FOR_PEERS: usize = 256;

/// Descriptors that a worker or a lane takes beyond the first of its kind: its event queue, its wakers, its store's files.
pub(super) const DESCRIPTORS_PER_THREAD: usize = 8;
