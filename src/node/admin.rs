//! The servers of the admin API: one on the Unix socket for the commands, one on a port if the configuration names one.

use super::NodeError;
use crate::admin::{Access, Admin, NodeIdentity, NodeView, PortTokens, socket};
use crate::config::{Config, ListenAddr};
use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer};
use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use troupe_actors::control::Control;
use troupe_actors::ids::NodeId;

/// Administration is rare: one thread per listener is plenty.
const WORKERS: usize = 1;

/// How long a stop waits for calls in progress.
const DRAIN_S: u64 = 5;

/// The running servers.
pub(super) struct AdminServers {
    /// Where the port listens; `None` without one, or for a second Unix socket.
    pub(super) addr: Option<SocketAddr>,
    handles: Vec<ServerHandle>,
    socket: PathBuf,
}

/// What the servers stand on.
pub(super) struct AdminParts {
    pub(super) node: NodeId,
    pub(super) rpc_addr: SocketAddr,
    pub(super) control: Control,
    pub(super) view: Arc<dyn NodeView>,
}

/// Where one server listens.
enum Place<'a> {
    Socket(UnixListener),
    Addr(&'a ListenAddr),
}

impl AdminServers {
    /// Starts both. Nobody else serves this `metadata_dir`: the stores are locked.
    pub(super) fn start(config: &Config, parts: AdminParts) -> Result<AdminServers, NodeError> {
        let admin = admin_of(config, parts)?;
        let socket = config.admin_socket();
        let mut servers = AdminServers { addr: None, handles: Vec::new(), socket: socket.clone() };
        let place = Place::Socket(socket::listen(&socket)?);
        servers.serve(admin.clone(), place, &ListenAddr::Unix(socket))?;
        if let Some(addr) = &config.admin.bind_addr {
            let admin = Admin { access: Access::Port, ..admin };
            servers.addr = servers.serve(admin, Place::Addr(addr), addr)?;
        }
        Ok(servers)
    }

    /// Accepts nothing more and finishes what is in progress.
    pub(super) async fn stop(self) {
        for handle in &self.handles {
            handle.stop(true).await;
        }
        // If it stays, a command finds a socket on which nobody answers, and says that the node is not running.
        let _ = std::fs::remove_file(&self.socket);
    }

    fn serve(
        &mut self,
        admin: Admin,
        place: Place<'_>,
        addr: &ListenAddr,
    ) -> Result<Option<SocketAddr>, NodeError> {
        let (server, bound) = bind(admin, place).map_err(|source| NodeError::Bind {
            what: "admin API",
            addr: addr.to_string(),
            source,
        })?;
        self.handles.push(server.handle());
        actix_rt::spawn(server);
        Ok(bound)
    }
}

fn bind(admin: Admin, place: Place<'_>) -> io::Result<(Server, Option<SocketAddr>)> {
    let server = HttpServer::new(move || {
        let admin = admin.clone();
        App::new().configure(|app| admin.configure(app))
    });
    let server = server.workers(WORKERS).shutdown_timeout(DRAIN_S).disable_signals();
    let server = match place {
        Place::Socket(listener) => server.listen_uds(listener)?,
        Place::Addr(ListenAddr::Tcp(addr)) => server.bind(addr.as_str())?,
        Place::Addr(ListenAddr::Unix(path)) => server.bind_uds(path)?,
    };
    let bound = server.addrs().first().copied();
    Ok((server.run(), bound))
}

fn admin_of(config: &Config, parts: AdminParts) -> Result<Admin, NodeError> {
    let AdminParts { node, rpc_addr, control, view } = parts;
    let identity = NodeIdentity {
        node,
        rpc_addr: config.rpc.public_addr.clone().unwrap_or_else(|| rpc_addr.to_string()),
        metadata_dir: config.metadata_dir.clone(),
        region: config.k2v.region.clone(),
        replication_factor: super::replication_factor(config)?,
    };
    let tokens = PortTokens {
        admin: config.admin.admin_token.clone(),
        metrics: config.admin.metrics_token.clone(),
        metrics_require_token: config.admin.metrics_require_token,
    };
    Ok(Admin { control, view, identity, tokens, access: Access::Socket })
}
