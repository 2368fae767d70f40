mod hand_over;
mod routes;

use super::*;
use crate::ids::NodeId;
use std::sync::Arc;

fn node(number: u8) -> NodeId {
    NodeId([number; 32])
}

/// Versions 1, 2, … in each of which these nodes store everything, with three replicas.
fn versions(of_each: &[&[u8]]) -> Vec<Arc<LayoutVersion>> {
    let mut made = vec![Arc::new(LayoutVersion::empty())];
    for nodes in of_each {
        let before = &made[made.len() - 1];
        let role = NodeRole { zone: "z".to_owned(), capacity_bytes: Some(1_000_000), tags: Vec::new() };
        let mut staged: Vec<(NodeId, StagedRole)> =
            before.roles.keys().map(|node| (*node, StagedRole::Remove)).collect();
        staged.extend(nodes.iter().map(|number| (node(*number), StagedRole::Assign(role.clone()))));
        let staged = staged.iter().map(|(node, change)| (node, change));
        let next = before.next(staged, None, 3).expect("three nodes hold three replicas");
        made.push(Arc::new(next));
    }
    made.split_off(1)
}
