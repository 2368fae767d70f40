//! Who is woken, and what a reader of a range is told.

use super::*;
use crate::causality::SeenMarker;
use crate::ids::{ActorId, PartitionHash};
use crate::store::range::KeyRange;

fn place() -> PartitionHash {
    partition("p")
}

fn partition(name: &str) -> PartitionHash {
    Partition::new(BucketId([1; 32]), PartitionKey::new(name).unwrap()).hash
}

fn key(name: &str) -> ItemKey {
    ItemKey { partition: place(), sort_key: SortKey::new(name).unwrap() }
}

fn subscribe(shard: &mut ShardCore, poll: u64, watched: Watched) {
    assert_eq!(shard.feed(NOW, Event::Subscribe { poll: PollId(poll), watched }), vec![]);
}

/// Writes to the keys in one batch, has it stored, and says who is woken.
fn woken_by(shard: &mut ShardCore, batch: u64, keys: &[&str]) -> Vec<u64> {
    let writes: Vec<ItemWrite> =
        keys.iter().map(|key| write(0, key, &Context::empty(), b"v", None).writes.remove(0)).collect();
    let (plan, id) = (WritePlan::sole_replica(NODE), RequestId(batch));
    let planned = shard.feed(NOW, Request { id, writes, stored: None, plan });
    assert!(matches!(planned.as_slice(), [Effect::Persist { .. }]), "{planned:?}");
    let mut effects = shard.feed(NOW, persisted(batch)).into_iter();
    assert_eq!(effects.next(), Some(Effect::Answer { request: RequestId(batch), outcome: Ok(()) }));
    let poll = |effect| match effect {
        Effect::Wake { poll } => poll.0,
        other @ (Effect::Persist { .. }
        | Effect::SendMerge { .. }
        | Effect::Answer { .. }
        | Effect::ScheduleTick) => {
            panic!("{other:?}")
        }
    };
    effects.map(poll).collect()
}

#[test]
fn a_commit_wakes_each_poll_that_watches_it_once_and_no_other() {
    let mut shard = shard();
    subscribe(&mut shard, 1, Watched::Item(key("a1")));
    subscribe(&mut shard, 2, Watched::Item(key("b")));
    subscribe(&mut shard, 3, Watched::Range(place(), KeyRange::prefix("a")));
    subscribe(&mut shard, 4, Watched::Range(place(), KeyRange::all()));
    subscribe(&mut shard, 5, Watched::Range(partition("q"), KeyRange::all()));
    assert_eq!(woken_by(&mut shard, 0, &["a1", "a2", "a1"]), [1, 3, 4]);
    assert_eq!(woken_by(&mut shard, 1, &["b"]), [2, 4]);
    assert_eq!(woken_by(&mut shard, 2, &["c"]), [4]);
}

#[test]
fn who_has_gone_is_not_woken_and_not_counted() {
    let mut shard = shard();
    subscribe(&mut shard, 1, Watched::Item(key("a")));
    subscribe(&mut shard, 2, Watched::Item(key("a")));
    subscribe(&mut shard, 3, Watched::Range(place(), KeyRange::all()));
    for gone in [1, 3, 3, 99] {
        assert_eq!(shard.feed(NOW, Event::Unsubscribe { poll: PollId(gone) }), vec![]);
    }
    assert_eq!(shard.poller_count(), 1);
    assert_eq!(woken_by(&mut shard, 0, &["a"]), [2]);
}

#[test]
fn a_refused_write_wakes_nobody() {
    let mut shard = shard();
    subscribe(&mut shard, 1, Watched::Item(key("a")));
    shard.feed(NOW, write(1, "a", &Context::empty(), b"v", None));
    let full = PersistError::Full(CommitError::MapFull);
    let effects = shard.feed(NOW, Event::Persisted { batch: BatchId(0), outcome: Err(full.clone()) });
    assert_eq!(effects, vec![Effect::Answer { request: RequestId(1), outcome: Err(full.into()) }]);
}

fn meta(actors: &[u64], watermark: u64) -> ShardMeta {
    ShardMeta::new(Epoch(1), actors.iter().copied().map(ActorId).collect(), watermark)
}

fn reopened(meta: ShardMeta, epoch: u64) -> ShardCore {
    ShardCore::open(index(), NODE, Some(meta), Epoch(epoch), ShardLimits::default(), FENCE, [9; 32])
}

fn since(shard: &ShardCore, actor: u64, time: u64) -> Since {
    let marker = SeenMarker { seen: vec![(ActorId(actor), time)] };
    shard.changes(place(), &KeyRange::all(), &marker).since
}

#[test]
fn a_marker_of_an_actor_that_the_shard_does_not_know_has_seen_nothing() {
    assert_eq!(since(&shard(), 5, 10), Since::Everything);
    assert_eq!(since(&reopened(meta(&[5], 90), 2), 6, 10), Since::Everything);
}

#[test]
fn a_marker_of_an_actor_before_the_previous_one_has_seen_nothing() {
    let shard = reopened(meta(&[9, 5, 7], 90), 2);
    assert_eq!(since(&shard, 7, 40), Since::Unseen);
    assert_eq!(since(&shard, 5, 40), Since::Everything);
    assert_eq!(since(&reopened(meta(&[9, 5, 7], 90), 1), 5, 40), Since::Everything);
}

#[test]
fn a_restart_neither_repeats_what_was_seen_nor_hides_what_was_not() {
    let clean = reopened(meta(&[5], 90), 1);
    assert_eq!(since(&clean, 5, 90), Since::Recent(vec![]), "the marker that the shard gives out at once");
    assert_eq!(since(&clean, 5, 80), Since::Unseen, "what came between was not kept in memory");

    let unclean = reopened(meta(&[5], 90), 2);
    assert_eq!(since(&unclean, 5, 90), Since::Recent(vec![]), "nothing above its watermark is stored");
    assert_eq!(since(&unclean, 5, 89), Since::Unseen);
    assert_eq!(since(&unclean, 5, 200), Since::Recent(vec![]), "what an older image lacks is not seen in it");
}

/// Every clean restart showed the whole range again to followers of a shard that nobody had written to in this epoch.
#[test]
fn an_idle_shard_keeps_its_markers_over_clean_restarts() {
    for meta in [None, Some(meta(&[5], 90))] {
        let open = |seed| {
            ShardCore::open(index(), NODE, meta.clone(), Epoch(2), ShardLimits::default(), FENCE, [seed; 32])
        };
        let marker = open(1).changes(place(), &KeyRange::all(), &SeenMarker::default()).marker;
        let mut restarted = open(2);
        assert_eq!(restarted.changes(place(), &KeyRange::all(), &marker).since, Since::Recent(vec![]));
        woken_by(&mut restarted, 0, &["k"]);
        let keys = vec![SortKey::new("k").unwrap()];
        assert_eq!(restarted.changes(place(), &KeyRange::all(), &marker).since, Since::Recent(keys));
    }
}

#[test]
fn shards_and_epochs_begin_with_actor_ids_of_their_own() {
    let reach = |shard: usize, epoch| {
        let shard = ShardIndex::new(shard).unwrap();
        let core = ShardCore::open(shard, NODE, None, Epoch(epoch), ShardLimits::default(), FENCE, [8; 32]);
        core.changes(place(), &KeyRange::all(), &SeenMarker::default()).marker.seen[0].0
    };
    let mut actors: Vec<_> = (0..1024).flat_map(|shard| [reach(shard, 1), reach(shard, 2)]).collect();
    actors.sort_unstable();
    actors.dedup();
    assert_eq!(actors.len(), 2048);
}

/// An older image is restored, and a follower of it is given a marker; then a newer image is. The first image's actor id
/// and watermark are in both, but what it wrote in between is only in the second.
#[test]
fn a_marker_of_one_image_has_not_seen_what_only_another_one_holds() {
    let mut older = reopened(meta(&[5], 90), 2);
    let marker = older.changes(place(), &KeyRange::all(), &SeenMarker::default()).marker;
    assert_eq!(older.changes(place(), &KeyRange::all(), &marker).since, Since::Recent(vec![]));

    let newer = ShardCore::open(
        index(),
        NODE,
        Some(meta(&[5], 90)),
        Epoch(3),
        ShardLimits::default(),
        FENCE,
        [8; 32],
    );
    assert_eq!(newer.changes(place(), &KeyRange::all(), &marker).since, Since::Everything);

    woken_by(&mut older, 0, &["k"]);
    let keys = vec![SortKey::new("k").unwrap()];
    assert_eq!(older.changes(place(), &KeyRange::all(), &marker).since, Since::Recent(keys));
}

#[test]
fn changes_are_told_of_the_range_and_the_partition_that_were_asked_for() {
    let mut shard = shard();
    woken_by(&mut shard, 0, &["x"]);
    let marker = shard.changes(place(), &KeyRange::all(), &SeenMarker::default()).marker;
    woken_by(&mut shard, 1, &["b", "a1", "a2", "a1"]);
    let keys = |partition, range: &KeyRange| match shard.changes(partition, range, &marker).since {
        Since::Recent(keys) => keys.iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>(),
        other @ (Since::Everything | Since::Unseen) => panic!("{other:?}"),
    };
    assert_eq!(keys(place(), &KeyRange::all()), ["a1", "a2", "b"], "each once, in order");
    assert_eq!(keys(place(), &KeyRange::prefix("a")), ["a1", "a2"]);
    assert_eq!(keys(partition("q"), &KeyRange::all()), [""; 0]);
}
