//! A K2V server in memory, as the protocol describes one, with faults on demand.

mod answer;
mod signature;
pub(crate) mod store;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use k2v_client::{Bucket, ClientBuilder, K2vClient, RetryPolicy};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub(crate) use self::store::Store;

pub(crate) const REGION: &str = "garage";
pub(crate) const KEY: &str = "GK0123456789abcdef01234567";
pub(crate) const SECRET: &str = "8f1d6e0c2b7a49d3a5c4e1f0b6d8279034ac5e7f1b2d3c4a5968778695a4b3c2";
/// The one bucket of the server.
pub(crate) const BUCKET: &str = "my-bucket";

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Refused with this status and code.
    Refuse(u16, &'static str),
    /// Answered by a proxy, in HTML.
    Proxy(u16),
    /// The connection breaks before anything was done.
    HangUp,
    /// The connection breaks after everything was done.
    HangUpAfterwards,
    /// No answer ever comes.
    Stall,
    /// A page of something else, with status 200.
    Nonsense,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) version: http::Version,
    pub(crate) user_agent: String,
}

/// What connections share.
struct Shared {
    store: Arc<Store>,
    faults: Mutex<VecDeque<Fault>>,
    arrived: Mutex<Vec<Arrived>>,
    in_flight: watch::Sender<usize>,
    connections: AtomicUsize,
}

/// A request that is being answered, until its answer is made or its client gone.
struct InFlight(Arc<Shared>);

impl InFlight {
    fn new(shared: Arc<Shared>) -> Self {
        shared.in_flight.send_modify(|count| *count += 1);
        Self(shared)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.send_modify(|count| *count -= 1);
    }
}

/// A running server; it stops when dropped.
pub(crate) struct Server {
    shared: Arc<Shared>,
    pub(crate) address: SocketAddr,
    scheme: &'static str,
    tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(Arc::new(Store::default()), "127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_with(store: Arc<Store>, address: SocketAddr) -> Self {
        Self::listen(store, address, None).await
    }

    /// Speaks `https`.
    pub(crate) async fn start_tls(tls: TlsAcceptor) -> Self {
        Self::listen(Arc::default(), "127.0.0.1:0".parse().unwrap(), Some(tls)).await
    }

    async fn listen(store: Arc<Store>, address: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let shared = Arc::new(Shared {
            store,
            faults: Mutex::default(),
            arrived: Mutex::default(),
            in_flight: watch::Sender::new(0),
            connections: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        let scheme = if tls.is_some() { "https" } else { "http" };
        tasks.spawn(accept(listener, tls, Arc::clone(&shared)));
        Self { shared, address, scheme, tasks }
    }

    /// Stops at once, connections and all; what was stored can be served again.
    pub(crate) async fn kill(mut self) -> Arc<Store> {
        self.tasks.shutdown().await;
        Arc::clone(&self.shared.store)
    }

    /// The next requests meet these faults, in order.
    pub(crate) fn inject(&self, faults: &[Fault]) {
        self.shared.faults.lock().unwrap().extend(faults);
    }

    /// All requests so far.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.shared.arrived.lock().unwrap().clone()
    }

    /// How many connections were accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Waits until so many requests are being answered.
    pub(crate) async fn until_in_flight(&self, wanted: usize) {
        let mut in_flight = self.shared.in_flight.subscribe();
        in_flight.wait_for(|count| *count == wanted).await.unwrap();
    }

    pub(crate) fn store(&self) -> &Store {
        &self.shared.store
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// A client that repeats without pauses.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let no_pause = std::time::Duration::ZERO;
        K2vClient::builder(REGION, self.endpoint(), KEY, SECRET)
            .retry(RetryPolicy { backoff_base: no_pause, ..RetryPolicy::default() })
    }

    pub(crate) fn bucket(&self) -> Bucket {
        self.builder().build().unwrap().bucket(BUCKET)
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    // The connections end with this task.
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            match tls {
                None => serve_connection(stream, shared).await,
                Some(tls) => {
                    // A client that does not trust the certificate hangs up here.
                    if let Ok(stream) = tls.accept(stream).await {
                        serve_connection(stream, shared).await;
                    }
                }
            }
        });
    }
}

async fn serve_connection<S>(stream: S, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| serve(request, Arc::clone(&shared)));
    let builder = auto::Builder::new(TokioExecutor::new());
    // An injected fault ends the connection with an error; the client is who has to notice.
    let _ended = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// The connection ends here.
#[derive(Debug, thiserror::Error)]
#[error("an injected fault")]
struct Broken;

async fn serve(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Full<Bytes>>, Broken> {
    let _in_flight = InFlight::new(Arc::clone(&shared));
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
    let text = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    shared
        .arrived
        .lock()
        .unwrap()
        .push(Arrived { version: head.version, user_agent: text("user-agent").unwrap_or_default() });
    let fault = shared.faults.lock().unwrap().pop_front();
    match fault {
        Some(Fault::Refuse(status, code)) => return Ok(answer::refusal(status, code)),
        Some(Fault::Proxy(status)) => return Ok(answer::page(status)),
        Some(Fault::HangUp) => return Err(Broken),
        Some(Fault::Stall) => std::future::pending().await,
        Some(Fault::Nonsense) => return Ok(answer::page(200)),
        Some(Fault::HangUpAfterwards) | None => {}
    }
    if let Err((status, code)) = signature::verify(&head, &body) {
        return Ok(answer::refusal(status, code));
    }
    let answer = answer::answer(&head, &body, &shared.store).await;
    if fault == Some(Fault::HangUpAfterwards) {
        return Err(Broken);
    }
    Ok(answer.unwrap_or_else(|(status, code)| answer::refusal(status, code)))
}

/// A status and a code.
type Refusal = (u16, &'static str);

const BAD_REQUEST: Refusal = (StatusCode::BAD_REQUEST.as_u16(), "InvalidRequest");
