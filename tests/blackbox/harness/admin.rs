//! The admin API over the node's Unix socket, as the commands use it.

use super::percent::query_of;
use super::{Credentials, Node, Request, Response};
use serde_json::{Value, json};
use std::io::{self, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// No call takes so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A way to the admin API.
#[derive(Debug)]
pub(crate) struct Admin {
    socket: PathBuf,
}

/// What a key may do with a bucket.
pub(crate) const READ: &str = "read";
pub(crate) const WRITE: &str = "write";
pub(crate) const OWNER: &str = "owner";

impl Admin {
    pub(crate) fn at(socket: PathBuf) -> Admin {
        Admin { socket }
    }

    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Response {
        self.call(Request::new("GET", path, &query_of(query)))
    }

    pub(crate) fn post(&self, path: &str, query: &[(&str, &str)], body: &Value) -> Response {
        let request = Request::new("POST", path, &query_of(query)).with("content-type", "application/json");
        self.call(request.with_body(body.to_string()))
    }

    fn call(&self, request: Request) -> Response {
        self.try_call(request).expect("the node listens on its admin socket, and answers")
    }

    /// An answer of a node that may not be there, or hang.
    pub(crate) fn try_call(&self, request: Request) -> io::Result<Response> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = request.with("host", "localhost").with("connection", "close");
        stream.write_all(&request.to_bytes())?;
        Response::read(&mut BufReader::new(stream), false)
    }

    /// Makes a bucket of that name and tells its id.
    pub(crate) fn create_bucket(&self, alias: &str) -> String {
        let answer = self.post("/v2/CreateBucket", &[], &json!({ "globalAlias": alias })).expect(200).json();
        answer["id"].as_str().expect("a bucket id").to_owned()
    }

    /// Makes a key that may do nothing yet.
    pub(crate) fn create_key(&self, name: &str, region: &str) -> Credentials {
        let answer = self.post("/v2/CreateKey", &[], &json!({ "name": name })).expect(200).json();
        let text = |field: &str| answer[field].as_str().expect("it is shown once").to_owned();
        Credentials {
            key_id: text("accessKeyId"),
            secret: text("secretAccessKey"),
            region: region.to_owned(),
        }
    }

    pub(crate) fn allow(&self, bucket_id: &str, key: &Credentials, permissions: &[&str]) {
        self.change_permissions("/v2/AllowBucketKey", bucket_id, key, permissions);
    }

    pub(crate) fn deny(&self, bucket_id: &str, key: &Credentials, permissions: &[&str]) {
        self.change_permissions("/v2/DenyBucketKey", bucket_id, key, permissions);
    }

    fn change_permissions(&self, path: &str, bucket_id: &str, key: &Credentials, permissions: &[&str]) {
        let flags: serde_json::Map<String, Value> =
            permissions.iter().map(|name| ((*name).to_owned(), Value::Bool(true))).collect();
        let body = json!({ "bucketId": bucket_id, "accessKeyId": key.key_id, "permissions": flags });
        // The answer counts what the bucket holds: nodes that have just met may not reach a quorum for that yet.
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut answer = self.post(path, &[], &body);
        while answer.status == 503 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
            answer = self.post(path, &[], &body);
        }
        answer.expect(200);
    }

    pub(crate) fn add_local_alias(&self, bucket_id: &str, key: &Credentials, alias: &str) {
        let body = json!({ "bucketId": bucket_id, "accessKeyId": key.key_id, "localAlias": alias });
        self.post("/v2/AddBucketAlias", &[], &body).expect(200);
    }

    pub(crate) fn bucket_id(&self, alias: &str) -> String {
        let answer = self.get("/v2/GetBucketInfo", &[("globalAlias", alias)]).expect(200).json();
        answer["id"].as_str().expect("a bucket id").to_owned()
    }

    pub(crate) fn set_cors(&self, bucket_id: &str, rules: &Value) {
        self.post("/v2/UpdateBucket", &[("id", bucket_id)], &json!({ "corsRules": rules })).expect(200);
    }
}

/// How many polls wait at the node.
fn pollers(admin: &Admin) -> u32 {
    let metrics = admin.get("/metrics", &[]).expect(200);
    let line = metrics.text().lines().find_map(|line| line.strip_prefix("troupe_pollers ")).map(str::trim);
    line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no gauge of pollers: {metrics}"))
}

/// Waits until exactly `count` polls wait at the node, and says how long that took.
pub(crate) fn wait_for_pollers(node: &Node, count: u32) -> Duration {
    wait_until_pollers(node, |waiting| waiting == count)
}

/// Waits until as many polls wait at the node as is wanted, and says how long that took.
pub(crate) fn wait_until_pollers(node: &Node, is_wanted: impl Fn(u32) -> bool) -> Duration {
    let admin = node.admin();
    let begun = Instant::now();
    loop {
        let waiting = pollers(&admin);
        if is_wanted(waiting) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{waiting} polls still wait");
        // A gauge announces its changes to nobody.
        std::thread::sleep(Duration::from_millis(10));
    }
}
