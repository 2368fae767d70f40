//! The shape of the configuration: every key that is obeyed, its type, and what its value must be.

use super::secret::Secret;
use super::size::Bytes;
use super::{ConsistencyMode, Durability, ListenAddr};
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny};
use std::num::NonZeroUsize;
use std::time::Duration;
use troupe_actors::limits::{REPLICATION_FACTOR_MAX, SHARD_COUNT};
use troupe_actors::transport::PeerAddr;

#[derive(Debug, Deserialize)]
pub(super) struct Shape {
    pub(super) metadata_dir: Option<Text>,
    pub(super) replication_factor: Option<Factor>,
    pub(super) replication_mode: Option<ReplicationMode>,
    pub(super) consistency_mode: Option<ConsistencyMode>,
    pub(super) db_engine: Option<Engine>,
    pub(super) lmdb_map_size: Option<MapSize>,
    pub(super) rpc_secret: Option<Secret>,
    pub(super) rpc_secret_file: Option<Text>,
    pub(super) rpc_bind_addr: Option<ListenAddr>,
    pub(super) rpc_public_addr: Option<HostAndPort>,
    #[serde(default)]
    pub(super) bootstrap_peers: PeerList,
    #[serde(default)]
    pub(super) allow_world_readable_secrets: Flag,
    #[serde(default)]
    pub(super) s3_api: S3Api,
    #[serde(default)]
    pub(super) k2v_api: K2vApi,
    #[serde(default)]
    pub(super) admin: AdminApi,
    #[serde(default)]
    pub(super) troupe: Own,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct S3Api {
    pub(super) s3_region: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct K2vApi {
    pub(super) api_bind_addr: Option<ListenAddr>,
    pub(super) s3_region: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AdminApi {
    pub(super) api_bind_addr: Option<ListenAddr>,
    pub(super) admin_token: Option<Secret>,
    pub(super) admin_token_file: Option<Text>,
    pub(super) metrics_token: Option<Secret>,
    pub(super) metrics_token_file: Option<Text>,
    pub(super) metrics_require_token: Flag,
}

/// What only Troupe has.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Own {
    pub(super) bootstrap_expect: Option<Count>,
    pub(super) zone: Option<Text>,
    pub(super) capacity: Option<Capacity>,
    pub(super) durability: Option<Durability>,
    pub(super) lanes: Option<Share>,
    pub(super) http_workers: Option<Share>,
    pub(super) connections_max: Option<Count>,
    pub(super) shard_workers: Option<Share>,
    pub(super) value_bytes_max: Option<Limit>,
    pub(super) body_bytes_max: Option<Limit>,
    pub(super) item_bytes_max: Option<Limit>,
    pub(super) concurrent_values_max: Option<Count>,
    pub(super) clock_window_seconds: Option<Seconds>,
    pub(super) slow_request_ms: Option<Milliseconds>,
}

/// A number of replicas.
#[derive(Debug)]
pub(super) struct Factor(pub(super) NonZeroUsize);

/// Garage's spelling, before 1.0, of factor and consistency in one.
#[derive(Debug)]
pub(super) struct ReplicationMode(pub(super) NonZeroUsize, pub(super) ConsistencyMode);

/// The database that somebody asked for. There is only one.
#[derive(Debug)]
pub(super) enum Engine {
    Lmdb,
    Other(String),
}

/// Text that is not empty.
#[derive(Debug)]
pub(super) struct Text(pub(super) String);

/// Where a node is reached.
#[derive(Debug)]
pub(super) struct HostAndPort(pub(super) String);

/// Where other nodes are. In the environment they are separated by commas.
#[derive(Debug, Default)]
pub(super) struct PeerList(pub(super) Vec<PeerAddr>);

#[derive(Debug, Default)]
pub(super) struct Flag(pub(super) bool);

/// A number of threads or lanes.
#[derive(Debug)]
pub(super) struct Share(pub(super) NonZeroUsize);

/// A number of connections or values.
#[derive(Debug)]
pub(super) struct Count(pub(super) NonZeroUsize);

/// Bytes that a map may grow to.
#[derive(Debug)]
pub(super) struct MapSize(pub(super) u64);

/// Bytes that a node offers.
#[derive(Debug)]
pub(super) struct Capacity(pub(super) u64);

/// Bytes that a client may send.
#[derive(Debug)]
pub(super) struct Limit(pub(super) usize);

#[derive(Debug)]
pub(super) struct Seconds(pub(super) Duration);

#[derive(Debug)]
pub(super) struct Milliseconds(pub(super) Duration);

/// LMDB and postcard count in 32 bits: no value or body comes near.
const LIMIT_BYTES_MAX: u64 = 1 << 30;

/// Threads of one kind, or lanes: not more than there are shards. Each takes a stack and file descriptors, and the system
/// would run out of either first.
const SHARES_MAX: usize = SHARD_COUNT;

/// A value of any type. The environment has only text, which stands for all of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Raw {
    Flag(bool),
    Number(i64),
    Text(String),
    List(Vec<String>),
    Other(IgnoredAny),
}

impl Raw {
    fn text(self) -> Option<String> {
        match self {
            Raw::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    fn number(self) -> Option<u64> {
        match self {
            Raw::Number(number) => u64::try_from(number).ok(),
            Raw::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    fn count(self) -> Option<NonZeroUsize> {
        usize::try_from(self.number()?).ok().and_then(NonZeroUsize::new)
    }

    fn bytes(self) -> Option<u64> {
        match self {
            Raw::Text(text) => text.parse::<Bytes>().ok().map(|bytes| bytes.0),
            other => other.number(),
        }
    }
}

/// A type of the shape: what a value means, and what it must be.
macro_rules! taken {
    ($type:ty, $expected:literal, $meaning:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let meaning: fn(Raw) -> Option<$type> = $meaning;
                meaning(Raw::deserialize(deserializer)?).ok_or_else(|| D::Error::custom($expected))
            }
        }
    };
}

taken!(Text, "text in quotes, not empty", |raw| raw.text().map(Text));
taken!(Secret, "text in quotes, not empty", |raw| raw.text().map(Secret::new));
taken!(ListenAddr, "an address such as \"[::]:3904\", or the absolute path of a Unix socket", |raw| {
    raw.text()?.parse().ok()
});
taken!(HostAndPort, "a host and a port, as \"node1.example:3901\"", |raw| {
    let peer: PeerAddr = raw.text()?.parse().ok()?;
    peer.node.is_none().then_some(HostAndPort(peer.addr))
});
taken!(PeerList, "a list of \"<node id>@<host>:<port>\" or \"<host>:<port>\"", |raw| {
    let peers = match raw {
        Raw::List(texts) => texts,
        Raw::Text(text) => {
            text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
        }
        _ => return None,
    };
    let peers: Result<Vec<PeerAddr>, _> = peers.iter().map(|peer| peer.parse()).collect();
    peers.ok().map(PeerList)
});
taken!(Flag, "true or false", |raw| match raw {
    Raw::Flag(flag) => Some(Flag(flag)),
    Raw::Text(text) => match text.trim() {
        "true" | "1" | "yes" => Some(Flag(true)),
        "false" | "0" | "no" => Some(Flag(false)),
        _ => None,
    },
    _ => None,
});
taken!(Count, "a whole number above 0", |raw| raw.count().map(Count));
taken!(Share, "a whole number from 1 to 1024", |raw| {
    raw.count().filter(|count| count.get() <= SHARES_MAX).map(Share)
});
taken!(Seconds, "a number of seconds", |raw| raw.number().map(|s| Seconds(Duration::from_secs(s))));
taken!(Milliseconds, "a number of milliseconds", |raw| {
    raw.number().map(|ms| Milliseconds(Duration::from_millis(ms)))
});
taken!(MapSize, "a number of bytes such as 1048576, \"10G\" or \"10GiB\"", |raw| {
    raw.bytes().filter(|bytes| *bytes > 0).map(MapSize)
});
taken!(Capacity, "a number of bytes such as \"100G\"", |raw| {
    raw.bytes().filter(|bytes| *bytes > 0).map(Capacity)
});
taken!(Limit, "a number of bytes such as 1048576 or \"1MiB\", at most 1GiB", |raw| {
    let bytes = raw.bytes().filter(|bytes| (1..=LIMIT_BYTES_MAX).contains(bytes))?;
    usize::try_from(bytes).ok().map(Limit)
});
taken!(Factor, "a whole number from 1 to 7", |raw| factor(raw.count()?).map(Factor));
taken!(
    ReplicationMode,
    "\"none\", a number up to 7, or such a number with \"-degraded\" or \"-dangerous\"",
    |raw| {
        let mode = if let Raw::Number(number) = raw { number.to_string() } else { raw.text()? };
        let (replicas, consistency) = match mode.split_once('-') {
            None => (mode.as_str(), ConsistencyMode::Consistent),
            Some((replicas, "degraded")) => (replicas, ConsistencyMode::Degraded),
            Some((replicas, "dangerous")) => (replicas, ConsistencyMode::Dangerous),
            Some(_) => return None,
        };
        let replicas = if replicas == "none" { NonZeroUsize::MIN } else { replicas.parse().ok()? };
        Some(ReplicationMode(factor(replicas)?, consistency))
    }
);
taken!(ConsistencyMode, "\"consistent\", \"degraded\" or \"dangerous\"", |raw| match raw.text()?.as_str() {
    "consistent" => Some(ConsistencyMode::Consistent),
    "degraded" => Some(ConsistencyMode::Degraded),
    "dangerous" => Some(ConsistencyMode::Dangerous),
    _ => None,
});
taken!(Durability, "\"commit\" or \"relaxed\"", |raw| match raw.text()?.as_str() {
    "commit" => Some(Durability::Commit),
    "relaxed" => Some(Durability::Relaxed),
    _ => None,
});
taken!(Engine, "\"lmdb\"", |raw| match raw.text()? {
    engine if engine == "lmdb" => Some(Engine::Lmdb),
    engine if ["sqlite", "fjall", "sled"].contains(&engine.as_str()) => Some(Engine::Other(engine)),
    _ => None,
});

fn factor(replicas: NonZeroUsize) -> Option<NonZeroUsize> {
    (replicas.get() <= REPLICATION_FACTOR_MAX).then_some(replicas)
}
