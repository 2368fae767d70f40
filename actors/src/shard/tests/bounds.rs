//! What a request may take, and what it costs to find out.

use super::writes::{batch, item_write};
use super::*;
use crate::limits::{BATCH_BYTES_MAX, SHARD_BYTES_IN_FLIGHT_MAX};

const MIB: usize = 1 << 20;
static LARGE: [u8; MIB] = [7; MIB];

/// A shard that lets one item hold so many bytes.
fn shard_with(item_bytes_max: usize) -> ShardCore {
    let limits = ShardLimits { item_bytes_max, ..ShardLimits::default() };
    ShardCore::open(index(), NODE, None, Epoch(1), limits, FENCE, [7; 32])
}

/// What staging says, and which keys it read.
fn stage(shard: &mut ShardCore, request: Request) -> (Result<Staged, WriteError>, Vec<String>) {
    let mut read = Vec::new();
    let Request { writes, stored, plan, .. } = request;
    let staged = shard.stage(NOW, &writes, plan, &mut |key| {
        read.push(key.sort_key.as_str().to_owned());
        Ok(stored.clone())
    });
    (staged, read)
}

fn refusal(request: u64, error: WriteError) -> Vec<Effect> {
    vec![Effect::Answer { request: RequestId(request), outcome: Err(error) }]
}

/// 200 kB that named one item of 1 MiB 10,000 times had it loaded 10,000 times, before any limit was looked at.
#[test]
fn an_item_is_read_once_however_often_a_request_names_it() {
    let mut shard = shard_with(MIB);
    let none = Context::empty();
    let names = [("a", &none, b"1".as_slice()), ("b", &none, b"2"), ("a", &none, b"3"), ("b", &none, b"4")];
    let (staged, read) = stage(&mut shard, batch(1, &names));
    assert!(staged.is_ok());
    assert_eq!(read, ["a", "b"]);
}

#[test]
fn nothing_is_read_after_the_first_refusal() {
    let mut shard = shard();
    let none = Context::empty();
    let names: Vec<_> = ["a", "b", "b", "b", "c"].map(|key| (key, &none, b"v".as_slice())).to_vec();
    let (staged, read) = stage(&mut shard, batch(1, &names));
    assert_eq!(staged, Err(WriteError::TooManyConcurrentValues { max: 2 }));
    assert_eq!(read, ["a", "b"]);
}

#[test]
fn an_item_is_not_read_while_a_batch_of_it_is_under_way() {
    let mut shard = shard();
    let none = Context::empty();
    let reads = |shard: &mut ShardCore| stage(shard, write(9, "k", &none, b"c", None)).1.len();
    shard.feed(NOW, write(1, "k", &none, b"a", None));
    shard.feed(NOW, write(2, "k", &none, b"b", None));
    shard.feed(NOW, persisted(0));
    assert_eq!(reads(&mut shard), 0, "the second batch is not stored yet");
    shard.feed(NOW, persisted(1));
    assert_eq!(reads(&mut shard), 1);
}

#[test]
fn a_batch_is_checked_as_it_would_be_written() {
    let mut shard = shard();
    let none = Context::empty();
    let check = |shard: &mut ShardCore, writes: &[ItemWrite]| {
        shard.check(NOW, writes, &WritePlan::sole_replica(NODE), &mut |_| Ok(None))
    };
    let adding = |count: usize| vec![item_write("k", &none, b"v"); count];
    assert_eq!(check(&mut shard, &adding(2)), Ok(()));
    assert_eq!(check(&mut shard, &adding(3)), Err(WriteError::TooManyConcurrentValues { max: 2 }));
    shard.feed(NOW, write(1, "k", &none, b"a", None));
    let full = stored_item(&shard.feed(NOW, write(2, "k", &none, b"b", None)));
    assert_eq!(check(&mut shard, &adding(1)), Err(WriteError::TooManyConcurrentValues { max: 2 }));

    // The first write covers both values, and makes room for the second.
    let covering = [item_write("k", &full.token_context(), b"c"), item_write("k", &none, b"d")];
    assert_eq!(check(&mut shard, &covering), Ok(()));
    let request = Request { writes: covering.to_vec(), ..write(3, "k", &none, b"", None) };
    assert_eq!(values(&stored_item(&shard.feed(NOW, request))), [b"c", b"d"]);
}

#[test]
fn concurrent_values_of_too_many_bytes_are_refused_and_a_single_one_never_is() {
    let mut shard = shard_with(8);
    let none = Context::empty();
    let one = stored_item(&shard.feed(NOW, write(1, "k", &none, b"more than eight", None)));
    let too_many = WriteError::TooManyConcurrentBytes { bytes_max: 8 };
    assert_eq!(shard.feed(NOW, write(2, "k", &none, b"2", None)), refusal(2, too_many.clone()));
    let small = stored_item(&shard.feed(NOW, write(3, "k", &one.token_context(), b"four", None)));
    shard.feed(NOW, write(4, "k", &none, b"more", None));
    assert_eq!(shard.feed(NOW, write(5, "k", &none, b"x", None)), refusal(5, too_many));
    let merged = stored_item(&shard.feed(NOW, write(6, "k", &small.token_context(), b"1234", None)));
    assert_eq!(values(&merged), [b"more", b"1234"], "what the token covers makes room");
}

#[test]
fn a_batch_of_more_bytes_than_are_held_at_once_is_refused_and_one_item_is_not() {
    let mut shard = shard_with(2 * BATCH_BYTES_MAX);
    let none = Context::empty();
    let count = BATCH_BYTES_MAX / MIB;
    let keys: Vec<_> = (0..=count).map(|number| format!("{number:04}")).collect();
    let writes: Vec<_> = keys.iter().map(|key| (key.as_str(), &none, LARGE.as_slice())).collect();
    let (staged, read) = stage(&mut shard, batch(1, &writes));
    assert_eq!(staged, Err(WriteError::BatchTooLarge { bytes_max: BATCH_BYTES_MAX }));
    assert_eq!(read.len(), count);
    let (staged, _) = stage(&mut shard, batch(2, &vec![("k", &none, LARGE.as_slice()); count + 1]));
    assert!(staged.is_ok_and(|staged| staged.bytes() > BATCH_BYTES_MAX));
}

#[test]
fn what_a_shard_has_on_its_way_to_the_disk_is_bounded_in_bytes() {
    let mut shard = shard_with(MIB);
    let none = Context::empty();
    let put = |shard: &mut ShardCore, number: usize| {
        shard.feed(NOW, write(number as u64, &number.to_string(), &none, &LARGE, None))
    };
    let fits = (SHARD_BYTES_IN_FLIGHT_MAX - 1) / MIB;
    for number in 0..fits {
        assert!(matches!(put(&mut shard, number)[0], Effect::Persist { .. }), "{number}");
    }
    assert_eq!(put(&mut shard, fits), refusal(fits as u64, WriteError::Overloaded));
    shard.feed(NOW, persisted(0));
    assert!(matches!(put(&mut shard, fits)[0], Effect::Persist { .. }));
    for batch in 1..=fits as u64 {
        shard.feed(NOW, persisted(batch));
    }

    let keys: Vec<_> = (0..=fits).map(|number| format!("{number:04}")).collect();
    let larger: Vec<_> = keys.iter().map(|key| (key.as_str(), &none, LARGE.as_slice())).collect();
    let covered = shard.feed(NOW, batch(90, &larger));
    assert!(matches!(covered[0], Effect::Persist { .. }), "by itself it is let in");
    assert_eq!(shard.feed(NOW, write(91, "k", &none, b"v", None)), refusal(91, WriteError::Overloaded));
}

/// A new state was copied for the overlay, for the lane, and for each other replica.
#[test]
fn a_new_state_is_made_once_for_everybody() {
    let mut shard = shard();
    let plan = WritePlan::majority_of(&[NODE, NodeId([2; 32]), NodeId([3; 32])]);
    let effects = shard.feed(NOW, Request { plan, ..write(1, "k", &Context::empty(), &LARGE, None) });
    let bytes = |writes: &[Write]| match &writes[0] {
        Write::PutItem { row, .. } => row.item().as_ptr(),
        other @ (Write::RemoveItem { .. } | Write::PutShardMeta { .. } | Write::PutControl { .. }) => {
            panic!("{other:?}")
        }
    };
    let [Effect::Persist { writes, .. }, Effect::SendMerge { peers, states, .. }, Effect::ScheduleTick] =
        effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    assert_eq!(peers.len(), 2);
    assert_eq!(states.items[0].encoded().as_ptr(), bytes(writes));
}
