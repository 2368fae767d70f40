//! One link: a task that reads, has requests served, and writes, all in one place. A message passes through no channel and
//! wakes no other task on its way; what was queued since the last turn goes out in one write.

use super::buffers::{Incoming, Unsent};
use super::handle::{Asker, Handle};
use super::hub::Hub;
use super::served::{Done, Served};
use crate::clock;
use crate::ids::NodeId;
use crate::limits::{LINK_READ_TURN_BYTES, LINK_TICK_MS, PING_INTERVAL_MS};
use crate::transport::connection::{Connection, Effect, LATE, LinkError};
use crate::transport::frame::{self, Head, Read};
use crate::transport::outbox::Outgoing;
use crate::transport::{Link, NotSent, Refusal, RequestError, Services, UnknownOutcome};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsStream;

/// Why a link ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the peer closed it")]
    Closed,
    #[error("{0}")]
    Link(#[from] LinkError),
    #[error("a newer one takes its place, or the node was removed")]
    Replaced,
    #[error("this node is stopping")]
    Stopping,
    #[error("the peer has joined another cluster")]
    OtherCluster,
}

/// The task.
pub(super) struct LinkTask {
    pub(super) hub: Arc<Hub>,
    pub(super) services: Services,
    pub(super) peer: NodeId,
    pub(super) link: Link,
    pub(super) handle: Arc<Handle>,
    pub(super) stream: TlsStream<TcpStream>,
    /// `None` once it is closed.
    pub(super) connection: Option<Connection<Asker>>,
    pub(super) incoming: Incoming,
    pub(super) unsent: Unsent,
    pub(super) serving: FuturesUnordered<Served>,
    pub(super) tick: Pin<Box<Sleep>>,
}

impl Future for LinkTask {
    type Output = Ended;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        let this = self.get_mut();
        this.handle.wake_later(cx);
        match this.turn(cx) {
            Ok(()) => Poll::Pending,
            Err(ended) => Poll::Ready(ended),
        }
    }
}

impl LinkTask {
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), Ended> {
        self.look_after_time(cx)?;
        self.read(cx)?;
        while let Poll::Ready(Some(done)) = self.serving.poll_next_unpin(cx) {
            self.answer(done);
        }
        self.write(cx)?;
        let is_done = self.serving.is_empty() && self.unsent.is_empty();
        if self.hub.is_stopping() && is_done { Err(Ended::Stopping) } else { Ok(()) }
    }

    fn is_current(&self) -> Result<(), Ended> {
        if self.handle.has_ended() { Err(Ended::Replaced) } else { Ok(()) }
    }

    fn connection(&mut self) -> Result<&mut Connection<Asker>, Ended> {
        self.connection.as_mut().ok_or(Ended::Closed)
    }

    fn look_after_time(&mut self, cx: &mut Context<'_>) -> Result<(), Ended> {
        self.is_current()?;
        while self.tick.as_mut().poll(cx).is_ready() {
            let now = clock::monotonic_now();
            let due = self.connection()?.tick(now)?;
            for asker in due.expired {
                end(asker, Err(UnknownOutcome::Deadline.into()));
            }
            let late = self.handle.outbox().expired(now);
            late.into_iter().for_each(|asker| end(asker, Err(LATE)));
            if let Some(sent_us) = due.ping {
                let (cluster, environments) = (self.hub.cluster(), self.hub.environments());
                self.send(Outgoing::Link(Head::Ping { sent_us, cluster, environments }));
            }
            // Pings are not that punctual, but deadlines are.
            let is_busy = self.connection()?.pending().is_any_waiting();
            let pause_ms = if is_busy { LINK_TICK_MS } else { PING_INTERVAL_MS };
            self.tick.as_mut().reset(Instant::now() + Duration::from_millis(pause_ms));
        }
        Ok(())
    }

    /// Has time be looked after soon, as somebody waits.
    fn look_after_time_soon(&mut self) {
        let soon = Instant::now() + Duration::from_millis(LINK_TICK_MS);
        if self.tick.deadline() > soon {
            self.tick.as_mut().reset(soon);
        }
    }

    fn send(&self, message: Outgoing<Asker>) {
        self.handle.outbox().push_always(message);
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<(), Ended> {
        let mut turn_bytes = 0;
        while let Poll::Ready(read_bytes) = self.incoming.poll_read(&mut self.stream, cx) {
            let read_bytes = read_bytes?;
            if read_bytes == 0 {
                return Err(Ended::Closed);
            }
            self.take_frames()?;
            turn_bytes += read_bytes;
            if turn_bytes >= LINK_READ_TURN_BYTES {
                cx.waker().wake_by_ref();
                break;
            }
        }
        Ok(())
    }

    fn take_frames(&mut self) -> Result<(), Ended> {
        let now = clock::monotonic_now();
        let mut incoming = std::mem::take(&mut self.incoming);
        let answer_bytes = self.handle.outbox().answer_bytes();
        let (mut frames, unread_bytes) = (0, incoming.bytes().len());
        loop {
            self.is_current()?;
            let connection = self.connection()?;
            let effect = match frame::read(incoming.bytes()).map_err(LinkError::from)? {
                Read::Incomplete => break,
                Read::Unknown { kind, bytes } => {
                    incoming.take(bytes);
                    Some(connection.receive_unknown(now, kind))
                }
                Read::Frame(frame) => {
                    let bytes = frame.bytes;
                    frames += 1;
                    let effect = connection.receive(now, frame, answer_bytes)?;
                    incoming.take(bytes);
                    effect
                }
            };
            if let Some(effect) = effect {
                self.run(effect)?;
            }
        }
        self.hub.traffic.received(frames, unread_bytes - incoming.bytes().len());
        self.incoming = incoming;
        Ok(())
    }

    fn run(&mut self, effect: Effect<Asker>) -> Result<(), Ended> {
        match effect {
            Effect::Serve { id, subsystem, body, deadline } => {
                let body_bytes = body.len();
                let started = match self.services.get(subsystem) {
                    _ if self.hub.is_stopping() => Ok(Done::refused(id, body_bytes, Refusal::Stopping)),
                    None => Ok(Done::refused(id, body_bytes, Refusal::NotServed)),
                    Some(serve) => Served::start(id, body_bytes, deadline, serve.serve(self.peer, body)),
                };
                match started {
                    Ok(done) => self.answer(done),
                    // This turn polls it, and so has it wake the task.
                    Err(served) => self.serving.push(served),
                }
            }
            Effect::Told { subsystem, body } => {
                if let Some(serve) = self.services.get(subsystem) {
                    serve.told(self.peer, body);
                }
            }
            Effect::Ended { asker, outcome } => end(asker, outcome),
            Effect::Reply(message) => self.send(message),
            Effect::Pinged { sent_us, cluster, environments } => {
                if let (Some(own), Some(other)) = (self.hub.cluster(), cluster)
                    && own != other
                {
                    return Err(Ended::OtherCluster);
                }
                self.send(Outgoing::Link(Head::Pong { sent_us }));
                self.hub.roster().note(self.peer, |state| state.environments = environments);
                self.hub.publish_soon();
            }
            Effect::Measured if self.link == Link::Request => {
                let times = self.connection()?.round_trip();
                let (round_trip_us, answer_p95_us) = (times.smoothed_us(), times.answer_p95_us());
                self.hub.roster().note(self.peer, |state| {
                    (state.round_trip_us, state.answer_p95_us) = (round_trip_us, answer_p95_us);
                });
                self.hub.publish_soon();
            }
            Effect::Measured => {}
            Effect::NotUnderstood { kind } => {
                log::warn!("node {} does not understand frames of kind {kind}", self.peer);
            }
        }
        Ok(())
    }

    fn answer(&mut self, done: Done) {
        if let Some(connection) = &mut self.connection {
            connection.served(done.body_bytes, done.answer.is_some());
        }
        if let Some(answer) = done.answer {
            self.send(Outgoing::Answer { id: done.id, answer });
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), Ended> {
        loop {
            if self.unsent.is_empty() {
                let Some(connection) = &mut self.connection else { return Err(Ended::Closed) };
                let (now, version) = (clock::monotonic_now(), connection.version());
                let frames = self.unsent.next();
                let made = self.handle.outbox().fill(now, version, connection.pending(), frames);
                connection.made(&made);
                if made.frames > 0 {
                    self.hub.traffic.sent(made.frames, frames.len());
                }
                made.late.into_iter().for_each(|asker| end(asker, Err(LATE)));
                if connection.pending().is_any_waiting() {
                    self.look_after_time_soon();
                }
            }
            let is_idle = self.unsent.is_empty();
            if self.unsent.poll_write(&mut self.stream, cx)?.is_pending() || is_idle {
                return Ok(());
            }
        }
    }
}

fn end(asker: Asker, outcome: Result<Bytes, RequestError>) {
    // Who does not wait any more has dropped its end.
    let _ = asker.send(outcome);
}

impl Drop for LinkTask {
    fn drop(&mut self) {
        let why = if self.hub.is_stopping() { NotSent::Stopping } else { NotSent::NoLink };
        let queued = self.handle.outbox().close(why);
        queued.into_iter().for_each(|asker| end(asker, Err(why.into())));
        if let Some(connection) = self.connection.take() {
            let (askers, error) = connection.close();
            askers.for_each(|asker| end(asker, Err(error)));
        }
        self.hub.link_down(&self.services, self.peer, self.link, self.handle.serial());
    }
}
