//! One request from its head to its answer.
//!
//! ```text
//! head ─▶ signature ─▶ permission ─▶ body, up to a cap ─▶ digest ─▶ parse ─▶ call
//!    └──▶ claim ─▶ body, up to a cap, from a smaller budget ─▶ signature ─▶ permission ─▶ parse ─▶ call
//! ```
//!
//! The second way is that of requests whose signature covers the hash of the body without stating it.
//! Nothing of the body is parsed and nothing is done before signature and digest are right (invariant 11).

use super::body::{Body, UnreadBody, announced_length};
use super::cors;
use super::error::ApiError;
use super::grant::{Grant, live_key};
use super::held::hold;
use super::k2v::{self, Admitted, Outcome, Service};
use super::limits::{BATCH_ITEMS_MAX, BATCH_QUERIES_MAX, ELEMENT_BYTES, UNUSED_BODY_BYTES_MAX};
use super::query::Query;
use super::route::{Call, Target, route};
use super::sigv4::{self, Authentication, RequestHead, VerifierConfig, authenticate};
use crate::budget::limits::UNCOUNTED_BYTES_MAX;
use crate::budget::{Budget, NoRoom, Owner, Share};
use crate::metrics::CallKind;
use actix_http::{Request, Response};
use actix_web::HttpMessage;
use actix_web::body::BoxBody;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, ORIGIN};
use actix_web::{HttpRequest, HttpResponse};
use memchr::memchr_iter;
use std::sync::Arc;
use troupe_actors::clock::wall_now;
use troupe_actors::control::{AccessKey, ControlSnapshot};
use troupe_actors::limits::SORT_KEY_BYTES_MAX;
use troupe_actors::store::Store;

/// What a worker needs to serve requests.
pub(crate) struct Gateway<S: Store> {
    /// What the calls are served with.
    pub(crate) service: Service<S>,
    /// Region and clock window.
    pub(crate) verifier: VerifierConfig,
    /// Longest body in bytes.
    pub(crate) body_bytes_max: usize,
    /// Memory for requests.
    pub(crate) requests: Arc<Budget>,
}

impl<S: Store> Clone for Gateway<S> {
    fn clone(&self) -> Gateway<S> {
        Gateway {
            service: self.service.clone(),
            verifier: self.verifier.clone(),
            body_bytes_max: self.body_bytes_max,
            requests: Arc::clone(&self.requests),
        }
    }
}

impl sigv4::AccessKey for AccessKey {
    fn secret(&self) -> &str {
        self.secret.reveal()
    }
}

/// What is known of a request once its head was read.
#[derive(Default)]
struct Trail {
    call: Option<Call>,
    is_poll: bool,
    /// What was made of a large body takes memory until the answer is sent.
    share: Option<Share>,
}

/// How a request ended, for the log.
pub(crate) struct Served {
    pub(crate) response: HttpResponse,
    /// What it asked for, as far as its head says.
    pub(crate) kind: CallKind,
    /// Whether it took long on purpose.
    pub(crate) is_poll: bool,
}

impl<S: Store> Gateway<S> {
    /// Serves one request. Never fails: every error is an answer.
    pub(crate) async fn serve(&self, request: &mut ServiceRequest) -> Served {
        let mut trail = Trail::default();
        let begun = {
            let payload = std::mem::replace(request.parts_mut().1, Payload::None);
            let mut body = UnreadBody::new(payload, request.headers(), &self.requests);
            let begun = self.begin(request.request(), &mut body, &mut trail).await;
            body.drain().await;
            begun
        };
        let origin = request.headers().get(ORIGIN).cloned();
        let outcome = match begun {
            Ok(Outcome::Now(response)) => Ok(response),
            Ok(Outcome::Later(later)) => {
                if trail.is_poll {
                    // Polls wait in their thousands, and the headers are the largest part of what one would hold.
                    *request.headers_mut() = HeaderMap::new();
                    // Nothing is left of the body: a range and a marker, which are short.
                    trail.share = None;
                }
                later.await
            }
            Err(error) => Err(error),
        };
        let mut response =
            outcome.unwrap_or_else(|error| error.response(&self.verifier.region, request.uri().path()));
        if let Some(origin) = origin.as_ref().and_then(|origin| origin.to_str().ok())
            && request.method() != Method::OPTIONS
        {
            self.decorate(request.request(), origin, &mut response);
        }
        if let Some(share) = trail.share {
            response = hold(response, share);
        }
        let kind = match trail.call {
            Some(call) => CallKind::Call(call),
            None if request.method() == Method::OPTIONS => CallKind::Options,
            None => CallKind::Unknown,
        };
        Served { response, kind, is_poll: trail.is_poll }
    }

    /// Everything up to the point where a shard is waited for.
    async fn begin(
        &self,
        request: &HttpRequest,
        body: &mut UnreadBody,
        trail: &mut Trail,
    ) -> Result<Outcome, ApiError> {
        if request.method() == Method::OPTIONS {
            return self.preflight(request).map(Outcome::Now);
        }
        self.check_standing()?;
        let control = self.service.control.snapshot();
        let head = RequestHead::of(request);
        // Parsed at once, reported later: an unsigned request learns nothing of what is wrong with it.
        let routed = Routed::parse(&head);
        trail.call = routed.as_ref().ok().map(|routed| routed.call);
        let (routed, grant, mut body) = match self.authenticate(&head, &control)? {
            Authentication::Proven(signed) => {
                let routed = routed?;
                let grant = routed.grant(&control, signed.key)?;
                let body = self.read_body(body, Some(routed.call), Owner::Key(signed.key.id)).await?;
                signed.payload.check(&body.bytes)?;
                (routed, grant, body)
            }
            Authentication::Unproven(unproven) => {
                let call = routed.as_ref().ok().map(|routed| routed.call);
                let mut body = self.read_body(body, call, Owner::Anonymous).await?;
                let key = unproven.prove(&body.bytes)?;
                body.share.belongs_to(Owner::Key(key.id));
                let routed = routed?;
                let grant = routed.grant(&control, key)?;
                (routed, grant, body)
            }
        };
        let Routed { target, query, call } = routed;
        trail.is_poll = call.is_poll();
        let bytes = body.bytes.len() + bytes_when_parsed(call, &body.bytes);
        if bytes > UNCOUNTED_BYTES_MAX {
            body.share.grow_to(bytes).map_err(|NoRoom| ApiError::BodiesBusy)?;
        }
        let admitted =
            Admitted { call, grant, target, query, head: request, body: &body.bytes, control: &control };
        let begun = k2v::serve(&self.service, &admitted);
        trail.share = Some(body.share);
        begun
    }

    /// Whether a client that asks before it sends its body should send it.
    pub(crate) fn judge(&self, request: &Request) -> Result<(), Response<BoxBody>> {
        let region = &self.verifier.region;
        self.check_head(request).map_err(|error| error.response(region, request.path()).into())
    }

    /// What can be said of a request before its body is read: it is refused for the same reasons afterwards.
    fn check_head(&self, request: &Request) -> Result<(), ApiError> {
        if request.method() == Method::OPTIONS {
            return Ok(());
        }
        self.check_standing()?;
        let control = self.service.control.snapshot();
        let head = RequestHead {
            method: request.method().as_str(),
            raw_path: request.uri().path(),
            raw_query: request.uri().query().unwrap_or_default(),
            headers: request.headers(),
        };
        let routed = Routed::parse(&head);
        let call = match self.authenticate(&head, &control)? {
            Authentication::Proven(signed) => {
                let routed = routed?;
                routed.grant(&control, signed.key)?;
                Some(routed.call)
            }
            Authentication::Unproven(_) => routed.ok().map(|routed| routed.call),
        };
        let (bytes_max, too_large) = self.body_cap(call);
        match announced_length(request.headers()) {
            Some(length) if length > bytes_max as u64 => Err(too_large),
            Some(_) | None => Ok(()),
        }
    }

    /// A node that does not know what the others know lets nobody in: a key may have been deleted.
    fn check_standing(&self) -> Result<(), ApiError> {
        if self.service.control.serves() { Ok(()) } else { Err(ApiError::CutOff) }
    }

    fn authenticate<'a>(
        &'a self,
        head: &RequestHead<'_, HeaderMap>,
        control: &'a ControlSnapshot,
    ) -> Result<Authentication<'a, &'a AccessKey>, ApiError> {
        let now = wall_now();
        let now_s = i64::try_from(now.0 / 1000).unwrap_or(i64::MAX);
        let find_key = |id: &str| live_key(control, id.parse().ok()?, now);
        Ok(authenticate(head, now_s, &self.verifier, find_key)?)
    }

    async fn read_body(
        &self,
        body: &mut UnreadBody,
        call: Option<Call>,
        owner: Owner,
    ) -> Result<Body, ApiError> {
        let (bytes_max, too_large) = self.body_cap(call);
        body.read(bytes_max, owner, too_large).await
    }

    /// `None`: not a K2V call. Its body is read only to verify the signature before the error is told.
    fn body_cap(&self, call: Option<Call>) -> (usize, ApiError) {
        let value = self.service.value_bytes_max;
        let body = self.body_bytes_max;
        let Some(call) = call else {
            let unused = UNUSED_BODY_BYTES_MAX.min(body);
            return (unused, ApiError::BodyTooLarge { bytes_max: unused });
        };
        match call {
            Call::InsertItem => (value, ApiError::ValueTooLarge { bytes_max: value }),
            Call::InsertBatch | Call::ReadBatch | Call::DeleteBatch | Call::PollRange => {
                (body, ApiError::BodyTooLarge { bytes_max: body })
            }
            Call::ReadItem | Call::PollItem | Call::DeleteItem | Call::ReadIndex => {
                let unused = UNUSED_BODY_BYTES_MAX.min(body);
                (unused, ApiError::BodyTooLarge { bytes_max: unused })
            }
        }
    }

    fn preflight(&self, request: &HttpRequest) -> Result<HttpResponse, ApiError> {
        let control = self.service.control.snapshot();
        let target = Target::parse(request.uri().path())?;
        // The request is unsigned, so only global aliases and ids are known here.
        let bucket = control.resolve_global(&target.bucket).ok_or(ApiError::NoSuchBucket)?;
        cors::preflight(&bucket.cors_rules, request.headers())
    }

    fn decorate(&self, request: &HttpRequest, origin: &str, response: &mut HttpResponse) {
        let control = self.service.control.snapshot();
        let target = Target::parse(request.uri().path()).ok();
        let bucket = target.as_ref().and_then(|target| control.resolve_global(&target.bucket));
        if let Some(bucket) = bucket {
            cors::decorate(&bucket.cors_rules, origin, request.method().as_str(), response.headers_mut());
        }
    }
}

/// What is made of a body takes at most so much memory, besides the body itself.
fn bytes_when_parsed(call: Call, body: &[u8]) -> usize {
    // No element without a brace. The one that is too many is looked at, too.
    let elements = |max: usize| memchr_iter(b'{', body).count().min(max + 1);
    match call {
        Call::InsertBatch => body.len() + elements(BATCH_ITEMS_MAX) * ELEMENT_BYTES,
        Call::ReadBatch | Call::DeleteBatch => {
            let queries = elements(BATCH_QUERIES_MAX);
            // The texts are kept to be shown again, and make two bounds, which are as long as keys at most.
            let bounds = (2 * body.len()).min(queries * 2 * SORT_KEY_BYTES_MAX);
            body.len() + bounds + queries * ELEMENT_BYTES
        }
        Call::InsertItem | Call::PollRange => body.len(),
        Call::ReadItem | Call::PollItem | Call::DeleteItem | Call::ReadIndex => 0,
    }
}

/// What a request asks for.
struct Routed<'a> {
    target: Target<'a>,
    query: Query<'a>,
    call: Call,
}

impl<'a> Routed<'a> {
    fn parse(head: &RequestHead<'a, HeaderMap>) -> Result<Routed<'a>, ApiError> {
        let target = Target::parse(head.raw_path)?;
        let query = Query::parse(head.raw_query)?;
        let call = route(head.method, &target, &query)?;
        Ok(Routed { target, query, call })
    }

    fn grant(&self, control: &ControlSnapshot, key: &AccessKey) -> Result<Grant, ApiError> {
        Grant::new(control, key, &self.target.bucket, self.call.access())
    }
}
