//! What writers hold of a lane: its address, and the bytes that it has room for.

use super::{Fence, Persist};
use crate::limits::{LANE_BATCHES_MAX, LANE_BYTES_MAX};
use actix::Recipient;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The handle that writers send batches through. Cheap to clone.
#[derive(Clone)]
pub struct LaneHandle {
    lane: Recipient<Persist>,
    room: Arc<Semaphore>,
    openings: Arc<AtomicU64>,
}

/// Room for one batch in a lane, held from before the batch is made until its writer has heard of the outcome.
/// Dropping it gives the room back.
#[derive(Debug)]
pub struct Room {
    _bytes: OwnedSemaphorePermit,
}

/// The lane is gone: nothing is committed from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lane has stopped")]
pub struct LaneGone;

/// Every batch takes at least this much of [`LANE_BYTES_MAX`], so that a lane that has room in bytes has room in its
/// mailbox.
const BATCH_BYTES_MIN: usize = LANE_BYTES_MAX / LANE_BATCHES_MAX;

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes.clamp(BATCH_BYTES_MIN, LANE_BYTES_MAX)).unwrap_or(u32::MAX)
}

impl LaneHandle {
    /// The one handle of a lane, to be cloned for each of its writers.
    pub fn new(lane: Recipient<Persist>) -> LaneHandle {
        LaneHandle {
            lane,
            room: Arc::new(Semaphore::new(LANE_BYTES_MAX)),
            openings: Arc::new(AtomicU64::new(0)),
        }
    }

    /// A fence above every one that was sent under so far, for an owner that begins.
    pub fn fresh_fence(&self) -> Fence {
        Fence::first(self.openings.fetch_add(1, Ordering::Relaxed))
    }

    /// Takes room for a batch of `bytes` ([`crate::store::Write::bytes`]); `None` if too much waits for the disk already. A batch of
    /// more than [`LANE_BYTES_MAX`] is let in when nothing else waits.
    pub fn reserve(&self, bytes: usize) -> Option<Room> {
        let room = Arc::clone(&self.room).try_acquire_many_owned(permits(bytes)).ok()?;
        Some(Room { _bytes: room })
    }

    /// Takes room for a batch of `bytes` as soon as there is some, before anybody who asks later.
    ///
    /// # Errors
    /// [`LaneGone`].
    pub fn reserve_next(&self, bytes: usize) -> impl Future<Output = Result<Room, LaneGone>> + use<> {
        let room = Arc::clone(&self.room).acquire_many_owned(permits(bytes));
        async { room.await.map(|room| Room { _bytes: room }).map_err(|_| LaneGone) }
    }

    /// Sends a batch. Batches of one writer are stored in the order in which they are sent.
    ///
    /// # Errors
    /// [`LaneGone`]; then the batch is not stored, and no answer comes.
    pub fn send(&self, persist: Persist) -> Result<(), LaneGone> {
        self.lane.try_send(persist).map_err(|_| LaneGone)
    }
}
