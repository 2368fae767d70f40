//! Peers that do not keep to the rules.

use super::*;
use crate::limits::{FRAME_BYTES_MAX, HANDSHAKE_MS_MAX, LINK_SILENCE_MS_MAX};
use crate::transport::frame::{self, Head, Read};
use crate::transport::hello::{Goodbye, Hello, Side};
use crate::transport::{Refusal, Serve};
use buffers::{Incoming, Unsent};
use std::future::poll_fn;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsStream;

/// Longer than anything takes that is going to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Notes every request, and answers it.
struct Notes(mpsc::UnboundedSender<NodeId>);

impl Serve for Notes {
    fn serve(&self, from: NodeId, body: Bytes) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        // Who looks at nothing has dropped its end.
        let _ = self.0.send(from);
        ready(Ok(body)).boxed()
    }

    fn told(&self, from: NodeId, _: Bytes) {
        let _ = self.0.send(from);
    }

    fn link(&self, _: NodeId, _: bool) {}
}

/// The node that strangers speak to.
struct Victim {
    tcp: Arc<Tcp>,
    addr: String,
    served: mpsc::UnboundedReceiver<NodeId>,
}

fn identity(number: u8) -> (NodeId, [u8; 32]) {
    let key = [number; 32];
    (NodeId(ed25519_dalek::SigningKey::from_bytes(&key).verifying_key().to_bytes()), key)
}

fn secret() -> ClusterSecret {
    ClusterSecret::new([9; 32])
}

impl Victim {
    fn start() -> Victim {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let (node, key) = identity(1);
        let options = TcpOptions {
            node,
            key,
            secret: secret(),
            cluster: None,
            boot: 1,
            public_addr: None,
            environments: Arc::new(Vec::new),
            peers: Vec::new(),
            remembered: Vec::new(),
            removed: BTreeSet::new(),
        };
        let tcp = Tcp::new(options, listener).unwrap();
        let (notes, served) = mpsc::unbounded_channel();
        let notes = Arc::new(Notes(notes));
        let services = Services::default().with(Subsystem::Merge, notes.clone());
        tcp.start(services.with(Subsystem::Membership, notes)).unwrap();
        Victim { tcp, addr, served }
    }

    /// A well-behaved peer is answered, by which all that came before is over.
    async fn is_well(&self) {
        let mut peer = Stranger::linked(self, 7).await;
        peer.send(&[(request(), b"fine")]).await;
        peer.receive_until(|head| *head == Head::Answer { id: 1 }).await;
        peer.send(&[(Head::Goodbye(Goodbye::Stopping), b"")]).await;
        peer.is_cut_off().await;
    }
}

fn request() -> Head {
    Head::Request { id: 1, deadline_ms: 1000, subsystem: Subsystem::Merge as u8 }
}

/// Somebody who has come through TLS.
struct Stranger {
    stream: TlsStream<TcpStream>,
    session: [u8; 32],
    incoming: Incoming,
}

impl Stranger {
    async fn connect(victim: &Victim, number: u8) -> Stranger {
        let (node, key) = identity(number);
        let tls = Tls::new(node, &key).unwrap();
        let tcp = TcpStream::connect(&victim.addr).await.unwrap();
        let (stream, peer, session) = tls.handshake(Side::Dialer, tcp).await.unwrap();
        assert_eq!(peer, identity(1).0);
        Stranger { stream, session, incoming: Incoming::default() }
    }

    fn hello(&self) -> Hello {
        Hello {
            version_oldest: 1,
            version_newest: 1,
            proof: secret().prove(Side::Dialer, &self.session),
            cluster: None,
            boot: 1,
            link: Link::Request,
            public_addr: None,
            environments: Vec::new(),
        }
    }

    async fn linked(victim: &Victim, number: u8) -> Stranger {
        let mut stranger = Stranger::connect(victim, number).await;
        let hello = stranger.hello();
        stranger.send(&[(Head::Hello(Box::new(hello)), b"")]).await;
        stranger.receive_until(|head| matches!(head, Head::Hello(_))).await;
        stranger
    }

    async fn send(&mut self, frames: &[(Head, &[u8])]) {
        let mut bytes = Vec::new();
        frames.iter().for_each(|(head, body)| frame::write(&mut bytes, 1, head, body));
        self.send_bytes(&bytes).await;
    }

    async fn send_bytes(&mut self, bytes: &[u8]) {
        let mut unsent = Unsent::default();
        unsent.next().extend_from_slice(bytes);
        // The node may have closed the connection already.
        let _ = poll_fn(|cx| unsent.poll_write(&mut self.stream, cx)).await;
    }

    /// The next frame's head; `None` at the end of the connection.
    async fn receive(&mut self) -> Option<Head> {
        loop {
            if let Ok(Read::Frame(frame)) = frame::read(self.incoming.bytes()) {
                let (head, bytes) = (frame.head, frame.bytes);
                self.incoming.take(bytes);
                return Some(head);
            }
            let read =
                tokio::time::timeout(PATIENCE, poll_fn(|cx| self.incoming.poll_read(&mut self.stream, cx)));
            match read.await.expect("it is answered or cut off in time") {
                Ok(1..) => {}
                Ok(0) | Err(_) => return None,
            }
        }
    }

    async fn receive_until(&mut self, is_it: impl Fn(&Head) -> bool) {
        while !is_it(&self.receive().await.expect("it comes before the end")) {}
    }

    async fn is_cut_off(&mut self) {
        while self.receive().await.is_some() {}
    }
}

#[tokio::test]
async fn what_is_sent_without_a_proof_is_never_served() {
    let mut victim = Victim::start();
    let mut stranger = Stranger::connect(&victim, 2).await;
    stranger.send(&[(request(), b"x"), (Head::Tell { subsystem: 3 }, b"x")]).await;
    stranger.is_cut_off().await;

    let mut stranger = Stranger::connect(&victim, 2).await;
    let wrong = Hello { proof: [0; 32], ..stranger.hello() };
    stranger.send(&[(Head::Hello(Box::new(wrong)), b""), (request(), b"x")]).await;
    assert_eq!(stranger.receive().await, Some(Head::Goodbye(Goodbye::WrongSecret)));
    stranger.is_cut_off().await;

    // The proof of another session, as if it had been listened to.
    let (other, mut stranger) = (Stranger::connect(&victim, 2).await, Stranger::connect(&victim, 2).await);
    stranger.send(&[(Head::Hello(Box::new(other.hello())), b""), (request(), b"x")]).await;
    assert_eq!(stranger.receive().await, Some(Head::Goodbye(Goodbye::WrongSecret)));
    stranger.is_cut_off().await;

    victim.is_well().await;
    assert_eq!(victim.served.recv().await, Some(identity(7).0));
    assert!(victim.served.try_recv().is_err(), "nobody else was served");
}

#[tokio::test]
async fn whoever_does_not_speak_tls_is_let_go() {
    let victim = Victim::start();
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 4096], &[0x16, 0x03, 0x01, 0xff, 0xff, 0x01]] {
        let tcp = TcpStream::connect(&victim.addr).await.unwrap();
        tcp.try_write(garbage).unwrap();
        let mut stream = tcp;
        let mut incoming = Incoming::default();
        let ended = async {
            while matches!(poll_fn(|cx| incoming.poll_read(&mut stream, cx)).await, Ok(1..)) {
                incoming.take(incoming.bytes().len());
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect("it is cut off");
    }
    victim.is_well().await;
}

#[tokio::test]
async fn a_hello_that_never_comes_is_not_waited_for() {
    let victim = Victim::start();
    let mut stranger = Stranger::connect(&victim, 2).await;
    let begun = clock::monotonic_now();
    // Half a frame.
    stranger.send_bytes(&[0, 0, 0]).await;
    stranger.is_cut_off().await;
    let waited = begun.elapsed();
    assert!(waited < Duration::from_millis(2 * HANDSHAKE_MS_MAX), "{waited:?}");
}

#[tokio::test]
async fn a_peer_that_breaks_the_rules_loses_its_link_and_nothing_else() {
    let victim = Victim::start();
    let too_long = u32::try_from(FRAME_BYTES_MAX + 1).unwrap().to_be_bytes();
    let mut other_version = Vec::new();
    frame::write(&mut other_version, 9, &request(), b"x");
    let mut nested = Vec::new();
    frame::write(
        &mut nested,
        1,
        &Head::Piece { is_last: true },
        &frame::head_bytes(&Head::Piece { is_last: true }),
    );
    for bytes in [&too_long[..], &[0xff; 9], &[0, 0, 0, 0], &[0, 0, 0, 2, 1, 2], &other_version, &nested] {
        let mut peer = Stranger::linked(&victim, 2).await;
        peer.send_bytes(bytes).await;
        peer.is_cut_off().await;
    }
    let mut peer = Stranger::linked(&victim, 2).await;
    let again = peer.hello();
    peer.send(&[(Head::Hello(Box::new(again)), b"")]).await;
    peer.is_cut_off().await;
    victim.is_well().await;
}

#[tokio::test]
async fn a_peer_that_falls_silent_loses_its_link() {
    let victim = Victim::start();
    let mut peer = Stranger::linked(&victim, 2).await;
    let begun = clock::monotonic_now();
    let waiting = victim.tcp.request(identity(2).0, Link::Request, Subsystem::Merge, Bytes::new(), PATIENCE);
    assert_eq!(waiting.await, Err(UnknownOutcome::LinkLost.into()));
    let waited = begun.elapsed();
    let expected_ms = LINK_SILENCE_MS_MAX - 500..LINK_SILENCE_MS_MAX + 5000;
    assert!(expected_ms.contains(&u64::try_from(waited.as_millis()).unwrap()), "{waited:?}");
    peer.is_cut_off().await;
}

#[tokio::test]
async fn what_a_newer_version_sends_is_refused_and_the_link_stays() {
    let victim = Victim::start();
    let mut peer = Stranger::connect(&victim, 2).await;
    let newer = Hello { version_newest: 2, ..peer.hello() };
    peer.send(&[(Head::Hello(Box::new(newer)), b"a field of a later version")]).await;
    peer.receive_until(|head| matches!(head, Head::Hello(_))).await;
    peer.send_bytes(&[0, 0, 0, 4, 1, 100, 1, 2]).await;
    peer.receive_until(|head| *head == Head::NotUnderstood { kind: 100 }).await;
    peer.send(&[(Head::Request { id: 5, deadline_ms: 1000, subsystem: 77 }, b"")]).await;
    peer.receive_until(|head| *head == Head::Refused { id: 5, refusal: Refusal::NotServed }).await;

    let mut newest = Stranger::connect(&victim, 3).await;
    let hello = Hello { version_oldest: 2, version_newest: 3, ..newest.hello() };
    newest.send(&[(Head::Hello(Box::new(hello)), b"")]).await;
    assert_eq!(newest.receive().await, Some(Head::Goodbye(Goodbye::OtherVersion)));
}

#[tokio::test]
async fn nothing_of_an_old_link_is_served_once_a_newer_one_is_up() {
    let mut victim = Victim::start();
    let mut old = Stranger::linked(&victim, 2).await;
    let mut new = Stranger::linked(&victim, 2).await;
    old.send(&[(request(), b"late")]).await;
    old.is_cut_off().await;
    new.send(&[(request(), b"x")]).await;
    new.receive_until(|head| *head == Head::Answer { id: 1 }).await;
    assert_eq!(victim.served.recv().await, Some(identity(2).0));
    assert!(victim.served.try_recv().is_err(), "only one of the two was served");
}
