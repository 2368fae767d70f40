//! The command line: Garage's words, flags and argument order.
//!
//! `server` and `dev` run a node. Everything else talks to a running one through the Unix socket of its admin API, which
//! the configuration file leads to.

mod admin_token;
mod bucket;
mod client;
mod dev;
mod error;
mod healthcheck;
mod key;
mod layout;
mod node;
mod permission;
mod repair;
mod server;
mod status;
mod table;
mod worker;

use crate::config::Config;
use crate::edge::check_descriptors;
use crate::node::NodeError;
use clap::{Parser, Subcommand};
use client::Client;
use error::CliError;
use rustix::fs::Mode;
use std::path::PathBuf;
use std::process::ExitCode;

/// A K2V store: a cluster of actors behind Garage's K2V API.
#[derive(Debug, Parser)]
#[command(name = "troupe", version, arg_required_else_help = true)]
pub struct Cli {
    /// The configuration file [default: /etc/troupe.toml, or else /etc/garage.toml]
    #[arg(short, long, env = "TROUPE_CONFIG_FILE", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a node
    Server(server::ServerArgs),
    /// Run a node by itself in a folder, and print how to reach it
    Dev(dev::DevArgs),
    /// Show the nodes and their roles
    Status,
    /// Show a node's numbers
    Stats,
    /// Succeed if the node runs and its cluster serves, for container engines
    Healthcheck,
    /// This node's identity, and its connections to others
    #[command(subcommand)]
    Node(node::NodeCommand),
    /// What runs in the background, and how fast it may
    #[command(subcommand)]
    Worker(worker::WorkerCommand),
    /// End what a node waits for
    Repair(repair::RepairArgs),
    /// Which node holds what
    #[command(subcommand)]
    Layout(layout::LayoutCommand),
    /// Buckets, their names, and what keys may do with them
    #[command(subcommand)]
    Bucket(bucket::BucketCommand),
    /// Access keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Tokens of the admin API
    #[command(subcommand)]
    AdminToken(admin_token::AdminTokenCommand),
}

/// Runs the command that the arguments of this process name.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let is_node = matches!(cli.command, Command::Dev(_) | Command::Server(_));
    // Whatever this process writes is for its own user.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    if is_node {
        // Before the first thread, and before anything is open.
        crate::node::vital::end_with_vital_threads();
    }
    let ready = if is_node { check_descriptors().map_err(NodeError::Descriptors) } else { Ok(()) };
    let result = match ready {
        Ok(()) => actix_web::rt::System::new().block_on(run(cli)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(cli: Cli) -> Result<(), CliError> {
    let from_garage = || std::env::var_os("GARAGE_CONFIG_FILE").map(PathBuf::from);
    let file = cli.config.or_else(from_garage).filter(|file| !file.as_os_str().is_empty());
    let load = || Config::load(file.as_deref());
    match cli.command {
        Command::Dev(args) => dev::run(args).await,
        Command::Server(args) => server::run(load()?, args).await,
        Command::Node(command) => node::run(&load()?, &command).await,
        Command::Status => status::status(&Client::new(&load()?)).await,
        Command::Healthcheck => healthcheck::run(&Client::new(&load()?)).await,
        Command::Stats => status::stats(&Client::new(&load()?)).await,
        Command::Worker(command) => worker::run(&Client::new(&load()?), command).await,
        Command::Repair(args) => repair::run(&Client::new(&load()?), &args).await,
        Command::Layout(command) => layout::run(&Client::new(&load()?), command).await,
        Command::Bucket(command) => bucket::run(&Client::new(&load()?), command).await,
        Command::Key(command) => key::run(&Client::new(&load()?), command).await,
        Command::AdminToken(command) => admin_token::run(&Client::new(&load()?), command).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_commands_contradict_neither_themselves_nor_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn scripts_for_garage_parse() {
        for line in [
            "server --single-node --default-bucket photos --default-key GK0:0",
            "server --single-node --default-bucket",
            "dev --dir d --k2v-addr 127.0.0.1:0 --admin-addr 127.0.0.1:0 --rpc-addr [::1]:0",
            "-c f node id -q",
            "node connect node1:3901",
            "node connect 563e1ac825ee3323aa441e72c26d1030d6d4414aeb3dd25287c531e7fc2bc95d@[::1]:3901",
            "layout assign 563e -z dc1 -c 1G -t a -t b",
            "layout assign -z dc1 -g 563e 77aa",
            "layout apply --version 1",
            "layout revert --yes",
            "repair --yes lost-data",
            "repair lost-data --yes",
            "layout config -r 2",
            "worker list",
            "worker list --busy -e",
            "worker info 3",
            "worker get -a",
            "worker get anti-entropy-bytes-per-second",
            "worker set -a anti-entropy-bytes-per-second 1MiB",
            "bucket delete --yes photos",
            "bucket alias --local GK0 photos mine",
            "bucket unalias --local GK0 mine",
            "bucket allow --read --write photos --key app",
            "bucket allow photos --read --write --owner --key app",
            "bucket deny --owner photos --key app",
            "bucket cors photos --set rules.json",
            "key create app",
            "key info app --show-secret",
            "key import GK0 0 -n NAME --yes",
            "key import -n NAME --yes GK0 0",
            "key rename app new",
            "key delete --yes app",
            "key set app --expires 2030-01-01T00:00:00Z",
            "key allow --create-bucket app",
            "admin-token create ci --scope ListBuckets,GetKeyInfo",
        ] {
            let words = std::iter::once("troupe").chain(line.split(' '));
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("{line}: {error}");
            }
        }
    }

    #[test]
    fn half_a_command_is_a_usage_error() {
        for line in [
            "bucket allow photos --read",
            "bucket cors photos",
            "bucket cors photos --get --clear",
            "key import GK0",
            "key set app",
            "layout assign -z a -c 1X 563e",
            "layout assign -z a -c 1G -g 563e",
            "layout apply",
            "node connect",
            "node connect node1",
            "node connect 563e@node1:3901",
        ] {
            let words = std::iter::once("troupe").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }
}
