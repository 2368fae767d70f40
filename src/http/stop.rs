//! A stop in two steps, for requests that come or wait meanwhile.
//!
//! First the node takes leave: each answer asks its client to close the connection. A client that sends one request after the
//! other has then gone by itself; closing its connection instead could cross a request on its way, whose outcome it
//! would never know. Then the node stops: polls are answered, and what is left is closed.

use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Serving,
    Leaving,
    Stopping,
}

/// Announces the steps.
#[derive(Debug)]
pub(crate) struct StopSignal {
    sender: watch::Sender<Step>,
}

/// Follows them.
#[derive(Debug, Clone)]
pub(crate) struct Stopping {
    receiver: watch::Receiver<Step>,
}

/// Both sides.
pub(crate) fn stop_signal() -> (StopSignal, Stopping) {
    let (sender, receiver) = watch::channel(Step::Serving);
    (StopSignal { sender }, Stopping { receiver })
}

impl StopSignal {
    /// Answers ask their clients to close the connection from now on.
    pub(crate) fn leave(&self) {
        self.sender.send_replace(Step::Leaving);
    }

    /// Every poll that waits, or ever will, ends at once.
    pub(crate) fn stop(&self) {
        self.sender.send_replace(Step::Stopping);
    }
}

impl Stopping {
    /// Whether answers ask their clients to close the connection. It is asked for every request, so it takes no lock.
    pub(crate) fn has_begun(&self) -> bool {
        // This receiver has seen the first step; only `wait`, in a clone, sees later ones.
        self.receiver.has_changed().unwrap_or(true)
    }

    /// Returns once polls have to end.
    pub(crate) async fn wait(&mut self) {
        // Without a sender the node is gone.
        let _ = self.receiver.wait_for(|step| *step == Step::Stopping).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_ask_for_the_end_before_polls_end() {
        let (signal, stopping) = stop_signal();
        let mut poll = stopping.clone();
        assert!(!stopping.has_begun());
        signal.leave();
        assert!(stopping.has_begun());
        tokio::select! {
            biased;
            () = poll.wait() => panic!("polls go on while clients take their leave"),
            () = std::future::ready(()) => {}
        }
        signal.stop();
        poll.wait().await;
        assert!(stopping.has_begun());
    }
}
