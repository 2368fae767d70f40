//! The client: an access key and a server.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::Full;

use crate::batch::{BatchDelete, BatchInsert, BatchRead};
use crate::bucket::Bucket;
use crate::builder::ClientBuilder;
use crate::call::{CAUSALITY_TOKEN, Call};
use crate::endpoint::Endpoint;
use crate::endpoints::Endpoints;
use crate::error::Error;
use crate::http_client::HttpClient;
use crate::index::Partition;
use crate::item::{Entry, Item};
use crate::poll::{Changes, PollRange};
use crate::range::{KeyRange, Page};
use crate::retry::RetryPolicy;
use crate::sign::{Signer, ToSign};
use crate::token::{CausalityToken, SeenMarker};
use crate::value::IntoData;

/// A client of one K2V server, with one access key. Clones are cheap and share their connections.
///
/// Each call names its bucket. A program that works with one bucket takes a [handle](Self::bucket), which
/// also does what needs several calls: page streams, updates, watches.
#[derive(Clone, Debug)]
pub struct K2vClient {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) endpoints: Endpoints,
    pub(crate) signer: Signer,
    pub(crate) user_agent: HeaderValue,
    pub(crate) http: HttpClient,
    pub(crate) request_timeout: Duration,
    pub(crate) response_bytes_max: usize,
    pub(crate) retry: RetryPolicy,
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

    /// A handle on one bucket.
    #[must_use]
    pub fn bucket(&self, name: impl Into<String>) -> Bucket {
        Bucket::new(self.clone(), name.into())
    }

    /// The HTTP client underneath, to share its connections with another [`K2vClient`].
    #[must_use]
    pub fn http_client(&self) -> &HttpClient {
        &self.inner.http
    }

    /// Signs a call with the time of now, for the endpoint that is preferred now. Servers accept a signature for a quarter of an hour or longer.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the address gets too long for a URL, or if the access key cannot be sent
    /// in a header.
    pub fn signed_request(&self, call: &Call) -> Result<Request<Full<Bytes>>, Error> {
        self.signed_request_at(call, SystemTime::now())
    }

    /// Signs a call as of another time.
    ///
    /// # Errors
    /// As [`signed_request`](Self::signed_request).
    pub fn signed_request_at(&self, call: &Call, now: SystemTime) -> Result<Request<Full<Bytes>>, Error> {
        self.signed_for(self.inner.endpoints.preferred(), call, now)
    }

    pub(crate) fn signed_for(
        &self,
        endpoint: &Endpoint,
        call: &Call,
        now: SystemTime,
    ) -> Result<Request<Full<Bytes>>, Error> {
        let inner = &self.inner;
        let mut headers = HeaderMap::new();
        headers.insert(HOST, endpoint.host.clone());
        headers.insert(USER_AGENT, inner.user_agent.clone());
        for (name, value) in
            [(ACCEPT, &call.accept), (CONTENT_TYPE, &call.content_type), (CAUSALITY_TOKEN, &call.token)]
        {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
        let to_sign = ToSign { method: &call.method, path: &call.path, query: &call.query, body: &call.body };
        inner.signer.sign(&to_sign, &mut headers, now)?;

        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = endpoint.uri(&call.path, &call.query)?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// The nine calls of the protocol. Each is explained, with its errors, on [`Bucket`].
impl K2vClient {
    /// Reads an item: [`Bucket::read_item`].
    ///
    /// ```no_run
    /// # async fn example(client: k2v_client::K2vClient) -> Result<(), k2v_client::Error> {
    /// let item = client.read_item("my-bucket", "partition1", "sort-key1").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_item(
        &self,
        bucket: impl AsRef<str>,
        pk: impl AsRef<str>,
        sk: impl AsRef<str>,
    ) -> Result<Item, Error> {
        self.bucket(bucket.as_ref()).read_item(pk, sk).await
    }

    /// Waits for an item to change: [`Bucket::poll_item`].
    pub async fn poll_item(
        &self,
        bucket: impl AsRef<str>,
        pk: impl AsRef<str>,
        sk: impl AsRef<str>,
        token: &CausalityToken,
        timeout: Option<Duration>,
    ) -> Result<Option<Item>, Error> {
        self.bucket(bucket.as_ref()).poll_item(pk, sk, token, timeout).await
    }

    /// Writes a value: [`Bucket::insert_item`].
    ///
    /// ```no_run
    /// # async fn example(client: k2v_client::K2vClient) -> Result<(), k2v_client::Error> {
    /// client.insert_item("my-bucket", "partition1", "sort-key1", b"value data", None).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn insert_item(
        &self,
        bucket: impl AsRef<str>,
        pk: impl AsRef<str>,
        sk: impl AsRef<str>,
        value: impl IntoData,
        token: Option<&CausalityToken>,
    ) -> Result<(), Error> {
        self.bucket(bucket.as_ref()).insert_item(pk, sk, value, token).await
    }

    /// Deletes an item: [`Bucket::delete_item`].
    pub async fn delete_item(
        &self,
        bucket: impl AsRef<str>,
        pk: impl AsRef<str>,
        sk: impl AsRef<str>,
        token: &CausalityToken,
    ) -> Result<(), Error> {
        self.bucket(bucket.as_ref()).delete_item(pk, sk, token).await
    }

    /// Lists partitions: [`Bucket::read_index`].
    pub async fn read_index(
        &self,
        bucket: impl AsRef<str>,
        range: &KeyRange,
    ) -> Result<Page<Partition>, Error> {
        self.bucket(bucket.as_ref()).read_index(range).await
    }

    /// Writes several values: [`Bucket::insert_batch`].
    pub async fn insert_batch(&self, bucket: impl AsRef<str>, ops: &[BatchInsert]) -> Result<(), Error> {
        self.bucket(bucket.as_ref()).insert_batch(ops).await
    }

    /// Reads several ranges: [`Bucket::read_batch`].
    pub async fn read_batch(
        &self,
        bucket: impl AsRef<str>,
        queries: &[BatchRead],
    ) -> Result<Vec<Page<Entry>>, Error> {
        self.bucket(bucket.as_ref()).read_batch(queries).await
    }

    /// Deletes several ranges: [`Bucket::delete_batch`].
    pub async fn delete_batch(
        &self,
        bucket: impl AsRef<str>,
        queries: &[BatchDelete],
    ) -> Result<Vec<u64>, Error> {
        self.bucket(bucket.as_ref()).delete_batch(queries).await
    }

    /// Waits for a range to change: [`Bucket::poll_range`].
    pub async fn poll_range(
        &self,
        bucket: impl AsRef<str>,
        pk: impl AsRef<str>,
        range: &PollRange,
        seen: Option<&SeenMarker>,
        timeout: Option<Duration>,
    ) -> Result<Option<Changes>, Error> {
        self.bucket(bucket.as_ref()).poll_range(pk, range, seen, timeout).await
    }
}
