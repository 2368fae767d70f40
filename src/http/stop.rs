//! The word that the node is about to stop, for requests that would otherwise go on waiting.

use tokio::sync::watch;

/// Says it.
#[derive(Debug)]
pub(crate) struct StopSignal {
    sender: watch::Sender<bool>,
}

/// Hears it.
#[derive(Debug, Clone)]
pub(crate) struct Stopping {
    receiver: watch::Receiver<bool>,
}

/// A pair of the two.
pub(crate) fn stop_signal() -> (StopSignal, Stopping) {
    let (sender, receiver) = watch::channel(false);
    (StopSignal { sender }, Stopping { receiver })
}

impl StopSignal {
    /// Everyone who waits, or ever will, is told at once.
    pub(crate) fn stop(&self) {
        self.sender.send_replace(true);
    }
}

impl Stopping {
    /// Returns once the node is about to stop.
    pub(crate) async fn wait(&mut self) {
        // Who could say it is gone: so is the node.
        let _ = self.receiver.wait_for(|is_stopping| *is_stopping).await;
    }
}
