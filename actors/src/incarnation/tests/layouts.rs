use crate::ids::NodeId;
use crate::incarnation::{Answer, Life, Loss, Memory, Message, Saved, State, StateError};
use crate::limits::MEMORY_STORES_MAX;
use crate::transport::Environment;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn stores() -> impl Strategy<Value = Vec<Environment>> {
    let store = any::<(u64, u64)>().prop_map(|(id, sequence)| Environment { id, sequence });
    prop::collection::vec(store, 0..4)
}

fn memory() -> impl Strategy<Value = Memory> {
    (any::<(u64, u64)>(), any::<u64>(), stores()).prop_map(|((number, id), boot, stores)| {
        let life = Life { number, id };
        Memory { life, boot, stores }
    })
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        memory().prop_map(Message::Question),
        (prop::option::of(memory()), any::<bool>())
            .prop_map(|(heard, is_lost)| Message::Answer(Answer { heard, is_lost })),
        memory().prop_map(Message::Pulse),
        memory().prop_map(Message::Contradiction),
    ]
}

fn state() -> impl Strategy<Value = State> {
    let loss = prop_oneof![
        any::<(u64, u64)>().prop_map(|(heard, mine)| Loss::RolledBack { heard, mine }),
        Just(Loss::Wiped)
    ];
    let saved = prop_oneof![
        (stores(), any::<bool>()).prop_map(|(since, is_new)| Saved::Asking { since, is_new }),
        loss.prop_map(Saved::Lost),
        stores().prop_map(|stores| Saved::Whole { stores }),
    ];
    let heard = prop::collection::btree_map(any::<[u8; 32]>().prop_map(NodeId), memory(), 0..4);
    (any::<(u64, u64)>(), saved, heard).prop_map(|((number, id), saved, heard)| State {
        life: Life { number, id },
        saved,
        heard,
    })
}

proptest! {
    #[test]
    fn every_message_is_read_as_it_was_written(message in message()) {
        let bytes = postcard::to_allocvec(&message).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Message>(&bytes), Ok(message));
    }

    #[test]
    fn every_state_is_read_as_it_was_written(state in state(), at in any::<prop::sample::Index>()) {
        let mut bytes = state.encode();
        prop_assert_eq!(State::decode(&bytes), Ok(state));
        let at = at.index(bytes.len());
        bytes[at] ^= 1;
        prop_assert_eq!(State::decode(&bytes), Err(StateError::Damaged));
        prop_assert_eq!(State::decode(&bytes[..at]), Err(StateError::Damaged));
    }
}

const MEMORY: &str = "0109020103ac02";

fn example() -> Memory {
    let stores = vec![Environment { id: 3, sequence: 300 }];
    Memory { life: Life { number: 1, id: 9 }, boot: 2, stores }
}

#[test]
fn the_bytes_of_messages_never_change() {
    let bytes = |message: &Message| hex::encode(postcard::to_allocvec(message).unwrap());
    assert_eq!(bytes(&Message::Question(example())), format!("00{MEMORY}"));
    let answer = |heard| Message::Answer(Answer { heard, is_lost: true });
    assert_eq!(bytes(&answer(Some(example()))), format!("0101{MEMORY}01"));
    assert_eq!(bytes(&answer(None)), "010001");
    assert_eq!(bytes(&Message::Pulse(example())), format!("02{MEMORY}"));
    assert_eq!(bytes(&Message::Contradiction(example())), format!("03{MEMORY}"));
}

#[test]
fn the_bytes_of_the_file_never_change() {
    let life = Life { number: 1, id: 9 };
    let check = |saved, expected: &str| {
        let heard = BTreeMap::from([(NodeId([4; 32]), example())]);
        let bytes = State { life, saved, heard }.encode();
        let (body, _sum) = bytes.split_last_chunk::<4>().unwrap();
        let node = "04".repeat(32);
        assert_eq!(hex::encode(body), format!("5452504901{}{expected}01{node}{MEMORY}", "0109"));
    };
    check(Saved::Asking { since: example().stores, is_new: true }, "000103ac0201");
    check(Saved::Lost(Loss::RolledBack { heard: 2, mine: 1 }), "01000201");
    check(Saved::Lost(Loss::Wiped), "0101");
    check(Saved::Whole { stores: example().stores }, "020103ac02");
}

#[test]
fn a_file_of_a_newer_program_is_refused_by_its_format() {
    let mut bytes = b"TRPI\x02".to_vec();
    bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
    assert_eq!(State::decode(&bytes), Err(StateError::Newer(2)));
}

#[test]
fn a_message_names_no_more_stores_than_a_node_can_have() {
    let stores = |count| vec![Environment { id: 1, sequence: 1 }; count];
    let pulse = |count| Message::Pulse(Memory { stores: stores(count), ..example() });
    assert!(pulse(MEMORY_STORES_MAX).is_short());
    assert!(!pulse(MEMORY_STORES_MAX + 1).is_short());
}
