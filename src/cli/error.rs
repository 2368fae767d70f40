use super::client::ClientError;
use crate::config::{ConfigError, SecretFileError};
use crate::node::NodeError;
use crate::node::identity::IdentityError;
use crate::provision::ProvisionError;
use std::path::PathBuf;
use troupe_actors::control::NameError;
use troupe_actors::transport::PeerAddr;

/// Why a command fails. Exit codes: 1 the node refused or failed, 2 the command or the configuration is wrong, 3 the node
/// cannot be reached.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("this cannot be undone: add --yes if you mean it")]
    NeedsYes,
    #[error("a key is given as ID:SECRET")]
    KeyPair,
    #[error("the file of the default key, {}: {source}", .path.display())]
    KeyFile { path: PathBuf, source: SecretFileError },
    #[error("{served} of {all} shards are served: {next}")]
    NotServed { served: usize, all: usize, next: &'static str },
    #[error("there is no link with {peer} yet, the node goes on trying: {reason}")]
    NotConnected { peer: PeerAddr, reason: String },
    #[error("node {node}: {reason}")]
    NodeRefused { node: String, reason: String },
    #[error("say what to {0}: --read, --write or --owner")]
    NoPermission(&'static str),
    #[error("no node's id begins with `{0}`; `troupe status` lists them")]
    NoSuchNode(String),
    #[error("{count} nodes' ids begin with `{prefix}`: give more digits")]
    NodeAmbiguous { prefix: String, count: usize },
    #[error("node {0} has no role yet: give a zone with -z, and a capacity with -c or -g for a gateway")]
    NoRoleYet(String),
    #[error("`{0}` is not a zone redundancy: give a number of zones, or `max`")]
    Redundancy(String),
    #[error("key {key} has no name `{alias}` for any bucket")]
    NoLocalAlias { key: String, alias: String },
    #[error("cannot read {}: {source}", .path.display())]
    ReadFile { path: PathBuf, source: std::io::Error },
    #[error("{} does not hold a list of CORS rules: {source}", .path.display())]
    CorsFile { path: PathBuf, source: serde_json::Error },
    #[error("cannot write {}: {source}", .path.display())]
    WriteFile { path: PathBuf, source: std::io::Error },
    #[error("cannot read standard input: {0}")]
    Input(#[source] std::io::Error),
    #[error("cannot write to standard output: {0}")]
    Output(#[from] std::io::Error),
}

impl CliError {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            CliError::Client(ClientError::NotRunning { .. } | ClientError::NotAllowed { .. }) => 3,
            CliError::Config(_)
            | CliError::Name(_)
            | CliError::NeedsYes
            | CliError::KeyPair
            | CliError::KeyFile { .. }
            | CliError::NoPermission(_)
            | CliError::NoRoleYet(_)
            | CliError::Redundancy(_)
            | CliError::ReadFile { .. }
            | CliError::CorsFile { .. } => 2,
            CliError::Node(_)
            | CliError::Identity(_)
            | CliError::Provision(_)
            | CliError::Client(_)
            | CliError::NotServed { .. }
            | CliError::NotConnected { .. }
            | CliError::NodeRefused { .. }
            | CliError::NoSuchNode(_)
            | CliError::NodeAmbiguous { .. }
            | CliError::NoLocalAlias { .. }
            | CliError::WriteFile { .. }
            | CliError::Input(_)
            | CliError::Output(_) => 1,
        }
    }
}
