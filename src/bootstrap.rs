//! A new cluster's first layout, made without an operator.
//!
//! Every node stages its own role. The staged roles spread with the rest of the control plane; when as many are known as
//! the configuration expects, the node with the smallest id applies them, and makes the default bucket and key. Only one
//! version can become the first one, so a second node that thinks it is the smallest is refused.

use crate::config::Config;
use crate::provision::{Defaults, ProvisionError, provision_defaults, role_of_disk};
use std::time::Duration;
use troupe_actors::control::{Command, Control};
use troupe_actors::ids::NodeId;
use troupe_actors::layout::StagedRole;

/// Between two looks at what the other nodes offer, and before a refused step is tried again.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Has the cluster make its first layout, unless there is one. Ends when there is, and the defaults are made.
pub(crate) async fn run(config: &Config, control: Control, node: NodeId, expect: usize, defaults: Defaults) {
    let role = role_of_disk(&config.metadata_dir, &config.bootstrap);
    let mut said = String::new();
    loop {
        match step(&control, node, expect, &role, &defaults).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                let error = error.to_string();
                if said != error {
                    log::warn!("the first layout is not made yet: {error}");
                    said = error;
                }
            }
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// One look: whether nothing is left to do.
async fn step(
    control: &Control,
    node: NodeId,
    expect: usize,
    role: &StagedRole,
    defaults: &Defaults,
) -> Result<bool, ProvisionError> {
    let snapshot = control.snapshot();
    if snapshot.layout.is_assigned() {
        let roles = &snapshot.layout.version().roles;
        if roles.keys().next() == Some(&node) {
            provision_defaults(control, defaults).await?;
        }
        return Ok(true);
    }
    let offered: Vec<NodeId> = snapshot.staged_roles.keys().copied().collect();
    if !offered.contains(&node) {
        let roles = vec![(node, role.clone())];
        control.change(Command::StageLayout { roles, parameters: None }).await?;
        log::info!("this node offers a role to a new cluster of {expect} nodes");
    } else if offered.len() >= expect && offered.iter().min() == Some(&node) {
        let version = snapshot.layout.version().number + 1;
        control.change(Command::ApplyLayout { version }).await?;
        log::info!("layout version {version} applied: {} nodes found each other", offered.len());
    }
    Ok(false)
}
