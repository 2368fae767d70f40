//! Writers that work through all nodes, and what each was promised.
//!
//! A writer has keys of its own. It replaces a value with the token of its last read, adds concurrent values without one,
//! and deletes; a request without a clear answer may have happened or not, and stays in doubt for ever.

use crate::cluster::BUCKET;
use crate::harness::percent::{encoded, query_of};
use crate::harness::{Connection, Credentials, Item, Request, Response};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const KEYS_OF_A_WRITER: usize = 8;

/// A value that was written, and what became of the writes that cover it.
#[derive(Clone, Debug, Default)]
struct Fate {
    /// Somebody was told that it is stored.
    acknowledged: bool,
    /// A write whose token covered it was acknowledged.
    superseded: bool,
    /// A write whose token covered it may have happened.
    in_doubt: bool,
}

/// What one key was promised.
#[derive(Debug, Default)]
struct Key {
    fates: BTreeMap<String, Fate>,
    /// The last token that was read, and the values that it covers.
    read: Option<(String, BTreeSet<String>)>,
}

/// One writer's keys.
#[derive(Debug)]
pub(crate) struct Promises {
    pk: String,
    keys: BTreeMap<String, Key>,
    pub(crate) acknowledged: u64,
    pub(crate) unknown: u64,
    pub(crate) reads: u64,
}

/// Writers at work.
#[derive(Debug)]
pub(crate) struct Load {
    is_over: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    writers: Vec<JoinHandle<Promises>>,
}

impl Load {
    /// Starts writers that know all of these addresses.
    pub(crate) fn start(writers: usize, addrs: &[SocketAddr], credentials: &Credentials, seed: u64) -> Load {
        let is_over = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicU64::new(0));
        let start = |writer: usize| {
            let mut worker = Worker {
                rng: StdRng::seed_from_u64(seed.wrapping_mul(1000).wrapping_add(writer as u64)),
                addrs: addrs.to_vec(),
                credentials: credentials.clone(),
                connections: BTreeMap::new(),
                total: Arc::clone(&acknowledged),
                promises: Promises::new(format!("writer-{seed}-{writer}")),
            };
            let is_over = Arc::clone(&is_over);
            std::thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    worker.turn();
                }
                worker.promises
            })
        };
        let writers = (0..writers).map(start).collect();
        Load { is_over, acknowledged, writers }
    }

    /// How many writes were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Ends the writers, and gives what they were promised. A broken promise that one of them saw fails the story.
    pub(crate) fn finish(self) -> Vec<Promises> {
        self.is_over.store(true, Ordering::Relaxed);
        self.writers.into_iter().map(|writer| writer.join().expect("no promise was broken")).collect()
    }
}

impl Promises {
    fn new(pk: String) -> Promises {
        Promises { pk, keys: BTreeMap::new(), acknowledged: 0, unknown: 0, reads: 0 }
    }

    /// Checks every key at one node.
    pub(crate) fn check(&self, addr: SocketAddr, credentials: &Credentials) {
        for (sk, key) in &self.keys {
            let request = get(&self.pk, sk, addr);
            let mut connection = Connection::open(addr).expect("the node takes connections");
            let answer = connection.call(&credentials.sign(request)).expect("the node answers");
            let values = match answer.status {
                404 => BTreeSet::new(),
                200 => values_of(&Item::of_answer(&answer)),
                _ => panic!("{}/{sk} at {addr}: {answer}", self.pk),
            };
            key.check(&values, &format!("{}/{sk} at {addr}", self.pk));
        }
    }
}

impl Key {
    /// Every acknowledged value that nothing can have covered is there; every value that an acknowledged write covered is
    /// not.
    fn check(&self, values: &BTreeSet<String>, place: &str) {
        for (value, fate) in &self.fates {
            let is_there = values.contains(value);
            if fate.acknowledged && !fate.superseded && !fate.in_doubt {
                assert!(
                    is_there,
                    "{place}: {value} was acknowledged, nothing covered it, and it is lost: {values:?}"
                );
            }
            if fate.superseded {
                assert!(
                    !is_there,
                    "{place}: {value} was covered by an acknowledged write, and is back: {values:?}"
                );
            }
        }
        for value in values {
            assert!(self.fates.contains_key(value), "{place}: {value} came from nowhere");
        }
    }
}

struct Worker {
    rng: StdRng,
    addrs: Vec<SocketAddr>,
    credentials: Credentials,
    connections: BTreeMap<SocketAddr, Connection>,
    total: Arc<AtomicU64>,
    promises: Promises,
}

impl Worker {
    fn turn(&mut self) {
        let sk = format!("key-{}", self.rng.random_range(0..KEYS_OF_A_WRITER));
        match self.rng.random_range(0..10) {
            0..4 => self.read(&sk),
            4..8 => self.write(&sk, true),
            8 => self.write(&sk, false),
            _ => self.delete(&sk),
        }
    }

    fn read(&mut self, sk: &str) {
        let addr = self.pick();
        let request = get(&self.promises.pk, sk, addr);
        let Some(answer) = self.call(addr, request) else { return };
        let values = match answer.status {
            200 => values_of(&Item::of_answer(&answer)),
            404 => BTreeSet::new(),
            503 => return,
            _ => panic!("{sk} at {addr}: {answer}"),
        };
        self.promises.reads += 1;
        let key = self.promises.keys.entry(sk.to_owned()).or_default();
        key.check(&values, &format!("{}/{sk} at {addr}", self.promises.pk));
        key.read = (answer.status == 200).then(|| (answer.token(), values));
    }

    fn write(&mut self, sk: &str, with_token: bool) {
        let value = format!("{}", self.rng.random::<u64>());
        let read = self.read_of(sk).filter(|_| with_token);
        let addr = self.pick();
        let mut request = call("PUT", &self.promises.pk, sk, addr).with_body(value.as_bytes());
        if let Some((token, _)) = &read {
            request = request.with("x-garage-causality-token", token);
        }
        let covered = read.map(|(_, values)| values).unwrap_or_default();
        self.promises.keys.entry(sk.to_owned()).or_default().fates.insert(value.clone(), Fate::default());
        let answer = self.call(addr, request);
        self.settle(sk, Some(&value), &covered, answer.as_ref());
    }

    fn delete(&mut self, sk: &str) {
        let Some((token, covered)) = self.read_of(sk) else { return };
        let addr = self.pick();
        let request = call("DELETE", &self.promises.pk, sk, addr).with("x-garage-causality-token", &token);
        let answer = self.call(addr, request);
        self.settle(sk, None, &covered, answer.as_ref());
    }

    /// A token serves one write: the next one reads first.
    fn read_of(&mut self, sk: &str) -> Option<(String, BTreeSet<String>)> {
        self.promises.keys.get_mut(sk)?.read.take()
    }

    /// Writes down what an answer promises; without a clear one the write may have happened.
    fn settle(
        &mut self,
        sk: &str,
        value: Option<&str>,
        covered: &BTreeSet<String>,
        answer: Option<&Response>,
    ) {
        let key = self.promises.keys.entry(sk.to_owned()).or_default();
        match answer.map(|answer| answer.status) {
            Some(204) => {
                self.promises.acknowledged += 1;
                self.total.fetch_add(1, Ordering::Relaxed);
                if let Some(value) = value {
                    key.fates.entry(value.to_owned()).or_default().acknowledged = true;
                }
                for old in covered {
                    key.fates.entry(old.clone()).or_default().superseded = true;
                }
            }
            // Too many concurrent values: nothing happened.
            Some(409) => {
                value.map(|value| key.fates.remove(value));
            }
            None | Some(503) => {
                self.promises.unknown += 1;
                for old in covered {
                    key.fates.entry(old.clone()).or_default().in_doubt = true;
                }
            }
            Some(status) => {
                panic!("{sk}: {status}: {}", answer.map_or_else(String::new, ToString::to_string))
            }
        }
    }

    fn pick(&mut self) -> SocketAddr {
        self.addrs[self.rng.random_range(0..self.addrs.len())]
    }

    /// One try. `None` if nobody answered.
    fn call(&mut self, addr: SocketAddr, request: Request) -> Option<Response> {
        let mut connection = match self.connections.remove(&addr) {
            Some(connection) => connection,
            None => match Connection::open(addr) {
                Ok(connection) => connection,
                Err(_) => {
                    // Nobody listens there: a moment, so that this does not spin.
                    std::thread::sleep(Duration::from_millis(5));
                    return None;
                }
            },
        };
        let answer = connection.call(&self.credentials.sign(request)).ok()?;
        let is_closing = answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if !is_closing {
            self.connections.insert(addr, connection);
        }
        Some(answer)
    }
}

fn get(pk: &str, sk: &str, addr: SocketAddr) -> Request {
    call("GET", pk, sk, addr).with("accept", "application/json")
}

fn call(method: &str, pk: &str, sk: &str, addr: SocketAddr) -> Request {
    let path = format!("/{BUCKET}/{}", encoded(pk));
    Request::new(method, &path, &query_of(&[("sort_key", sk)])).with("host", &addr.to_string())
}

fn values_of(item: &Item) -> BTreeSet<String> {
    let values = item.values.iter().flatten();
    values.map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}
