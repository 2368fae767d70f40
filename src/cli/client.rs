//! The commands' way to the running node: HTTP over the Unix socket in `metadata_dir`.

use crate::admin::model::ErrorBody;
use crate::config::Config;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::http::uri::InvalidUri;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// Calls one node.
pub(super) struct Client {
    socket: PathBuf,
}

/// A call that did not go well.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error(
        "the node is not running: nobody answers at {}. Start it with `troupe -c FILE server`, or name its configuration \
         with -c",
        .socket.display()
    )]
    NotRunning { socket: PathBuf },
    #[error("{} may not be opened by this user: run the command as the user that the node runs as", .socket.display())]
    NotAllowed { socket: PathBuf },
    #[error("{} cannot be reached: {source}", .socket.display())]
    Connect { socket: PathBuf, source: io::Error },
    #[error("the connection to the node broke off; whether it did what was asked is unknown: {0}")]
    Broken(#[from] hyper::Error),
    #[error("the arguments are too long for one request: {0}")]
    TooLong(#[source] InvalidUri),
    #[error("{message}")]
    Refused { message: String },
    #[error(
        "the node answered with status {status}, but not in the way that this version of the command understands"
    )]
    Answer { status: StatusCode },
}

impl Client {
    pub(super) fn new(config: &Config) -> Client {
        Client { socket: config.admin_socket() }
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        call: &str,
        query: &[(&str, &str)],
    ) -> Result<T, ClientError> {
        self.call(Method::GET, call, query, Bytes::new()).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        call: &str,
        query: &[(&str, &str)],
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).expect("the bodies of the admin API have a JSON form");
        self.call(Method::POST, call, query, body.into()).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        call: &str,
        query: &[(&str, &str)],
        body: Bytes,
    ) -> Result<T, ClientError> {
        let request = request(method, call, query, body)?;
        let stream = UnixStream::connect(&self.socket).await.map_err(|e| cannot_connect(&self.socket, e))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the answer, and its error is the sender's as well.
        let connection = actix_web::rt::spawn(connection);
        let response = sender.send_request(request).await?;
        let answer = read(response).await;
        connection.abort();
        answer
    }
}

fn request(
    method: Method,
    call: &str,
    query: &[(&str, &str)],
    body: Bytes,
) -> Result<Request<Full<Bytes>>, ClientError> {
    let mut path = format!("/v2/{call}");
    for (index, (name, value)) in query.iter().enumerate() {
        path.push(if index == 0 { '?' } else { '&' });
        path.push_str(name);
        path.push('=');
        path.extend(value.bytes().map(escape));
    }
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().map_err(ClientError::TooLong)?;
    let headers = request.headers_mut();
    headers.insert(header::HOST, header::HeaderValue::from_static("node"));
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    Ok(request)
}

fn escape(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

async fn read<T: DeserializeOwned>(response: Response<hyper::body::Incoming>) -> Result<T, ClientError> {
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|_| ClientError::Answer { status });
    }
    match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(error) => Err(ClientError::Refused { message: error.message }),
        Err(_) => Err(ClientError::Answer { status }),
    }
}

fn cannot_connect(socket: &Path, source: io::Error) -> ClientError {
    let socket = socket.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ClientError::NotRunning { socket },
        io::ErrorKind::PermissionDenied => ClientError::NotAllowed { socket },
        _ => ClientError::Connect { socket, source },
    }
}
