//! The port for other nodes. Only members of the cluster speak to members; a node by itself has none to speak to, so
//! it holds the port and closes every connection at once.

use actix_rt::net::TcpListener;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long to wait when no connection can be accepted, as when all file descriptors are in use.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The port, held.
pub(super) struct RpcPort {
    pub(super) addr: SocketAddr,
    task: JoinHandle<()>,
}

impl RpcPort {
    pub(super) fn bind(addr: &str) -> io::Result<RpcPort> {
        let listener = std::net::TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        Ok(RpcPort { addr: listener.local_addr()?, task: actix_rt::spawn(refuse_all(listener)) })
    }

    pub(super) fn close(&self) {
        self.task.abort();
    }
}

async fn refuse_all(listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((_, peer)) => log::debug!("refused a connection from {peer}: this cluster has no other node"),
            Err(error) => {
                log::debug!("no connection can be accepted on the RPC port: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
