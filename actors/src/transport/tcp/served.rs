use crate::transport::Refusal;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Sleep;

type Answer = Result<Bytes, Refusal>;

/// A request of the peer that is answered.
pub(super) struct Done {
    pub(super) id: u64,
    /// Of the request.
    pub(super) body_bytes: usize,
    /// `None` if its time was up first.
    pub(super) answer: Option<Answer>,
}

impl Done {
    pub(super) fn refused(id: u64, body_bytes: usize, refusal: Refusal) -> Done {
        Done { id, body_bytes, answer: Some(Err(refusal)) }
    }
}

/// A request of the peer that is being answered.
pub(super) struct Served {
    id: u64,
    body_bytes: usize,
    answer: BoxFuture<'static, Answer>,
    time_is_up: Pin<Box<Sleep>>,
}

impl Served {
    /// Begins with it. What is answered at once needs neither a place nor a timer.
    pub(super) fn start(
        id: u64,
        body_bytes: usize,
        deadline: Duration,
        mut answer: BoxFuture<'static, Answer>,
    ) -> Result<Done, Served> {
        // Whoever keeps the rest polls it once more before it waits.
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Ok(Done { id, body_bytes, answer: Some(answer) }),
            Poll::Pending => {
                Err(Served { id, body_bytes, answer, time_is_up: Box::pin(tokio::time::sleep(deadline)) })
            }
        }
    }
}

impl Future for Served {
    type Output = Done;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Done> {
        let this = self.get_mut();
        let answer = match this.answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending if this.time_is_up.as_mut().poll(cx).is_ready() => None,
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(Done { id: this.id, body_bytes: this.body_bytes, answer })
    }
}
