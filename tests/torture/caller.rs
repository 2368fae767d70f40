//! One client's way to all nodes: connections that it keeps, deadlines, and what an answer means for a write.

use crate::arena::{BUCKET, K2V_PORT};
use crate::harness::percent::{encoded, query_of};
use crate::harness::{Connection, Credentials, Request, Response, base64};
use crate::history::{Outcome, Values};
use base64::Engine;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a client waits for an answer beyond what it asked to wait for.
const PATIENCE: Duration = Duration::from_secs(6);

/// Promises that were broken, as they were seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings(Arc<Mutex<Vec<String>>>);

impl Findings {
    pub(crate) fn add(&self, finding: String) {
        eprintln!("BROKEN: {finding}");
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
    }

    pub(crate) fn check(&self, place: &str, result: Result<(), String>) {
        if let Err(complaint) = result {
            self.add(format!("{place}: {complaint}"));
        }
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How many requests there were, and what became of the writes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) operations: u64,
    pub(crate) acknowledged: u64,
    pub(crate) unknown: u64,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.operations += other.operations;
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
    }
}

/// What one item holds.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// `None` if there is no such item.
    pub(crate) token: Option<String>,
    pub(crate) values: Values,
}

#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) rng: StdRng,
    pub(crate) addrs: Vec<IpAddr>,
    pub(crate) count: Count,
    credentials: Credentials,
    connections: BTreeMap<IpAddr, Connection>,
    /// Whether an item whose row was damaged may be answered with 500.
    pub(crate) allows_damage: bool,
    pub(crate) findings: Findings,
}

impl Caller {
    pub(crate) fn new(
        addrs: Vec<IpAddr>,
        credentials: &Credentials,
        findings: &Findings,
        seed: u64,
    ) -> Caller {
        Caller {
            rng: StdRng::seed_from_u64(seed),
            addrs,
            count: Count::default(),
            credentials: credentials.clone(),
            connections: BTreeMap::new(),
            allows_damage: false,
            findings: findings.clone(),
        }
    }

    /// Any node.
    pub(crate) fn pick(&mut self) -> IpAddr {
        self.addrs[self.rng.random_range(0..self.addrs.len())]
    }

    /// One try. `None` if nobody answered.
    pub(crate) fn call(&mut self, node: IpAddr, request: Request) -> Option<Response> {
        self.call_within(node, request, PATIENCE)
    }

    /// The same, with more patience than usual.
    pub(crate) fn call_within(
        &mut self,
        node: IpAddr,
        request: Request,
        patience: Duration,
    ) -> Option<Response> {
        self.count.operations += 1;
        let addr = SocketAddr::new(node, K2V_PORT);
        let request = self.credentials.sign(request.with("host", &addr.to_string()));
        let connection = match self.connections.remove(&node) {
            Some(connection) => Some(connection),
            None => open(addr).ok(),
        };
        let Some(mut connection) = connection else {
            // Nobody is there: a moment, so that this does not spin.
            std::thread::sleep(Duration::from_millis(20));
            return None;
        };
        let answer = connection.set_patience(patience).and_then(|()| connection.call(&request)).ok()?;
        if !answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.connections.insert(node, connection);
        }
        Some(answer)
    }

    /// What the answer to a write says.
    pub(crate) fn outcome(&mut self, place: &str, answer: Option<&Response>) -> Outcome {
        match answer.map(|answer| answer.status) {
            Some(200 | 204) => {
                self.count.acknowledged += 1;
                Outcome::Done
            }
            // Too many values, no room, a clock that is far off, a key that was revoked.
            Some(409 | 507 | 403) => Outcome::Refused,
            None | Some(503) => {
                self.count.unknown += 1;
                Outcome::Unknown
            }
            Some(500) if self.allows_damage => {
                self.count.unknown += 1;
                Outcome::Unknown
            }
            Some(_) => {
                let answer = answer.map_or_else(String::new, ToString::to_string);
                self.findings.add(format!("{place}: no answer that a write may get: {answer}"));
                Outcome::Unknown
            }
        }
    }

    /// Reads one item at a node, unless the node says that it cannot.
    pub(crate) fn read(&mut self, node: IpAddr, pk: &str, sk: &str) -> Option<Shown> {
        let request = call("GET", pk, &[("sort_key", sk)]).with("accept", "application/json");
        let answer = self.call(node, request)?;
        match answer.status {
            200 => Some(Shown { token: Some(answer.token()), values: values_of(&answer.json()) }),
            404 => Some(Shown { token: None, values: Values::new() }),
            _ => self.excuse(&format!("{pk}/{sk} at {node}"), &answer),
        }
    }

    /// Reads the items of a partition whose sort keys begin so, tombstones included.
    pub(crate) fn list(
        &mut self,
        node: IpAddr,
        pk: &str,
        prefix: &str,
    ) -> Option<BTreeMap<String, Vec<Option<String>>>> {
        let mut found = BTreeMap::new();
        let mut start = Value::Null;
        loop {
            let query = json!([{ "partitionKey": pk, "prefix": prefix, "start": start, "tombstones": true }]);
            let request = bucket("SEARCH", &[]).with_body(query.to_string());
            let answer = self.call(node, request)?;
            if answer.status != 200 {
                return self.excuse(&format!("{pk} at {node}"), &answer);
            }
            let page = &answer.json()[0];
            for item in page["items"].as_array().into_iter().flatten() {
                found.insert(item["sk"].as_str().unwrap_or_default().to_owned(), sorted(&item["v"]));
            }
            if page["more"] != true {
                return Some(found);
            }
            start = page["nextStart"].clone();
        }
    }

    /// `None`; and a finding, if no read may be answered so.
    pub(crate) fn excuse<T>(&self, place: &str, answer: &Response) -> Option<T> {
        let is_allowed = matches!(answer.status, 503 | 403) || answer.status == 500 && self.allows_damage;
        if !is_allowed {
            self.findings.add(format!("{place}: no answer that a read may get: {answer}"));
        }
        None
    }
}

fn open(addr: SocketAddr) -> std::io::Result<Connection> {
    let stream = TcpStream::connect_timeout(&addr, Duration::from_secs(1))?;
    stream.set_nodelay(true)?;
    Ok(Connection::of(stream))
}

/// A call on one partition.
pub(crate) fn call(method: &str, pk: &str, query: &[(&str, &str)]) -> Request {
    Request::new(method, &format!("/{BUCKET}/{}", encoded(pk)), &query_of(query))
}

/// A call on the whole bucket.
pub(crate) fn bucket(method: &str, query: &[(&str, &str)]) -> Request {
    Request::new(method, &format!("/{BUCKET}"), &query_of(query))
}

/// An entry of an InsertBatch.
pub(crate) fn entry(pk: &str, sk: &str, value: &str) -> Value {
    json!({ "pk": pk, "sk": sk, "v": base64(value) })
}

/// A list of values as JSON has it, sorted; `None` is a tombstone.
pub(crate) fn sorted(list: &Value) -> Vec<Option<String>> {
    let decode = |text: &str| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let mut values: Vec<_> =
        list.as_array().into_iter().flatten().map(|value| value.as_str().map(decode)).collect();
    values.sort();
    values
}

/// The same without tombstones.
pub(crate) fn values_of(list: &Value) -> Values {
    sorted(list).into_iter().flatten().collect()
}
