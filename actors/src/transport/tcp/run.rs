//! The transport's thread: takes connections, makes connections, runs links.

use super::handshake::{Handshake, HandshakeError};
use super::hub::Hub;
use super::link::{Ended, LinkTask};
use crate::clock;
use crate::limits::{HANDSHAKES_MAX, LINK_TICK_MS};
use crate::transport::Link;
use crate::transport::hello::Goodbye;
use crate::transport::roster::Dial;
use rand::Rng;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// How long to wait when no connection can be accepted, as when all file descriptors are in use.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a node that stops gives its peers to take their answers.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Runs until the node stops.
pub(super) async fn run(handshake: Handshake, listener: std::net::TcpListener) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let hub = Arc::clone(&handshake.hub);
    let listening = tokio::spawn(listen(handshake.clone(), listener));
    let mut stopping = hub.stopping.subscribe();
    let mut tick = tokio::time::interval(Duration::from_millis(LINK_TICK_MS));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !hub.is_stopping() {
        tokio::select! {
            _ = tick.tick() => {}
            () = hub.wanted.notified() => {}
            // An error means that the node is gone altogether.
            changed = stopping.changed() => if changed.is_err() { break },
        }
        hub.publish_if_stale();
        let due = hub.roster().due(clock::monotonic_now());
        for dial in due {
            tokio::spawn(make(handshake.clone(), dial));
        }
    }
    listening.abort();
    // Links end by themselves once their answers are sent.
    let all_over = async {
        while hub.has_links() {
            tick.tick().await;
        }
    };
    if tokio::time::timeout(STOP_PATIENCE, all_over).await.is_err() {
        log::warn!("peers have not taken all their answers in {STOP_PATIENCE:?}");
    }
    Ok(())
}

/// Makes one connection, and runs the link over it.
async fn make(handshake: Handshake, dial: Dial) {
    let (hub, outcome) = (&handshake.hub, handshake.dial(&dial).await);
    match outcome {
        Ok(link) => {
            hub.roster().dialed(&dial);
            hub.changed();
            if let Some(link) = link {
                run_link(link).await;
            }
        }
        Err(error) => {
            let now = clock::monotonic_now();
            let is_news = hub.roster().failed(now, &dial, error.to_string(), chance());
            hub.changed();
            let level = if is_news { log::Level::Warn } else { log::Level::Debug };
            log::log!(level, "no link to the peer at {}: {error}", dial.addr);
        }
    }
}

/// Takes connections. Those that have not proven to come from a peer are few, and the oldest makes room.
async fn listen(handshake: Handshake, listener: TcpListener) {
    let mut unproven: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((tcp, from)) => {
                unproven.retain(|task| !task.is_finished());
                if unproven.len() >= HANDSHAKES_MAX
                    && let Some(oldest) = unproven.pop_front()
                {
                    oldest.abort();
                }
                let handshake = handshake.clone();
                let task = tokio::spawn(async move {
                    match handshake.answer(tcp).await {
                        // A task of its own, as this one may have to make room.
                        Ok(link) => drop(tokio::spawn(run_link(link))),
                        Err(error) => log_turned_away(&error, from),
                    }
                });
                unproven.push_back(task.abort_handle());
            }
            Err(error) => {
                log::debug!("no connection can be accepted on the RPC port: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Strangers may come in numbers; what nodes with the right secret do wrong, an operator should know.
fn log_turned_away(error: &HandshakeError, from: std::net::SocketAddr) {
    let level = match error {
        HandshakeError::NotAdmitted(Goodbye::OtherCluster | Goodbye::OtherVersion | Goodbye::Removed) => {
            log::Level::Warn
        }
        HandshakeError::NotAdmitted(
            Goodbye::WrongSecret
            | Goodbye::Oneself
            | Goodbye::Malformed
            | Goodbye::Linked
            | Goodbye::Stopping,
        )
        | HandshakeError::Io(_)
        | HandshakeError::NoHost
        | HandshakeError::TooSlow
        | HandshakeError::OtherNode(_)
        | HandshakeError::NoNode
        | HandshakeError::TurnedAway(_) => log::Level::Debug,
    };
    log::log!(level, "turned away a connection from {from}: {error}");
}

async fn run_link(task: LinkTask) {
    let (peer, link) = (task.peer, task.link);
    let level = if link == Link::Request { log::Level::Info } else { log::Level::Debug };
    log::log!(level, "linked with node {peer} ({link:?})");
    match task.await {
        Ended::Replaced => log::debug!("a link with node {peer} ({link:?}) was replaced"),
        ended @ (Ended::Io(_) | Ended::Closed | Ended::Link(_) | Ended::Stopping | Ended::OtherCluster) => {
            log::log!(level, "the link with node {peer} ({link:?}) ended: {ended}");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "nodes that fail together must not retry together")]
fn chance() -> u32 {
    rand::rng().next_u32()
}

impl Hub {
    fn has_links(&self) -> bool {
        !self.all_handles().is_empty()
    }
}
