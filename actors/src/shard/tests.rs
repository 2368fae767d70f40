//! The shard's decisions, as whole lists of effects.

mod bounds;
mod clocks;
mod markers;
mod merges;
mod messages;
mod peers;
mod polls;
mod running;
mod writes;

use super::*;
use crate::causality::{Context, Dot, Item, Value};
use crate::clock::WallMs;
use crate::ids::{BucketId, ItemKey, NodeId, Partition, PartitionKey, ShardIndex, SortKey};
use crate::store::counters::CountersDelta;
use crate::store::lane::PersistError;
use crate::store::{CommitError, Epoch, Position, ShardMeta, Write};

const NOW: WallMs = WallMs(1_000);
/// Who holds the replica.
const NODE: NodeId = NodeId([1; 32]);
const FENCE: Fence = Fence::first(3);

fn shard() -> ShardCore {
    ShardCore::open(
        index(),
        NODE,
        None,
        Epoch(1),
        ShardLimits { concurrent_values_max: 2, ..ShardLimits::default() },
        FENCE,
        [7; 32],
    )
}

/// The shard of every write below.
fn index() -> ShardIndex {
    Partition::new(BucketId([1; 32]), PartitionKey::new("p").unwrap()).shard()
}

fn write(
    request: u64,
    key: &str,
    context: &Context,
    value: &'static [u8],
    stored: Option<&Item<'static>>,
) -> Request {
    let partition = Partition::new(BucketId([1; 32]), PartitionKey::new("p").unwrap());
    let write = ItemWrite {
        partition,
        sort_key: SortKey::new(key).unwrap(),
        context: context.clone(),
        value: Value::Bytes(value.into()),
    };
    let plan = WritePlan::sole_replica(NODE);
    Request { id: RequestId(request), writes: vec![write], stored: stored.cloned(), plan }
}

/// A client's request, and what the store holds under each of its keys.
struct Request {
    id: RequestId,
    writes: Vec<ItemWrite>,
    stored: Option<Item<'static>>,
    plan: WritePlan,
}

/// What a shard is fed with.
enum Feed {
    Request(Request),
    Event(Event),
}

impl From<Request> for Feed {
    fn from(request: Request) -> Feed {
        Feed::Request(request)
    }
}

impl From<Event> for Feed {
    fn from(event: Event) -> Feed {
        Feed::Event(event)
    }
}

impl ShardCore {
    /// As the shell does: what is staged takes effect, a refusal is the answer.
    fn feed(&mut self, now: WallMs, what: impl Into<Feed>) -> Vec<Effect> {
        let Request { id: request, writes, stored, plan } = match what.into() {
            Feed::Request(request) => request,
            Feed::Event(event) => return self.step(event),
        };
        match self.stage(now, &writes, plan, &mut |_| Ok(stored.clone())) {
            Ok(staged) => self.step(Event::Write { request, staged }),
            Err(error) => vec![Effect::Answer { request, outcome: Err(error) }],
        }
    }
}

fn persisted(batch: u64) -> Event {
    Event::Persisted { batch: BatchId(batch), outcome: Ok(()) }
}

/// The item that a write's first effect stores.
fn stored_item(effects: &[Effect]) -> Item<'static> {
    let [Effect::Persist { writes, .. }, ..] = effects else { panic!("nothing is stored: {effects:?}") };
    let [Write::PutItem { row, .. }, ..] = writes.as_slice() else { panic!("no item is stored: {writes:?}") };
    Item::decode(&row.item()).unwrap().into_owned()
}

/// When the item changed that a write's first effect stores.
fn changed_at(effects: &[Effect]) -> Position {
    let [Effect::Persist { writes, .. }, ..] = effects else { panic!("nothing is stored: {effects:?}") };
    let [Write::PutItem { row, .. }, ..] = writes.as_slice() else { panic!("no item is stored: {writes:?}") };
    row.changed()
}

fn values<'a>(item: &'a Item<'_>) -> Vec<&'a [u8]> {
    item.values().into_iter().filter_map(Value::bytes).collect()
}

#[test]
fn a_client_is_answered_and_pollers_are_woken_only_after_the_commit() {
    let mut shard = shard();
    let Request { writes, .. } = write(1, "k", &Context::empty(), b"v", None);
    let watched = Watched::Item(writes[0].key());
    assert_eq!(shard.feed(NOW, Event::Subscribe { poll: PollId(9), watched }), vec![]);

    let effects = shard.feed(NOW, write(1, "k", &Context::empty(), b"v", None));
    let [Effect::Persist { batch: BatchId(0), fence: FENCE, writes }] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    let [Write::PutItem { delta, .. }, Write::PutShardMeta { meta, .. }] = writes.as_slice() else {
        panic!()
    };
    assert_eq!(delta.counters, CountersDelta { entries: 1, conflicts: 0, values: 1, bytes: 1 });
    assert_eq!(meta.watermark, NOW.0 + crate::limits::WATERMARK_STEP_MS);

    let effects = shard.feed(NOW, persisted(0));
    let answer = Effect::Answer { request: RequestId(1), outcome: Ok(()) };
    assert_eq!(effects, vec![answer, Effect::Wake { poll: PollId(9) }]);
}

#[test]
fn the_next_write_builds_on_the_one_that_is_not_stored_yet() {
    let mut shard = shard();
    let first = stored_item(&shard.feed(NOW, write(1, "k", &Context::empty(), b"a", None)));
    let second = stored_item(&shard.feed(NOW, write(2, "k", &first.token_context(), b"b", None)));
    assert_eq!(values(&second), [b"b"]);
    let third = stored_item(&shard.feed(NOW, write(3, "k", &first.token_context(), b"c", None)));
    assert_eq!(values(&third), [b"b", b"c"], "the context had not seen b");
}

#[test]
fn after_a_refusal_nothing_builds_on_what_was_refused() {
    let mut shard = shard();
    shard.feed(NOW, write(1, "k", &Context::empty(), b"a", None));
    shard.feed(NOW, write(2, "k", &Context::empty(), b"b", None));
    let full = PersistError::Full(CommitError::MapFull);
    let effects = shard.feed(NOW, Event::Persisted { batch: BatchId(0), outcome: Err(full.clone()) });
    assert_eq!(effects, vec![Effect::Answer { request: RequestId(1), outcome: Err(full.into()) }]);

    let effects = shard.feed(NOW, write(3, "k", &Context::empty(), b"c", None));
    assert_eq!(values(&stored_item(&effects)), [b"c"]);
    let Effect::Persist { fence, writes, .. } = &effects[0] else { panic!() };
    assert_eq!(*fence, FENCE.raised());
    assert!(
        matches!(writes[1], Write::PutShardMeta { .. }),
        "the watermark was refused along with the first batch"
    );

    shard.feed(NOW, Event::Persisted { batch: BatchId(1), outcome: Err(PersistError::Fenced) });
    let effects = shard.feed(NOW, write(4, "k", &Context::empty(), b"d", None));
    assert_eq!(values(&stored_item(&effects)), [b"c", b"d"], "the late refusal belongs to the old fence");
}

#[test]
fn one_concurrent_value_too_many_is_refused_and_a_covering_write_is_not() {
    let mut shard = shard();
    shard.feed(NOW, write(1, "k", &Context::empty(), b"a", None));
    let item = stored_item(&shard.feed(NOW, write(2, "k", &Context::empty(), b"b", None)));
    let effects = shard.feed(NOW, write(3, "k", &Context::empty(), b"c", None));
    let outcome = Err(WriteError::TooManyConcurrentValues { max: 2 });
    assert_eq!(effects, vec![Effect::Answer { request: RequestId(3), outcome }]);
    let item = stored_item(&shard.feed(NOW, write(4, "k", &item.token_context(), b"d", None)));
    assert_eq!(values(&item), [b"d"]);
}

#[test]
fn a_shard_of_an_earlier_epoch_mints_under_a_new_actor_and_remembers_the_old_one() {
    let meta = ShardMeta::new(Epoch(1), vec![crate::ids::ActorId(5)], 9_000);
    let mut shard =
        ShardCore::open(index(), NODE, Some(meta.clone()), Epoch(2), ShardLimits::default(), FENCE, [7; 32]);
    let effects = shard.feed(NOW, write(1, "k", &Context::empty(), b"a", None));
    let Effect::Persist { writes, .. } = &effects[0] else { panic!() };
    let Write::PutShardMeta { meta: stored, .. } = &writes[1] else {
        panic!("the new actor id is stored with its dot")
    };
    assert_eq!(stored.actors.len(), 2);
    assert_eq!(stored.actors[0], meta.actors[0]);

    let mut resumed =
        ShardCore::open(index(), NODE, Some(meta), Epoch(1), ShardLimits::default(), FENCE, [7; 32]);
    let item = stored_item(&resumed.feed(NOW, write(1, "k", &Context::empty(), b"a", None)));
    assert_eq!(
        item.token_context().pairs(),
        [(crate::ids::ActorId(5), 9_001)],
        "above the watermark, whatever the clock says"
    );
}

#[test]
fn a_token_that_shows_an_unknown_dot_of_mine_retires_my_actor_id() {
    let meta = ShardMeta::new(Epoch(1), vec![crate::ids::ActorId(5)], 9_000);
    let mut shard =
        ShardCore::open(index(), NODE, Some(meta), Epoch(1), ShardLimits::default(), FENCE, [7; 32]);
    let lost = Context::from_ascending(vec![(crate::ids::ActorId(5), 70_000)]).unwrap();
    let item = stored_item(&shard.feed(NOW, write(1, "k", &lost, b"a", None)));
    assert_eq!(values(&item), [b"a"], "under the old actor id the value would have been born discarded");
}

#[test]
fn two_replicas_must_be_durable_this_one_among_them() {
    let peers = [NodeId([2; 32]), NodeId([3; 32])];
    let plan = WritePlan::majority_of(&[NODE, peers[0], peers[1]]);
    let mut shard = shard();
    let request = Request { plan, ..write(1, "k", &Context::empty(), b"v", None) };
    let effects = shard.feed(NOW, request);
    assert!(matches!(
        effects.as_slice(),
        [Effect::Persist { .. }, Effect::SendMerge { .. }, Effect::ScheduleTick]
    ));

    let merged = |peer, durable| Event::PeerAnswered { batch: BatchId(0), peer, durable };
    assert_eq!(
        shard.feed(NOW, merged(peers[0], true)),
        vec![],
        "one is not enough, and this node's own is needed"
    );
    let answer = Effect::Answer { request: RequestId(1), outcome: Ok(()) };
    assert_eq!(shard.feed(NOW, persisted(0)), vec![answer]);
    assert_eq!(shard.feed(NOW, merged(peers[1], false)), vec![], "the client is answered once");
}

#[test]
fn a_reader_who_keeps_up_is_told_the_keys_and_one_who_lags_scans() {
    let mut shard = shard();
    let range = crate::store::range::KeyRange::all();
    let partition = Partition::new(BucketId([1; 32]), PartitionKey::new("p").unwrap()).hash;
    let start = shard.changes(partition, &range, &Default::default());
    assert_eq!(start.since, Since::Everything);

    let first = changed_at(&shard.feed(NOW, write(1, "a", &Context::empty(), b"1", None)));
    shard.feed(NOW, persisted(0));
    let marker = shard.changes(partition, &range, &start.marker).marker;
    shard.feed(NOW, write(2, "b", &Context::empty(), b"2", None));
    let quiet = shard.changes(partition, &range, &marker);
    assert_eq!(quiet.since, Since::Recent(vec![]), "what is not committed has not happened");
    shard.feed(NOW, persisted(1));
    let changes = shard.changes(partition, &range, &quiet.marker);
    assert_eq!(changes.since, Since::Recent(vec![SortKey::new("b").unwrap()]));

    let many = crate::limits::RECENT_CHANGES_MAX as u64 + 2;
    for batch in 2..many {
        shard.feed(NOW, write(batch, &batch.to_string(), &Context::empty(), b"x", None));
        shard.feed(NOW, persisted(batch));
    }
    let lagging = shard.changes(partition, &range, &marker);
    assert_eq!(lagging.since, Since::Unseen);
    let unseen = lagging.unseen.expect("the shard knows the marker");
    assert!(!unseen.is_unseen(first), "the reader has seen it");
    let second = changed_at(&shard.feed(NOW, write(0, "c", &Context::empty(), b"3", None)));
    assert!(unseen.is_unseen(second));
}
