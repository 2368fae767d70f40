//! Threads whose loss ends the node.
//!
//! An actor that panics is lost, and its shard or lane with it, while the rest of the node would go on as if
//! nothing had happened. So a panic on such a thread ends the process: what was acknowledged is on disk, and the next
//! start begins a new epoch, as after any crash. A panic on any other thread ends nothing.

use crate::watchdog::Beats;
use actix::Arbiter;
use std::cell::Cell;
use std::io;
use std::sync::Once;
use std::thread::{self, JoinHandle};

thread_local! {
    static IS_VITAL: Cell<bool> = const { Cell::new(false) };
}

/// Has the process end, once the panic is reported, when a vital thread panics.
pub(crate) fn end_with_vital_threads() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            report(panic);
            if IS_VITAL.get() {
                log::error!("a shard or lane panicked, the node ends: please report what is printed above");
                std::process::abort();
            }
        }));
    });
}

/// A new arbiter with a vital thread, which shows under this name that it makes progress.
pub(super) fn arbiter(beats: &Beats, name: &'static str) -> Arbiter {
    let (arbiter, beats) = (Arbiter::new(), beats.clone());
    arbiter.spawn_fn(move || {
        IS_VITAL.set(true);
        beats.watch_this_thread(name);
    });
    arbiter
}

/// A vital thread with this name.
///
/// # Errors
/// What the system says.
pub(super) fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let run = || {
        IS_VITAL.set(true);
        run();
    };
    thread::Builder::new().name(name.to_owned()).spawn(run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, ExitStatus, Stdio};

    const ROLE: &str = "PANICKING_THREAD";

    /// Runs the test below once more, in a process of its own, as the one that panics.
    fn panic_on(thread: &str) -> ExitStatus {
        let test = "node::vital::tests::a_panic_ends_the_process_if_the_thread_is_vital_and_only_then";
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["--exact", test]).env(ROLE, thread).stdout(Stdio::null()).stderr(Stdio::null());
        process.status().unwrap()
    }

    #[test]
    fn a_panic_ends_the_process_if_the_thread_is_vital_and_only_then() {
        if let Ok(role) = std::env::var(ROLE) {
            end_with_vital_threads();
            actix::System::new().block_on(async {
                let arbiter =
                    if role == "vital" { arbiter(&Beats::default(), "test") } else { Arbiter::new() };
                arbiter.spawn_fn(|| panic!("on purpose"));
                arbiter.spawn_fn(|| actix::Arbiter::current().stop().then_some(()).unwrap());
                arbiter.join().ok();
            });
            return;
        }
        assert!(panic_on("other").success());
        assert_eq!(panic_on("vital").code(), None, "ended by a signal of its own");
    }
}
