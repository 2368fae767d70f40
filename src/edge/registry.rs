//! The connections of one listener: looked at every second, and shed when there are too many.
//!
//! At the cap, room is made for a newcomer by closing those for whose clients the server waits: idle connections and
//! unfinished heads, the stalest first, measured by what they may take. A connection that waits for the server is never shed: if
//! no other is left, the new connection is refused. There is no cap per address: the users behind one proxy share one.
//!
//! The workers of a listener share its registry, as they share its capacity: one that sheds its own connections only has nothing
//! to shed if its thread was held up while the others took all seats. Its lock is taken when a client connects and once a
//! second, never for a request or a byte.

use super::connection::Connection;
use super::limits::SWEEP_INTERVAL;
use super::link::Link;
use crate::budget::Share;
use std::cmp::Reverse;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

/// How many connections a listener may have, over all its workers.
#[derive(Debug)]
pub(crate) struct Capacity {
    connections_max: usize,
    open: AtomicUsize,
}

/// A connection's part of a [`Capacity`], given back when dropped.
#[derive(Debug)]
pub(super) struct Seat(Arc<Capacity>);

impl Capacity {
    pub(super) fn new(connections_max: usize) -> Arc<Capacity> {
        Arc::new(Capacity { connections_max, open: AtomicUsize::new(0) })
    }

    /// Whether there are connections.
    pub(crate) fn is_in_use(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    /// `None` if all are taken.
    fn seat(self: &Arc<Capacity>) -> Option<Seat> {
        let seat = Seat(Arc::clone(self));
        let taken = self.open.fetch_add(1, Ordering::Relaxed);
        (taken < self.connections_max).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The connections of one listener.
#[derive(Debug)]
pub(super) struct Registry {
    capacity: Arc<Capacity>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Since the last look.
    turned_away: usize,
    /// Closed ones stay listed until the next look.
    links: Vec<Weak<Link>>,
}

/// Of the connections that can be shed, one in so many goes at a time: looking for the stalest costs a look at all.
const SHED_DIVISOR: usize = 64;

impl Registry {
    /// A registry, and the task that looks after it until it is dropped.
    pub(super) fn start(capacity: Arc<Capacity>) -> Arc<Registry> {
        let registry = Arc::new(Registry { capacity, state: Mutex::default() });
        let weak = Arc::downgrade(&registry);
        actix_rt::spawn(async move {
            let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
            loop {
                ticks.tick().await;
                let Some(registry) = weak.upgrade() else { return };
                registry.sweep(Instant::now());
            }
        });
        registry
    }

    /// Takes in a connection; `None` if it has to be turned away.
    pub(super) fn admit(&self, now: Instant, head_share: Share) -> Option<Arc<Link>> {
        // Held from the shedding on, so that no other worker's newcomer takes the seat.
        let mut state = self.lock();
        let seat = self.capacity.seat().or_else(|| {
            shed(&state.links, now);
            self.capacity.seat()
        });
        let Some(seat) = seat else {
            state.turned_away += 1;
            return None;
        };
        let link = Arc::new(Link::new(Connection::new(now, head_share), seat));
        state.links.push(Arc::downgrade(&link));
        Some(link)
    }

    fn sweep(&self, now: Instant) {
        let (turned_away, links) = {
            let mut state = self.lock();
            let mut links = Vec::with_capacity(state.links.len());
            state.links.retain(|link| {
                let link = link.upgrade();
                let is_open = link.is_some();
                links.extend(link);
                is_open
            });
            (std::mem::take(&mut state.turned_away), links)
        };
        if turned_away > 0 {
            log::warn!(
                "{turned_away} clients were turned away: all {} connections wait for their answers (`connections_max`)",
                self.capacity.connections_max
            );
        }
        for link in links {
            link.sweep(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the stalest of `links`, if there are some that can be shed.
fn shed(links: &[Weak<Link>], now: Instant) {
    let mut stale: Vec<(u64, Arc<Link>)> = links
        .iter()
        .filter_map(Weak::upgrade)
        .filter_map(|link| Some((link.staleness(now)?, link)))
        .collect();
    let count = stale.len().div_ceil(SHED_DIVISOR);
    if count == 0 {
        return;
    }
    stale.select_nth_unstable_by_key(count - 1, |(staleness, _)| Reverse(*staleness));
    // A request may have begun since it was looked at: then the next goes.
    let shed = stale.iter().filter(|(_, link)| link.shed(now)).take(count).count();
    log::debug!("{shed} idle connections were closed to make room");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::{Budget, Owner};
    use std::time::Duration;

    struct Story {
        registry: Arc<Registry>,
        now: Instant,
    }

    impl Story {
        fn admit(&self, after_ms: u64) -> Option<Arc<Link>> {
            let share = Budget::new(0, 0).empty_share(Owner::Anonymous);
            self.registry.admit(self.now + Duration::from_millis(after_ms), share)
        }
    }

    fn begin(connections_max: usize) -> Story {
        Story { registry: Registry::start(Capacity::new(connections_max)), now: Instant::now() }
    }

    fn is_cut(link: &Link) -> bool {
        link.with(|connection| connection.cut_reason().is_some())
    }

    #[actix_web::test]
    async fn at_the_cap_the_stalest_makes_room() {
        let story = begin(2);
        let oldest = story.admit(0).unwrap();
        let second = story.admit(1000).unwrap();
        let newcomer = story.admit(2000).unwrap();
        assert!(is_cut(&oldest) && !is_cut(&second) && !is_cut(&newcomer));
    }

    #[actix_web::test]
    async fn whoever_waits_for_an_answer_is_not_shed_for_a_newcomer() {
        let story = begin(1);
        let busy = story.admit(0).unwrap();
        busy.with(|connection| connection.begin(false, story.now));
        assert!(story.admit(60_000).is_none());
        assert!(!is_cut(&busy));
        drop(busy);
        assert!(story.admit(60_000).is_some());
    }

    #[actix_web::test]
    async fn the_time_of_every_connection_is_looked_at_and_closed_ones_are_forgotten() {
        let story = begin(2);
        let (slow, gone) = (story.admit(0).unwrap(), story.admit(0).unwrap());
        drop(gone);
        story.registry.sweep(story.now + super::super::limits::HEAD_TIMEOUT);
        assert!(is_cut(&slow));
        assert_eq!(story.registry.lock().links.len(), 1);
    }

    /// At the cap a worker once shed only its own connections: one whose thread was held up while the others took all
    /// seats had nothing to shed, and turned clients away beside any number of idle connections.
    #[actix_web::test]
    async fn a_worker_without_connections_makes_room_among_those_of_another() {
        let story = begin(2);
        std::thread::scope(|workers| {
            let all = workers.spawn(|| (story.admit(0).unwrap(), story.admit(1000).unwrap()));
            let (oldest, second) = all.join().unwrap();
            let newcomer = workers.spawn(|| story.admit(2000)).join().unwrap().unwrap();
            assert!(is_cut(&oldest) && !is_cut(&second) && !is_cut(&newcomer));
        });
    }

    #[actix_web::test]
    async fn workers_that_are_full_at_once_shed_one_connection_for_each_newcomer() {
        let story = begin(40);
        let old: Vec<_> = (0..40).map(|i| story.admit(i).unwrap()).collect();
        let newcomers: Vec<_> = std::thread::scope(|workers| {
            let workers: Vec<_> = (0..4)
                .map(|_| workers.spawn(|| (0..5).map(|_| story.admit(1000).unwrap()).collect::<Vec<_>>()))
                .collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        assert_eq!(
            old.iter().map(|link| is_cut(link)).collect::<Vec<_>>(),
            [[true; 20], [false; 20]].concat()
        );
        assert!(!newcomers.iter().any(|link| is_cut(link)));
    }

    #[actix_web::test]
    async fn a_begun_request_saves_its_connection_and_a_cut_one_begins_none() {
        let story = begin(1);
        let link = story.admit(0).unwrap();
        assert!(link.with(|connection| connection.begin(false, story.now)));
        assert!(!link.shed(story.now + Duration::from_secs(5)));
        link.with(|connection| connection.end(story.now));
        assert!(link.shed(story.now + Duration::from_secs(5)));
        assert!(!link.with(|connection| connection.begin(false, story.now)));
    }
}
