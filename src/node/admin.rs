//! The servers of the admin API: one on the Unix socket for the commands, one on a port if the configuration names one.

use super::NodeError;
use crate::admin::{Access, Admin, NodeIdentity, NodeView, PortTokens, socket};
use crate::budget::Budget;
use crate::config::{Config, ListenAddr};
use crate::edge::{self, Listener, Place, Room};
use crate::watchdog::Beats;
use actix_http::Request;
use actix_web::App;
use actix_web::dev::ServerHandle;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use troupe_actors::control::Control;
use troupe_actors::ids::NodeId;

/// Administration is rare: one thread per listener is plenty.
const WORKERS: usize = 1;

/// Bytes of unfinished heads that one listener holds. Beyond it: the connection is closed.
const HEADS_BYTES_MAX: usize = 8 << 20;

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

impl AdminServers {
    /// Starts both. No other process serves this `metadata_dir`: the stores are locked.
    pub(super) fn start(config: &Config, parts: AdminParts, room: Room) -> Result<AdminServers, NodeError> {
        let admin = admin_of(config, parts)?;
        let socket = config.admin_socket();
        let mut servers = AdminServers { addr: None, handles: Vec::new(), socket: socket.clone() };
        let place = Place::Unix(socket::listen(&socket)?);
        servers.serve(admin.clone(), place, room).map_err(cannot_listen(&ListenAddr::Unix(socket)))?;
        if let Some(addr) = &config.admin.bind_addr {
            let admin = Admin { access: Access::Port, ..admin };
            let place = Place::bind(addr).map_err(cannot_listen(addr))?;
            servers.addr = place.addrs().first().copied();
            servers.serve(admin, place, room).map_err(cannot_listen(addr))?;
        }
        Ok(servers)
    }

    /// Accepts nothing more and finishes what is in progress.
    pub(super) async fn stop(self) {
        for handle in &self.handles {
            handle.stop(true).await;
        }
        // If it stays, a command finds a socket without a listener, and says that the node is not running.
        let _ = std::fs::remove_file(&self.socket);
    }

    fn serve(&mut self, admin: Admin, place: Place, room: Room) -> io::Result<()> {
        let judge = {
            let admin = admin.clone();
            move |request: &Request| admin.judge(request)
        };
        let app = move || {
            let admin = admin.clone();
            App::new().configure(|app| admin.configure(app))
        };
        let listener = Listener {
            name: "admin API",
            place,
            workers: Some(WORKERS),
            drain_s: DRAIN_S,
            capacity: room.admin(),
            // Apart from the K2V API's: administration goes on when clients have used up theirs.
            requests: Budget::new(2 * HEADS_BYTES_MAX, HEADS_BYTES_MAX),
            // A node that serves its clients works, whatever an operator's call does.
            beats: Beats::default(),
        };
        let server = edge::serve(listener, app, judge)?;
        self.handles.push(server.handle());
        actix_rt::spawn(server);
        Ok(())
    }
}

fn cannot_listen(addr: &ListenAddr) -> impl Fn(io::Error) -> NodeError {
    move |source| NodeError::Bind { what: "admin API", addr: addr.to_string(), source }
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
