//! From the shape to a [`Config`]: defaults, old spellings, and what contradicts what.

use super::error::ConfigError;
use super::keys;
use super::secret::{Secret, open_config_notice, read_secret_file};
use super::settings::Settings;
use super::shape::{AdminApi, Count, Engine, Limit, Own, Shape, Text};
use super::{
    AdminConfig, BootstrapConfig, Config, ConsistencyMode, K2vConfig, RequestConfig, RpcConfig, StoreConfig,
};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use troupe_actors::causality::Item;
use troupe_actors::limits::ROW_BYTES_MAX;

/// `mode`: the permission bits of the file, if it was read from one.
pub(super) fn config_of(settings: &Settings, mode: Option<u32>) -> Result<Config, ConfigError> {
    let shape: Shape = settings.read_as()?;
    let (replication_factor, consistency_mode) = replication(settings, &shape)?;
    let metadata_dir = shape.metadata_dir.ok_or_else(|| absent(settings, "metadata_dir"))?;
    let default = Config::single_node(PathBuf::from(metadata_dir.0));
    let open_files_are_allowed = shape.allow_world_readable_secrets.0;
    let secret = |key, inline, file_key, file: Option<Text>| {
        secret(settings, (key, inline), (file_key, file), open_files_are_allowed)
    };
    let rpc_secret = secret("rpc_secret", shape.rpc_secret, "rpc_secret_file", shape.rpc_secret_file)?;
    let mut notices = notices(settings, rpc_secret.as_ref(), shape.db_engine);
    if rpc_secret.is_none() && !shape.bootstrap_peers.0.is_empty() {
        notices.push(
            "`bootstrap_peers` has no effect without `rpc_secret`: nodes with the same one speak".to_owned(),
        );
    }
    if !open_files_are_allowed {
        notices.extend(mode.and_then(|mode| open_config_notice(settings, mode)));
    }
    let rpc = RpcConfig {
        bind_addr: shape.rpc_bind_addr.unwrap_or(default.rpc.bind_addr),
        public_addr: shape.rpc_public_addr.map(|addr| addr.0),
        secret: rpc_secret.map(|(_, secret)| secret),
        bootstrap_peers: shape.bootstrap_peers.0,
    };
    let region = shape.k2v_api.s3_region.or(shape.s3_api.s3_region);
    let k2v = K2vConfig {
        bind_addr: shape.k2v_api.api_bind_addr,
        region: region.map_or(default.k2v.region, |region| region.0),
    };
    let AdminApi { admin_token, admin_token_file, metrics_token, metrics_token_file, .. } = shape.admin;
    let admin_token = secret("admin.admin_token", admin_token, "admin.admin_token_file", admin_token_file)?;
    let metrics_token =
        secret("admin.metrics_token", metrics_token, "admin.metrics_token_file", metrics_token_file)?;
    let admin = AdminConfig {
        bind_addr: shape.admin.api_bind_addr,
        admin_token: admin_token.map(|(_, secret)| secret),
        metrics_token: metrics_token.map(|(_, secret)| secret),
        metrics_require_token: shape.admin.metrics_require_token.0,
    };
    let own = shape.troupe;
    Ok(Config {
        metadata_dir: default.metadata_dir,
        replication_factor,
        consistency_mode,
        allow_world_readable_secrets: open_files_are_allowed,
        rpc,
        bootstrap: BootstrapConfig {
            expect: own.bootstrap_expect.as_ref().map(|count| count.0),
            zone: own.zone.as_ref().map(|zone| zone.0.clone()),
            capacity_bytes: own.capacity.as_ref().map(|capacity| capacity.0),
        },
        k2v,
        admin,
        requests: requests(settings, &own, &default.requests)?,
        store: StoreConfig {
            durability: own.durability.unwrap_or(default.store.durability),
            map_size_bytes: shape.lmdb_map_size.map_or(default.store.map_size_bytes, |size| size.0),
            lanes: own.lanes.map(|count| count.0),
        },
        http_workers: own.http_workers.map(|count| count.0),
        connections_max: own.connections_max.map(|count| count.0),
        shard_workers: own.shard_workers.map(|count| count.0),
        notices,
    })
}

fn absent(settings: &Settings, key: &'static str) -> ConfigError {
    let variable = keys::find(key).and_then(|key| key.variables().next()).unwrap_or_default();
    ConfigError::Absent { key, path: settings.file.clone(), variable }
}

/// `replication_factor` and `consistency_mode`, or what Garage had before 1.0: `replication_mode` for both.
fn replication(settings: &Settings, shape: &Shape) -> Result<(NonZeroUsize, ConsistencyMode), ConfigError> {
    match (&shape.replication_factor, &shape.replication_mode) {
        (Some(_), Some(_)) => Err(twice(settings, "replication_factor", "replication_mode")),
        (None, Some(mode)) => Ok((mode.0, mode.1)),
        (Some(factor), None) => Ok((factor.0, shape.consistency_mode.unwrap_or(ConsistencyMode::Consistent))),
        (None, None) => Err(absent(settings, "replication_factor")),
    }
}

fn twice(settings: &Settings, first: &'static str, second: &'static str) -> ConfigError {
    let origin = |key| settings.origin(key);
    ConfigError::Twice { first, first_origin: origin(first), second, second_origin: origin(second) }
}

fn requests(settings: &Settings, own: &Own, default: &RequestConfig) -> Result<RequestConfig, ConfigError> {
    let bytes = |limit: &Option<Limit>, default| limit.as_ref().map_or(default, |limit| limit.0);
    let count = |count: &Option<Count>, default| count.as_ref().map_or(default, |count| count.0.get());
    let requests = RequestConfig {
        value_bytes_max: bytes(&own.value_bytes_max, default.value_bytes_max),
        body_bytes_max: bytes(&own.body_bytes_max, default.body_bytes_max),
        item_bytes_max: bytes(&own.item_bytes_max, default.item_bytes_max),
        concurrent_values_max: count(&own.concurrent_values_max, default.concurrent_values_max),
        clock_window: own.clock_window_seconds.as_ref().map_or(default.clock_window, |window| window.0),
        slow_request: own.slow_request_ms.as_ref().map_or(default.slow_request, |slow| slow.0),
    };
    // A single value is taken however few bytes an item may have.
    let bytes = requests.value_bytes_max.max(requests.item_bytes_max) as u64;
    let bytes = Item::encoded_bytes_max(requests.concurrent_values_max as u64, bytes);
    if bytes > ROW_BYTES_MAX {
        let origin = settings.origin("troupe.concurrent_values_max");
        return Err(ConfigError::ItemTooLong { origin, bytes, bytes_max: ROW_BYTES_MAX });
    }
    Ok(requests)
}

fn notices(
    settings: &Settings,
    rpc_secret: Option<&(&'static str, Secret)>,
    engine: Option<Engine>,
) -> Vec<String> {
    let mut notices = settings.notices();
    if let Some((key, secret)) = rpc_secret
        && hex::decode(secret.reveal()).map_or(true, |bytes| bytes.len() != 32)
    {
        notices.push(format!(
            "`{key}` is not 64 hex digits: it is used as it is, but what can be guessed protects no cluster; \
             `openssl rand -hex 32` prints a good one"
        ));
    }
    if let Some(Engine::Other(engine)) = engine {
        notices.push(format!("db_engine = \"{engine}\" is not used: Troupe keeps everything in LMDB"));
    }
    notices
}

/// A secret and the key that gave it: in place, or as the name of a file.
fn secret(
    settings: &Settings,
    (key, inline): (&'static str, Option<Secret>),
    (file_key, file): (&'static str, Option<Text>),
    open_files_are_allowed: bool,
) -> Result<Option<(&'static str, Secret)>, ConfigError> {
    match (inline, file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(twice(settings, key, file_key)),
        (Some(secret), None) => Ok(Some((key, secret))),
        (None, Some(Text(path))) => {
            let origin = settings.origin(file_key);
            let secret = read_secret_file(file_key, &origin, &PathBuf::from(path), open_files_are_allowed)?;
            if secret.reveal().is_empty() {
                return Err(settings.refuse(file_key, "the path of a file that is not empty"));
            }
            Ok(Some((file_key, secret)))
        }
    }
}
