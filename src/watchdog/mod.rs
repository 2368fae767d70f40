//! Whether the threads of the node make progress, and the service manager that is told.
//!
//! ```text
//! each thread: an interval of its own ─▶ count ─▶ WatchdogCore ─ every part came by ─▶ WATCHDOG=1
//! ```
//!
//! The thread that tells the manager knows nothing by itself: a lane that hangs in a write, or a worker that turns in
//! circles, does not come by, and from then on nothing is sent.

mod core;
mod notify;

pub(crate) use notify::Notify;

use self::core::{Effect, Part, WatchdogCore};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use troupe_actors::clock::monotonic_now;

/// How often each thread comes by.
const BEAT: Duration = Duration::from_millis(250);

/// Of the time that the manager waits, how much a part may be silent: half, so that the manager hears nothing for the other half
/// before it acts.
const PATIENCE: u32 = 2;

/// How often in that time it is looked.
const LOOKS: u32 = 4;

/// The name of the parts without which nothing is served.
pub(crate) const HTTP_WORKER: &str = "HTTP worker";

/// Every thread that comes by. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beats(Arc<Mutex<Registered>>);

#[derive(Debug, Default)]
struct Registered {
    next: u64,
    parts: BTreeMap<Part, Arc<AtomicU64>>,
}

/// Takes its part off the list when the thread ends.
struct Registration {
    beats: Beats,
    part: Part,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.beats.lock().parts.remove(&self.part);
    }
}

impl Beats {
    /// Has the current thread's event loop come by from now on, until it ends.
    pub(crate) fn watch_this_thread(&self, name: &'static str) {
        let count = Arc::new(AtomicU64::new(0));
        let part = {
            let mut registered = self.lock();
            registered.next += 1;
            let part = Part { number: registered.next, name };
            registered.parts.insert(part.clone(), Arc::clone(&count));
            part
        };
        let registration = Registration { beats: self.clone(), part };
        actix_rt::spawn(async move {
            let _registration = registration;
            let mut interval = interval(BEAT);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                interval.tick().await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counts(&self) -> BTreeMap<Part, u64> {
        let parts = &self.lock().parts;
        parts.iter().map(|(part, count)| (part.clone(), count.load(Ordering::Relaxed))).collect()
    }

    /// Whether the HTTP workers, and everything else, have come by.
    fn are_all_up(&self) -> bool {
        let counts = self.counts();
        counts.keys().any(|part| part.name == HTTP_WORKER) && counts.values().all(|count| *count > 0)
    }
}

/// Tells the manager when everything is up, and from then on, as often as it wants, that every part makes progress. Runs for
/// ever.
pub(crate) async fn run(beats: Beats, notify: Arc<Notify>) {
    let mut looking = interval(BEAT / 10);
    while !beats.are_all_up() {
        looking.tick().await;
    }
    notify.ready();
    let Some(watchdog) = notify.watchdog else { return };
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut core = WatchdogCore::new(millis(watchdog / PATIENCE));
    let started = monotonic_now();
    let mut looks = interval(watchdog / LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        for effect in core.step(millis(started.elapsed()), &beats.counts()) {
            match effect {
                Effect::Ping => notify.ping(),
                Effect::ReportStuck(Part { number, name }, ms) => log::error!(
                    "{name} (thread {number}) has made no progress for {ms} ms: the service manager is not told that the node works"
                ),
                Effect::ReportBack(Part { number, name }) => log::warn!("{name} (thread {number}) goes on"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix::Arbiter;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    use std::sync::mpsc;

    /// What comes next, but for the pings before it.
    fn next_but_pings(manager: &UnixDatagram) -> String {
        loop {
            let said = receive(manager).expect("nothing comes");
            if said != "WATCHDOG=1" {
                return said;
            }
        }
    }

    fn receive(manager: &UnixDatagram) -> Option<String> {
        let mut buffer = [0; 256];
        let length = manager.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    #[test]
    fn the_manager_hears_nothing_while_one_thread_of_several_hangs() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("manager");
        let manager = UnixDatagram::bind(&place).unwrap();
        manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let beats = Beats::default();
        let notify = Notify::at(&place.into_os_string(), Some(4 * BEAT)).unwrap();
        let notify = Arc::new(notify);
        let watching = std::thread::spawn({
            let (beats, notify) = (beats.clone(), Arc::clone(&notify));
            move || {
                actix::System::new().block_on(async move {
                    let (http, lane) = (Arbiter::new(), Arbiter::new());
                    let watched = beats.clone();
                    lane.spawn_fn(move || watched.watch_this_thread("lane"));
                    let telling = actix_rt::spawn(run(beats.clone(), notify));
                    let watched = beats.clone();
                    http.spawn_fn(move || watched.watch_this_thread(HTTP_WORKER));
                    let (release, released) = mpsc::channel::<()>();
                    let (stopped, has_stopped) = tokio::sync::oneshot::channel::<()>();
                    HANG.lock().unwrap().replace((lane.handle(), released, release, stopped));
                    has_stopped.await.ok();
                    telling.abort();
                    http.stop();
                    lane.stop();
                });
            }
        });
        assert!(next_but_pings(&manager).starts_with("READY=1"));
        assert_eq!(receive(&manager).as_deref(), Some("WATCHDOG=1"));
        let (lane, released, release, stopped) = HANG.lock().unwrap().take().unwrap();
        lane.spawn_fn(move || released.recv().unwrap_or_default());
        // Until it has been silent for too long it is not known to hang; then nothing comes for as long as it lasts.
        let quiet = Duration::from_secs(5);
        manager.set_read_timeout(Some(quiet)).unwrap();
        let until = monotonic_now() + Duration::from_secs(60);
        while receive(&manager).is_some() {
            assert!(monotonic_now() < until, "pings go on although a lane hangs");
        }
        assert_eq!(receive(&manager), None);
        release.send(()).unwrap();
        manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        assert_eq!(receive(&manager).as_deref(), Some("WATCHDOG=1"));
        notify.stopping();
        assert!(next_but_pings(&manager).starts_with("STOPPING=1"));
        stopped.send(()).unwrap();
        watching.join().unwrap();
    }

    type Hang =
        (actix::ArbiterHandle, mpsc::Receiver<()>, mpsc::Sender<()>, tokio::sync::oneshot::Sender<()>);

    /// The lane's thread, and how it is held and let go: the node's own thread makes it, the test's uses it.
    static HANG: Mutex<Option<Hang>> = Mutex::new(None);

    #[test]
    fn an_abstract_socket_is_a_place_too() {
        let name = format!("troupe-test-{}", std::process::id());
        let address = <SocketAddr as SocketAddrExt>::from_abstract_name(&name);
        let manager = UnixDatagram::bind_addr(&address.unwrap()).unwrap();
        Notify::at(&format!("@{name}").into(), None).unwrap().stopping();
        assert!(receive(&manager).unwrap().starts_with("STOPPING=1"));
    }
}
