//! How other nodes are: what the links show, and what membership says.

use crate::admin::{Peer, PeerState};
use std::collections::{BTreeMap, BTreeSet};
use troupe_actors::ids::NodeId;
use troupe_actors::membership::{Member, MemberState, Membership};
use troupe_actors::transport::LinkState;

pub(super) fn seen(links: &BTreeMap<NodeId, LinkState>, membership: &Membership) -> BTreeMap<NodeId, Peer> {
    let members = membership.members();
    let nodes: BTreeSet<NodeId> = links.keys().copied().chain(members.iter().map(|(node, _)| node)).collect();
    let peer = |node: NodeId| {
        let (link, member) = (links.get(&node), members.get(node));
        let about = member.and_then(|member| member.about.as_ref());
        let told_addr = member.and_then(|member| member.addr.as_ref()).map(ToString::to_string);
        Peer {
            state: state(link, member),
            since_s: member.map(|member| membership.ago(member.since).as_secs()),
            addr: told_addr.or_else(|| link.and_then(|link| link.addr.clone())),
            version: about.map(|about| about.version.clone()),
            hostname: about.map(|about| about.hostname.clone()),
            clock_ahead_ms: member.and_then(|member| member.clock_ahead_ms),
        }
    };
    nodes.into_iter().map(|node| (node, peer(node))).collect()
}

/// A node that hangs keeps its links for a while, and one that is cut off from this node alone runs all the same.
fn state(link: Option<&LinkState>, member: Option<&Member>) -> PeerState {
    match (link.is_some_and(|link| link.is_up), member.map(|member| member.state)) {
        (true, None | Some(MemberState::Up)) => PeerState::Up,
        (true, Some(MemberState::Suspected)) => PeerState::Suspected,
        (false, Some(MemberState::Up | MemberState::Suspected)) => PeerState::NotConnected,
        (_, Some(MemberState::Down)) | (false, None) => PeerState::Down,
    }
}
