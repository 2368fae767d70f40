//! Sending a call: sign, send, wait, read the answer, and again where the policy says so.

use std::error::Error as StdError;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy;
use serde::Deserialize;

use crate::call::{CAUSALITY_TOKEN, Call};
use crate::client::K2vClient;
use crate::endpoint::Endpoint;
use crate::error::{Error, InvalidResponse, RemoteError};
use crate::item::{Item, parse_values};
use crate::limits;
use crate::retry::{Attempts, Verdict};
use crate::token::CausalityToken;
use crate::value::Value;

/// An answer that is not an error.
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl K2vClient {
    /// Sends a call, repeated as the retry policy says.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        let mut attempts_made = 0;
        loop {
            let chosen = self.inner.endpoints.choose();
            let (error, elsewhere) = match self.attempt(chosen.endpoint, call).await {
                Ok(answer) => {
                    self.inner.endpoints.succeeded(&chosen);
                    return Ok(answer);
                }
                // Nothing was sent, so nothing is known of the endpoint.
                Err(error @ Error::InvalidArgument(_)) => return Err(error),
                Err(error) if error.is_of_the_endpoint() => (error, self.inner.endpoints.failed(&chosen)),
                Err(error) => {
                    self.inner.endpoints.succeeded(&chosen);
                    return Err(error);
                }
            };
            attempts_made += 1;
            let attempts = Attempts { made: attempts_made, elsewhere };
            let policy = &self.inner.retry;
            match policy.verdict(attempts, call.safety, error.failure(), rand::random()) {
                Verdict::RepeatAfter(pause) => tokio::time::sleep(pause).await,
                Verdict::GiveUp => return Err(error),
            }
        }
    }

    /// Sends a call once. It is signed anew each time, so that a late repeat is not too old.
    async fn attempt(&self, endpoint: &Endpoint, call: &Call) -> Result<Answer, Error> {
        let request = self.signed_for(endpoint, call, SystemTime::now())?;
        let after =
            call.held.map_or(self.inner.request_timeout, |held| held.saturating_add(limits::POLL_SLACK));
        let exchange = async {
            let response = self.inner.http.send(request).await;
            self.read_answer(response.map_err(|error| transport_error(endpoint, error))?).await
        };
        tokio::time::timeout(after, exchange).await.unwrap_or(Err(Error::Timeout { after }))
    }

    async fn read_answer(&self, response: Response<Incoming>) -> Result<Answer, Error> {
        let (head, body) = response.into_parts();
        if head.status.is_success() || head.status == StatusCode::NOT_MODIFIED {
            let body = read_body(body, self.inner.response_bytes_max).await?;
            return Ok(Answer { status: head.status, headers: head.headers, body });
        }
        // A proxy's page of apologies may be of any length, or break off: the status tells enough.
        let body = read_body(body, limits::ERROR_BODY_BYTES_MAX).await.unwrap_or_default();
        Err(remote_error(head.status, &body).into())
    }
}

fn transport_error(endpoint: &Endpoint, error: legacy::Error) -> Error {
    let endpoint = endpoint.as_str().to_owned();
    if !error.is_connect() {
        Error::Disconnected(error.into())
    } else if is_caused_by_tls(&error) {
        Error::Tls { endpoint, source: error.into() }
    } else {
        Error::Connect { endpoint, source: error.into() }
    }
}

impl Answer {
    /// Nothing, as a write is answered.
    pub(crate) fn nothing(self) -> Result<(), Error> {
        match self.status {
            StatusCode::NO_CONTENT | StatusCode::OK => Ok(()),
            status => Err(Error::InvalidResponse(InvalidResponse::Status(status))),
        }
    }

    /// JSON, made into something else by `parse`.
    pub(crate) fn json<T>(self, parse: impl FnOnce(&[u8]) -> Result<T, InvalidResponse>) -> Result<T, Error> {
        match self.status {
            StatusCode::OK => parse(&self.body).map_err(Error::InvalidResponse),
            status => Err(Error::InvalidResponse(InvalidResponse::Status(status))),
        }
    }

    /// An item, in any of the three forms it comes in.
    pub(crate) fn item(self) -> Result<Item, Error> {
        self.parse_item().map_err(Error::InvalidResponse)
    }

    /// `None` if a poll ran out of time; else the answer itself.
    pub(crate) fn unless_unchanged(self) -> Option<Self> {
        (self.status != StatusCode::NOT_MODIFIED).then_some(self)
    }

    fn parse_item(self) -> Result<Item, InvalidResponse> {
        let values = match self.status {
            StatusCode::NO_CONTENT => vec![Value::Tombstone],
            StatusCode::OK => match self.content_type() {
                Some("application/octet-stream") => vec![Value::Data(self.body)],
                Some("application/json") => parse_values(&self.body)?,
                Some(_) | None => return Err(InvalidResponse::ContentType),
            },
            status => return Err(InvalidResponse::Status(status)),
        };
        if values.is_empty() {
            return Err(InvalidResponse::NoValues);
        }
        let token = self.headers.get(CAUSALITY_TOKEN).and_then(|token| token.to_str().ok());
        let token = token.map(CausalityToken::from).ok_or(InvalidResponse::NoToken)?;
        Ok(Item { token, values })
    }

    /// The content type without parameters, which a proxy may have added.
    fn content_type(&self) -> Option<&str> {
        let text = self.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        text.split(';').next().map(str::trim)
    }
}

async fn read_body(mut body: Incoming, bytes_max: usize) -> Result<Bytes, Error> {
    let too_large = || Error::ResponseTooLarge { bytes_max };
    let announced = usize::try_from(body.size_hint().lower()).map_err(|_| too_large())?;
    if announced > bytes_max {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Error::Disconnected(error.into()))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > bytes_max - whole.len() {
            return Err(too_large());
        }
        if whole.is_empty() && data.len() == announced {
            return Ok(data);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireError {
    code: String,
    message: String,
    path: String,
}

/// What the server said of an error. A proxy's answer is not JSON: it has a status only.
fn remote_error(status: StatusCode, body: &[u8]) -> RemoteError {
    let WireError { code, message, path } = serde_json::from_slice(body).unwrap_or_default();
    RemoteError { status, code, message, path }
}

/// Whether TLS refused the peer. An I/O error shows what it wraps only through `get_ref`.
fn is_caused_by_tls(error: &legacy::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = cause {
        if error.is::<rustls::Error>() {
            return true;
        }
        cause = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}
