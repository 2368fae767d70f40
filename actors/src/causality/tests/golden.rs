//! Bytes that are on disks and in clients' hands: they may never change under a reader's feet.

use super::{bytes, context, dot, key};
use crate::causality::{Context, Item, SeenMarker, Value};
use crate::ids::{ActorId, PartitionHash};

#[test]
fn the_bytes_of_an_item_never_change() {
    let mut item = Item::empty();
    item.write(dot(0x0102_0304_0506_0708, 300), &Context::empty(), bytes("old"));
    item.write(dot(0x0102_0304_0506_0708, 301), &item.context(), bytes("hi"));
    item.write(dot(u64::MAX, 302), &Context::empty(), Value::Tombstone);
    let expected = concat!(
        "02", // two branches
        "0807060504030201",
        "ac02", // actor, discarded up to 300
        "01",
        "ad02",
        "01",
        "02",
        "6869", // one sibling: 301, bytes, two of them, `hi`
        "ffffffffffffffff",
        "00", // actor, nothing discarded
        "01",
        "ae02",
        "00", // one sibling: 302, tombstone
    );
    assert_eq!(hex::encode(item.encode()), expected);
    assert_eq!(Item::decode(&hex::decode(expected).unwrap()), Some(item));
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
