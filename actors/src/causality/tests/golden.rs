//! Bytes that are on disks and in clients' hands: they may never change under a reader's feet.

use super::{bytes, context, dot, key};
use crate::causality::{Context, Item, SeenMarker, Value};
use crate::ids::{ActorId, PartitionHash};

const A: u64 = 0x0102_0304_0506_0708;

#[test]
fn the_bytes_of_an_item_never_change() {
    let mut item = Item::empty();
    item.write(dot(A, 300), &Context::empty(), bytes("old"));
    item.write(dot(A, 301), &item.token_context(), bytes("hi"));
    item.write(dot(u64::MAX, 302), &context(&[(3, 1)]), Value::Tombstone);
    item.fill(&context(&[(u64::MAX, 303)]));
    let expected = concat!(
        "03", // three branches
        "0300000000000000",
        "01", // actor, seen up to 1
        "00", // no sibling
        "0807060504030201",
        "00", // actor, seen up to its newest sibling
        "01",
        "ad02",
        "01",
        "02",
        "6869", // one sibling: 301, bytes, two of them, `hi`
        "ffffffffffffffff",
        "af02", // actor, seen up to 303
        "01",
        "ae02",
        "00", // one sibling: 302, tombstone
    );
    assert_eq!(hex::encode(item.encode()), expected);
    assert_eq!(Item::decode(&hex::decode(expected).unwrap()), Some(item));
}

#[test]
fn an_item_of_the_format_with_discard_times_is_read() {
    // Two actors: `hi` at 301 with everything up to 300 discarded; nothing left, everything up to 5 discarded.
    let stored = hex::decode("020807060504030201ac0201ad0201026869ffffffffffffffff0500").unwrap();
    let mut item = Item::empty();
    item.write(dot(A, 301), &context(&[(u64::MAX, 5)]), bytes("hi"));
    assert_eq!(Item::decode(&stored), Some(item));
}

#[test]
fn the_hash_of_a_state_never_changes() {
    let mut item = Item::empty();
    assert_eq!(item.state_hash(), 0);
    item.write(dot(A, 300), &Context::empty(), bytes("old"));
    assert_eq!(item.state_hash(), 0x1240_f5ff_906b_dd20);
    item.write(dot(2, 301), &Context::empty(), Value::Tombstone);
    assert_eq!(item.state_hash(), 0xea83_9f51_3c9c_5338);
}

#[test]
fn the_text_of_a_token_never_changes() {
    let context = context(&[(1, 2), (0x0102_0304_0506_0708, 0x1112_1314_1516_1718)]);
    let text = "y6pS2gP90vIAAAAAAAAAAQAAAAAAAAACAQIDBAUGBwgREhMUFRYXGA";
    assert_eq!(key().seal_token(PartitionHash([5; 16]), "sk", &context), text);
    assert_eq!(key().open_token(PartitionHash([5; 16]), "sk", text), Ok(context));
}

#[test]
fn the_text_of_a_marker_never_changes() {
    let marker = SeenMarker { seen: vec![(ActorId(9), 4), (ActorId(1), 2)] };
    let text = "p4eA1-ORehcAAAAAAAAACQAAAAAAAAAEAAAAAAAAAAEAAAAAAAAAAg";
    assert_eq!(key().seal_marker(PartitionHash([5; 16]), &marker), text);
    assert_eq!(key().open_marker(PartitionHash([5; 16]), text), Ok(marker));
}
