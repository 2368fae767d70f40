//! Building a client.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use crate::client::{Inner, K2vClient};
use crate::endpoints::Endpoints;
use crate::error::{Error, InvalidArgument};
use crate::http_client::{Connecting, HttpClient, Roots};
use crate::limits;
use crate::retry::RetryPolicy;
use crate::sign::Signer;

/// Every knob of a [`K2vClient`]; [`K2vClient::builder`] starts one.
///
/// ```
/// use std::time::Duration;
/// use k2v_client::{K2vClient, RetryPolicy};
/// # fn main() -> Result<(), k2v_client::Error> {
/// let client = K2vClient::builder("garage", "http://localhost:3902", "GK1", "secret")
///     .request_timeout(Duration::from_secs(5))
///     .retry(RetryPolicy { attempts_max: 6, ..RetryPolicy::default() })
///     .user_agent("my-program/1.0")
///     .build()?;
/// # drop(client);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ClientBuilder {
    endpoint: String,
    signer: Signer,
    user_agent: String,
    request_timeout: Duration,
    response_bytes_max: usize,
    retry: RetryPolicy,
    connecting: Connecting,
    http_client: Option<HttpClient>,
}

impl K2vClient {
    /// A client for the server at `endpoint`, such as `http://localhost:3902`, or for several nodes of one cluster, with commas
    /// between their URLs: [`ClientBuilder::also_at`]. Nothing is sent yet.
    ///
    /// The region is the one in the server's configuration, by default `garage`: signatures contain it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the endpoint is not a URL, or if it is `https` and the system has no
    /// root certificates.
    pub fn new(
        region: impl AsRef<str>,
        endpoint: impl AsRef<str>,
        key: impl AsRef<str>,
        secret: impl AsRef<str>,
    ) -> Result<Self, Error> {
        Self::builder(region, endpoint, key, secret).build()
    }

    /// Starts a client whose timeouts, retries, certificates or HTTP client differ from the defaults.
    pub fn builder(
        region: impl AsRef<str>,
        endpoint: impl AsRef<str>,
        key: impl AsRef<str>,
        secret: impl AsRef<str>,
    ) -> ClientBuilder {
        ClientBuilder::new(region.as_ref(), endpoint.as_ref(), key.as_ref(), secret.as_ref())
    }
}

impl ClientBuilder {
    pub(crate) fn new(region: &str, endpoint: &str, key: &str, secret: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            signer: Signer::new(region.to_owned(), key.to_owned(), secret.to_owned()),
            user_agent: concat!("k2v-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            request_timeout: limits::REQUEST_TIMEOUT,
            response_bytes_max: limits::RESPONSE_BYTES_MAX,
            retry: RetryPolicy::default(),
            connecting: Connecting {
                roots: Roots::System,
                connect_timeout: limits::CONNECT_TIMEOUT,
                http2_only: false,
            },
            http_client: None,
        }
    }

    /// Asks another node of the same cluster when those before it in the list are away. (The endpoint that a client starts with may
    /// be a list itself: URLs with commas between them.)
    ///
    /// ```
    /// # use k2v_client::K2vClient;
    /// # fn main() -> Result<(), k2v_client::Error> {
    /// let client = K2vClient::builder("garage", "http://node-1:3904", "GK1", "secret")
    ///     .also_at("http://node-2:3904")
    ///     .also_at("http://node-3:3904")
    ///     .build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The first of them that is healthy is asked. One that cannot be reached or does not answer (no connection, a broken one, a
    /// timeout, 503) is left alone for a second, then a call tries it again, and so on with pauses up to half a minute. A call that
    /// failed there goes on at the next endpoint, without a pause, under the same [`RetryPolicy`]: reads, what was certainly not
    /// sent, and the writes that the policy repeats.
    #[must_use]
    pub fn also_at(mut self, endpoint: &str) -> Self {
        self.endpoint = format!("{},{endpoint}", self.endpoint);
        self
    }

    /// How long one attempt may take, the answer included (default 30 s). Polls get the time the server is
    /// asked to hold them, and ten seconds for the way.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How long connecting may take (default 5 s).
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connecting.connect_timeout = timeout;
        self
    }

    /// What is repeated after a failure, how often, and after which pauses.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Trusts the certificate authorities of this PEM text instead of the system's.
    #[must_use]
    pub fn root_certificates_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.connecting.roots = Roots::Pem(pem.into());
        self
    }

    /// Speaks HTTP/2 only, also without TLS (default: what the server chooses over TLS, HTTP/1.1 without).
    #[must_use]
    pub fn http2_only(mut self) -> Self {
        self.connecting.http2_only = true;
        self
    }

    /// The `User-Agent` header (default `k2v-client/…`).
    #[must_use]
    pub fn user_agent(mut self, user_agent: &str) -> Self {
        user_agent.clone_into(&mut self.user_agent);
        self
    }

    /// The largest answer that is read into memory (default 64 MiB).
    #[must_use]
    pub fn response_bytes_max(mut self, bytes_max: usize) -> Self {
        self.response_bytes_max = bytes_max;
        self
    }

    /// Uses this HTTP client, and its connections, instead of an own one. How it connects (timeout,
    /// certificates, HTTP version) is then its own affair.
    ///
    /// ```
    /// # use k2v_client::K2vClient;
    /// # fn main() -> Result<(), k2v_client::Error> {
    /// let one = K2vClient::new("garage", "http://localhost:3902", "GK1", "secret")?;
    /// let other = K2vClient::builder("garage", "http://localhost:3902", "GK2", "other secret")
    ///     .http_client(one.http_client().clone())
    ///     .build()?;
    /// # drop(other);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn http_client(mut self, client: HttpClient) -> Self {
        self.http_client = Some(client);
        self
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an endpoint that is neither a URL nor a list of them, or if no root certificate can be loaded
    /// for an `https` endpoint.
    pub fn build(self) -> Result<K2vClient, Error> {
        let endpoints = Endpoints::parse(&self.endpoint)?;
        let user_agent = HeaderValue::from_str(&self.user_agent).map_err(InvalidArgument::UserAgent)?;
        let http = match self.http_client {
            Some(client) => client,
            None => self.connecting.client(endpoints.is_any_tls())?,
        };
        Ok(K2vClient {
            inner: Arc::new(Inner {
                endpoints,
                signer: self.signer,
                user_agent,
                http,
                request_timeout: self.request_timeout,
                response_bytes_max: self.response_bytes_max,
                retry: self.retry,
            }),
        })
    }
}
