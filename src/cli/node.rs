use super::error::CliError;
use super::table::print;
use crate::config::Config;
use crate::node::identity;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(super) enum NodeCommand {
    /// Print this node's id and address; works whether or not it is running
    Id(NodeIdArgs),
}

#[derive(Debug, Args)]
pub(super) struct NodeIdArgs {
    /// Nothing but the id and the address
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(config: &Config, command: &NodeCommand) -> Result<(), CliError> {
    match command {
        NodeCommand::Id(args) => id(config, args),
    }
}

fn id(config: &Config, args: &NodeIdArgs) -> Result<(), CliError> {
    let node = identity::read_or_create(&config.metadata_dir)?;
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
