//! What comes in at a shard, and in which order it is handled.
//!
//! An actor's mailbox would be drained before anything else is looked at: a flooded shard did not hear of its commits
//! for seconds, and neither did the other shards of its thread. So requests wait in a bounded queue of their own, and a
//! shard takes *turns*: what was committed first, then one request at a time; and after a bounded number of messages or
//! bytes it lets the others of its thread have theirs.

use super::{
    BatchId, Changes, Event, ItemWrite, PollError, PollId, Removal, States, Watched, WriteError, WritePlan,
};
use crate::causality::SeenMarker;
use crate::ids::{NodeId, Partition, PartitionHash, SortKey};
use crate::limits::{SHARD_TURN_BYTES_MAX, SHARD_TURN_MESSAGES_MAX};
use crate::store::lane::Persisted;
use crate::store::range::KeyRange;
use futures_util::Stream;
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{Notify, mpsc, oneshot};

/// A request to a shard. What asks for an answer has a place for it.
pub(super) enum Request {
    /// Write items, all in one transaction.
    Write { writes: Arc<Vec<ItemWrite>>, plan: WritePlan, answer: oneshot::Sender<Result<(), WriteError>> },
    /// Say whether they would be refused, without writing.
    Check { writes: Arc<Vec<ItemWrite>>, plan: WritePlan, answer: oneshot::Sender<Result<(), WriteError>> },
    /// Merge what another replica sent, and answer once it is durable.
    Merge { states: States, answer: oneshot::Sender<Result<(), WriteError>> },
    /// Remove rows, and answer once they are gone from the disk.
    Remove { why: Removal, rows: Vec<(Partition, SortKey)>, answer: oneshot::Sender<Result<(), WriteError>> },
    /// An event of the shard's replicas; answered once it was handled.
    Replica(Box<(Event, oneshot::Sender<()>)>),
    /// Have the signal notified by every commit to what is watched.
    Subscribe(Box<Subscribe>),
    /// Forget a poller.
    Unsubscribe(PollId),
    /// Say what changed in a range since a marker.
    Changes(Box<ChangesSince>),
}

/// A poller that comes.
pub(super) struct Subscribe {
    pub(super) poll: PollId,
    pub(super) watched: Watched,
    pub(super) signal: Arc<Notify>,
    pub(super) answer: oneshot::Sender<Result<(), PollError>>,
}

/// A question about a range.
pub(super) struct ChangesSince {
    pub(super) partition: PartitionHash,
    pub(super) range: KeyRange,
    pub(super) marker: SeenMarker,
    pub(super) answer: oneshot::Sender<Changes>,
}

/// One thing to handle.
pub(super) enum Input {
    Persisted(Persisted),
    PeerAnswered(PeerAnswered),
    Request(Request),
}

/// Another replica is done with a batch, or will not be.
pub(super) struct PeerAnswered {
    pub(super) batch: BatchId,
    pub(super) peer: NodeId,
    pub(super) durable: bool,
}

/// What a shard has handled in its turn, counted by the inbox and by the shard.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn(Rc<Cell<Spent>>);

#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    messages: usize,
    bytes: usize,
}

impl Turn {
    /// The message that is being handled made so many bytes of new states.
    pub(super) fn spend(&self, bytes: usize) {
        let spent = self.0.get();
        self.0.set(Spent { bytes: spent.bytes.saturating_add(bytes), ..spent });
    }

    fn is_over(&self) -> bool {
        let Spent { messages, bytes } = self.0.get();
        messages >= SHARD_TURN_MESSAGES_MAX || bytes >= SHARD_TURN_BYTES_MAX
    }

    fn count(&self) {
        let spent = self.0.get();
        self.0.set(Spent { messages: spent.messages + 1, ..spent });
    }

    fn end(&self) {
        self.0.set(Spent::default());
    }
}

/// The queues of one shard.
pub(super) struct Inbox {
    pub(super) persisted: mpsc::UnboundedReceiver<Persisted>,
    /// At most one for each batch under way and replica.
    pub(super) answered: mpsc::UnboundedReceiver<PeerAnswered>,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) turn: Turn,
}

impl Stream for Inbox {
    type Item = Input;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Input>> {
        if self.turn.is_over() {
            // Polled again once everybody else who is ready on this thread was.
            self.turn.end();
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Poll::Ready(Some(persisted)) = self.persisted.poll_recv(task) {
            self.turn.count();
            return Poll::Ready(Some(Input::Persisted(persisted)));
        }
        if let Poll::Ready(Some(answered)) = self.answered.poll_recv(task) {
            self.turn.count();
            return Poll::Ready(Some(Input::PeerAnswered(answered)));
        }
        // Without senders nobody asks any more; what is under way is still heard of.
        if let Poll::Ready(Some(request)) = self.requests.poll_recv(task) {
            self.turn.count();
            return Poll::Ready(Some(Input::Request(request)));
        }
        self.turn.end();
        Poll::Pending
    }
}
