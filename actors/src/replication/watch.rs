//! Waiting for commits at as many replicas as a read asks.

use super::handle::Replicas;
use super::message::WireWatched;
use super::watches::Place;
use crate::layout::Layout;
use crate::limits::SUBSCRIBE_TIMEOUT_MS;
use crate::shard::{PollError, Subscription, Watched};
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// A poll does not wait at the replicas.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// This node's shard refuses.
    #[error(transparent)]
    Poll(#[from] PollError),
    /// Too few replicas take it.
    #[error("too few replicas can be reached: try again")]
    Unavailable,
}

impl<S: Store> Replicas<S> {
    /// Waits for commits to what is watched at as many replicas as a read asks.
    ///
    /// # Errors
    /// [`WatchError`].
    pub async fn watch(&self, layout: &Layout, watched: Watched) -> Result<Watch, WatchError> {
        let shard = match &watched {
            Watched::Item(key) => key.partition.shard(),
            Watched::Range(partition, _) => partition.shard(),
        };
        let (candidates, quorum) = self.readers(layout, shard);
        let mut candidates = candidates.into_iter();
        let mut watch = Watch { own: None, places: Vec::new(), bell: Arc::new(Notify::new()) };
        let deadline = tokio::time::sleep(Duration::from_millis(SUBSCRIBE_TIMEOUT_MS));
        let mut deadline = std::pin::pin!(deadline);
        loop {
            watch.places.retain(|place| !place.is_lost());
            while watch.count() < quorum {
                let node = candidates.next().ok_or(WatchError::Unavailable)?;
                if node == self.inner.node {
                    if self.inner.shards.may_vote(shard) {
                        watch.own = Some(self.watch_here(watched.clone()).await?);
                    }
                } else {
                    let place = self.inner.watches.join(node, WireWatched::of(&watched), &watch.bell);
                    watch.places.push(place);
                }
            }
            if watch.places.iter().all(Place::is_subscribed) {
                return Ok(watch);
            }
            tokio::select! {
                () = watch.bell.notified() => {}
                () = &mut deadline => return Err(WatchError::Unavailable),
            }
        }
    }

    async fn watch_here(&self, watched: Watched) -> Result<Subscription, PollError> {
        match watched {
            Watched::Item(key) => self.inner.shards.subscribe_item(key).await,
            Watched::Range(partition, range) => self.inner.shards.subscribe_range(partition, range).await,
        }
    }
}

/// A poller's places at the replicas; dropping it frees them.
pub struct Watch {
    own: Option<Subscription>,
    places: Vec<Place>,
    bell: Arc<Notify>,
}

/// Why a poller is woken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rung {
    /// There was a commit since the last return, or since subscribing.
    Signalled,
    /// A replica signals no more: subscribe again.
    Lost,
}

impl Watch {
    /// Returns at once if there is a reason already, else with the next one.
    pub async fn rung(&self) -> Rung {
        loop {
            if self.places.iter().any(Place::is_lost) {
                return Rung::Lost;
            }
            let signals = self.places.iter().map(Place::take_signal);
            // Every place's signal is taken.
            if signals.fold(false, |any, signal| any | signal) {
                return Rung::Signalled;
            }
            match &self.own {
                Some(own) => tokio::select! {
                    () = own.changed() => return Rung::Signalled,
                    () = self.bell.notified() => {}
                },
                None => self.bell.notified().await,
            }
        }
    }

    fn count(&self) -> usize {
        usize::from(self.own.is_some()) + self.places.len()
    }
}
