//! A node in a temporary folder, and a client that writes its requests by hand.

use crate::config::{Config, ListenAddr};
use crate::node::{Node, NodeError};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use troupe_actors::control::{Command, KeyId, Permissions, SecretKey};
use troupe_actors::ids::BucketId;
use troupe_actors::layout::{NodeRole, StagedRole};
use troupe_actors::store::lmdb::OpenError;

pub(super) const KEY_ID: &str = "GK0123456789abcdef01234567";
pub(super) const SECRET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
pub(super) const BUCKET: BucketId = BucketId([0xb; 32]);

/// A node that serves the bucket `bucket` to one key.
pub(super) struct TestNode {
    pub(super) node: Node,
    pub(super) addr: SocketAddr,
    folder: TempDir,
}

/// What the node answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// A connection to a node.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

fn config(folder: &TempDir) -> Config {
    let mut config = Config::single_node(folder.path().to_owned());
    config.rpc.bind_addr = ListenAddr::Tcp("127.0.0.1:0".to_owned());
    config.k2v.bind_addr = Some(ListenAddr::Tcp("127.0.0.1:0".to_owned()));
    config.store.map_size_bytes = 1 << 30;
    config
}

impl TestNode {
    /// A node without a layout and without a bucket.
    pub(super) async fn bare() -> TestNode {
        let folder = tempfile::tempdir().unwrap();
        let node = Node::start(&config(&folder)).await.unwrap();
        let addr = node.k2v_addr.unwrap();
        TestNode { node, addr, folder }
    }

    /// A node that is ready to be used.
    pub(super) async fn ready() -> TestNode {
        let node = TestNode::bare().await;
        node.add_bucket().await;
        node.apply_layout().await;
        node
    }

    pub(super) async fn add_bucket(&self) {
        let key = KEY_ID.parse::<KeyId>().unwrap();
        self.change(Command::CreateKey {
            id: key,
            secret: SECRET.parse::<SecretKey>().unwrap(),
            name: "test".parse().unwrap(),
            expires_ms: None,
            may_create_buckets: false,
        })
        .await;
        let global_alias = Some("bucket".parse().unwrap());
        self.change(Command::CreateBucket { id: BUCKET, global_alias, local_alias: None }).await;
        self.change(Command::Allow { key, id: BUCKET, permissions: Permissions::ALL }).await;
    }

    pub(super) async fn apply_layout(&self) {
        let role = NodeRole { zone: "here".to_owned(), capacity_bytes: Some(1 << 30), tags: Vec::new() };
        let roles = vec![(self.node.id, StagedRole::Assign(role))];
        self.change(Command::StageLayout { roles, parameters: None }).await;
        self.change(Command::ApplyLayout { version: 1 }).await;
    }

    pub(super) async fn change(&self, command: Command) {
        self.node.control.change(command).await.unwrap();
    }

    pub(super) async fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        Connection { stream: BufReader::new(stream), host: self.addr.to_string() }
    }

    /// One request on a connection of its own.
    pub(super) async fn call(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.connect().await.call(method, uri, headers, body).await
    }

    /// Stops the node, and starts another one in its folder.
    pub(super) async fn restart(self) -> TestNode {
        self.node.stop().await.unwrap();
        let node = loop {
            match Node::start(&config(&self.folder)).await {
                // The last actor lets go of the store a moment after the node has stopped.
                Err(NodeError::Open(OpenError::InUse { .. })) => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                started => break started.unwrap(),
            }
        };
        TestNode { addr: node.k2v_addr.unwrap(), node, folder: self.folder }
    }

    pub(super) async fn stop(self) -> Result<(), NodeError> {
        self.node.stop().await
    }
}

impl Connection {
    pub(super) async fn call(
        &mut self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.send(method, uri, headers, body).await;
        self.answer(method == "HEAD").await.expect("the node answers")
    }

    /// Sends a signed request.
    pub(super) async fn send(&mut self, method: &str, uri: &str, headers: &[(&str, &str)], body: &[u8]) {
        let length = body.len().to_string();
        let mut all = headers.to_vec();
        if !body.is_empty() || method == "POST" || method == "PUT" {
            all.push(("content-length", &length));
        }
        let mut request = signed_head(method, uri, &self.host, &all, &hex::encode(Sha256::digest(body)));
        request.extend_from_slice(body);
        self.send_raw(&request).await;
    }

    pub(super) async fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Reads the answer; `None` if the node closed the connection before it was complete.
    pub(super) async fn answer(&mut self, is_head: bool) -> Option<Answer> {
        let status_line = self.line().await?;
        let status = status_line.split(' ').nth(1)?.parse().ok()?;
        let mut headers = BTreeMap::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let mut body = Vec::new();
        if is_head || status == 204 || status == 304 {
            return Some(Answer { status, headers, body });
        }
        if let Some(length) = headers.get("content-length") {
            body.resize(length.parse().ok()?, 0);
            self.stream.read_exact(&mut body).await.ok()?;
        } else if headers.contains_key("transfer-encoding") {
            loop {
                let length = usize::from_str_radix(&self.line().await?, 16).ok()?;
                let start = body.len();
                body.resize(start + length, 0);
                self.stream.read_exact(&mut body[start..]).await.ok()?;
                self.line().await?;
                if length == 0 {
                    break;
                }
            }
        }
        Some(Answer { status, headers, body })
    }

    /// Reads a part of what comes, and leaves the rest where it is.
    pub(super) async fn read_some(&mut self, bytes: usize) {
        let mut part = vec![0; bytes];
        self.stream.read_exact(&mut part).await.unwrap();
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        Some(line.trim_end().to_owned())
    }
}

impl Answer {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn token(&self) -> &str {
        &self.headers["x-garage-causality-token"]
    }

    /// The `code` of an error.
    pub(super) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

/// The head of a signed request, with every header signed.
pub(super) fn signed_head(
    method: &str,
    uri: &str,
    host: &str,
    headers: &[(&str, &str)],
    body_hash: &str,
) -> Vec<u8> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut all: Vec<(&str, &str)> = headers.to_vec();
    all.extend([("host", host), ("x-amz-date", &date), ("x-amz-content-sha256", body_hash)]);
    all.sort_unstable();
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let fields: String = all.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();

    let path_twice = path.replace('%', "%25");
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") })
        .collect();
    pairs.sort_unstable();
    let canonical = format!("{method}\n{path_twice}\n{}\n{fields}\n{names}\n{body_hash}", pairs.join("&"));
    let scope = format!("{}/garage/k2v/aws4_request", &date[..8]);
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for step in scope.split('/').chain([to_sign.as_str()]) {
        key =
            Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(step).finalize().into_bytes().to_vec();
    }
    let mut head = format!("{method} {uri} HTTP/1.1\r\n");
    for (name, value) in all {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!(
        "authorization: AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={names}, Signature={}\r\n\r\n",
        hex::encode(key)
    ));
    head.into_bytes()
}
