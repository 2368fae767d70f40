//! The HTTP server around the gateway: the log of requests, the stop.

use super::gateway::{Gateway, Served};
use super::k2v::Service;
use super::limits::{ACCEPT_PAUSED, DRAIN_S, LEAVE};
use super::sigv4::VerifierConfig;
use super::stop::{StopSignal, stop_signal};
use crate::budget::Memory;
use crate::config::{Config, ListenAddr};
use crate::edge::{self, Capacity, Gate, Listener, Place};
use crate::metrics::CallMetrics;
use crate::watchdog::Beats;
use actix_http::{ConnectionType, Request};
use actix_web::App;
use actix_web::dev::{Server, ServerHandle, ServiceRequest, ServiceResponse, fn_service};
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use troupe_actors::clock::monotonic_now;
use troupe_actors::control::Control;
use troupe_actors::replication::handle::Replicas;
use troupe_actors::shard::Shards;
use troupe_actors::store::Store;

/// What the K2V server stands on.
pub(crate) struct K2vParts<S: Store> {
    /// The shards of this node.
    pub(crate) shards: Shards<S>,
    /// The replicas of all shards.
    pub(crate) replicas: Replicas<S>,
    /// Buckets, keys, permissions, layout.
    pub(crate) control: Control,
    /// For how many connections there is room.
    pub(crate) capacity: Arc<Capacity>,
    /// Where its threads show that they make progress.
    pub(crate) beats: Beats,
    /// Where its requests are counted.
    pub(crate) metrics: Arc<CallMetrics>,
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
    signal: StopSignal,
    capacity: Arc<Capacity>,
    gate: Gate,
}

impl K2vStop {
    /// Lets clients go to another node: new connections are refused, and answers ask for the end of the others.
    pub async fn take_leave(&self) {
        // Accepting from a closed socket would be an error in the log. Few connect in this moment: nobody is asked to leave yet.
        self.handle.pause().await;
        tokio::time::sleep(ACCEPT_PAUSED).await;
        self.gate.close();
        self.signal.leave();
        if self.capacity.is_in_use() {
            tokio::time::sleep(LEAVE).await;
        }
    }

    /// Accepts nothing more, answers waiting polls with 304, and gives the rest time to finish.
    pub async fn stop(&self) {
        self.signal.stop();
        self.handle.stop(true).await;
    }
}

/// Binds the K2V server to `addr`.
///
/// # Errors
/// The address cannot be bound.
pub(crate) fn bind<S: Store>(
    addr: &ListenAddr,
    config: &Config,
    parts: K2vParts<S>,
) -> io::Result<K2vServer> {
    let (signal, stopping) = stop_signal();
    let memory = Memory::default();
    let gateway = Gateway {
        service: Service {
            shards: parts.shards,
            replicas: parts.replicas,
            value_bytes_max: config.requests.value_bytes_max,
            control: parts.control,
            stopping,
            answers: memory.answers,
        },
        verifier: VerifierConfig {
            region: config.k2v.region.clone(),
            clock_window: config.requests.clock_window,
        },
        body_bytes_max: config.requests.body_bytes_max,
        requests: Arc::clone(&memory.requests),
    };
    let slow = config.requests.slow_request;
    let judge = {
        let gateway = gateway.clone();
        move |request: &Request| gateway.judge(request)
    };
    let metrics = parts.metrics;
    let app = move || {
        // One gateway per worker: what it shares with the others is behind it, not in front of every request.
        let (gateway, metrics) = (Rc::new(gateway.clone()), Arc::clone(&metrics));
        let serve = move |request: ServiceRequest| {
            let (gateway, metrics) = (Rc::clone(&gateway), Arc::clone(&metrics));
            async move { Ok::<_, actix_web::Error>(serve(&gateway, request, slow, &metrics).await) }
        };
        App::new().default_service(fn_service(serve))
    };
    let place = Place::bind(addr)?;
    let (addrs, gate) = (place.addrs(), place.gate()?);
    let listener = Listener {
        name: "K2V API",
        place,
        workers: config.http_workers.map(NonZeroUsize::get),
        drain_s: DRAIN_S,
        capacity: Arc::clone(&parts.capacity),
        requests: memory.requests,
        beats: parts.beats,
    };
    let server = edge::serve(listener, app, judge)?;
    let stop = K2vStop { handle: server.handle(), signal, capacity: parts.capacity, gate };
    Ok(K2vServer { addrs, server, stop })
}

async fn serve<S: Store>(
    gateway: &Gateway<S>,
    mut request: ServiceRequest,
    slow: Duration,
    metrics: &CallMetrics,
) -> ServiceResponse {
    let started = monotonic_now();
    let in_flight = metrics.begin();
    let Served { mut response, kind, is_poll } = gateway.serve(&mut request).await;
    drop(in_flight);
    if gateway.service.stopping.has_begun() {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    let took = started.elapsed();
    let status = response.status().as_u16();
    metrics.answered(kind, status, took);
    if took > slow && !is_poll {
        // Keys and values stay out of the log: the path names a partition, and is for debugging only.
        log::warn!("slow request: {} answered {status} after {} ms", request.method(), took.as_millis());
    }
    log::debug!("{} {} {status} {} µs", request.method(), request.uri().path(), took.as_micros());
    ServiceResponse::new(request.into_parts().0, response)
}
