//! From settings to a [`Config`]: defaults, old spellings, and what contradicts what.

use super::error::ConfigError;
use super::keys;
use super::secret::{Secret, read_secret_file};
use super::settings::{Setting, Settings, Value};
use super::{
    AdminConfig, Config, ConsistencyMode, Durability, K2vConfig, RequestConfig, RpcConfig, StoreConfig,
};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;
use troupe_actors::limits::REPLICATION_FACTOR_MAX;

const AN_ADDRESS: &str = "an address such as \"[::]:3904\", or the absolute path of a Unix socket";

pub(super) fn config_of(settings: &Settings) -> Result<Config, ConfigError> {
    let metadata_dir = settings.text("metadata_dir")?.ok_or_else(|| absent(settings, "metadata_dir"))?;
    let default = Config::single_node(PathBuf::from(metadata_dir));
    let (replication_factor, consistency_mode) = replication(settings)?;
    Ok(Config {
        replication_factor,
        consistency_mode,
        rpc: rpc(settings, default.rpc)?,
        k2v: k2v(settings, default.k2v)?,
        admin: admin(settings)?,
        store: store(settings, &default.store)?,
        requests: requests(settings, &default.requests)?,
        http_workers: settings.positive("troupe.http_workers")?,
        connections_max: settings.positive("troupe.connections_max")?,
        shard_workers: settings.positive("troupe.shard_workers")?,
        notices: notices(settings)?,
        metadata_dir: default.metadata_dir,
    })
}

fn absent(settings: &Settings, key: &'static str) -> ConfigError {
    let variable = keys::find(key).and_then(|key| key.variables().next()).unwrap_or_default();
    ConfigError::Absent { key, path: settings.file.clone(), variable }
}

/// `replication_factor` and `consistency_mode`, or what Garage had before 1.0: `replication_mode` for both.
fn replication(settings: &Settings) -> Result<(NonZeroUsize, ConsistencyMode), ConfigError> {
    let mode = settings.get("replication_mode");
    let factor = settings.get("replication_factor");
    if let (Some(mode), Some(factor)) = (mode, factor) {
        return Err(ConfigError::Twice {
            first: "replication_factor",
            first_origin: factor.origin.clone(),
            second: "replication_mode",
            second_origin: mode.origin.clone(),
        });
    }
    if let Some(mode) = mode {
        return replication_mode(settings, mode);
    }
    let factor = settings.positive("replication_factor")?;
    let factor = factor.ok_or_else(|| absent(settings, "replication_factor"))?;
    if factor.get() > REPLICATION_FACTOR_MAX {
        return Err(settings.refuse("replication_factor", "a whole number from 1 to 7"));
    }
    let expected = "\"consistent\", \"degraded\" or \"dangerous\"";
    let mode = match settings.text("consistency_mode")? {
        None | Some("consistent") => ConsistencyMode::Consistent,
        Some("degraded") => ConsistencyMode::Degraded,
        Some("dangerous") => ConsistencyMode::Dangerous,
        Some(_) => return Err(settings.refuse("consistency_mode", expected)),
    };
    Ok((factor, mode))
}

fn replication_mode(
    settings: &Settings,
    mode: &Setting,
) -> Result<(NonZeroUsize, ConsistencyMode), ConfigError> {
    let expected = "\"none\", a number up to 7, or such a number with \"-degraded\" or \"-dangerous\"";
    let written = match &mode.value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(_) | Value::List(_) | Value::Other => String::new(),
    };
    let (factor, consistency) = match written.split_once('-') {
        None => (written.as_str(), ConsistencyMode::Consistent),
        Some((factor, "degraded")) => (factor, ConsistencyMode::Degraded),
        Some((factor, "dangerous")) => (factor, ConsistencyMode::Dangerous),
        Some(_) => return Err(settings.refuse("replication_mode", expected)),
    };
    let factor = if factor == "none" { "1" } else { factor };
    let factor = factor.parse().ok().filter(|factor: &NonZeroUsize| factor.get() <= REPLICATION_FACTOR_MAX);
    Ok((factor.ok_or_else(|| settings.refuse("replication_mode", expected))?, consistency))
}

fn rpc(settings: &Settings, default: RpcConfig) -> Result<RpcConfig, ConfigError> {
    let secret = secret(settings, "rpc_secret", "rpc_secret_file")?;
    Ok(RpcConfig {
        bind_addr: settings.parsed("rpc_bind_addr", AN_ADDRESS)?.unwrap_or(default.bind_addr),
        public_addr: settings.text("rpc_public_addr")?.map(str::to_owned),
        secret: secret.map(|(_, secret)| secret),
        bootstrap_peers: settings.text_list("bootstrap_peers")?,
    })
}

fn k2v(settings: &Settings, default: K2vConfig) -> Result<K2vConfig, ConfigError> {
    let region = settings.text("k2v_api.s3_region")?.or(settings.text("s3_api.s3_region")?);
    Ok(K2vConfig {
        bind_addr: settings.parsed("k2v_api.api_bind_addr", AN_ADDRESS)?,
        region: region.map_or(default.region, str::to_owned),
    })
}

fn admin(settings: &Settings) -> Result<AdminConfig, ConfigError> {
    let token = |key, file_key| Ok(secret(settings, key, file_key)?.map(|(_, secret)| secret));
    Ok(AdminConfig {
        bind_addr: settings.parsed("admin.api_bind_addr", AN_ADDRESS)?,
        admin_token: token("admin.admin_token", "admin.admin_token_file")?,
        metrics_token: token("admin.metrics_token", "admin.metrics_token_file")?,
        metrics_require_token: settings.boolean("admin.metrics_require_token")?.unwrap_or(false),
    })
}

fn store(settings: &Settings, default: &StoreConfig) -> Result<StoreConfig, ConfigError> {
    let durability = match settings.text("troupe.durability")? {
        None => default.durability,
        Some("commit") => Durability::Commit,
        Some("relaxed") => Durability::Relaxed,
        Some(_) => return Err(settings.refuse("troupe.durability", "\"commit\" or \"relaxed\"")),
    };
    Ok(StoreConfig {
        durability,
        map_size_bytes: settings.size("lmdb_map_size")?.unwrap_or(default.map_size_bytes),
        lanes: settings.positive("troupe.lanes")?,
    })
}

fn requests(settings: &Settings, default: &RequestConfig) -> Result<RequestConfig, ConfigError> {
    let bytes = |key, default: usize| -> Result<usize, ConfigError> {
        let Some(bytes) = settings.size(key)? else { return Ok(default) };
        // LMDB and postcard count in 32 bits: no value or body comes near.
        let fits = usize::try_from(bytes).ok().filter(|bytes| *bytes <= 1 << 30);
        fits.ok_or_else(|| settings.refuse(key, "at most 1GiB"))
    };
    let clock_window = settings.integer("troupe.clock_window_seconds", "a number of seconds")?;
    let slow_request = settings.integer("troupe.slow_request_ms", "a number of milliseconds")?;
    let concurrent_values_max = settings.positive("troupe.concurrent_values_max")?;
    Ok(RequestConfig {
        value_bytes_max: bytes("troupe.value_bytes_max", default.value_bytes_max)?,
        body_bytes_max: bytes("troupe.body_bytes_max", default.body_bytes_max)?,
        item_bytes_max: bytes("troupe.item_bytes_max", default.item_bytes_max)?,
        concurrent_values_max: concurrent_values_max.map_or(default.concurrent_values_max, NonZeroUsize::get),
        clock_window: clock_window.map_or(default.clock_window, Duration::from_secs),
        slow_request: slow_request.map_or(default.slow_request, Duration::from_millis),
    })
}

fn notices(settings: &Settings) -> Result<Vec<String>, ConfigError> {
    let mut notices = settings.notices();
    if let Some((key, secret)) = secret(settings, "rpc_secret", "rpc_secret_file")?
        && hex::decode(secret.reveal()).map_or(true, |bytes| bytes.len() != 32)
    {
        notices.push(format!(
            "`{key}` is not 64 hex digits: it is used as it is, but what can be guessed protects no cluster; \
             `openssl rand -hex 32` prints a good one"
        ));
    }
    match settings.text("db_engine")? {
        None | Some("lmdb") => {}
        Some(engine @ ("sqlite" | "fjall" | "sled")) => {
            notices.push(format!("db_engine = \"{engine}\" is not used: Troupe keeps everything in LMDB"));
        }
        Some(_) => return Err(settings.refuse("db_engine", "\"lmdb\"")),
    }
    Ok(notices)
}

/// A secret and the key that gave it: `key` itself or the file that `file_key` names.
fn secret(
    settings: &Settings,
    key: &'static str,
    file_key: &'static str,
) -> Result<Option<(&'static str, Secret)>, ConfigError> {
    match (settings.get(key), settings.get(file_key)) {
        (None, None) => Ok(None),
        (Some(inline), Some(file)) => Err(ConfigError::Twice {
            first: key,
            first_origin: inline.origin.clone(),
            second: file_key,
            second_origin: file.origin.clone(),
        }),
        (Some(_), None) => match settings.text(key)? {
            Some("") => Err(settings.refuse(key, "text that is not empty")),
            text => Ok(text.map(|text| (key, Secret::new(text)))),
        },
        (None, Some(file)) => {
            let path = PathBuf::from(settings.text(file_key)?.unwrap_or_default());
            let open_files_are_allowed = settings.boolean("allow_world_readable_secrets")?.unwrap_or(false);
            let secret = read_secret_file(file_key, &file.origin, &path, open_files_are_allowed)?;
            if secret.reveal().is_empty() {
                return Err(settings.refuse(file_key, "the path of a file that is not empty"));
            }
            Ok(Some((file_key, secret)))
        }
    }
}
