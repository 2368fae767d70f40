//! The client: an access key and a server.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::Full;

use crate::call::{CAUSALITY_TOKEN, Call};
use crate::endpoint::Endpoint;
use crate::endpoints::Endpoints;
use crate::error::Error;
use crate::http_client::HttpClient;
use crate::retry::RetryPolicy;
use crate::sign::{Signer, ToSign};

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
