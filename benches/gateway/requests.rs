//! What is asked, rendered and signed ahead of time.

use crate::node::Node;
use crate::sign::Signer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const VALUE: [u8; 256] = [b'v'; 256];
const PARTITIONS: usize = 1000;
const BATCH: usize = 100;
/// Requests of one measurement that each write a key of their own: more than a node manages in that time.
const FRESH_PER_SECOND: f64 = 70_000.0;
const FRESH_BATCHES_PER_SECOND: f64 = 6_000.0;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    Read,
    Insert,
    /// Inserts whose keys grow, as those of a log or a mailbox.
    Log,
    /// Inserts of keys without any order.
    Random,
    Mixed,
    Batch,
    /// Batches whose items lie in as many partitions.
    Scatter,
    Range,
}

impl Workload {
    pub(crate) const ALL: [Workload; 8] = [
        Workload::Read,
        Workload::Insert,
        Workload::Log,
        Workload::Random,
        Workload::Mixed,
        Workload::Batch,
        Workload::Scatter,
        Workload::Range,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::Read => "read",
            Workload::Insert => "insert",
            Workload::Log => "log",
            Workload::Random => "random",
            Workload::Mixed => "mixed",
            Workload::Batch => "batch",
            Workload::Scatter => "scatter",
            Workload::Range => "range",
        }
    }

    pub(crate) fn unit(self) -> &'static str {
        match self {
            Workload::Read => "reads",
            Workload::Insert | Workload::Log | Workload::Random => "inserts",
            Workload::Mixed => "requests",
            Workload::Batch | Workload::Scatter => "items",
            Workload::Range => "ranges",
        }
    }

    pub(crate) fn items_per_request(self) -> usize {
        if matches!(self, Workload::Batch | Workload::Scatter) { BATCH } else { 1 }
    }

    /// The shortest body of an answer that holds what was asked for.
    pub(crate) fn body_bytes_min(self) -> usize {
        match self {
            Workload::Read => VALUE.len(),
            Workload::Range => BATCH * VALUE.len() * 4 / 3,
            Workload::Insert
            | Workload::Log
            | Workload::Random
            | Workload::Mixed
            | Workload::Batch
            | Workload::Scatter => 0,
        }
    }

    /// Whether the same requests may be sent again: writes without a token would pile up siblings.
    pub(crate) fn repeats(self) -> bool {
        matches!(self, Workload::Read | Workload::Range)
    }
}

/// Writes of what a workload reads.
pub(crate) fn stored(workload: Workload, node: &Node) -> Vec<Vec<u8>> {
    let signer = signer(node);
    let items = match workload {
        Workload::Read | Workload::Mixed => 1,
        Workload::Range => 10,
        Workload::Insert | Workload::Log | Workload::Random | Workload::Batch | Workload::Scatter => {
            return Vec::new();
        }
    };
    (0..PARTITIONS / 10)
        .flat_map(|partition| (0..items).map(move |page| (partition, page)))
        .map(|(partition, page)| {
            let names = (0..BATCH).map(|item| match workload {
                Workload::Range => (format!("range{partition}"), format!("{:06}", page * BATCH + item)),
                _ => (format!("read{}", partition * 10 + item % 10), format!("{:06}", item / 10)),
            });
            signer.request("POST", &format!("/{}", node.bucket), "", "*/*", &batch_body(names))
        })
        .collect()
}

/// Batches that store so many items before anything is measured, with keys without order, in the partitions that the
/// inserts write to.
pub(crate) fn filling(node: &Node, items: usize) -> Vec<Vec<u8>> {
    let signer = signer(node);
    let batch = |batch: usize| {
        let names = (0..BATCH).map(|item| {
            let n = batch * BATCH + item;
            (format!("{}-{}", INSERTED[n % INSERTED.len()], n / 3 % PARTITIONS), scrambled(usize::MAX, n))
        });
        signer.request("POST", &format!("/{}", node.bucket), "", "*/*", &batch_body(names))
    };
    (0..items.div_ceil(BATCH)).map(batch).collect()
}

/// The names of the partitions that inserts write to.
const INSERTED: [&str; 3] = ["insert", "log", "random"];

/// A key of its own for each round and number, in no order (the finaliser of SplitMix64).
fn scrambled(round: usize, n: usize) -> String {
    let mut z = (round as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(n as u64);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    format!("{:016x}", z ^ (z >> 31))
}

/// The requests of one measurement.
pub(crate) fn render(workload: Workload, node: &Node, round: usize, seconds: f64) -> Vec<Vec<u8>> {
    let signer = signer(node);
    let bucket = &node.bucket;
    let read = |n: usize| {
        let (partition, item) = (n * 7919 % PARTITIONS, n / PARTITIONS % 10);
        let path = format!("/{bucket}/read{partition}");
        signer.request("GET", &path, &format!("sort_key={item:06}"), "application/octet-stream", b"")
    };
    let insert = |n: usize| {
        let path = format!("/{bucket}/{}-{}", workload.name(), n * 7919 % PARTITIONS);
        let sort_key = match workload {
            Workload::Log => format!("log-{round:04}-{n:012}"),
            Workload::Random => scrambled(round, n),
            _ => format!("{round}-{n}"),
        };
        signer.request("PUT", &path, &format!("sort_key={sort_key}"), "*/*", &VALUE)
    };
    let partition = |batch: usize, item: usize| match workload {
        Workload::Scatter => format!("scatter{}", (batch + item * 10) % PARTITIONS),
        _ => format!("batch{}", batch % PARTITIONS),
    };
    let fresh = (FRESH_PER_SECOND * (seconds + 1.0)) as usize;
    match workload {
        Workload::Read => (0..20_000).map(read).collect(),
        Workload::Insert | Workload::Log | Workload::Random => (0..fresh).map(insert).collect(),
        Workload::Mixed => (0..fresh).map(|n| if n % 5 == 0 { insert(n) } else { read(n) }).collect(),
        Workload::Batch | Workload::Scatter => (0..(FRESH_BATCHES_PER_SECOND * (seconds + 1.0)) as usize)
            .map(|n| {
                let names = (0..BATCH).map(|item| (partition(n, item), format!("{round}-{n}-{item}")));
                signer.request("POST", &format!("/{bucket}"), "", "*/*", &batch_body(names))
            })
            .collect(),
        Workload::Range => (0..5_000)
            .map(|n| {
                let (partition, start) = (n % (PARTITIONS / 10), n * 7919 % 900);
                let body = format!(
                    r#"[{{"partitionKey":"range{partition}","start":"{start:06}","limit":{BATCH}}}]"#
                );
                signer.request("SEARCH", &format!("/{bucket}"), "", "application/json", body.as_bytes())
            })
            .collect(),
    }
}

/// A read of an item that is [`stored`] for the reads, for its token.
pub(crate) fn read_of_polled(node: &Node) -> Vec<u8> {
    signer(node).request("GET", &polled(node), POLLED_QUERY, "*/*", b"")
}

/// A poll of that item, which nobody writes.
pub(crate) fn poll(node: &Node, token: &str) -> Vec<u8> {
    let query = format!("causality_token={token}&{POLLED_QUERY}&timeout=120");
    signer(node).request("GET", &polled(node), &query, "*/*", b"")
}

const POLLED_QUERY: &str = "sort_key=000000";

fn polled(node: &Node) -> String {
    format!("/{}/read0", node.bucket)
}

fn batch_body(names: impl Iterator<Item = (String, String)>) -> Vec<u8> {
    let value = STANDARD.encode(VALUE);
    let items: Vec<String> =
        names.map(|(pk, sk)| format!(r#"{{"pk":"{pk}","sk":"{sk}","ct":null,"v":"{value}"}}"#)).collect();
    format!("[{}]", items.join(",")).into_bytes()
}

fn signer(node: &Node) -> Signer {
    Signer::new(&node.key_id, &node.secret, &node.region, &node.address.to_string())
}
