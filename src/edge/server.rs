//! An HTTP server whose connections are watched.

use super::limits::{CLIENT_SILENCE, LEFTOVER_TIMEOUT};
use super::link::Link;
use super::place::Place;
use super::registry::{Capacity, Registry};
use super::request::InProgress;
use super::stream::Stream;
use crate::budget::{Budget, Owner};
use crate::watchdog::{Beats, HTTP_WORKER};
use actix_http::error::DispatchError;
use actix_http::{ConnectionType, HttpService, KeepAlive, Protocol, Request, Response};
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, fn_factory, fn_service,
    map_config,
};
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::rt::net::{TcpStream, UnixStream};
use socket2::{SockRef, TcpKeepalive};
use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};

/// Where a server listens, how, and for how many.
pub(crate) struct Listener {
    /// What the log calls it.
    pub(crate) name: &'static str,
    /// The bound socket.
    pub(crate) place: Place,
    /// Threads; `None` for one per core.
    pub(crate) workers: Option<usize>,
    /// How long requests in progress have to finish after a stop was asked for.
    pub(crate) drain_s: u64,
    /// For how many connections there is room.
    pub(crate) capacity: Arc<Capacity>,
    /// Takes account of the memory of long heads.
    pub(crate) requests: Arc<Budget>,
    /// Where its threads show that they make progress.
    pub(crate) beats: Beats,
}

/// Serves `app` at a listener. A head with `Expect: 100-continue` is first shown to `judge`: only if it is accepted is
/// the client told to send its body.
///
/// # Errors
/// The sockets cannot be used.
pub(crate) fn serve<App, Factory, Init>(
    listener: Listener,
    app: App,
    judge: impl Fn(&Request) -> Result<(), Response<BoxBody>> + Clone + Send + 'static,
) -> io::Result<Server>
where
    App: Fn() -> Init + Clone + Send + 'static,
    Init: IntoServiceFactory<Factory, Request>,
    Factory: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse, Error = Error> + 'static,
    Factory::InitError: std::fmt::Debug,
{
    let Listener { name, place, workers, drain_s, capacity, requests, beats } = listener;
    let mut server = ServerBuilder::new()
        .shutdown_timeout(drain_s)
        // The registry counts them: at its cap it makes room instead of waiting for it.
        .max_concurrent_connections(usize::MAX)
        .disable_signals();
    if let Some(workers) = workers {
        server = server.workers(workers);
    }
    let stopping = server.graceful_shutdown_signal();
    let registry = Registry::start(capacity);
    match place {
        Place::Tcp(listeners) => {
            for listener in listeners {
                let (app, judge, stopping) = (app.clone(), judge.clone(), stopping.clone());
                let (registry, requests) = (Arc::clone(&registry), Arc::clone(&requests));
                let beats = beats.clone();
                server = server.listen(name, listener, move || {
                    watch(Arc::clone(&registry), Arc::clone(&requests), beats.clone(), notice_dead_clients)
                        .and_then(http(app(), judge.clone(), stopping.clone()))
                })?;
            }
        }
        Place::Unix(listener) => {
            server = server.listen_uds(name, listener, move || {
                let (registry, requests) = (Arc::clone(&registry), Arc::clone(&requests));
                watch::<UnixStream>(registry, requests, beats.clone(), |_| {}).and_then(http(
                    app(),
                    judge.clone(),
                    stopping.clone(),
                ))
            })?;
        }
    }
    Ok(server.run())
}

/// From a socket to a watched one.
fn watch<Io: AsyncRead + AsyncWrite + Unpin>(
    registry: Arc<Registry>,
    requests: Arc<Budget>,
    beats: Beats,
    prepare: fn(&Io),
) -> impl ServiceFactory<Io, Config = (), Response = Watched<Io>, Error = DispatchError, InitError = ()> {
    fn_factory(move || {
        beats.watch_this_thread(HTTP_WORKER);
        let registry = Arc::clone(&registry);
        let requests = Arc::clone(&requests);
        ready(Ok(fn_service(move |io: Io| {
            let link = registry.admit(Instant::now(), requests.empty_share(Owner::Anonymous));
            ready(match link {
                Some(link) => {
                    prepare(&io);
                    Ok((Stream::new(io, link), Protocol::Http1, None))
                }
                None => Err(DispatchError::Io(io::ErrorKind::ResourceBusy.into())),
            })
        })))
    })
}

/// What HTTP is spoken over.
type Watched<Io> = (Stream<Io>, Protocol, Option<SocketAddr>);

/// From a watched socket to the requests on it.
fn http<Io, Factory>(
    app: impl IntoServiceFactory<Factory, Request>,
    judge: impl Fn(&Request) -> Result<(), Response<BoxBody>> + Clone + 'static,
    stopping: GracefulShutdownSignal,
) -> impl ServiceFactory<Watched<Io>, Config = (), Response = (), Error = DispatchError, InitError = ()>
where
    Io: AsyncRead + AsyncWrite + Unpin + 'static,
    Factory: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse, Error = Error> + 'static,
    Factory::InitError: std::fmt::Debug,
{
    let app = map_config(app.into_factory(), |()| AppConfig::default())
        .map_err(|error| Response::from(error.error_response()));
    let watched = apply_fn_factory(app, |mut request: Request, app: &_| {
        let link = request.conn_data::<Arc<Link>>().map(Arc::clone);
        let in_progress = link.and_then(|link| InProgress::begin(link, &mut request));
        let begun = in_progress.map(|in_progress| (in_progress, Service::call(app, request)));
        async move {
            let (in_progress, response) = begun.ok_or_else(cut_before)?;
            let response: ServiceResponse = response.await?;
            Ok(in_progress.answer(response.into()))
        }
    });
    HttpService::build()
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        // Both are timed by the registry: here, only the first head of a connection would be.
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(LEFTOVER_TIMEOUT)
        // A client that hangs up frees what its poll holds at once.
        .h1_allow_half_closed(false)
        .on_connect_ext(|stream: &Stream<Io>, data| {
            data.insert(Arc::clone(stream.link()));
        })
        .expect(fn_service(move |request: Request| ready(expect(&judge, request))))
        .finish(watched)
}

/// The answer to a request that came when its connection had made room for another. Nothing was done.
fn cut_before() -> Response<BoxBody> {
    let mut answer = Response::new(StatusCode::SERVICE_UNAVAILABLE);
    answer.head_mut().set_connection_type(ConnectionType::Close);
    answer
}

/// Lets a request through whose client waits for the word to send its body, or answers it at once.
fn expect(
    judge: &impl Fn(&Request) -> Result<(), Response<BoxBody>>,
    request: Request,
) -> Result<Request, Response<BoxBody>> {
    match judge(&request) {
        Ok(()) => Ok(request),
        Err(mut refusal) => {
            if let Some(link) = request.conn_data::<Arc<Link>>() {
                InProgress::refuse(link);
            }
            // Whether the body comes is the client's choice: only a new connection is sure to begin with a head.
            refusal.head_mut().set_connection_type(ConnectionType::Close);
            Err(refusal)
        }
    }
}

/// Has the kernel close a connection whose client has vanished, or takes nothing of an answer for too long:
/// either would hold its memory without end.
fn notice_dead_clients(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(CLIENT_SILENCE).with_interval(CLIENT_SILENCE / 4);
    let set = socket
        .set_tcp_keepalive(&keepalive)
        .and_then(|()| socket.set_tcp_user_timeout(Some(CLIENT_SILENCE)))
        // Small answers leave at once.
        .and_then(|()| stream.set_nodelay(true));
    if let Err(error) = set {
        log::debug!("a connection is without a time limit: {error}");
    }
}
