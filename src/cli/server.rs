use super::error::CliError;
use crate::bootstrap;
use crate::config::{Config, Secret};
use crate::logging;
use crate::node::Node;
use crate::provision::{self, Credentials, Defaults};
use crate::watchdog::{self, Notify};
use clap::Args;
use std::env;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use troupe_actors::control::Alias;

#[derive(Debug, Args)]
pub(super) struct ServerArgs {
    /// Be a cluster of one node: take every shard, unless a layout has been applied before
    #[arg(long)]
    single_node: bool,
    /// Make a bucket of this name, unless there is one [env: TROUPE_DEFAULT_BUCKET] [default name: default-bucket]
    #[arg(long, value_name = "BUCKET", num_args = 0..=1, default_missing_value = "")]
    default_bucket: Option<String>,
    /// Make this access key, unless it is there, and let it do everything with the default bucket [env:
    /// TROUPE_DEFAULT_KEY]
    #[arg(long, value_name = "ID:SECRET")]
    default_key: Option<KeyPair>,
    /// Read that ID:SECRET from this file, which only its owner may read [env: TROUPE_DEFAULT_KEY_FILE]
    #[arg(long, value_name = "FILE", conflicts_with = "default_key")]
    default_key_file: Option<PathBuf>,
}

/// `ID:SECRET`. Never shown: not even in clap's message about a wrong one.
#[derive(Clone, Debug)]
struct KeyPair(Option<Credentials>);

impl KeyPair {
    fn read(text: &str) -> KeyPair {
        KeyPair(text.split_once(':').and_then(|(id, secret)| {
            Some(Credentials { id: id.parse().ok()?, secret: secret.parse().ok()? })
        }))
    }
}

impl KeyPair {
    fn in_file(path: PathBuf, may_be_open: bool) -> Result<KeyPair, CliError> {
        let text =
            Secret::read_file(&path, may_be_open).map_err(|source| CliError::KeyFile { path, source })?;
        Ok(KeyPair::read(text.reveal()))
    }
}

impl FromStr for KeyPair {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<KeyPair, Self::Err> {
        Ok(KeyPair::read(text))
    }
}

const BUCKET_DEFAULT: &str = "default-bucket";

pub(super) async fn run(config: Config, args: ServerArgs) -> Result<(), CliError> {
    logging::start();
    for notice in &config.notices {
        log::warn!("configuration: {notice}");
    }
    // Everything that can be wrong with the arguments is found before the node starts.
    let bucket = default_bucket(args.default_bucket)?;
    let may_be_open = config.allow_world_readable_secrets;
    let key = default_key(args.default_key, args.default_key_file, may_be_open)?;
    let mut node = Node::prepare(&config).await?;
    let defaults = Defaults { bucket, key };
    match prepare(&config, &node, args.single_node, &defaults).await {
        Ok(()) => node.serve(),
        Err(error) => {
            node.stop().await?;
            return Err(error);
        }
    }
    let bootstrap = config.bootstrap.expect.filter(|_| !args.single_node).map(|expect| {
        let (config, control, id) = (config.clone(), node.control.clone(), node.id);
        actix_web::rt::spawn(
            async move { bootstrap::run(&config, control, id, expect.get(), defaults).await },
        )
    });
    let notify = Notify::from_environment().map(Arc::new);
    if let Some(notify) = &notify {
        actix_web::rt::spawn(watchdog::run(node.beats(), Arc::clone(notify)));
    }
    let on_stop = || notify.iter().for_each(|notify| notify.stopping());
    let ended = node.run_until_signal(on_stop).await;
    if let Some(task) = bootstrap {
        task.abort();
    }
    Ok(ended?)
}

/// The argument, or a variable of ours or Garage's. An argument without a value asks for the variable's name.
fn default_bucket(argument: Option<String>) -> Result<Option<Alias>, CliError> {
    let from_environment = || variable("TROUPE_DEFAULT_BUCKET").or_else(|| variable("GARAGE_DEFAULT_BUCKET"));
    let name = match argument {
        None => from_environment(),
        Some(name) if name.is_empty() => from_environment().or_else(|| Some(BUCKET_DEFAULT.to_owned())),
        Some(name) => Some(name),
    };
    Ok(name.map(|name| name.parse()).transpose()?)
}

/// The argument, in place or as a file, or a variable, likewise, or a pair of variables of ours or Garage's.
fn default_key(
    argument: Option<KeyPair>,
    file: Option<PathBuf>,
    may_be_open: bool,
) -> Result<Option<Credentials>, CliError> {
    let in_place = || variable("TROUPE_DEFAULT_KEY").map(|text| KeyPair::read(&text));
    let in_file = || variable("TROUPE_DEFAULT_KEY_FILE").map(PathBuf::from);
    let pair = match (argument, file) {
        (Some(pair), _) => Some(pair),
        (None, Some(file)) => Some(KeyPair::in_file(file, may_be_open)?),
        (None, None) => in_place().map_or_else(
            || in_file().map(|file| KeyPair::in_file(file, may_be_open)).transpose(),
            |pair| Ok(Some(pair)),
        )?,
    };
    if let Some(KeyPair(credentials)) = pair {
        return credentials.map(Some).ok_or(CliError::KeyPair);
    }
    for prefix in ["TROUPE", "GARAGE"] {
        let (id, secret) = (format!("{prefix}_DEFAULT_ACCESS_KEY"), format!("{prefix}_DEFAULT_SECRET_KEY"));
        if let (Some(id), Some(secret)) = (variable(&id), variable(&secret)) {
            return Ok(Some(Credentials { id: id.parse()?, secret: secret.parse()? }));
        }
    }
    Ok(None)
}

/// An environment variable. Compose files set to nothing what they leave open.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// What a node is given before it serves. A new cluster is given the same by its nodes, once they have found each other.
async fn prepare(
    config: &Config,
    node: &Node,
    single_node: bool,
    defaults: &Defaults,
) -> Result<(), CliError> {
    if single_node {
        let factor = config.replication_factor.get();
        provision::single_node_layout(&node.control, node.id, factor, &config.metadata_dir).await?;
    } else if config.bootstrap.expect.is_some() {
        return Ok(());
    }
    Ok(provision::provision_defaults(&node.control, defaults).await?)
}
