//! Watching a range: its content, then every change, over lost connections and restarts of the server.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use futures_util::future::BoxFuture;
use tokio::time::Sleep;

use crate::bucket::Bucket;
use crate::error::Error;
use crate::limits;
use crate::poll::{Changes, PollRange};
use crate::retry::RetryPolicy;
use crate::token::SeenMarker;

/// What a watch knows, and how it goes on after each poll.
#[derive(Debug)]
struct Progress {
    seen: Option<SeenMarker>,
    /// Whether any poll succeeded: only then is a failure an interruption, and not a wrong address or key.
    is_established: bool,
    failures_in_a_row: u32,
}

/// How a watch goes on.
#[derive(Debug)]
enum Step {
    Yield(Changes),
    PollAgain,
    /// The server is away: wait, then poll from the same marker, so nothing is missed.
    PauseThenPoll(Error, Duration),
    End(Error),
}

impl Progress {
    fn new(seen: Option<SeenMarker>) -> Self {
        Self { seen, is_established: false, failures_in_a_row: 0 }
    }

    /// Decides after a poll. `jitter` is drawn from 0…1.
    fn on_polled(
        &mut self,
        polled: Result<Option<Changes>, Error>,
        policy: &RetryPolicy,
        jitter: f64,
    ) -> Step {
        match polled {
            Ok(changes) => {
                self.is_established = true;
                self.failures_in_a_row = 0;
                let Some(changes) = changes else { return Step::PollAgain };
                self.seen = Some(changes.marker.clone());
                Step::Yield(changes)
            }
            Err(error) if self.is_established && error.may_pass() => {
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                Step::PauseThenPoll(error, policy.pause(self.failures_in_a_row, jitter))
            }
            Err(error) => Step::End(error),
        }
    }
}

type HearError = Box<dyn FnMut(&Error) + Send>;

enum State {
    Idle,
    Polling(BoxFuture<'static, Result<Option<Changes>, Error>>),
    Pausing(Pin<Box<Sleep>>),
    Ended,
}

/// The changes of a range, as a stream; made by [`Bucket::watch`].
///
/// Choose the range first; the choice is fixed when the first changes are asked for.
#[must_use = "a stream does nothing until it is polled"]
pub struct Watch {
    bucket: Bucket,
    pk: String,
    range: PollRange,
    poll_timeout: Duration,
    progress: Progress,
    state: State,
    on_interruption: Option<HearError>,
}

impl Watch {
    /// Only sort keys that begin with `prefix`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.range.prefix = Some(prefix.into());
        self
    }

    /// Starts at this sort key, included.
    pub fn start(mut self, start: impl Into<String>) -> Self {
        self.range.start = Some(start.into());
        self
    }

    /// Stops before this sort key.
    pub fn end(mut self, end: impl Into<String>) -> Self {
        self.range.end = Some(end.into());
        self
    }

    /// Goes on after the changes that carried this marker, instead of beginning with the whole content.
    pub fn since(mut self, marker: SeenMarker) -> Self {
        self.progress.seen = Some(marker);
        self
    }

    /// How long the server holds each poll (default 60 s).
    pub fn poll_timeout(mut self, timeout: Duration) -> Self {
        self.poll_timeout = timeout;
        self
    }

    /// Calls `hear` with each error that the watch waits out, so that a program can say why no changes arrive.
    pub fn on_interruption(mut self, hear: impl FnMut(&Error) + Send + 'static) -> Self {
        self.on_interruption = Some(Box::new(hear));
        self
    }

    fn poll_server(&self) -> State {
        let (bucket, pk, range) = (self.bucket.clone(), self.pk.clone(), self.range.clone());
        let (seen, timeout) = (self.progress.seen.clone(), self.poll_timeout);
        State::Polling(Box::pin(
            async move { bucket.poll_range(pk, &range, seen.as_ref(), Some(timeout)).await },
        ))
    }
}

impl Stream for Watch {
    type Item = Result<Changes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match &mut self.state {
                State::Idle => self.state = self.poll_server(),
                State::Pausing(pause) => {
                    ready!(pause.as_mut().poll(cx));
                    self.state = State::Idle;
                }
                State::Polling(polling) => {
                    let polled = ready!(polling.as_mut().poll(cx));
                    let client = self.bucket.client.clone();
                    let step = self.progress.on_polled(polled, &client.inner.retry, rand::random());
                    self.state = State::Idle;
                    match step {
                        Step::Yield(changes) => return Poll::Ready(Some(Ok(changes))),
                        Step::PollAgain => {}
                        Step::PauseThenPoll(error, pause) => {
                            if let Some(hear) = &mut self.on_interruption {
                                hear(&error);
                            }
                            self.state = State::Pausing(Box::pin(tokio::time::sleep(pause)));
                        }
                        Step::End(error) => {
                            self.state = State::Ended;
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
                State::Ended => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("bucket", &self.bucket.name)
            .field("pk", &self.pk)
            .field("range", &self.range)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

impl Bucket {
    /// Watches a partition: first its whole content, then every change, tombstones included.
    ///
    /// The stream goes on by itself after lost connections and restarts of the server, from where it was: an
    /// item may come twice, but its latest state always comes. A program that keeps the
    /// [marker](Changes::marker) can also go on after a restart of its own, with [`since`](Watch::since). The
    /// stream ends only with an error that waiting does not cure, or if the very first poll fails.
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// use futures_util::TryStreamExt;
    /// let mut watch = bucket.watch("log").prefix("2026-");
    /// while let Some(changes) = watch.try_next().await? {
    ///     for entry in &changes.items {
    ///         println!("{} is now {:?}", entry.sort_key, entry.item.values);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(&self, pk: impl Into<String>) -> Watch {
        Watch {
            bucket: self.clone(),
            pk: pk.into(),
            range: PollRange::all(),
            poll_timeout: limits::WATCH_POLL_TIMEOUT,
            progress: Progress::new(None),
            state: State::Idle,
            on_interruption: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(marker: &str) -> Changes {
        Changes { items: Vec::new(), marker: marker.into() }
    }

    fn step(progress: &mut Progress, polled: Result<Option<Changes>, Error>) -> Step {
        progress.on_polled(polled, &RetryPolicy::default(), 1.0)
    }

    fn timeout() -> Error {
        Error::Timeout { after: Duration::ZERO }
    }

    #[test]
    fn an_interruption_is_waited_out_longer_and_longer_from_the_same_marker() {
        let mut progress = Progress::new(None);
        assert!(matches!(step(&mut progress, Ok(Some(changes("1")))), Step::Yield(_)));
        for expected in [100, 200, 400].map(Duration::from_millis) {
            let Step::PauseThenPoll(_, pause) = step(&mut progress, Err(timeout())) else {
                panic!("an interruption must be waited out");
            };
            assert_eq!(pause, expected);
            assert_eq!(progress.seen, Some("1".into()));
        }
        assert!(matches!(step(&mut progress, Ok(None)), Step::PollAgain));
        assert_eq!((progress.failures_in_a_row, progress.seen), (0, Some("1".into())));
    }

    #[test]
    fn a_failure_of_the_very_first_poll_ends_the_watch() {
        assert!(matches!(step(&mut Progress::new(None), Err(timeout())), Step::End(_)));
    }

    #[test]
    fn what_waiting_does_not_cure_ends_the_watch() {
        let mut progress = Progress::new(None);
        step(&mut progress, Ok(Some(changes("1"))));
        let refused = Error::ResponseTooLarge { bytes_max: 1 };
        assert!(matches!(step(&mut progress, Err(refused)), Step::End(_)));
    }
}
