//! What is stored, in which order, and what is not.

use super::*;
use crate::ids::ActorId;
use crate::limits::{SHARD_WRITES_IN_FLIGHT_MAX, TOKEN_ACTORS_MAX, WATERMARK_STEP_MS};
use crate::store::{FailureCause, Position};

/// A request of several writes to keys of one partition.
pub(super) fn batch(request: u64, writes: &[(&str, &Context, &'static [u8])]) -> Request {
    let writes: Vec<ItemWrite> =
        writes.iter().map(|(key, context, value)| item_write(key, context, value)).collect();
    Request { id: RequestId(request), writes, stored: None, plan: WritePlan::sole_replica(NODE) }
}

pub(super) fn item_write(key: &str, context: &Context, value: &'static [u8]) -> ItemWrite {
    write(0, key, context, value, None).writes.remove(0)
}

fn refused(batch: u64, error: PersistError) -> Event {
    Event::Persisted { batch: BatchId(batch), outcome: Err(error) }
}

#[test]
fn a_batch_is_one_transaction_of_whole_items_and_the_watermark() {
    let mut shard = shard();
    let none = Context::empty();
    let effects = shard.feed(NOW, batch(1, &[("a", &none, b"1"), ("b", &none, b"22"), ("a", &none, b"333")]));

    let actor = stored_item(&effects).token_context().pairs()[0].0;
    let item = |writes: &[(u64, &'static [u8])]| {
        let mut item = Item::empty();
        for &(time, value) in writes {
            item.write(Dot { actor, time }, &Context::empty(), Value::Bytes(value.into()));
        }
        item
    };
    let put = |key: &str, changed: u64, item: &Item<'_>| {
        let ItemWrite { partition, sort_key, .. } = item_write(key, &Context::empty(), b"");
        Write::put_item(partition, sort_key, Position(changed), &Item::empty(), item)
    };
    let meta = ShardMeta::new(Epoch(1), vec![actor], 1_002 + WATERMARK_STEP_MS);
    let writes = vec![
        put("a", 1_001, &item(&[(1_000, b"1"), (1_001, b"333")])),
        put("b", 1_002, &item(&[(1_002, b"22")])),
        Write::PutShardMeta { shard: item_write("a", &none, b"").partition.shard(), meta },
    ];
    assert_eq!(effects, vec![Effect::Persist { batch: BatchId(0), fence: FENCE, writes }]);
}

#[test]
fn the_watermark_is_stored_once_and_again_when_time_overtakes_it() {
    let mut shard = shard();
    let none = Context::empty();
    let mut stores_meta = |now: u64| {
        let effects = shard.feed(WallMs(now), write(now, "k", &none, b"v", None));
        let item = stored_item(&effects);
        let [Effect::Persist { writes, batch, .. }] = effects.as_slice() else { panic!("{effects:?}") };
        shard.feed(WallMs(now), Event::Persisted { batch: *batch, outcome: Ok(()) });
        (writes.len() > 1, item.token_context().pairs()[0].1)
    };
    assert_eq!(stores_meta(1_000), (true, 1_000));
    assert_eq!(stores_meta(500), (false, 1_001), "time goes on when the clock does not");
    assert_eq!(stores_meta(1_000 + WATERMARK_STEP_MS), (false, 61_000), "up to the watermark it holds");
    assert_eq!(stores_meta(61_000), (true, 61_001), "beyond it, it is stored again");
}

#[test]
fn a_request_that_is_refused_half_way_leaves_nothing_behind() {
    let mut shard = shard();
    let none = Context::empty();
    let effects = shard.feed(
        NOW,
        batch(1, &[("a", &none, b"1"), ("b", &none, b"1"), ("b", &none, b"2"), ("b", &none, b"3")]),
    );
    let outcome = Err(WriteError::TooManyConcurrentValues { max: 2 });
    assert_eq!(effects, vec![Effect::Answer { request: RequestId(1), outcome }]);
    let effects = shard.feed(NOW, batch(2, &[("a", &none, b"only")]));
    assert_eq!(values(&stored_item(&effects)), [b"only"]);
    assert!(matches!(&effects[0], Effect::Persist { batch: BatchId(0), writes, .. } if writes.len() == 2));
}

#[test]
fn what_is_stored_is_built_upon_where_nothing_newer_is_held() {
    let mut shard = shard();
    let mut stored = Item::empty();
    stored.write(
        Dot { actor: ActorId(3), time: 7 },
        &Context::empty(),
        Value::Bytes(b"old".as_slice().into()),
    );
    let effects = shard.feed(NOW, write(1, "k", &Context::empty(), b"new", Some(&stored)));
    let item = stored_item(&effects);
    assert_eq!(item.sibling_count(), 2);
    let Effect::Persist { writes, .. } = &effects[0] else { panic!() };
    let Write::PutItem { delta, .. } = &writes[0] else { panic!() };
    assert_eq!(delta.counters, CountersDelta::between(&stored, &item));

    let stale = shard.feed(NOW, write(2, "k", &item.token_context(), b"newer", Some(&stored)));
    assert_eq!(values(&stored_item(&stale)), [b"newer"], "what is held goes before what is stored");
}

#[test]
fn a_failure_of_the_store_is_an_unknown_outcome_and_a_refusal_is_none() {
    let mut shard = shard();
    shard.feed(NOW, write(1, "a", &Context::empty(), b"a", None));
    shard.feed(NOW, write(2, "b", &Context::empty(), b"b", None));
    let broken = PersistError::Broken(FailureCause::Io(std::io::Error::other("EIO")).into());
    let outcome = Err(WriteError::Unknown(UnknownCause::Lane(broken.clone())));
    let effects = shard.feed(NOW, refused(0, broken));
    assert_eq!(effects, vec![Effect::Answer { request: RequestId(1), outcome }]);
    let effects = shard.feed(NOW, refused(1, PersistError::Fenced));
    assert!(matches!(
        effects.as_slice(),
        [Effect::Answer { request: RequestId(2), outcome: Err(WriteError::InsufficientStorage(_)) }]
    ));
}

#[test]
fn a_refusal_here_is_an_unknown_outcome_if_other_replicas_were_sent_the_write() {
    let mut shard = shard();
    let plan = WritePlan::majority_of(&[NODE, NodeId([2; 32])]);
    shard.feed(NOW, Request { plan, ..write(1, "k", &Context::empty(), b"v", None) });
    let effects = shard.feed(NOW, refused(0, PersistError::Full(CommitError::DiskFull)));
    assert!(matches!(effects.as_slice(), [Effect::Answer { outcome: Err(WriteError::Unknown(_)), .. }]));
}

#[test]
fn an_outcome_that_comes_twice_is_told_once() {
    let mut shard = shard();
    shard.feed(NOW, write(1, "k", &Context::empty(), b"v", None));
    assert_eq!(shard.feed(NOW, persisted(0)).len(), 1);
    assert_eq!(shard.feed(NOW, persisted(0)), vec![]);
    assert_eq!(shard.feed(NOW, refused(0, PersistError::Fenced)), vec![]);
    assert_eq!(shard.feed(NOW, persisted(77)), vec![]);
}

#[test]
fn more_writes_in_flight_than_the_limit_are_refused_unminted() {
    let mut shard = shard();
    let limit = SHARD_WRITES_IN_FLIGHT_MAX as u64;
    for request in 0..limit {
        shard.feed(NOW, write(request, &request.to_string(), &Context::empty(), b"v", None));
    }
    let one_more = || write(limit, "k", &Context::empty(), b"v", None);
    let outcome = Err(WriteError::Overloaded);
    assert_eq!(shard.feed(NOW, one_more()), vec![Effect::Answer { request: RequestId(limit), outcome }]);
    shard.feed(NOW, persisted(0));
    assert!(
        matches!(shard.feed(NOW, one_more()).as_slice(), [Effect::Persist { batch: BatchId(id), .. }] if *id == limit)
    );
}

/// An item keeps what it needs to tell which dots of other actors are dead. Its token names live dots alone.
#[test]
fn no_item_outgrows_its_own_token() {
    let mut shard = shard();
    for round in 0..4 {
        let actors = (0..TOKEN_ACTORS_MAX as u64).map(|n| (ActorId(1 + round * 1_000 + n), 9));
        let foreign = Context::from_ascending(actors.collect()).unwrap();
        let item = stored_item(&shard.feed(NOW, write(round, "k", &foreign, b"v", None)));
        assert_eq!(item.token_context().pairs().len(), 1);
        shard.feed(NOW, write(round, "k", &item.token_context(), b"w", None));
    }
}

#[test]
fn an_item_that_lives_through_many_epochs_stays_as_short_as_a_new_one() {
    let mut stored: Option<Item<'static>> = None;
    let mut meta = None;
    for epoch in 1..100 {
        let mut shard =
            ShardCore::open(index(), NODE, meta.take(), Epoch(epoch), ShardLimits::default(), FENCE, [7; 32]);
        let token = stored.as_ref().map_or_else(Context::empty, Item::token_context);
        let effects = shard.feed(NOW, write(epoch, "k", &token, b"v", stored.as_ref()));
        let item = stored_item(&effects);
        assert_eq!(item.branches().len(), 1);
        let [Effect::Persist { writes, .. }, ..] = effects.as_slice() else { panic!("{effects:?}") };
        let [_, Write::PutShardMeta { meta: stored_meta, .. }] = writes.as_slice() else {
            panic!("{writes:?}")
        };
        (stored, meta) = (Some(item), Some(stored_meta.clone()));
    }
}

#[test]
fn a_write_that_a_broken_disk_took_has_the_systems_error_among_its_sources() {
    let broken = PersistError::Broken(FailureCause::Io(std::io::ErrorKind::BrokenPipe.into()).into());
    let error = WriteError::from(broken);
    let sources = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let kinds: Vec<_> =
        sources.filter_map(|error| Some(error.downcast_ref::<std::io::Error>()?.kind())).collect();
    assert_eq!(kinds, [std::io::ErrorKind::BrokenPipe]);
}
