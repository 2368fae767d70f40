use super::*;
use crate::causality::{Context, Dot, Item, Value};
use crate::ids::{Partition, PartitionKey, SortKey};
use crate::replication::page::Selection;
use crate::shard::ItemWrite;
use crate::store::counters::PartitionCounters;
use crate::store::range::KeyRange;
use proptest::prelude::*;

fn write(context: Vec<(ActorId, u64)>, value: Value<'static>) -> ItemWrite {
    ItemWrite {
        partition: Partition::new(BucketId([7; 32]), PartitionKey::new("pk").unwrap()),
        sort_key: SortKey::new("sk").unwrap(),
        context: Context::from_ascending(context).unwrap(),
        value,
    }
}

/// The message has these bytes, and is read back from them.
fn check(message: &Message<'_>, hex_bytes: &str) {
    let bytes = message.encode();
    assert_eq!(hex::encode(&bytes), hex_bytes, "{message:?}");
    assert_eq!(Message::decode(&bytes).as_ref(), Ok(message));
}

#[test]
fn the_bytes_of_questions_never_change() {
    let partition = [1; 16];
    let place = "01".repeat(16);
    let one = write(vec![(ActorId(300), 5)], Value::Bytes(b"v"[..].into()));
    let other = write(vec![], Value::Tombstone);
    let bucket = "07".repeat(32);
    check(
        &Message::Coordinate { version: 3, writes: vec![WireWrite::of(&one), WireWrite::of(&other)] },
        &format!("000302{bucket}02706b02736b01ac0205010176{bucket}02706b02736b0000"),
    );
    check(
        &Message::Check { version: 3, writes: vec![WireWrite::of(&other)] },
        &format!("010301{bucket}02706b02736b0000"),
    );
    check(&Message::ItemDigest { partition, sort_key: "sk" }, &format!("02{place}02736b"));
    check(&Message::ItemState { partition, sort_key: "sk" }, &format!("03{place}02736b"));
    let range = KeyRange { descending: true, ..KeyRange::prefix("a") };
    check(
        &Message::ItemsPage {
            partition,
            selection: WireSelection::Range(WireRange::of(&range)),
            items_max: 2,
            bytes_max: 128,
            form: Form::Hashes,
            changed_since: Some(vec![(ActorId(1), 2)]),
        },
        &format!("04{place}000001610101620102800101010101{}", "02"),
    );
    let keys = Selection::Keys(vec![SortKey::new("a").unwrap(), SortKey::new("b").unwrap()]);
    check(
        &Message::ItemsPage {
            partition,
            selection: WireSelection::of(&keys),
            items_max: 1,
            bytes_max: 0,
            form: Form::Outlines,
            changed_since: None,
        },
        &format!("04{place}010201610162{}", "01000200"),
    );
    let all = KeyRange::all();
    check(
        &Message::PartitionsPage { bucket: BucketId([7; 32]), range: WireRange::of(&all), rows_max: 9 },
        &format!("05{bucket}02020009"),
    );
    let watched = WireWatched::Item { partition, sort_key: "sk".into() };
    check(&Message::Subscribe { poll: 4, watched }, &format!("060400{place}02736b"));
    let watched = WireWatched::Range { partition, range: WireRange::of(&all) };
    check(&Message::Subscribe { poll: 4, watched }, &format!("060401{place}020200"));
    check(&Message::Unsubscribe { poll: 4 }, "0704");
    check(&Message::Signal { poll: 4 }, "0804");
    check(
        &Message::Changes { partition, range: WireRange::of(&all), marker: vec![(ActorId(1), 2)] },
        &format!("09{place}020200010102"),
    );
}

#[test]
fn the_bytes_of_answers_never_change() {
    let clock = || WireClock::of(&Context::from_ascending(vec![(ActorId(1), 2)]).unwrap());
    let mut item = Item::empty();
    item.write(Dot { actor: ActorId(1), time: 2 }, &Context::empty(), Value::Tombstone);
    let bytes = hex::encode(item.encode());
    let item = || WireItem::of(&item);
    let length = format!("{:02x}", bytes.len() / 2);
    let hash = WireHash(5);
    assert_eq!(hex::encode(WriteAnswer::Stored.encode()), "00");
    assert_eq!(
        hex::encode(WriteAnswer::Refused(WriteRefusal::TooManyConcurrentValues(9)).encode()),
        "010009"
    );
    assert_eq!(hex::encode(WriteAnswer::Refused(WriteRefusal::Unknown).encode()), "0108");
    let digest = DigestAnswer { may_vote: true, hash: Some(hash) };
    assert_eq!(hex::encode(digest.encode()), "01010500000000000000");
    let state = StateAnswer { may_vote: false, clock: clock(), item: Some(item()) };
    assert_eq!(hex::encode(state.encode()), format!("0001010201{length}{bytes}"));
    let page = |rows| PageAnswer { may_vote: true, clock: clock(), upto: Some("k".into()), rows };
    let states = page(PageRows::States(vec![("k", item())]));
    assert_eq!(hex::encode(states.encode()), format!("0101010201016b0001016b{length}{bytes}"));
    let hashes = page(PageRows::Hashes(vec![("k", hash)]));
    assert_eq!(hex::encode(hashes.encode()), "0101010201016b0101016b0500000000000000");
    let outlines = page(PageRows::Outlines(vec![]));
    assert_eq!(hex::encode(outlines.encode()), "0101010201016b0200");
    let counters = PartitionCounters { entries: 1, conflicts: 2, values: 3, bytes: 4 };
    let rows = vec![PartitionRow { key: "k".into(), counters, digest: hash }];
    let partitions = PartitionsAnswer { voteless: vec![300], upto: None, rows };
    assert_eq!(hex::encode(partitions.encode()), "01ac020001016b010203040500000000000000");
    assert_eq!(hex::encode(SubscribeAnswer::Subscribed { may_vote: true }.encode()), "0001");
    assert_eq!(hex::encode(SubscribeAnswer::Stopping.encode()), "02");
    let changes = |since| ChangesAnswer { may_vote: true, reach: Some((ActorId(1), 2)), since };
    assert_eq!(hex::encode(changes(WireSince::Everything).encode()), "0101010200");
    assert_eq!(hex::encode(changes(WireSince::Recent(vec!["k".into()])).encode()), "010101020101016b");
    assert_eq!(hex::encode(changes(WireSince::Unseen).encode()), "0101010202");
    assert_eq!(hex::encode(changes(WireSince::Expired).encode()), "0101010203");
}

#[test]
fn a_message_beyond_its_bounds_is_refused() {
    let page = |items_max, bytes_max| {
        let selection = WireSelection::Keys(vec![]);
        let (form, changed_since) = (Form::States, None);
        Message::ItemsPage { partition: [1; 16], selection, items_max, bytes_max, form, changed_since }
            .encode()
    };
    assert!(Message::decode(&page(1, 0)).is_ok());
    assert_eq!(Message::decode(&page(0, 0)), Err(MessageError::Bound("items")));
    assert_eq!(Message::decode(&page(1, u32::MAX)), Err(MessageError::Bound("bytes")));
    let nothing = Message::Coordinate { version: 1, writes: vec![] }.encode();
    assert_eq!(Message::decode(&nothing), Err(MessageError::Bound("writes")));
    assert_eq!(Message::decode(b"\xff"), Err(MessageError::Malformed));
    assert_eq!(Message::decode(&[&page(1, 0)[..], b"x"].concat()), Err(MessageError::Malformed));
}

#[test]
fn writes_of_several_shards_are_not_one_batch() {
    let one = write(vec![], Value::Tombstone);
    let other = (0..100).map(|number| {
        let key = PartitionKey::new(&format!("pk{number}")).unwrap();
        ItemWrite { partition: Partition::new(BucketId([7; 32]), key), ..one.clone() }
    });
    let other = other.into_iter().find(|other| other.partition.shard() != one.partition.shard()).unwrap();
    let both = vec![WireWrite::of(&one), WireWrite::of(&other)];
    assert_eq!(WireWrite::open_all(both), Err(MessageError::Malformed));
    let shard = one.partition.shard();
    assert_eq!(WireWrite::open_all(vec![WireWrite::of(&one)]), Ok((shard, vec![one.clone()])));
}

fn range() -> impl Strategy<Value = KeyRange> {
    let bound = || {
        prop_oneof![
            Just(std::ops::Bound::Unbounded),
            proptest::collection::vec(any::<u8>(), 0..9).prop_map(std::ops::Bound::Included),
            proptest::collection::vec(any::<u8>(), 0..9).prop_map(std::ops::Bound::Excluded),
        ]
    };
    (bound(), bound(), any::<bool>()).prop_map(|(low, high, descending)| KeyRange { low, high, descending })
}

proptest! {
    #[test]
    fn a_range_arrives_as_it_was_sent(range in range(), rows_max in 1..1000_u32) {
        let bucket = BucketId([1; 32]);
        let bytes = Message::PartitionsPage { bucket, range: WireRange::of(&range), rows_max }.encode();
        let Ok(Message::PartitionsPage { range: sent, .. }) = Message::decode(&bytes) else { panic!() };
        prop_assert_eq!(sent.open(), Ok(range));
    }

    #[test]
    fn a_write_arrives_as_it_was_sent(actors in proptest::collection::btree_map(any::<u64>(), any::<u64>(), 0..9), value: Option<Vec<u8>>) {
        let context = actors.into_iter().map(|(actor, time)| (ActorId(actor), time)).collect();
        let write = write(context, value.map_or(Value::Tombstone, |bytes| Value::Bytes(bytes.into())));
        let bytes = Message::Coordinate { version: 1, writes: vec![WireWrite::of(&write)] }.encode();
        let Ok(Message::Coordinate { writes, .. }) = Message::decode(&bytes) else { panic!() };
        prop_assert_eq!(WireWrite::open_all(writes), Ok((write.partition.shard(), vec![write])));
    }

    #[test]
    fn arbitrary_bytes_are_no_message_or_one_within_its_bounds(bytes: Vec<u8>) {
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert!(Message::decode(&message.encode()).is_ok());
        }
        let _ = PageAnswer::decode(&bytes).and_then(|page| page.clock.clone().open());
        let _ = (PartitionsAnswer::decode(&bytes), ChangesAnswer::decode(&bytes), StateAnswer::decode(&bytes));
    }
}
