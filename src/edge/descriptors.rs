//! How many connections there are file descriptors for.

use super::limits::{ADMIN_CONNECTIONS_MAX, CONNECTIONS_MAX_DEFAULT, DESCRIPTORS_RESERVED};
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
    /// Raises the process's limit of open files to what it may be raised to, and divides it up.
    pub(crate) fn make(connections_max: Option<NonZeroUsize>) -> Room {
        let room = Room::within(raise_limit(), connections_max);
        if connections_max.is_some_and(|wanted| wanted.get() > room.k2v) {
            log::warn!(
                "`connections_max` is more than there are file descriptors for: {} connections are taken. \
                 Raise the hard limit of open files (`ulimit -Hn`, `LimitNOFILE=`)",
                room.k2v
            );
        }
        room
    }

    fn within(descriptors: usize, connections_max: Option<NonZeroUsize>) -> Room {
        let descriptors = descriptors.saturating_sub(DESCRIPTORS_RESERVED);
        let admin = ADMIN_CONNECTIONS_MAX.min(descriptors / 8).max(1);
        let k2v = connections_max.map_or(CONNECTIONS_MAX_DEFAULT, NonZeroUsize::get);
        // The admin API has two listeners.
        Room { k2v: k2v.min(descriptors.saturating_sub(2 * admin)).max(1), admin }
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
        let room = Room::within(descriptors, NonZeroUsize::new(connections_max));
        assert_eq!(room, Room { k2v, admin });
    }

    #[test]
    fn stores_and_administration_always_find_a_descriptor() {
        check(usize::MAX, 0, CONNECTIONS_MAX_DEFAULT, ADMIN_CONNECTIONS_MAX);
        check(usize::MAX, 100_000, 100_000, ADMIN_CONNECTIONS_MAX);
        check(1_048_576, 0, CONNECTIONS_MAX_DEFAULT, ADMIN_CONNECTIONS_MAX);
        check(4096, 0, 4096 - 64 - 512, 256);
        check(4096, 100, 100, 256);
        check(256, 0, 256 - 64 - 48, 24);
        check(10, 0, 1, 1);
    }
}
