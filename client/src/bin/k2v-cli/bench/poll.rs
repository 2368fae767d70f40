//! The poll workload: how long after a write its poller wakes.
//!
//! Every connection has an item of its own. It polls the item with the token it knows and writes to it at once: the time from
//! the write's start to the poll's answer is what is measured. Tokens are not known ahead, so these requests are
//! made by the client library as they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use k2v_client::{Bucket, Error, Item, Value};
use tokio::task::JoinSet;

use super::drive::{Outcome, Until, microseconds};
use super::keyspace::Keyspace;
use super::stop::Stop;
use crate::failure::Failure;

/// How long a poll waits before it counts as lost.
const POLL_TIMEOUT: Duration = Duration::from_secs(20);

/// Polls and writes until time or requests run out.
pub(crate) async fn drive(
    bucket: &Bucket,
    keys: &Keyspace,
    connections: usize,
    until: Until,
    stop: &Stop,
) -> Result<Outcome, Failure> {
    let mut ready = Vec::with_capacity(connections);
    for item in (0_u64..).take(connections).take_while(|_| !stop.is_set()) {
        let (pk, sk) = (keys.pk(item), Keyspace::sk(item));
        bucket.update(&pk, &sk, |_| keys.value(item)).await?;
        let held = bucket.read_item(&pk, &sk).await?;
        ready.push(Poller { bucket: bucket.clone(), pk, sk, held, stop: stop.clone() });
    }
    let started = Instant::now();
    let left = Arc::new(AtomicU64::new(until.requests));
    let mut pollers = JoinSet::new();
    for poller in ready {
        pollers.spawn(poller.run(keys.clone(), started + until.duration, Arc::clone(&left)));
    }
    let mut total = Outcome::new()?;
    while let Some(poller) = pollers.join_next().await {
        total.merge(poller.map_err(|error| Failure::other(format!("a poller's task failed: {error}")))??)?;
    }
    total.elapsed = started.elapsed();
    Ok(total)
}

struct Poller {
    bucket: Bucket,
    pk: String,
    sk: String,
    held: Item,
    stop: Stop,
}

impl Poller {
    async fn run(
        mut self,
        keys: Keyspace,
        deadline: Instant,
        left: Arc<AtomicU64>,
    ) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::new()?;
        let mut round = 0;
        while !self.stop.is_set()
            && Instant::now() < deadline
            && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        {
            round += 1;
            let value = keys.value(round);
            let sent = Instant::now();
            let woken = self.round(&value).await;
            outcome.latencies.saturating_record(microseconds(sent.elapsed()));
            outcome.requests += 1;
            match woken {
                Ok(Some(item)) if item.values == [Value::from(&value)] => self.held = item,
                Ok(Some(item)) => {
                    outcome.note_error("a poll returned another value than was written".into());
                    self.held = item;
                }
                Ok(None) => outcome.note_error("a poll missed a write".into()),
                Err(error) => outcome.note_error(error.to_string()),
            }
        }
        Ok(outcome)
    }

    /// One write and the poll that it wakes.
    async fn round(&self, value: &[u8]) -> Result<Option<Item>, Error> {
        let token = &self.held.token;
        let poll = self.bucket.poll_item(&self.pk, &self.sk, token, Some(POLL_TIMEOUT));
        let write = self.bucket.insert_item(&self.pk, &self.sk, value, Some(token));
        // The poll is sent first; whichever arrives first, the poll must see the write.
        let (woken, written) = tokio::join!(poll, write);
        written?;
        woken
    }
}
