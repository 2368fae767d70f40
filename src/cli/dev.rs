use super::error::CliError;
use super::table::print;
use crate::config::{self, Config};
use crate::logging;
use crate::node::Node;
use crate::provision::{self, Credentials};
use clap::Args;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use troupe_actors::whole_file;

#[derive(Debug, Args)]
pub(super) struct DevArgs {
    /// The folder that holds everything; made if it is not there
    #[arg(long, default_value = "troupe-dev")]
    dir: PathBuf,
    /// Where the K2V API listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3904")]
    k2v_addr: SocketAddr,
    /// Where the admin API listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3903")]
    admin_addr: SocketAddr,
    /// Where other nodes would connect
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3901")]
    rpc_addr: SocketAddr,
}

const BUCKET: &str = "dev";
const KEY_NAME: &str = "dev";
const CONFIG_FILE: &str = "troupe.toml";

pub(super) async fn run(args: DevArgs) -> Result<(), CliError> {
    logging::start();
    let unwritable = |source| CliError::WriteFile { path: args.dir.join(CONFIG_FILE), source };
    let file = config_file(&args.dir).map_err(unwritable)?;
    let text = config_text(&args, &file).map_err(unwritable)?;
    let config = Config::parse(&file, &text, &config::environment())?;
    for notice in &config.notices {
        log::warn!("configuration: {notice}");
    }
    let mut node = Node::prepare(&config).await?;
    // The folder is locked now: another node's file is not touched.
    let ready = match whole_file::replace(&args.dir, CONFIG_FILE, text.as_bytes()) {
        Ok(()) => provision(&config, &node).await,
        Err(source) => Err(unwritable(source)),
    };
    let shown = ready.and_then(|credentials| {
        node.serve();
        print(&exports(&config, &node, &credentials, &file)).map_err(CliError::Output)
    });
    match shown {
        Ok(()) => Ok(node.run_until_signal(|| ()).await?),
        Err(error) => {
            node.stop().await?;
            Err(error)
        }
    }
}

/// The configuration's whole path; the folder is made if it is not there.
fn config_file(dir: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(dir)?;
    Ok(dir.canonicalize()?.join(CONFIG_FILE))
}

/// The configuration that the node starts from.
fn config_text(args: &DevArgs, file: &Path) -> io::Result<String> {
    let dir = file.parent().and_then(Path::to_str);
    let dir = dir.ok_or_else(|| io::Error::other("the folder's path is not UTF-8"))?;
    Ok(format!(
        "# Written by `troupe dev` at every start.\nmetadata_dir = {}\nreplication_factor = 1\nrpc_bind_addr = \
         \"{}\"\n\n[k2v_api]\napi_bind_addr = \"{}\"\n\n[admin]\napi_bind_addr = \"{}\"\n",
        toml::Value::from(dir),
        args.rpc_addr,
        args.k2v_addr,
        args.admin_addr
    ))
}

async fn provision(config: &Config, node: &Node) -> Result<Credentials, CliError> {
    let factor = config.replication_factor.get();
    provision::single_node_layout(&node.control, node.id, factor, &config.metadata_dir).await?;
    let bucket = provision::bucket(&node.control, &BUCKET.parse()?).await?;
    let credentials = provision::key_named(&node.control, &KEY_NAME.parse()?).await?;
    provision::allow_all(&node.control, credentials.id, bucket).await?;
    Ok(credentials)
}

/// Lines to paste into a shell.
fn exports(config: &Config, node: &Node, credentials: &Credentials, file: &Path) -> String {
    let endpoint = node.k2v_addr.map_or_else(String::new, |addr| format!("http://{}", reachable(addr)));
    let mut text = "# Troupe serves.\n".to_owned();
    if let Some(addr) = node.admin_addr {
        text += &format!("# Admin API: http://{} (see `troupe admin-token create`)\n", reachable(addr));
    }
    text += &format!(
        "export K2V_ENDPOINT={endpoint}\nexport AWS_REGION={}\nexport AWS_ACCESS_KEY_ID={}\nexport \
         AWS_SECRET_ACCESS_KEY={}\nexport TROUPE_CONFIG_FILE={}\nexport K2V_BUCKET={BUCKET}",
        config.k2v.region,
        credentials.id,
        credentials.secret.reveal(),
        quoted(file)
    );
    text
}

/// A path as a shell reads it back.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// The address at which this machine reaches a listener.
fn reachable(addr: SocketAddr) -> SocketAddr {
    match addr {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => ([127, 0, 0, 1], v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (std::net::Ipv6Addr::LOCALHOST, v6.port()).into(),
        addr => addr,
    }
}
