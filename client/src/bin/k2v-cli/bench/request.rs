//! Requests that are ready before they are sent.
//!
//! All requests of a workload have the same length and differ in a few places: keys, the head of the value, the digest of the
//! body, the signature. So one request is rendered as a template, and of every other only digest and signature are kept, 64 bytes.
//! To send one costs a few copies; hashing and signing are done before the clock starts.

use std::num::NonZero;
use std::ops::Range;
use std::thread;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt;
use http::Request;
use http_body_util::{BodyExt, Full};
use k2v_client::{BatchInsert, BatchRead, Call, InvalidArgument, K2vClient, KeyRange};

use super::keyspace::{Keyspace, VALUE_DIGITS};
use crate::failure::Failure;

/// What one request of a workload does. `number` is the number of an item, or of a group of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads the item.
    Read,
    /// Inserts the item.
    Insert,
    /// Inserts as many items as this, all of one partition.
    Batch(u64),
    /// Reads so many items of the partition.
    Range(u64),
}

impl Kind {
    /// The first item that a request is about.
    fn first_item(self, keys: &Keyspace, number: u64) -> u64 {
        match self {
            Self::Read | Self::Insert | Self::Range(_) => number,
            // The items of a batch lie a round of partitions apart, so that they share one.
            Self::Batch(size) => {
                let round = number / keys.partitions();
                round * keys.partitions() * size + number % keys.partitions()
            }
        }
    }

    /// Every item that a request inserts, or reads by its key.
    pub(crate) fn items(self, keys: &Keyspace, number: u64) -> impl Iterator<Item = u64> + use<> {
        let (first, step) = (self.first_item(keys, number), keys.partitions());
        let count = match self {
            Self::Read | Self::Insert | Self::Range(_) => 1,
            Self::Batch(size) => size,
        };
        (0..count).map(move |index| first + index * step)
    }

    fn call(self, bucket: &str, keys: &Keyspace, number: u64) -> Result<Call, InvalidArgument> {
        let item = self.first_item(keys, number);
        match self {
            Self::Read => Call::read_item(bucket, &keys.pk(item), &Keyspace::sk(item)),
            Self::Insert => {
                Call::insert_item(bucket, &keys.pk(item), &Keyspace::sk(item), keys.value(item), None)
            }
            Self::Batch(_) => {
                let items = self.items(keys, number);
                let op = |item| BatchInsert::new(keys.pk(item), Keyspace::sk(item), keys.value(item));
                Call::insert_batch(bucket, &items.map(op).collect::<Vec<_>>())
            }
            Self::Range(size) => {
                let range = KeyRange::all().limit(size);
                Call::read_batch(bucket, &[BatchRead::range(keys.pk(item), range)])
            }
        }
    }
}

/// Where a template changes from request to request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Patch {
    /// The partition key.
    PartitionKey(usize),
    /// The sort key of the so-manyth item.
    SortKey(usize, u64),
    /// The head of the so-manyth item's value, as it is.
    Value(usize, u64),
    /// The head of the so-manyth item's value, in base64.
    Base64Value(usize, u64),
    Digest(usize),
    Signature(usize),
}

/// One rendered request, and where the others differ.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    kind: Kind,
    bytes: Vec<u8>,
    patches: Vec<Patch>,
}

/// What has to be computed for each request.
#[derive(Clone, Copy, Debug)]
struct Seal {
    digest: [u8; 32],
    signature: [u8; 32],
}

/// Signed requests, by their numbers.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) template: Template,
    keys: Keyspace,
    first: u64,
    seals: Vec<Seal>,
}

impl Pool {
    /// Signs the requests of a range of numbers, on all cores.
    pub(crate) fn sign(
        client: &K2vClient,
        bucket: &str,
        kind: Kind,
        keys: &Keyspace,
        numbers: Range<u64>,
    ) -> Result<Self, Failure> {
        let now = SystemTime::now();
        let template = Template::new(client, bucket, kind, keys, numbers.start, now)?;
        let seal = |number| -> Result<Seal, Failure> {
            let call = kind.call(bucket, keys, number).map_err(k2v_client::Error::from)?;
            seal_of(&client.signed_request_at(&call, now)?)
        };
        let cores = thread::available_parallelism().map_or(1, NonZero::get) as u64;
        let share = (numbers.end - numbers.start).div_ceil(cores).max(1);
        let seals = thread::scope(|scope| {
            let workers: Vec<_> = (0..cores)
                .map(|core| {
                    let start = (numbers.start + core * share).min(numbers.end);
                    let end = (start + share).min(numbers.end);
                    scope.spawn(move || (start..end).map(seal).collect::<Result<Vec<_>, _>>())
                })
                .collect();
            let mut seals = Vec::new();
            for worker in workers {
                let signed = worker.join().map_err(|_| Failure::other("a signing thread failed"))?;
                seals.extend(signed?);
            }
            Ok::<_, Failure>(seals)
        })?;
        Ok(Self { template, keys: keys.clone(), first: numbers.start, seals })
    }

    pub(crate) fn numbers(&self) -> Range<u64> {
        self.first..self.first + self.seals.len() as u64
    }

    /// Makes `buffer`, which holds a request of this pool, the request of another number.
    pub(crate) fn render(&self, number: u64, buffer: &mut [u8]) {
        let seal = &self.seals[usize::try_from(number - self.first).unwrap_or(usize::MAX)];
        let kind = self.template.kind;
        let first = kind.first_item(&self.keys, number);
        let item = |index: u64| first + index * self.keys.partitions();
        for patch in &self.template.patches {
            match *patch {
                Patch::PartitionKey(at) => put(buffer, at, self.keys.pk(first).as_bytes()),
                Patch::SortKey(at, index) => put(buffer, at, Keyspace::sk(item(index)).as_bytes()),
                Patch::Value(at, index) => put(buffer, at, &Keyspace::value_head(item(index))),
                Patch::Base64Value(at, index) => {
                    put(buffer, at, STANDARD.encode(Keyspace::value_head(item(index))).as_bytes());
                }
                Patch::Digest(at) => put(buffer, at, hex::encode(seal.digest).as_bytes()),
                Patch::Signature(at) => put(buffer, at, hex::encode(seal.signature).as_bytes()),
            }
        }
    }
}

fn put(buffer: &mut [u8], at: usize, bytes: &[u8]) {
    buffer[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Template {
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// A buffer to render into.
    pub(crate) fn buffer(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    fn new(
        client: &K2vClient,
        bucket: &str,
        kind: Kind,
        keys: &Keyspace,
        number: u64,
        now: SystemTime,
    ) -> Result<Self, Failure> {
        let call = kind.call(bucket, keys, number).map_err(k2v_client::Error::from)?;
        let request = client.signed_request_at(&call, now)?;
        let seal = seal_of(&request)?;
        let (bytes, body_at) = render(request);
        let mut search = Search { bytes: &bytes, at: 0, patches: Vec::new() };
        let first = kind.first_item(keys, number);
        let pk = keys.pk(first);
        match kind {
            Kind::Read | Kind::Insert => {
                search.find(pk.as_bytes(), Patch::PartitionKey);
                search.find(Keyspace::sk(first).as_bytes(), |at| Patch::SortKey(at, 0));
            }
            Kind::Batch(_) | Kind::Range(_) => {}
        }
        search.seals(&seal);
        search.at = body_at;
        match kind {
            Kind::Insert if keys.values_have_heads() => search.patches.push(Patch::Value(body_at, 0)),
            Kind::Read | Kind::Insert => {}
            Kind::Range(_) => search.find(pk.as_bytes(), Patch::PartitionKey),
            Kind::Batch(size) => {
                for (index, item) in (0..size).zip(kind.items(keys, number)) {
                    search.find(pk.as_bytes(), Patch::PartitionKey);
                    search.find(Keyspace::sk(item).as_bytes(), |at| Patch::SortKey(at, index));
                    if keys.values_have_heads() {
                        let head = STANDARD.encode(Keyspace::value_head(item));
                        search.find(head.as_bytes(), |at| Patch::Base64Value(at, index));
                    }
                }
            }
        }
        let patches = search.patches;
        Ok(Self { kind, bytes, patches })
    }
}

/// Looks for the places to patch, from front to back.
struct Search<'a> {
    bytes: &'a [u8],
    at: usize,
    patches: Vec<Patch>,
}

impl Search<'_> {
    fn find(&mut self, needle: &[u8], patch: impl FnOnce(usize) -> Patch) {
        let found = self.bytes[self.at..].windows(needle.len()).position(|window| window == needle);
        if let Some(offset) = found {
            self.patches.push(patch(self.at + offset));
            self.at += offset + needle.len();
        }
    }

    /// Digest and signature may come in any order, and the digest is not always there twice.
    fn seals(&mut self, seal: &Seal) {
        let start = self.at;
        self.find(hex::encode(seal.digest).as_bytes(), Patch::Digest);
        self.at = start;
        self.find(hex::encode(seal.signature).as_bytes(), Patch::Signature);
    }
}

/// The request as it goes over the wire, and where its body begins.
fn render(request: Request<Full<Bytes>>) -> (Vec<u8>, usize) {
    let (head, body) = request.into_parts();
    let body = body.collect().now_or_never().and_then(Result::ok).map(http_body_util::Collected::to_bytes);
    let body = body.unwrap_or_default();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut bytes = format!("{} {target} HTTP/1.1\r\n", head.method).into_bytes();
    for (name, value) in &head.headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    if !body.is_empty() {
        bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    let body_at = bytes.len();
    bytes.extend_from_slice(&body);
    (bytes, body_at)
}

fn seal_of(request: &Request<Full<Bytes>>) -> Result<Seal, Failure> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let digest = header("x-amz-content-sha256").and_then(decode);
    let signature = header("authorization")
        .and_then(|text| text.rsplit_once("Signature="))
        .and_then(|(_, hex)| decode(hex));
    match (digest, signature) {
        (Some(digest), Some(signature)) => Ok(Seal { digest, signature }),
        (None, _) | (_, None) => Err(Failure::other("the signed request has no digest or no signature")),
    }
}

fn decode(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

const _: () = assert!(VALUE_DIGITS.is_multiple_of(3), "base64 would mix the head with the rest");

#[cfg(test)]
mod tests {
    use super::*;

    /// Renders a request from the pool, and anew: both must be the same bytes.
    fn check(kind: Kind, value_bytes: usize) {
        let client = K2vClient::new("garage", "http://h:1", "GK1", "hush").unwrap();
        let keys = Keyspace::new("run-".into(), 7, value_bytes);
        let pool = Pool::sign(&client, "b", kind, &keys, 10..40).unwrap();
        assert_eq!(pool.numbers(), 10..40);
        let mut buffer = pool.template.buffer();
        for number in [39, 10, 25, 24] {
            pool.render(number, &mut buffer);
            let fresh = Pool::sign(&client, "b", kind, &keys, number..number + 1).unwrap();
            // The two were signed at different times: what differs may only be the time and its signature.
            let text = String::from_utf8_lossy(&buffer);
            let fresh_text = String::from_utf8_lossy(&fresh.template.bytes).into_owned();
            for (line, fresh_line) in text.split("\r\n").zip(fresh_text.split("\r\n")) {
                if !line.starts_with("x-amz-date") && !line.starts_with("authorization") {
                    assert_eq!(line, fresh_line);
                }
            }
            let seal = pool.seals[usize::try_from(number - 10).unwrap()];
            assert!(text.contains(&hex::encode(seal.signature)), "{text}");
        }
    }

    #[test]
    fn a_request_from_the_pool_is_the_request_itself() {
        check(Kind::Read, 256);
        check(Kind::Insert, 256);
        check(Kind::Insert, 3);
        check(Kind::Batch(5), 256);
        check(Kind::Batch(1), 0);
        check(Kind::Range(100), 256);
    }

    #[test]
    fn the_items_of_batches_are_of_one_partition_and_no_two_batches_share_one() {
        let keys = Keyspace::new("run-".into(), 7, 16);
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..20 {
            let items: Vec<_> = Kind::Batch(5).items(&keys, number).collect();
            assert!(items.iter().all(|&item| keys.pk(item) == keys.pk(items[0])));
            assert!(items.into_iter().all(|item| seen.insert(item)));
        }
    }
}
