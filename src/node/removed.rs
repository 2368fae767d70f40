//! Nodes that an operator took out of the layout are not spoken to any more, once nothing is handed over from them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use troupe_actors::control::{Control, ControlSnapshot};
use troupe_actors::ids::NodeId;
use troupe_actors::layout::{LayoutVersion, StagedRole};
use troupe_actors::transport::tcp::Tcp;

/// How often it is looked at the layout.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Cuts nodes off that lose their role, and takes those in again that are to get one. Runs for ever.
pub(super) async fn keep_apart(own: NodeId, control: Control, tcp: Arc<Tcp>) {
    let mut interval = tokio::time::interval(LOOK_INTERVAL);
    let mut apart = BTreeSet::new();
    loop {
        interval.tick().await;
        let mut removed = removed_by(&control.snapshot());
        removed.remove(&own);
        // Whoever was connected to by hand since stays.
        removed.difference(&apart).for_each(|node| tcp.forget(*node));
        apart.difference(&removed).for_each(|node| tcp.take_in(*node));
        apart = removed;
    }
}

fn removed_by(snapshot: &ControlSnapshot) -> BTreeSet<NodeId> {
    let layout = &snapshot.layout;
    removed(&snapshot.layout_history, layout.oldest_live(), &layout.nodes(), &snapshot.staged_roles)
}

/// Nodes with a role in a version that has retired, none in a live one, and none to come.
fn removed(
    history: &[Arc<LayoutVersion>],
    oldest_live: u64,
    live: &BTreeSet<NodeId>,
    staged: &BTreeMap<NodeId, StagedRole>,
) -> BTreeSet<NodeId> {
    let retired = history.iter().filter(|version| version.number < oldest_live);
    let nodes = retired.flat_map(|version| version.roles.keys());
    let is_to_come = |node: &NodeId| matches!(staged.get(node), Some(StagedRole::Assign(_)));
    nodes.filter(|node| !live.contains(node) && !is_to_come(node)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use troupe_actors::layout::NodeRole;

    const A: NodeId = NodeId([1; 32]);
    const B: NodeId = NodeId([2; 32]);

    fn role() -> NodeRole {
        NodeRole { zone: "z".to_owned(), capacity_bytes: None, tags: Vec::new() }
    }

    fn version(number: u64, nodes: &[NodeId]) -> Arc<LayoutVersion> {
        let roles = nodes.iter().map(|node| (*node, role())).collect();
        Arc::new(LayoutVersion { number, roles, ..LayoutVersion::empty() })
    }

    #[test]
    fn a_node_is_removed_once_no_live_version_and_no_staged_change_has_it() {
        let history = [version(1, &[A, B]), version(2, &[A])];
        let (both, one) = (BTreeSet::from([A, B]), BTreeSet::from([A]));
        let nothing = BTreeMap::new();
        assert_eq!(removed(&history, 1, &both, &nothing), BTreeSet::new(), "it hands over what it has");
        assert_eq!(removed(&history, 2, &one, &nothing), BTreeSet::from([B]));
        let back = BTreeMap::from([(B, StagedRole::Assign(role()))]);
        assert_eq!(removed(&history, 2, &one, &back), BTreeSet::new());
        assert_eq!(removed(&history[..1], 1, &both, &nothing), BTreeSet::new());
    }
}
