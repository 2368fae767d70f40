//! Many writes in few requests, with an account of each item.

use std::collections::VecDeque;

use bytes::Bytes;
use k2v_client::{BatchInsert, Bucket, Error};

use crate::failure::{Exit, Failure};
use crate::output::short_key;

/// How many writes go into one request.
const WRITES_MAX: usize = 1_000;

/// How many bytes of values go into one request, unless one item alone is longer: with base64 far below the 64 MiB that
/// servers take.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The writes that make one item what it should be. They go into one request.
#[derive(Debug)]
pub(crate) struct Change {
    /// The line of the input that asks for it, if there is one.
    pub(crate) line: Option<u64>,
    pub(crate) writes: Vec<BatchInsert>,
}

/// An item that the server does not take, or does not let be read.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) line: Option<u64>,
    pub(crate) pk: String,
    pub(crate) sk: String,
    pub(crate) error: Error,
}

/// What happens when the server refuses an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnRefusal {
    /// The work ends with that error.
    Stop,
    /// It is kept in [`Writer::refused`], and the work goes on.
    GoOn,
}

/// Collects writes into requests.
#[derive(Debug)]
pub(crate) struct Writer {
    bucket: Bucket,
    on_refusal: OnRefusal,
    /// In the order in which they were pushed. After an error: what was not acknowledged.
    waiting: VecDeque<Change>,
    waiting_writes: usize,
    waiting_bytes: usize,
    /// How many items the server has acknowledged.
    pub(crate) acknowledged: u64,
    /// What the server has refused; for the caller to take.
    pub(crate) refused: Vec<Refusal>,
}

impl Writer {
    pub(crate) fn new(bucket: Bucket, on_refusal: OnRefusal) -> Self {
        Self {
            bucket,
            on_refusal,
            waiting: VecDeque::new(),
            waiting_writes: 0,
            waiting_bytes: 0,
            acknowledged: 0,
            refused: Vec::new(),
        }
    }

    pub(crate) async fn push(&mut self, change: Change) -> Result<(), Failure> {
        let bytes: usize = change.writes.iter().filter_map(|write| write.value.data()).map(Bytes::len).sum();
        let is_full =
            self.waiting_writes + change.writes.len() > WRITES_MAX || self.waiting_bytes + bytes > BYTES_MAX;
        if is_full {
            self.flush().await?;
        }
        self.waiting_writes += change.writes.len();
        self.waiting_bytes += bytes;
        self.waiting.push_back(change);
        Ok(())
    }

    /// Sends what waits. A request that is refused as a whole is sent again in halves, until the item is found that it was
    /// refused for: servers look at all writes of a batch before they take the first.
    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        let mut size = self.waiting.len();
        while !self.waiting.is_empty() {
            size = size.clamp(1, self.waiting.len());
            let writes: Vec<_> =
                self.waiting.iter().take(size).flat_map(|change| change.writes.iter().cloned()).collect();
            match self.bucket.insert_batch(&writes).await {
                Ok(()) => {
                    self.waiting.drain(..size);
                    self.acknowledged += size as u64;
                    size *= 2;
                }
                Err(error) if !is_refusal(&error) => return Err(Failure::write(error)),
                Err(_) if size > 1 => size /= 2,
                Err(error) => self.send_apart(error).await?,
            }
        }
        (self.waiting_writes, self.waiting_bytes) = (0, 0);
        Ok(())
    }

    /// The first item that waits was refused. If it has several values, they may only have been too much for one request.
    async fn send_apart(&mut self, mut error: Error) -> Result<(), Failure> {
        let Some(change) = self.waiting.front() else { return Ok(()) };
        if change.writes.len() > 1 && matches!(error, Error::TooLarge(_)) {
            let mut refused = None;
            for write in &change.writes {
                match self.bucket.insert_batch(std::slice::from_ref(write)).await {
                    Ok(()) => {}
                    Err(error) if is_refusal(&error) => refused = Some(error),
                    Err(error) => return Err(Failure::write(error)),
                }
            }
            match refused {
                None => {
                    self.waiting.pop_front();
                    self.acknowledged += 1;
                    return Ok(());
                }
                Some(refusal) => error = refusal,
            }
        }
        let Some(Change { line, writes }) = self.waiting.pop_front() else { return Ok(()) };
        let Some(write) = writes.into_iter().next() else { return Ok(()) };
        self.refuse(Refusal { line, pk: write.partition_key, sk: write.sort_key, error })
    }

    /// Notes a refusal, or ends with it.
    pub(crate) fn refuse(&mut self, refusal: Refusal) -> Result<(), Failure> {
        match self.on_refusal {
            OnRefusal::Stop => Err(refusal.into()),
            OnRefusal::GoOn => {
                self.refused.push(refusal);
                Ok(())
            }
        }
    }

    /// The lines of what was pushed and neither acknowledged nor refused: none unless a flush has failed.
    pub(crate) fn unacknowledged(&self) -> Vec<u64> {
        self.waiting.iter().filter_map(|change| change.line).collect()
    }
}

/// Whether an error is about what one item of a request holds, so that the other items may be taken.
pub(crate) fn is_refusal(error: &Error) -> bool {
    matches!(
        error,
        Error::TooLarge(_)
            | Error::InvalidRequest(_)
            | Error::Conflict(_)
            | Error::InvalidToken(_)
            | Error::InvalidArgument(_)
    )
}

impl Refusal {
    /// What was refused and why, as part of a sentence.
    pub(crate) fn describe(&self) -> String {
        let line = self.line.map(|line| format!("line {line}, ")).unwrap_or_default();
        format!("{line}item {} / {}: {}", short_key(&self.pk), short_key(&self.sk), self.error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.describe();
        let hint = Self::write(refusal.error).hint();
        let failure = Self::Explained(Box::new((Exit::Other, message)));
        match hint {
            Some(hint) => failure.advised(hint),
            None => failure,
        }
    }
}
