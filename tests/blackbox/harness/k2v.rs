//! The calls of K2V, each a line in a story.

use super::percent::{encoded, query_of};
use super::{Connection, Credentials, Item, Request, Response, page_items};
use base64::Engine;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::net::SocketAddr;

/// A client with one bucket, one key and one connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) addr: SocketAddr,
    pub(crate) credentials: Credentials,
    pub(crate) bucket: String,
    connection: RefCell<Option<Connection>>,
}

/// A clone has a connection of its own.
impl Clone for Client {
    fn clone(&self) -> Client {
        Client::new(self.addr, self.credentials.clone(), &self.bucket)
    }
}

/// Standard base64 with padding, as values travel in JSON.
pub(crate) fn base64(value: impl AsRef<[u8]>) -> String {
    base64::engine::general_purpose::STANDARD.encode(value)
}

impl Client {
    pub(crate) fn new(addr: SocketAddr, credentials: Credentials, bucket: &str) -> Client {
        Client { addr, credentials, bucket: bucket.to_owned(), connection: RefCell::new(None) }
    }

    /// The same key and node, another bucket.
    pub(crate) fn in_bucket(&self, bucket: &str) -> Client {
        Client::new(self.addr, self.credentials.clone(), bucket)
    }

    /// The same node and bucket, another key.
    pub(crate) fn with_key(&self, credentials: &Credentials) -> Client {
        Client::new(self.addr, credentials.clone(), &self.bucket)
    }

    /// An unsigned request on the bucket, or on one of its partitions.
    pub(crate) fn request(&self, method: &str, pk: Option<&str>, query: &[(&str, &str)]) -> Request {
        let bucket = encoded(&self.bucket);
        let path = pk.map_or(format!("/{bucket}"), |pk| format!("/{bucket}/{}", encoded(pk)));
        Request::new(method, &path, &query_of(query)).with("host", &self.addr.to_string())
    }

    /// A request with path and query as they are given, for what no well-behaved client would write.
    pub(crate) fn raw(&self, method: &str, path: &str, query: &str) -> Request {
        Request::new(method, path, query).with("host", &self.addr.to_string())
    }

    /// Signs and sends.
    pub(crate) fn call(&self, request: Request) -> Response {
        self.exchange(&self.credentials.sign(request))
    }

    /// Sends as it is. A connection that the server closed while it was idle is opened again, once.
    pub(crate) fn exchange(&self, request: &Request) -> Response {
        let mut slot = self.connection.borrow_mut();
        if let Some(connection) = slot.as_mut()
            && let Ok(response) = connection.call(request)
        {
            return closing(&mut slot, response);
        }
        let mut connection = Connection::open(self.addr).expect("the node accepts connections");
        let response = connection
            .call(request)
            .unwrap_or_else(|error| panic!("{error} instead of an answer to {request:?}"));
        *slot = Some(connection);
        closing(&mut slot, response)
    }

    pub(crate) fn get(&self, pk: &str, sk: &str) -> Response {
        self.call(self.request("GET", Some(pk), &[("sort_key", sk)]))
    }

    pub(crate) fn get_accepting(&self, pk: &str, sk: &str, accept: &str) -> Response {
        self.call(self.request("GET", Some(pk), &[("sort_key", sk)]).with("accept", accept))
    }

    /// What the item holds now.
    pub(crate) fn read(&self, pk: &str, sk: &str) -> Item {
        Item::of_answer(&self.get(pk, sk).expect(200))
    }

    pub(crate) fn put(&self, pk: &str, sk: &str, token: Option<&str>, value: impl AsRef<[u8]>) -> Response {
        self.call(self.put_request(pk, sk, token, value))
    }

    pub(crate) fn put_request(
        &self,
        pk: &str,
        sk: &str,
        token: Option<&str>,
        value: impl AsRef<[u8]>,
    ) -> Request {
        let request = self.request("PUT", Some(pk), &[("sort_key", sk)]).with_body(value.as_ref());
        with_token(request, token)
    }

    /// Writes, and says what the item holds afterwards.
    #[track_caller]
    pub(crate) fn write(&self, pk: &str, sk: &str, token: Option<&str>, value: impl AsRef<[u8]>) -> Item {
        self.put(pk, sk, token, value).expect(204);
        self.read(pk, sk)
    }

    pub(crate) fn delete(&self, pk: &str, sk: &str, token: Option<&str>) -> Response {
        self.call(with_token(self.request("DELETE", Some(pk), &[("sort_key", sk)]), token))
    }

    pub(crate) fn poll_request(&self, pk: &str, sk: &str, token: &str, timeout: &str) -> Request {
        let query = [("sort_key", sk), ("causality_token", token), ("timeout", timeout)];
        self.request("GET", Some(pk), &query)
    }

    pub(crate) fn poll(&self, pk: &str, sk: &str, token: &str, timeout: &str) -> Response {
        self.call(self.poll_request(pk, sk, token, timeout))
    }

    pub(crate) fn poll_range(&self, pk: &str, body: &Value) -> Response {
        self.call(self.poll_range_request(pk, body))
    }

    pub(crate) fn poll_range_request(&self, pk: &str, body: &Value) -> Request {
        self.request("SEARCH", Some(pk), &[("poll_range", "")]).with_body(body.to_string())
    }

    pub(crate) fn index(&self, query: &[(&str, &str)]) -> Response {
        self.call(self.request("GET", None, query))
    }

    pub(crate) fn insert_batch(&self, items: &Value) -> Response {
        self.call(self.request("POST", None, &[]).with_body(items.to_string()))
    }

    pub(crate) fn search(&self, queries: &Value) -> Response {
        self.call(self.request("SEARCH", None, &[]).with_body(queries.to_string()))
    }

    pub(crate) fn delete_batch(&self, queries: &Value) -> Response {
        self.call(self.request("POST", None, &[("delete", "")]).with_body(queries.to_string()))
    }

    /// The items that one ReadBatch query finds.
    #[track_caller]
    pub(crate) fn list(&self, query: &Value) -> Vec<(String, Item)> {
        page_items(&self.search(&json!([query])).expect(200).json()[0])
    }

    /// Writes one value under each sort key, all in one batch.
    #[track_caller]
    pub(crate) fn fill(&self, pk: &str, sort_keys: &[&str]) {
        let items: Vec<_> =
            sort_keys.iter().map(|sk| json!({ "pk": pk, "sk": sk, "v": base64(sk.as_bytes()) })).collect();
        self.insert_batch(&Value::Array(items)).expect(204);
    }
}

fn with_token(request: Request, token: Option<&str>) -> Request {
    match token {
        Some(token) => request.with("x-garage-causality-token", token),
        None => request,
    }
}

fn closing(slot: &mut Option<Connection>, response: Response) -> Response {
    if response.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
        *slot = None;
    }
    response
}
