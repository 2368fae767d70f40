//! The connections of one worker: looked at every second, and shed when there are too many.
//!
//! At the cap, room is made for a newcomer by closing those for whose clients the server waits: idle connections and
//! unfinished heads, the stalest first, measured by what they may take. A connection that waits for the server is never shed: if
//! no other is left, the new connection is refused. There is no cap per address: the users behind one proxy share one.

use super::connection::{Connection, Cut};
use super::limits::SWEEP_INTERVAL;
use crate::budget::Share;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Instant;

/// How many connections a listener may have, over all its workers.
#[derive(Debug)]
pub(crate) struct Capacity {
    connections_max: usize,
    open: AtomicUsize,
}

/// A connection's part of a [`Capacity`], given back when dropped.
#[derive(Debug)]
struct Seat(Arc<Capacity>);

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

/// A connection as its worker sees it: shared between its stream, its requests and the registry.
#[derive(Debug)]
pub(super) struct Link {
    connection: RefCell<Connection>,
    /// Wakes the task that drives the connection.
    waker: RefCell<Option<Waker>>,
    seat: RefCell<Option<Seat>>,
}

impl Link {
    /// Looks at the connection, or tells it something. Not to be nested.
    pub(super) fn with<T>(&self, f: impl FnOnce(&mut Connection) -> T) -> T {
        f(&mut self.connection.borrow_mut())
    }

    /// Wakes the task of `context` when the connection is cut, or may read again.
    pub(super) fn wake_later(&self, context: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        match &mut *waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => *waker = Some(context.waker().clone()),
        }
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Closes it as soon as its task runs. Its seat is free at once.
    fn cut(&self, reason: Cut) {
        self.with(|connection| connection.cut(reason));
        self.seat.replace(None);
        self.wake();
    }
}

/// The connections of one worker of one listener.
#[derive(Debug)]
pub(super) struct Registry {
    capacity: Arc<Capacity>,
    /// Since the last look.
    turned_away: Cell<usize>,
    /// Closed ones stay listed until the next look.
    links: RefCell<Vec<Weak<Link>>>,
}

/// Of the connections that can be shed, one in so many goes at a time: looking for the stalest costs a look at all.
const SHED_DIVISOR: usize = 64;

impl Registry {
    /// A registry, and the task that looks after it until it is dropped.
    pub(super) fn start(capacity: Arc<Capacity>) -> Rc<Registry> {
        let registry = Rc::new(Registry { capacity, turned_away: Cell::new(0), links: RefCell::default() });
        let weak = Rc::downgrade(&registry);
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
    pub(super) fn admit(&self, now: Instant, head_share: Share) -> Option<Rc<Link>> {
        let seat = self.capacity.seat().or_else(|| {
            self.shed(now);
            self.capacity.seat()
        });
        let Some(seat) = seat else {
            self.turned_away.update(|count| count + 1);
            return None;
        };
        let link = Rc::new(Link {
            connection: RefCell::new(Connection::new(now, head_share)),
            waker: RefCell::default(),
            seat: RefCell::new(Some(seat)),
        });
        self.links.borrow_mut().push(Rc::downgrade(&link));
        Some(link)
    }

    fn sweep(&self, now: Instant) {
        match self.turned_away.take() {
            0 => {}
            count => log::warn!(
                "{count} clients were turned away: all {} connections wait for their answers (`connections_max`)",
                self.capacity.connections_max
            ),
        }
        self.links.borrow_mut().retain(|link| {
            let Some(link) = link.upgrade() else { return false };
            link.with(|connection| connection.check_time(now));
            if let Some(reason) = link.with(|connection| connection.cut_reason()) {
                // Woken once more if it did not run since: a task that hangs up says so only once.
                link.cut(reason);
            }
            true
        });
    }

    fn shed(&self, now: Instant) {
        let links = self.links.borrow();
        let mut stale: Vec<(u64, Rc<Link>)> = links
            .iter()
            .filter_map(Weak::upgrade)
            .filter_map(|link| {
                let staleness = link.with(|connection| {
                    connection.cut_reason().is_none().then(|| connection.staleness(now)).flatten()
                });
                Some((staleness?, link))
            })
            .collect();
        let count = stale.len().div_ceil(SHED_DIVISOR);
        if count == 0 {
            return;
        }
        stale.select_nth_unstable_by_key(count - 1, |(staleness, _)| std::cmp::Reverse(*staleness));
        for (_, link) in stale.iter().take(count) {
            link.cut(Cut::Idle);
        }
        log::debug!("{count} idle connections were closed to make room");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::{Budget, Owner};
    use std::time::Duration;

    struct Story {
        registry: Rc<Registry>,
        now: Instant,
    }

    impl Story {
        fn admit(&self, after_ms: u64) -> Option<Rc<Link>> {
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
        assert_eq!(story.registry.links.borrow().len(), 1);
    }
}
