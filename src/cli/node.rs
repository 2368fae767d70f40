use super::client::Client;
use super::error::CliError;
use super::table::print;
use crate::admin::model::ConnectNodeResponse;
use crate::config::Config;
use crate::node::identity;
use clap::{Args, Subcommand};
use troupe_actors::transport::PeerAddr;

#[derive(Debug, Subcommand)]
pub(super) enum NodeCommand {
    /// Print this node's id and address; works whether or not it is running
    Id(NodeIdArgs),
    /// Connect to another node, and stay connected
    Connect(NodeConnectArgs),
}

#[derive(Debug, Args)]
pub(super) struct NodeIdArgs {
    /// Nothing but the id and the address
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Args)]
pub(super) struct NodeConnectArgs {
    /// Where it is, as `troupe node id` prints it there: ID@HOST:PORT, or HOST:PORT for whoever is there and knows
    /// `rpc_secret`
    #[arg(value_name = "ID@ADDR")]
    peer: PeerAddr,
}

pub(super) async fn run(config: &Config, command: &NodeCommand) -> Result<(), CliError> {
    match command {
        NodeCommand::Id(args) => id(config, args),
        NodeCommand::Connect(args) => connect(&Client::new(config), &args.peer).await,
    }
}

async fn connect(client: &Client, peer: &PeerAddr) -> Result<(), CliError> {
    let outcomes: Vec<ConnectNodeResponse> =
        client.post("ConnectClusterNodes", &[], &[peer.to_string()]).await?;
    match outcomes.into_iter().next().and_then(|outcome| outcome.error) {
        None => Ok(print(&format!("Connected to {peer}."))?),
        Some(reason) => Err(CliError::NotConnected { peer: peer.clone(), reason }),
    }
}

fn id(config: &Config, args: &NodeIdArgs) -> Result<(), CliError> {
    let node = identity::read_or_create(&config.metadata_dir)?.node;
    let addr = config.rpc.public_addr.clone().unwrap_or_else(|| config.rpc.bind_addr.to_string());
    let full = format!("{node}@{addr}");
    if args.quiet {
        return Ok(print(&full)?);
    }
    let hint = match config.rpc.public_addr {
        Some(_) => String::new(),
        None => "\n\nSet `rpc_public_addr` to the address at which other nodes reach this one.".to_owned(),
    };
    Ok(print(&format!("{full}{hint}"))?)
}
