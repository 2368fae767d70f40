//! The signals that stop a node.

use super::NodeError;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Heard from the start on, so that no signal finds a node that would die of it without closing its stores.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    pub(super) fn listen() -> Result<StopSignals, NodeError> {
        let listen = |kind| signal(kind).map_err(NodeError::Signals);
        let (terminate, interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        Ok(StopSignals { terminate, interrupt })
    }

    pub(super) async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
