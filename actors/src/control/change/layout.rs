use crate::control::command::ControlError;
use crate::control::merge::{Latest, Stamp};
use crate::control::state::ControlState;
use crate::ids::NodeId;
use crate::layout::{LayoutId, LayoutParameters, LayoutVersion, NodeRole, Skipped, StagedRole};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn stage(
    state: &ControlState,
    stamp: Stamp,
    roles: Vec<(NodeId, StagedRole)>,
    parameters: Option<LayoutParameters>,
) -> Result<ControlState, ControlError> {
    let current = state.current_layout();
    let mut delta = ControlState::default();
    for (node, change) in roles {
        let change = simplify(&current.roles, node, change, state)?;
        stage_role(state, &mut delta, stamp, node, change);
    }
    if let Some(parameters) = parameters {
        let change = (parameters != current.parameters).then_some(parameters);
        stage_parameters(state, &mut delta, stamp, change);
    }
    Ok(delta)
}

/// Checks a change, and drops it where it only says what already is.
fn simplify(
    roles: &BTreeMap<NodeId, NodeRole>,
    node: NodeId,
    change: StagedRole,
    state: &ControlState,
) -> Result<StagedRole, ControlError> {
    match change {
        StagedRole::Assign(role) => {
            role.check().map_err(|reason| ControlError::Role { node, reason })?;
            let is_current = roles.get(&node) == Some(&role);
            Ok(if is_current { StagedRole::Unchanged } else { StagedRole::Assign(role) })
        }
        StagedRole::Remove if roles.contains_key(&node) => Ok(StagedRole::Remove),
        StagedRole::Remove if state.staged_roles.contains_key(&node) => Ok(StagedRole::Unchanged),
        StagedRole::Remove => Err(ControlError::NoSuchRole(node)),
        StagedRole::Unchanged => Ok(StagedRole::Unchanged),
    }
}

/// The version that the staged changes make, to be proposed to the nodes of the one before.
pub(in crate::control) fn proposal(
    state: &ControlState,
    stamp: Stamp,
    replication_factor: u8,
    version: u64,
) -> Result<LayoutVersion, ControlError> {
    let current = state.current_layout();
    if current.number.checked_add(1) != Some(version) {
        return Err(ControlError::WrongLayoutVersion { given: version, current: current.number });
    }
    let staged = revert(state, stamp);
    if staged.staged_roles.is_empty() && staged.staged_parameters.is_none() {
        return Err(ControlError::NothingStaged);
    }
    let mut next = state.next_layout(replication_factor)?;
    if current.number == 0 {
        // The first version names the cluster. Nobody else draws this stamp, so no other cluster has the same name.
        next.parent = LayoutId(Sha256::digest(stamp.encode()).into());
    }
    Ok(next)
}

/// What the layout becomes when `version` has passed. The changes that it makes are staged no longer.
pub(in crate::control) fn passed(
    state: &ControlState,
    stamp: Stamp,
    version: LayoutVersion,
    is_mine: bool,
) -> ControlState {
    let mut delta = if is_mine { revert(state, stamp) } else { ControlState::default() };
    delta.layouts.insert(version.number, Arc::new(version));
    delta
}

/// Has changes of the layout wait no longer for nodes that are dead.
pub(super) fn skip_dead_nodes(
    state: &ControlState,
    nodes: &[NodeId],
    version: u64,
    may_miss_data: bool,
) -> Result<ControlState, ControlError> {
    let current = state.current_layout();
    if version == 0 || version > current.number {
        return Err(ControlError::NoSuchLayoutVersion { given: version, current: current.number });
    }
    let mut delta = ControlState::default();
    let skipped = Skipped { acked: version, synced: if may_miss_data { version } else { 0 } };
    delta.skipped.extend(nodes.iter().map(|node| (*node, skipped)));
    Ok(delta)
}

pub(super) fn revert(state: &ControlState, stamp: Stamp) -> ControlState {
    let mut delta = ControlState::default();
    for node in state.staged_roles.keys() {
        stage_role(state, &mut delta, stamp, *node, StagedRole::Unchanged);
    }
    stage_parameters(state, &mut delta, stamp, None);
    delta
}

fn stage_role(
    state: &ControlState,
    delta: &mut ControlState,
    stamp: Stamp,
    node: NodeId,
    change: StagedRole,
) {
    let unchanged = StagedRole::Unchanged;
    let before = delta.staged_roles.get(&node).or_else(|| state.staged_roles.get(&node)).cloned();
    let before = before.as_ref();
    if *before.map_or(&unchanged, Latest::get) != change {
        delta.staged_roles.insert(node, Latest::after(before, stamp, change));
    }
}

fn stage_parameters(
    state: &ControlState,
    delta: &mut ControlState,
    stamp: Stamp,
    change: Option<LayoutParameters>,
) {
    if state.staged_parameters.as_ref().and_then(|staged| *staged.get()) != change {
        delta.staged_parameters = Some(Latest::after(state.staged_parameters.as_ref(), stamp, change));
    }
}

impl ControlState {
    /// The newest layout version.
    pub(in crate::control) fn current_layout(&self) -> Arc<LayoutVersion> {
        self.layouts.values().next_back().cloned().unwrap_or_else(|| Arc::new(LayoutVersion::empty()))
    }

    /// The version that the staged changes would make.
    fn next_layout(&self, replication_factor: u8) -> Result<LayoutVersion, ControlError> {
        let staged_roles = self.staged_roles.iter().map(|(node, change)| (node, change.get()));
        let staged_parameters = self.staged_parameters.as_ref().and_then(|staged| *staged.get());
        Ok(self.current_layout().next(staged_roles, staged_parameters, replication_factor)?)
    }
}
