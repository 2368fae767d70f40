//! From a connection to a link: TLS, then hellos.

use super::buffers::{Incoming, Unsent};
use super::handle::Handle;
use super::hub::Hub;
use super::link::LinkTask;
use super::tls::Tls;
use crate::clock;
use crate::ids::NodeId;
use crate::limits::HANDSHAKE_MS_MAX;
use crate::transport::connection::Connection;
use crate::transport::frame::{self, Head, Read};
use crate::transport::hello::{Gate, Goodbye, Hello, Side, WIRE_VERSIONS};
use crate::transport::roster::Dial;
use crate::transport::{Link, Services};
use futures_util::stream::FuturesUnordered;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::Instant;
use tokio_rustls::TlsStream;

/// No link was made.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the address names no host")]
    NoHost,
    #[error("it took longer than {HANDSHAKE_MS_MAX} ms")]
    TooSlow,
    #[error("node {0} is there instead")]
    OtherNode(NodeId),
    #[error("the peer does not speak as a node does")]
    NoNode,
    #[error("the peer turned this node away: {0}")]
    TurnedAway(Goodbye),
    #[error("{0}")]
    NotAdmitted(Goodbye),
}

/// What both sides need.
#[derive(Clone)]
pub(super) struct Handshake {
    pub(super) hub: Arc<Hub>,
    pub(super) services: Services,
    pub(super) tls: Tls,
}

impl Handshake {
    /// Connects to a peer. Nothing is made if there is a link already.
    pub(super) async fn dial(&self, dial: &Dial) -> Result<Option<LinkTask>, HandshakeError> {
        in_time(async {
            let tcp = connect(&dial.addr).await?;
            tcp.set_nodelay(true)?;
            let (stream, peer, session) = self.tls.handshake(Side::Dialer, tcp).await?;
            if dial.expects.is_some_and(|expected| expected != peer) {
                return Err(HandshakeError::OtherNode(peer));
            }
            if !self.hub.roster().found(dial, peer) {
                return Ok(None);
            }
            let mut opened = Opened { stream, incoming: Incoming::default() };
            let own = self.hub.hello(Side::Dialer, &session, dial.link);
            opened.send(&Head::Hello(Box::new(own))).await?;
            let hello = match opened.receive().await? {
                Head::Hello(hello) if hello.link == dial.link => hello,
                Head::Goodbye(Goodbye::Linked) => return Ok(None),
                Head::Goodbye(goodbye) => return Err(HandshakeError::TurnedAway(goodbye)),
                _ => return Err(HandshakeError::NoNode),
            };
            match self.admit(peer, Side::Dialer, &hello, session) {
                Ok((version, handle)) => {
                    Ok(Some(self.link(opened, peer, dial.link, version, handle, Unsent::default())))
                }
                Err(Goodbye::Linked) => Ok(None),
                Err(goodbye) => Err(HandshakeError::NotAdmitted(goodbye)),
            }
        })
        .await
    }

    /// Answers a connection of a peer.
    pub(super) async fn answer(&self, tcp: TcpStream) -> Result<LinkTask, HandshakeError> {
        in_time(async {
            tcp.set_nodelay(true)?;
            let (stream, peer, session) = self.tls.handshake(Side::Listener, tcp).await?;
            let mut opened = Opened { stream, incoming: Incoming::default() };
            let Head::Hello(hello) = opened.receive().await? else { return Err(HandshakeError::NoNode) };
            let own = self.hub.hello(Side::Listener, &session, hello.link);
            match self.admit(peer, Side::Listener, &hello, session) {
                Ok((version, handle)) => {
                    // Before anything else that the link is given to send.
                    let mut unsent = Unsent::default();
                    frame::write(unsent.next(), *WIRE_VERSIONS.start(), &Head::Hello(Box::new(own)), b"");
                    Ok(self.link(opened, peer, hello.link, version, handle, unsent))
                }
                Err(goodbye) => {
                    opened.send(&Head::Goodbye(goodbye)).await?;
                    Err(HandshakeError::NotAdmitted(goodbye))
                }
            }
        })
        .await
    }

    fn admit(
        &self,
        peer: NodeId,
        own_side: Side,
        hello: &Hello,
        session: [u8; 32],
    ) -> Result<(u8, Arc<Handle>), Goodbye> {
        let hub = &self.hub;
        let gate = Gate { own: hub.own, secret: &hub.secret, cluster: hub.cluster(), session };
        let version = gate.admit(peer, own_side.other(), hello)?;
        Ok((version, hub.link_up(&self.services, peer, own_side, hello)?))
    }

    fn link(
        &self,
        opened: Opened,
        peer: NodeId,
        link: Link,
        version: u8,
        handle: Arc<Handle>,
        unsent: Unsent,
    ) -> LinkTask {
        LinkTask {
            hub: Arc::clone(&self.hub),
            services: self.services.clone(),
            peer,
            link,
            handle,
            stream: opened.stream,
            connection: Some(Connection::new(clock::monotonic_now(), version)),
            incoming: opened.incoming,
            unsent,
            serving: FuturesUnordered::new(),
            tick: Box::pin(tokio::time::sleep_until(Instant::now())),
        }
    }
}

/// A TLS session before both hellos.
struct Opened {
    stream: TlsStream<TcpStream>,
    incoming: Incoming,
}

impl Opened {
    async fn send(&mut self, head: &Head) -> io::Result<()> {
        let mut unsent = Unsent::default();
        frame::write(unsent.next(), *WIRE_VERSIONS.start(), head, b"");
        poll_fn(|cx| unsent.poll_write(&mut self.stream, cx)).await
    }

    async fn receive(&mut self) -> Result<Head, HandshakeError> {
        loop {
            match frame::read(self.incoming.bytes()) {
                Ok(Read::Frame(frame)) => {
                    let (bytes, head) = (frame.bytes, frame.head);
                    self.incoming.take(bytes);
                    return Ok(head);
                }
                Ok(Read::Incomplete) => {}
                Ok(Read::Unknown { .. }) | Err(_) => return Err(HandshakeError::NoNode),
            }
            let read_bytes = poll_fn(|cx| self.incoming.poll_read(&mut self.stream, cx)).await?;
            if read_bytes == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}

async fn in_time<T>(handshake: impl Future<Output = Result<T, HandshakeError>>) -> Result<T, HandshakeError> {
    let outcome = tokio::time::timeout(Duration::from_millis(HANDSHAKE_MS_MAX), handshake).await;
    outcome.unwrap_or(Err(HandshakeError::TooSlow))
}

/// Connects to the first of the host's addresses that takes a connection. Names are looked up anew each time.
async fn connect(addr: &str) -> Result<TcpStream, HandshakeError> {
    let mut outcome = Err(HandshakeError::NoHost);
    for addr in lookup_host(addr).await? {
        match TcpStream::connect(addr).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => outcome = Err(error.into()),
        }
    }
    outcome
}
