use super::{About, MemberId, MemberState, NodeId};
use crate::membership::{Membership, MembershipInbox, inbox};
use crate::transport::memory::MemoryNetwork;
use crate::transport::{Services, Subsystem};
use std::time::Duration;

const A: NodeId = NodeId([1; 32]);
const B: NodeId = NodeId([2; 32]);

/// Starts `id` in its run `boot`.
fn start(network: &MemoryNetwork, id: NodeId, boot: u64) -> Membership {
    let (service, inbox): (_, MembershipInbox) = inbox();
    let node = network.node(id);
    network.start(id, boot, Services::default().with(Subsystem::Membership, service));
    Membership::start(inbox, node, MemberId::new(id, boot, None), About::default(), boot)
}

async fn until(membership: &Membership, node: NodeId, state: MemberState) {
    while membership.members().state(node) != state {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[actix::test]
async fn running_nodes_meet_part_and_meet_again() {
    tokio::time::pause();
    let network = MemoryNetwork::new();
    let a = start(&network, A, 1);
    let b = start(&network, B, 1);
    until(&a, B, MemberState::Up).await;
    until(&b, A, MemberState::Up).await;

    b.leave().await;
    until(&a, B, MemberState::Down).await;
    network.stop(B);

    let b = start(&network, B, 2);
    until(&a, B, MemberState::Up).await;
    until(&b, A, MemberState::Up).await;
    assert_eq!(a.members().get(B).unwrap().boot, 2);

    network.stop(B);
    until(&a, B, MemberState::Down).await;
}
