//! The replicas of all shards, as this node reaches them and serves them.

use crate::config::{Config, ConsistencyMode};
use std::sync::Arc;
use troupe_actors::control::Control;
use troupe_actors::ids::NodeId;
use troupe_actors::replication::actor::ReplicaService;
use troupe_actors::replication::handle::Replicas;
use troupe_actors::replication::plan::Consistency;
use troupe_actors::shard::Shards;
use troupe_actors::store::journalled::NodeStore;
use troupe_actors::transport::Peers;

/// For the gateway, and for other nodes.
pub(super) fn start(
    config: &Config,
    node: NodeId,
    shards: &Shards<NodeStore>,
    control: &Control,
    peers: Peers,
) -> (Replicas<NodeStore>, ReplicaService<NodeStore>) {
    let consistency = match config.consistency_mode {
        ConsistencyMode::Consistent => Consistency::Consistent,
        ConsistencyMode::Degraded => Consistency::Degraded,
        ConsistencyMode::Dangerous => Consistency::Dangerous,
    };
    let control = control.clone();
    let layouts = Arc::new(move || control.snapshot().layout.clone());
    Replicas::new(node, shards.clone(), peers, layouts, consistency)
}
