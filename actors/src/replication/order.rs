//! In which order replicas are asked: this node first, then the others by how fast they answer.

use crate::ids::NodeId;
use crate::transport::LinkState;
use std::collections::BTreeMap;

/// The replicas of `nodes` that can be asked at all, the nearest first. A replica whose link is down is left out; one
/// that was never timed comes last.
pub fn nearest_first(own: NodeId, nodes: &[NodeId], links: &BTreeMap<NodeId, LinkState>) -> Vec<NodeId> {
    let distance = |node: &NodeId| match links.get(node) {
        _ if *node == own => Some(0),
        Some(link) if link.is_up => Some(link.round_trip_us.map_or(u64::MAX, |time| time.max(1))),
        Some(_) | None => None,
    };
    let mut reachable: Vec<(u64, NodeId)> =
        nodes.iter().filter_map(|node| Some((distance(node)?, *node))).collect();
    // Equal distances: by id, but another first one for every asker, so that not all lean on the same replica.
    reachable.sort_by_key(|(distance, node)| (*distance, node.0.map(|byte| byte ^ own.0[0])));
    reachable.into_iter().map(|(_, node)| node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_node_is_asked_first_and_a_replica_without_a_link_not_at_all() {
        let node = |number| NodeId([number; 32]);
        let link = |is_up, round_trip_us| LinkState { is_up, round_trip_us, ..LinkState::default() };
        let links = BTreeMap::from([
            (node(1), link(true, Some(900))),
            (node(2), link(true, Some(200))),
            (node(3), link(false, Some(10))),
            (node(4), link(true, None)),
        ]);
        let all = [node(1), node(2), node(3), node(4), node(5), node(9)];
        assert_eq!(nearest_first(node(9), &all, &links), [node(9), node(2), node(1), node(4)]);
        assert_eq!(nearest_first(node(8), &all[..3], &links), [node(2), node(1)]);
    }
}
