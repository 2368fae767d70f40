//! The HTTP server around the gateway: workers, timeouts, the log of requests, the stop.

use super::gateway::{Gateway, Served};
use super::k2v::Service;
use super::limits::{CLIENT_SILENCE, DRAIN_S, HEAD_TIMEOUT_MS, KEEP_ALIVE_S, LINGER_MS};
use super::sigv4::VerifierConfig;
use super::stop::{StopSignal, stop_signal};
use crate::config::{Config, ListenAddr};
use actix_web::dev::{Server, ServerHandle, ServiceRequest, ServiceResponse, fn_service};
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpServer};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use troupe_actors::clock::monotonic_now;
use troupe_actors::control::Control;
use troupe_actors::ids::NodeId;
use troupe_actors::shard::Shards;
use troupe_actors::store::Store;

/// What the K2V server stands on.
pub struct K2vParts<S: Store> {
    /// The shards of this node.
    pub shards: Shards<S>,
    /// Buckets, keys, permissions, layout.
    pub control: Control,
    /// This node.
    pub node: NodeId,
}

/// The K2V server, bound and ready to be run.
pub struct K2vServer {
    /// Where it listens; empty for a Unix socket.
    pub addrs: Vec<SocketAddr>,
    /// The future that runs it. Await or spawn it.
    pub server: Server,
    /// Stops it.
    pub stop: K2vStop,
}

/// Stops the K2V server.
pub struct K2vStop {
    handle: ServerHandle,
    polls: StopSignal,
}

impl K2vStop {
    /// Accepts nothing more, answers waiting polls with 304, and gives the rest time to finish.
    pub async fn stop(&self) {
        self.polls.stop();
        self.handle.stop(true).await;
    }
}

/// Binds the K2V server to `addr`.
///
/// # Errors
/// The address cannot be bound.
pub fn bind<S: Store>(addr: &ListenAddr, config: &Config, parts: K2vParts<S>) -> io::Result<K2vServer> {
    let (polls, stopping) = stop_signal();
    let gateway = Gateway {
        service: Service {
            shards: parts.shards,
            node: parts.node,
            value_bytes_max: config.requests.value_bytes_max,
            control: parts.control,
            stopping,
        },
        verifier: VerifierConfig {
            region: config.k2v.region.clone(),
            clock_window: config.requests.clock_window,
        },
        body_bytes_max: config.requests.body_bytes_max,
        bodies: Arc::default(),
    };
    let slow = config.requests.slow_request;
    let server = HttpServer::new(move || {
        // One gateway per worker: what it shares with the others is behind it, not in front of every request.
        let gateway = Rc::new(gateway.clone());
        let serve = move |request: ServiceRequest| {
            let gateway = Rc::clone(&gateway);
            async move { Ok::<_, actix_web::Error>(serve(&gateway, request, slow).await) }
        };
        App::new().default_service(fn_service(serve))
    });
    let server = server
        .keep_alive(Duration::from_secs(KEEP_ALIVE_S))
        .client_request_timeout(Duration::from_millis(HEAD_TIMEOUT_MS))
        .client_disconnect_timeout(Duration::from_millis(LINGER_MS))
        .shutdown_timeout(DRAIN_S)
        // A client that hangs up frees what its poll holds at once.
        .h1_allow_half_closed(false)
        .tcp_nodelay(true)
        .on_connect(|connection, _| {
            if let Some(stream) = connection.downcast_ref::<TcpStream>() {
                notice_dead_clients(stream);
            }
        })
        .disable_signals();
    let server = match config.http_workers {
        Some(workers) => server.workers(workers.get()),
        None => server,
    };
    let server = match addr {
        ListenAddr::Tcp(addr) => server.bind(addr.as_str())?,
        ListenAddr::Unix(path) => server.bind_uds(path)?,
    };
    let addrs = server.addrs();
    let server = server.run();
    let stop = K2vStop { handle: server.handle(), polls };
    Ok(K2vServer { addrs, server, stop })
}

/// Has the kernel close a connection whose client is gone without a word, or takes nothing of an answer for too long:
/// either would hold its memory for ever.
fn notice_dead_clients(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(CLIENT_SILENCE).with_interval(CLIENT_SILENCE / 4);
    let set =
        socket.set_tcp_keepalive(&keepalive).and_then(|()| socket.set_tcp_user_timeout(Some(CLIENT_SILENCE)));
    if let Err(error) = set {
        log::debug!("a connection is without a time limit: {error}");
    }
}

async fn serve<S: Store>(
    gateway: &Gateway<S>,
    mut request: ServiceRequest,
    slow: Duration,
) -> ServiceResponse {
    let started = monotonic_now();
    let Served { response, is_poll } = gateway.serve(&mut request).await;
    let took = started.elapsed();
    let status = response.status().as_u16();
    if took > slow && !is_poll {
        // Keys and values stay out of the log: the path names a partition, and is for debugging only.
        log::warn!("slow request: {} answered {status} after {} ms", request.method(), took.as_millis());
    }
    log::debug!("{} {} {status} {} µs", request.method(), request.uri().path(), took.as_micros());
    ServiceResponse::new(request.into_parts().0, response)
}
