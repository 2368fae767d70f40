//! The HTTP client underneath: hyper and rustls by default, or whatever the caller brings.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::InvalidArgument;
use crate::limits;

/// An HTTP client with its pool of connections. Clones share the pool; so do all
/// [`K2vClient`](crate::K2vClient)s that are built on clones of one `HttpClient`.
#[derive(Clone)]
pub struct HttpClient {
    transport: Arc<dyn Transport>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Incoming>, legacy::Error>> + Send>>;

/// Whatever sends requests, its connector forgotten.
trait Transport: Send + Sync {
    fn send(&self, request: Request<Full<Bytes>>) -> Answer;
}

impl<C> Transport for legacy::Client<C, Full<Bytes>>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        Box::pin(self.request(request))
    }
}

impl HttpClient {
    /// Uses a hyper client, over whichever connector it has.
    pub fn from_hyper<C>(client: legacy::Client<C, Full<Bytes>>) -> Self
    where
        C: Connect + Clone + Send + Sync + 'static,
    {
        Self { transport: Arc::new(client) }
    }

    /// Sends a request as it is: no retry, no timeout, nothing signed.
    ///
    /// # Errors
    /// When no connection can be made, or when it breaks before the head of the answer is there.
    pub fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> impl Future<Output = Result<Response<Incoming>, legacy::Error>> + Send + use<> {
        self.transport.send(request)
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

/// How connections are made.
#[derive(Debug)]
pub(crate) struct Connecting {
    pub(crate) roots: Roots,
    pub(crate) connect_timeout: Duration,
    pub(crate) http2_only: bool,
}

/// Which certificate authorities are trusted.
#[derive(Clone, Debug)]
pub(crate) enum Roots {
    /// Those of the system.
    System,
    /// Those of this PEM text, and no others.
    Pem(Vec<u8>),
}

impl Connecting {
    /// A client for `http` and, if `is_tls`, `https`: only then are root certificates loaded.
    pub(crate) fn client(&self, is_tls: bool) -> Result<HttpClient, InvalidArgument> {
        let roots = if is_tls { self.roots.load()? } else { RootCertStore::empty() };
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(limits::POOL_IDLE_TIMEOUT)
            .http2_only(self.http2_only);
        Ok(HttpClient::from_hyper(builder.build(self.connector(roots)?)))
    }

    fn connector(&self, roots: RootCertStore) -> Result<HttpsConnector<HttpConnector>, InvalidArgument> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(self.connect_timeout));
        tcp.set_keepalive(Some(limits::TCP_KEEPALIVE));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(InvalidArgument::TlsVersions)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        Ok(if self.http2_only {
            builder.enable_http2().wrap_connector(tcp)
        } else {
            builder.enable_all_versions().wrap_connector(tcp)
        })
    }
}

impl Roots {
    fn load(&self) -> Result<RootCertStore, InvalidArgument> {
        let (certificates, none) = match self {
            Self::System => {
                let mut loaded = rustls_native_certs::load_native_certs();
                (loaded.certs, InvalidArgument::NoSystemRoots(loaded.errors.pop()))
            }
            Self::Pem(pem) => {
                let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
                (certificates.map_err(InvalidArgument::Pem)?, InvalidArgument::NoCertificate)
            }
        };
        let mut roots = RootCertStore::empty();
        let (added, _ignored) = roots.add_parsable_certificates(certificates);
        if added == 0 { Err(none) } else { Ok(roots) }
    }
}
