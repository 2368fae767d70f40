//! Bytes between nodes: they are the same on every node, and whatever else comes is refused.

use super::*;
use crate::ids::ActorId;
use crate::shard::message::{MalformedMessage, MergeAnswer, MergeRefusal, MergeRequest};
use bytes::Bytes;
use proptest::prelude::*;

fn state(key: &str, encoded: &[u8]) -> ItemState {
    let partition = Partition::new(BucketId([1; 32]), PartitionKey::new("p").unwrap());
    ItemState::new(partition, SortKey::new(key).unwrap(), Bytes::copy_from_slice(encoded)).unwrap()
}

fn states(items: Vec<ItemState>) -> States {
    let clock = Context::from_ascending(vec![(ActorId(5), 300), (ActorId(9), u64::MAX)]).unwrap();
    States { clock, items }
}

#[test]
fn the_bytes_of_a_merge_never_change() {
    let mut item = Item::empty();
    item.write(Dot { actor: ActorId(5), time: 3 }, &Context::empty(), Value::Bytes(b"v".as_slice().into()));
    let states = states(vec![state("k", &item.encode()), state("l", &Item::empty().encode())]);
    let bucket = "01".repeat(32);
    let expected = [
        "00",   // merge
        "9c07", // shard 924
        "02",
        "05",
        "ac02",
        "09",
        "ffffffffffffffffff01", // two pairs of the clock
        "02",                   // two states
        &bucket,
        "0170",
        "016b",
        "0f",
        "01050000000000000000010301",
        "0176",
        &bucket,
        "0170",
        "016c",
        "01",
        "00", // an item that the sender does not hold
    ]
    .concat();
    assert_eq!(hex::encode(MergeRequest::encode(index(), &states)), expected);
    let body = Bytes::from(hex::decode(expected).unwrap());
    assert_eq!(MergeRequest::decode(&body), Ok(MergeRequest { shard: index(), states }));
}

#[test]
fn the_bytes_of_an_answer_never_change() {
    let check = |answer: MergeAnswer, expected: &str| {
        assert_eq!(hex::encode(answer.encode()), expected);
        assert_eq!(MergeAnswer::decode(&hex::decode(expected).unwrap()), Ok(answer));
    };
    check(MergeAnswer::Stored, "00");
    check(MergeAnswer::Refused(MergeRefusal::Overloaded), "0100");
    check(MergeAnswer::Refused(MergeRefusal::NoRoom), "0101");
    check(MergeAnswer::Refused(MergeRefusal::NotHere), "0102");
    check(MergeAnswer::Refused(MergeRefusal::Failed), "0103");
}

#[test]
fn a_state_of_another_shard_and_one_that_is_no_item_are_refused() {
    let good = MergeRequest::encode(index(), &states(vec![state("k", &[0])]));
    let other = ShardIndex::new(index().index() + 1).unwrap();
    let wrong = Bytes::from(MergeRequest::encode(other, &states(vec![state("k", &[0])])));
    assert_eq!(MergeRequest::decode(&wrong), Err(MalformedMessage));
    let mut broken = good.clone();
    *broken.last_mut().unwrap() = 7;
    assert_eq!(
        MergeRequest::decode(&Bytes::from(broken)),
        Err(MalformedMessage),
        "seven branches are missing"
    );
    let stretched = Bytes::from([&good[..], &[0]].concat());
    assert_eq!(MergeRequest::decode(&stretched), Err(MalformedMessage));
}

proptest! {
    #[test]
    fn a_merge_is_read_as_it_was_written(keys in prop::collection::vec("\\PC{1,9}", 0..9)) {
        let states = states(keys.iter().map(|key| state(key, &[0])).collect());
        let body = Bytes::from(MergeRequest::encode(index(), &states));
        prop_assert_eq!(MergeRequest::decode(&body), Ok(MergeRequest { shard: index(), states }));
    }

    #[test]
    fn bytes_that_are_no_merge_are_refused_without_a_crash(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = MergeRequest::decode(&Bytes::from(body.clone()));
        let _ = MergeAnswer::decode(&body);
    }
}
