//! Links between nodes whose network is cut without anybody being told.

use crate::world::{Nature, PATIENCE, TcpNode};
use bytes::Bytes;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use troupe_actors::clock::monotonic_now;
use troupe_actors::transport::{Carry, Link, NotSent, PeerAddr, RequestError, Subsystem, UnknownOutcome};

/// What a cut network loses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Loses {
    Nothing,
    ToServer,
    ToDialer,
    Both,
}

/// Stands between two nodes, as a network does.
struct Network {
    addr: String,
    loses: watch::Sender<Loses>,
}

impl Network {
    async fn to(server: String) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let addr = listener.local_addr().expect("it is bound").to_string();
        let (loses, watched) = watch::channel(Loses::Nothing);
        tokio::spawn(async move {
            while let Ok((dialer, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.expect("the node listens");
                let (dialer, server) = (Arc::new(dialer), Arc::new(server));
                let to_server = [Loses::ToServer, Loses::Both];
                tokio::spawn(carry(Arc::clone(&dialer), Arc::clone(&server), watched.clone(), to_server));
                tokio::spawn(carry(server, dialer, watched.clone(), [Loses::ToDialer, Loses::Both]));
            }
        });
        Network { addr, loses }
    }
}

/// Carries bytes one way; what comes while the way is cut, the end included, waits and is never carried.
async fn carry(from: Arc<TcpStream>, to: Arc<TcpStream>, mut loses: watch::Receiver<Loses>, cut: [Loses; 2]) {
    let mut bytes = [0; 4096];
    loop {
        if from.readable().await.is_err() {
            return;
        }
        let count = match from.try_read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Ok(0) | Err(_) => 0,
            Ok(count) => count,
        };
        if cut.contains(&*loses.borrow_and_update()) {
            // The connection is as good as lost: TCP cannot leave out bytes.
            std::future::pending::<()>().await;
        }
        let mut rest = &bytes[..count];
        if rest.is_empty() {
            return;
        }
        while !rest.is_empty() {
            if to.writable().await.is_err() {
                return;
            }
            match to.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}

/// Both nodes notice a cut within seconds, and are linked again soon after it ends.
async fn check_cut(loses: Loses) {
    let mut server = TcpNode::start(Nature { tells_its_addr: false, ..Nature::of(1) });
    let network = Network::to(server.addr.clone()).await;
    let peers = vec![PeerAddr { node: None, addr: network.addr.clone() }];
    let mut dialer = TcpNode::start(Nature { tells_its_addr: false, peers, ..Nature::of(2) });
    dialer.node.sees(server.node.id, true).await;
    server.node.sees(dialer.node.id, true).await;
    dialer.reaches(server.node.id).await;

    network.loses.send_replace(loses);
    let begun = monotonic_now();
    let (tcp, id) = (Arc::clone(&dialer.tcp), server.node.id);
    let ask = || tcp.request(id, Link::Request, Subsystem::Merge, Bytes::from_static(b"x"), PATIENCE);
    assert_eq!(ask().await, Err(RequestError::Unknown(UnknownOutcome::LinkLost)), "{loses:?}");
    dialer.node.sees(server.node.id, false).await;
    server.node.sees(dialer.node.id, false).await;
    assert!(begun.elapsed() < Duration::from_secs(12), "{loses:?}: noticed after {:?}", begun.elapsed());
    assert_eq!(ask().await, Err(NotSent::NoLink.into()), "{loses:?}");

    network.loses.send_replace(Loses::Nothing);
    let begun = monotonic_now();
    dialer.node.sees(server.node.id, true).await;
    server.node.sees(dialer.node.id, true).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{loses:?}: back after {:?}", begun.elapsed());
    assert_eq!(ask().await, Ok("x".into()));
}

#[tokio::test]
async fn a_network_that_carries_nothing_is_noticed_and_its_return_too() {
    check_cut(Loses::Both).await;
}

#[tokio::test]
async fn a_network_that_carries_nothing_to_one_side_is_noticed_by_both() {
    tokio::join!(check_cut(Loses::ToServer), check_cut(Loses::ToDialer));
}
