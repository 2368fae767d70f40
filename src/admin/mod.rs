//! The admin API: Garage's, version 2, for everything that a K2V store has.
//!
//! It is served twice, by the same code: over a Unix socket in `metadata_dir` for the commands of this program, and, if
//! configured, over a port for holders of a token.
//!
//! ```text
//! request ─▶ endpoint (by path) ─▶ access (by token) ─▶ method ─▶ handler ─▶ Control ─▶ JSON
//! ```

mod access;
mod call;
mod dates;
mod endpoint;
mod error;
mod handlers;
pub(crate) mod health;
pub(crate) mod local;
pub mod model;
mod node_view;
mod search;
pub mod socket;
#[cfg(test)]
mod tests;

pub use access::{Access, PortTokens};
pub use local::{LocalAnswer, LocalCall};
pub use node_view::{BucketUsage, Gauge, NodeIdentity, NodeView, Peer, PeerState, UsageError, VariableError};

use access::Caller;
use actix_http::{Request, Response};
use actix_web::body::BoxBody;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use call::Call;
use endpoint::Endpoint;
use error::{AdminError, AdminResult};
use std::sync::Arc;
use std::time::Duration;
use troupe_actors::clock::{WallMs, wall_now};
use troupe_actors::control::Control;

/// Longest body of a call: a hundred CORS rules fit. Beyond it: 400.
const BODY_BYTES_MAX: usize = 1 << 20;

/// How long a client may take to send a body. Beyond it: 408.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// Everything that the API stands on, for one listener.
#[derive(Clone)]
pub struct Admin {
    /// Where changes are made and read.
    pub control: Control,
    /// The node's own numbers.
    pub view: Arc<dyn NodeView>,
    /// What the node is.
    pub identity: NodeIdentity,
    /// The tokens of the configuration.
    pub tokens: PortTokens,
    /// How this listener tells who is calling.
    pub access: Access,
}

impl Admin {
    /// Adds the API to an application that serves nothing else:
    /// `App::new().configure(|app| admin.clone().configure(app))`.
    pub fn configure(self, app: &mut web::ServiceConfig) {
        app.app_data(web::Data::new(self)).default_service(web::to(answer));
    }

    /// Whether a client that asks before it sends its body should send it.
    pub(crate) fn judge(&self, request: &Request) -> Result<(), Response<BoxBody>> {
        let admitted = admit(self, request.method(), request.path(), request.headers(), wall_now());
        admitted.map(|_| ()).map_err(|error| error.response(&self.identity.region, request.path()).into())
    }
}

async fn answer(request: HttpRequest, payload: web::Payload, admin: web::Data<Admin>) -> HttpResponse {
    let result = dispatch(&request, payload, &admin).await;
    let response = match result {
        Ok(response) => response,
        Err(error) => error.response(&admin.identity.region, request.path()),
    };
    log::debug!("admin: {} {} {}", request.method(), request.path(), response.status().as_u16());
    response
}

async fn dispatch(request: &HttpRequest, payload: web::Payload, admin: &Admin) -> AdminResult {
    let now = wall_now();
    let (name, endpoint, caller) = admit(admin, request.method(), request.path(), request.headers(), now)?;
    let body = payload.to_bytes_limited(BODY_BYTES_MAX);
    let body = match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(Ok(body))) => body,
        Ok(Ok(Err(error))) => return Err(AdminError::Body(error.to_string())),
        Ok(Err(_)) => return Err(AdminError::Body(format!("it has more than {BODY_BYTES_MAX} bytes"))),
        Err(_) => return Err(AdminError::BodyTimeout),
    };
    let call = Call::new(request.query_string(), body, caller, now)?;
    handlers::run(admin, name, endpoint, &call).await
}

/// Everything that is known before the body is read.
fn admit(
    admin: &Admin,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    now: WallMs,
) -> Result<(&'static str, Endpoint, Caller), AdminError> {
    let (name, expected, endpoint) = endpoint::find(path).ok_or(AdminError::UnknownEndpoint)?;
    let caller = match admin.access {
        Access::Socket => Caller::Operator,
        Access::Port => {
            let snapshot = admin.control.snapshot();
            admin.tokens.check((name, *endpoint), headers, &snapshot, now)?
        }
    };
    if method != expected {
        return Err(AdminError::Method { endpoint: name, method: expected.to_string() });
    }
    Ok((name, *endpoint, caller))
}
