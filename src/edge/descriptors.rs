//! How many connections there are file descriptors for.

use super::limits::{
    ADMIN_CONNECTIONS_MAX, CONNECTIONS_MAX_DEFAULT, DESCRIPTORS_FOR_PEERS, DESCRIPTORS_PER_THREAD,
    DESCRIPTORS_RESERVED,
};
use super::registry::Capacity;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// The most connections that each listener takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    k2v: usize,
    admin: usize,
}

impl Room {
    /// Raises the process's limit of open files to what it may be raised to, and divides it up: first `threads` workers
    /// and lanes are served, then connections.
    ///
    /// # Errors
    /// [`TooFewDescriptors`] if nothing would be left for connections.
    pub(crate) fn make(
        connections_max: Option<NonZeroUsize>,
        threads: usize,
    ) -> Result<Room, TooFewDescriptors> {
        let own = DESCRIPTORS_RESERVED.saturating_add(threads.saturating_mul(DESCRIPTORS_PER_THREAD));
        let limit = limit_of_at_least(own)?;
        let room = Room::within(limit - own, connections_max);
        if connections_max.is_some_and(|wanted| wanted.get() > room.k2v) {
            log::warn!(
                "`connections_max` is more than there are file descriptors for: {} connections are taken. \
                 Raise the hard limit of open files (`ulimit -Hn`, `LimitNOFILE=`)",
                room.k2v
            );
        }
        Ok(room)
    }

    fn within(descriptors: usize, connections_max: Option<NonZeroUsize>) -> Room {
        let admin = ADMIN_CONNECTIONS_MAX.min(descriptors / 8).max(1);
        let k2v = connections_max.map_or(CONNECTIONS_MAX_DEFAULT, NonZeroUsize::get);
        let peers = DESCRIPTORS_FOR_PEERS.min(descriptors / 8);
        // The admin API has two listeners.
        Room { k2v: k2v.min(descriptors.saturating_sub(2 * admin + peers)).max(1), admin }
    }

    /// For the K2V API.
    pub(crate) fn k2v(self) -> Arc<Capacity> {
        Capacity::new(self.k2v)
    }

    /// For one listener of the admin API.
    pub(crate) fn admin(self) -> Arc<Capacity> {
        Capacity::new(self.admin)
    }
}

/// The process may open too few files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the limit of open files is {limit}, a node with these workers and lanes needs {needed}: raise the hard limit \
     (`ulimit -Hn`, `LimitNOFILE=`), or configure fewer `http_workers`"
)]
pub struct TooFewDescriptors {
    /// What the system allows.
    pub limit: usize,
    /// What is needed before the first connection.
    pub needed: usize,
}

/// Whether the process may open what any node needs. To be asked before there is a runtime, which panics without.
pub(crate) fn check() -> Result<(), TooFewDescriptors> {
    limit_of_at_least(DESCRIPTORS_RESERVED).map(|_| ())
}

fn limit_of_at_least(needed: usize) -> Result<usize, TooFewDescriptors> {
    let limit = raise_limit();
    if limit < needed { Err(TooFewDescriptors { limit, needed }) } else { Ok(limit) }
}

/// The soft limit of open files, raised to the hard one.
fn raise_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            log::warn!("the limit of open files cannot be raised: {error}");
            limit.current
        }
    };
    current.and_then(|current| usize::try_from(current).ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(descriptors: usize, connections_max: usize, k2v: usize, admin: usize) {
        let room = Room::within(descriptors - DESCRIPTORS_RESERVED, NonZeroUsize::new(connections_max));
        assert_eq!(room, Room { k2v, admin });
    }

    #[test]
    fn stores_and_administration_always_find_a_descriptor() {
        check(usize::MAX, 0, CONNECTIONS_MAX_DEFAULT, ADMIN_CONNECTIONS_MAX);
        check(usize::MAX, 100_000, 100_000, ADMIN_CONNECTIONS_MAX);
        check(1_048_576, 0, CONNECTIONS_MAX_DEFAULT, ADMIN_CONNECTIONS_MAX);
        check(4096, 0, 4096 - 64 - 512 - 256, 256);
        check(4096, 100, 100, 256);
        check(256, 0, 256 - 64 - 48 - 24, 24);
        check(64, 0, 1, 1);
    }
}
