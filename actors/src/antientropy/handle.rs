//! What the rest of a node holds of anti-entropy.

use super::event::RequestId;
use super::message::{Answer, Question};
use super::pace::Rate;
use super::progress::Progress;
use crate::ids::NodeId;
use crate::limits::ENTROPY_INBOX_MAX;
use crate::transport::{Refusal, Serve};
use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// What comes in from other threads.
pub(super) enum Input {
    /// Another replica asks.
    Asked { from: NodeId, question: Question, answer: oneshot::Sender<Answer> },
}

/// Anti-entropy of a running node. Cheap to clone.
#[derive(Clone)]
pub struct Entropy {
    pub(super) progress: Arc<ArcSwap<Progress>>,
    pub(super) rate: Arc<ArcSwap<Rate>>,
}

impl Entropy {
    /// How far it has come, as of the last second.
    pub fn progress(&self) -> Arc<Progress> {
        self.progress.load_full()
    }

    /// How fast it may go.
    pub fn rate(&self) -> Rate {
        **self.rate.load()
    }

    /// Has it go at another rate, within one look at what is due.
    pub fn set_rate(&self, rate: Rate) {
        self.rate.store(Arc::new(rate));
    }
}

/// Where what other nodes ask waits for the actor: made before the transport that brings it.
pub struct EntropyInbox {
    pub(super) inputs: mpsc::Receiver<Input>,
}

/// What the transport is given to deliver to.
#[derive(Clone)]
pub struct EntropyService {
    inputs: mpsc::Sender<Input>,
}

/// Both ends of what waits for the actor.
pub fn inbox() -> (EntropyService, EntropyInbox) {
    let (sender, inputs) = mpsc::channel(ENTROPY_INBOX_MAX);
    (EntropyService { inputs: sender }, EntropyInbox { inputs })
}

impl Serve for EntropyService {
    fn serve(&self, from: NodeId, body: Bytes) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        let inputs = self.inputs.clone();
        Box::pin(async move {
            let question = Question::decode(&body).map_err(|_| Refusal::Malformed)?;
            let (answer, answered) = oneshot::channel();
            inputs.try_send(Input::Asked { from, question, answer }).map_err(|_| Refusal::Busy)?;
            // The actor drops what it cannot answer any more.
            let answer = answered.await.map_err(|_| Refusal::Stopping)?;
            Ok(answer.encode().into())
        })
    }

    fn told(&self, _: NodeId, _: Bytes) {
        // Whatever is asked is answered: nothing is told one way.
    }

    fn link(&self, _: NodeId, _: bool) {
        // The actor looks at the links itself, as one that came or went must not be missed.
    }
}

/// Numbers the questions of other nodes.
#[derive(Debug, Default)]
pub(super) struct Requests {
    next: u64,
}

impl Requests {
    pub(super) fn next(&mut self) -> RequestId {
        self.next += 1;
        RequestId(self.next)
    }
}
