use super::command::{Command, ControlError};
use super::message::Envelope;
use super::rows::Row;
use super::snapshot::ControlSnapshot;
use super::status::ControlStatus;
use crate::ids::NodeId;
use crate::layout::{Held, Incarnation, ShardSet};
use crate::store::lane::PersistError;
use std::sync::Arc;

/// Identifies one command between the core and the caller that waits for its answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

/// What happens to the control plane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The node starts. The key is freshly drawn, and used if the cluster has none yet.
    Start {
        /// 32 random bytes.
        token_key: [u8; 32],
        /// What the node's disks are: another one after a loss.
        incarnation: Incarnation,
        /// Whether there are others to ask before this node believes that there is no cluster yet.
        has_peers: bool,
    },
    /// Somebody asks for a change.
    Command {
        /// Whom to answer.
        request: RequestId,
        /// What they want.
        command: Command,
    },
    /// The rows of the last [`Effect::Persist`] are durable.
    Persisted,
    /// The rows of the last [`Effect::Persist`] are not known to be stored.
    PersistFailed(PersistError),
    /// A peer sent something.
    Received {
        /// Who.
        from: NodeId,
        /// What.
        envelope: Envelope,
    },
    /// A link came up or went down.
    Link {
        /// To whom.
        peer: NodeId,
        /// Which of the two.
        is_up: bool,
    },
    /// Time passes.
    Tick {
        /// Milliseconds since the node started, by a clock that never goes back.
        uptime_ms: u64,
    },
    /// Which older layouts requests of this node still hold.
    Held(Held),
    /// This node holds everything of these shards that replicas of older layout versions hold.
    Synced {
        /// The [`crate::layout::Layout::sync_version`] for which they were compared.
        version: u64,
        /// Which ones.
        shards: ShardSet,
    },
}

/// What the shell has to do, in order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Make these rows durable in one transaction, then report [`Event::Persisted`] or [`Event::PersistFailed`].
    /// Until then there is no other `Persist`.
    Persist {
        /// The new rows, each in the place of the one under its key.
        rows: Vec<Row>,
        /// Whether a row is new, or longer than the one in its place: a full store refuses such a change, and no other.
        grows: bool,
    },
    /// Let every request from now on see this. Everything in it is durable.
    Publish(Arc<ControlSnapshot>),
    /// Answer the caller. What an `Ok` answers is durable and published, here and at a majority of the nodes with a role.
    Answer {
        /// Whom to answer.
        request: RequestId,
        /// How it went.
        result: Result<(), ControlError>,
    },
    /// Tell a peer. What it says of this node's rows is durable. It may get lost.
    Send {
        /// Whom.
        to: NodeId,
        /// What.
        envelope: Envelope,
    },
    /// Let requests know how this node stands.
    Report(ControlStatus),
}
