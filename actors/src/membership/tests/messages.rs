use super::world::{World, node_id, received};
use super::{About, Effect, Event, MemberId, MembershipCore, Message, NodeId, Now, PeerAddr};
use crate::limits::PEER_ADDR_BYTES_MAX;
use proptest::prelude::*;
use std::time::Duration;

fn message() -> impl Strategy<Value = Message> {
    let gossip = (any::<u64>(), prop::collection::vec(any::<u8>(), 0..200))
        .prop_map(|(wall_ms, packet)| Message::Gossip { wall_ms, packet });
    let about =
        (".{0,40}", ".{0,40}").prop_map(|(version, hostname)| Message::About(About { version, hostname }));
    prop_oneof![gossip, about]
}

proptest! {
    #[test]
    fn every_message_is_read_as_it_was_written(message in message()) {
        prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn no_bytes_stop_a_node(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        from_peer in any::<bool>(),
    ) {
        let mut world = World::new(2, 1);
        world.run(Duration::from_secs(1));
        let mut packet = bytes;
        if from_peer {
            packet.splice(0..0, node_id(1).0);
        }
        // Neither as a whole message nor as a packet in one.
        if let Ok(message) = Message::decode(&packet) {
            world.step(0, received(node_id(1), message));
        }
        world.step(0, Event::Gossip { from: node_id(1), wall_ms: 0, packet });
        world.run(Duration::from_secs(5));
    }
}

#[test]
fn the_bytes_of_messages_never_change() {
    let gossip = Message::Gossip { wall_ms: 300, packet: vec![7, 8] };
    assert_eq!(hex::encode(gossip.encode()), "00ac02020708");
    let about = Message::About(About { version: "v1".to_owned(), hostname: "h".to_owned() });
    assert_eq!(hex::encode(about.encode()), "010276310168");
}

#[test]
fn the_bytes_of_a_packet_never_change() {
    let own = MemberId::new(NodeId([1; 32]), 300, PeerAddr::new("a:1").ok());
    let mut core = MembershipCore::new(own, About::default(), 1);
    let effects = core.step(Now::default(), Event::LinkUp(NodeId([2; 32])));
    let packets: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Tell { message: Message::Gossip { packet, .. }, .. } => Some(hex::encode(packet)),
            Effect::Tell { .. } | Effect::WakeAt(_) | Effect::Changed(_) | Effect::Dropped { .. } => None,
        })
        .collect();
    let (own, peer) = ("01".repeat(32), "02".repeat(32));
    assert_eq!(packets, [format!("{own}ac02000103613a3100{peer}00000006")]);
}

#[test]
fn an_address_has_a_bound_on_the_wire_too() {
    assert!(PeerAddr::new(&"a".repeat(PEER_ADDR_BYTES_MAX)).is_ok());
    assert!(PeerAddr::new(&"a".repeat(PEER_ADDR_BYTES_MAX + 1)).is_err());
    let long = postcard::to_allocvec(&"a".repeat(PEER_ADDR_BYTES_MAX + 1)).unwrap();
    assert!(postcard::from_bytes::<PeerAddr>(&long).is_err());
}
