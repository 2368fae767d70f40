//! Ending a run early, without leaving anything behind.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Exit;
use crate::terminal::Terminal;

/// Set by SIGINT or SIGTERM. Every connection checks it before each request and ends, so that no request is in flight when the
/// clean-up begins: what arrived after it would stay.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens for signals from now on. A second signal ends the process at once.
    pub(crate) fn on_signal(terminal: Terminal) -> Self {
        let stop = Self::default();
        let set = stop.clone();
        tokio::spawn(async move {
            if signalled().await.is_err() {
                return;
            }
            set.0.store(true, Ordering::Relaxed);
            terminal.remark("interrupted: deleting what was written (interrupt again to leave it)");
            if signalled().await.is_ok() {
                process::exit(i32::from(Exit::Interrupted as u8));
            }
        });
        stop
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Waits for Ctrl-C or, on Unix, SIGTERM.
async fn signalled() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
