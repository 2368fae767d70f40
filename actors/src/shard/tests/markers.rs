//! Readers who come back to a replica with a marker, and what of its rows they are shown.

use super::*;
use crate::causality::SeenMarker;
use crate::ids::ActorId;
use crate::mutation::{Mutation, turn_on};
use crate::store::StoredItem;
use crate::store::range::KeyRange;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const THEIRS: ActorId = ActorId(77);

/// A replica, and what is on its disk: all that it was told so far.
#[derive(Clone)]
struct Replica {
    core: ShardCore,
    rows: BTreeMap<String, StoredItem<'static>>,
    /// Every state that a row ever had.
    history: Vec<(String, StoredItem<'static>)>,
    meta: Option<ShardMeta>,
    epoch: u64,
}

impl Replica {
    fn new() -> Replica {
        let (rows, history, meta) = (BTreeMap::new(), Vec::new(), None);
        Replica { core: open(None, 1), rows, history, meta, epoch: 1 }
    }

    /// It stops and starts again, cleanly if the epoch is the same.
    fn restart(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.core = open(self.meta.clone(), epoch);
    }

    fn write(&mut self, key: &str) {
        let stored = self.rows.get(key).map(|stored| stored.item.clone());
        let context = stored.as_ref().map_or(Context::empty(), Item::token_context);
        let effects = self.core.feed(NOW, write(0, key, &context, b"v", stored.as_ref()));
        self.commit(effects);
    }

    /// Takes in what another replica holds of an item.
    fn merge(&mut self, key: &str, item: &Item<'_>) {
        let ItemWrite { partition, sort_key, .. } =
            write(0, key, &Context::empty(), b"", None).writes.remove(0);
        let state = ItemState::new(partition, sort_key, item.encode().into()).unwrap();
        let states = States { clock: Context::empty(), items: vec![state] };
        let stored = self.rows.get(key).map(|stored| stored.item.clone());
        let staged = self.core.stage_merge(NOW, &states, &mut |_| Ok(stored.clone())).unwrap();
        let effects = self.core.step(Event::Merge { request: RequestId(0), staged });
        self.commit(effects);
    }

    fn commit(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let Effect::Persist { batch, writes, .. } = effect else { continue };
            for write in writes {
                match write {
                    Write::PutItem { sort_key, row, .. } => {
                        let item = Item::decode(&row.item()).unwrap().into_owned();
                        let stored = StoredItem { changed: row.changed(), item };
                        self.history.push((sort_key.as_str().to_owned(), stored.clone()));
                        self.rows.insert(sort_key.as_str().to_owned(), stored);
                    }
                    Write::PutShardMeta { meta, .. } => self.meta = Some(meta),
                    Write::RemoveItem { .. } | Write::PutControl { .. } => panic!("nothing is removed"),
                }
            }
            self.core.step(persisted(batch.0));
        }
    }

    /// The keys that a reader is shown, whether these are all, and the next marker.
    fn shown(&self, marker: &SeenMarker) -> (Vec<String>, bool, SeenMarker) {
        let partition = Partition::new(BucketId([1; 32]), PartitionKey::new("p").unwrap()).hash;
        let Changes { marker, since, unseen } = self.core.changes(partition, &KeyRange::all(), marker);
        let is_shown = |stored: &StoredItem<'_>| unseen.is_none_or(|unseen| unseen.is_unseen(stored.changed));
        let rows = self.rows.iter().filter(|(_, stored)| is_shown(stored));
        let rows: Vec<String> = rows.map(|(key, _)| key.clone()).collect();
        if let Since::Recent(keys) = &since {
            assert_eq!(keys.iter().map(SortKey::as_str).collect::<Vec<_>>(), rows, "the rows say the same");
        }
        (rows, since == Since::Everything, marker)
    }

    fn marker(&self) -> SeenMarker {
        self.shown(&SeenMarker::default()).2
    }

    fn keys(&self, marker: &SeenMarker) -> Vec<String> {
        self.shown(marker).0
    }
}

/// A shard that remembers two commits.
fn open(meta: Option<ShardMeta>, epoch: u64) -> ShardCore {
    let limits = ShardLimits { recent_changes_max: 2, ..ShardLimits::default() };
    ShardCore::open(index(), NODE, meta, Epoch(epoch), limits, FENCE, [7; 32])
}

fn theirs(time: u64) -> Item<'static> {
    let mut item = Item::empty();
    item.write(Dot { actor: THEIRS, time }, &Context::empty(), Value::Bytes(b"t".as_slice().into()));
    item
}

/// Has the shard forget which keys changed last.
fn forget_recent(replica: &mut Replica) {
    ["x", "y", "z"].into_iter().for_each(|key| replica.write(key));
}

#[test]
fn a_merge_that_only_removes_a_value_is_shown_to_a_marker_that_lags() {
    let mut replica = Replica::new();
    replica.write("k");
    let mine = replica.rows["k"].item.token_context();
    replica.merge("k", &theirs(5));
    let marker = replica.marker();
    let mut removed = Item::empty();
    removed.write(Dot { actor: THEIRS, time: 5 }, &mine, Value::Bytes(b"t".as_slice().into()));
    replica.merge("k", &removed);
    assert_eq!(replica.rows["k"].item.sibling_count(), 1);
    forget_recent(&mut replica);
    assert_eq!(replica.keys(&marker), ["k", "x", "y", "z"]);
}

#[test]
fn a_merged_item_that_was_seen_is_not_shown_again() {
    let mut replica = Replica::new();
    replica.merge("k", &theirs(1 << 60));
    let marker = replica.marker();
    forget_recent(&mut replica);
    assert_eq!(replica.keys(&marker), ["x", "y", "z"], "their dots are no positions of this replica");
    replica.merge("k", &theirs(1 << 60));
    assert_eq!(replica.keys(&marker), ["x", "y", "z"], "nothing changed");
}

#[test]
fn a_restart_within_an_epoch_keeps_the_place_of_a_marker() {
    let mut replica = Replica::new();
    replica.write("a");
    let marker = replica.marker();
    replica.merge("b", &theirs(1));
    replica.restart(1);
    assert_eq!(replica.shown(&marker), (vec!["b".to_owned()], false, replica.marker()));
    replica.write("c");
    assert_eq!(replica.keys(&marker), ["b", "c"]);
}

#[test]
fn a_new_epoch_goes_on_from_the_markers_of_the_one_before() {
    let mut replica = Replica::new();
    replica.write("a");
    let marker = replica.marker();
    replica.merge("b", &theirs(1));
    replica.restart(2);
    assert_eq!(replica.keys(&marker), ["b"]);
    replica.write("c");
    assert_eq!(replica.shown(&marker), (vec!["b".to_owned(), "c".to_owned()], false, replica.marker()));
    replica.restart(3);
    assert!(replica.shown(&marker).1, "where the epoch before the last one was cut off is not known");
}

#[test]
fn a_marker_counts_in_an_older_image_as_far_as_the_image_reaches() {
    let mut replica = Replica::new();
    replica.write("a");
    let mut image = replica.clone();
    // Past the watermark of the image.
    for _ in 0..crate::limits::WATERMARK_STEP_MS + 2 {
        replica.write("lost");
    }
    let marker = replica.marker();
    image.restart(2);
    assert_eq!(image.keys(&marker), [""; 0]);
    image.merge("b", &theirs(1));
    assert!(image.rows["b"].changed.0 <= marker.seen[0].1, "the position was another row's before");
    assert_eq!(image.keys(&marker), ["b"]);
    // The next epoch does not know any more where the image ended.
    image.restart(3);
    assert_eq!(image.keys(&marker), ["a", "b"]);
}

#[test]
fn a_position_of_one_replica_is_none_of_another() {
    let mut replica = Replica::new();
    replica.write("a");
    let marker = SeenMarker { seen: vec![(THEIRS, u64::MAX)] };
    assert_eq!(replica.keys(&marker), ["a"]);
    turn_on(Some(Mutation::MarkerOfAnotherReplica));
    let shown = replica.keys(&marker);
    turn_on(None);
    assert_eq!(shown, [""; 0]);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Write(usize),
    Merge(usize, u64),
    Restart,
    Crash,
    Image,
    Restore,
    Poll,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..5_usize).prop_map(Step::Write),
        4 => (0..5_usize, 1..9_u64).prop_map(|(key, time)| Step::Merge(key, time)),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
        1 => Just(Step::Image),
        1 => Just(Step::Restore),
        4 => Just(Step::Poll),
    ]
}

proptest! {
    /// A reader is shown each state that a row is found in, unless it was shown that state or a later one before; and once
    /// only, as long as the marker is known and no older image was put back.
    #[test]
    fn a_reader_misses_nothing_and_is_shown_each_change_once(steps in proptest::collection::vec(step(), 1..60)) {
        let mut replica = Replica::new();
        let (mut image, mut epoch) = (replica.clone(), 1);
        let (mut marker, mut copy) = (SeenMarker::default(), BTreeMap::new());
        let (mut outdated, mut was_restored) = (Vec::new(), false);
        for step in steps.into_iter().chain([Step::Poll]) {
            match step {
                Step::Write(key) => replica.write(&key.to_string()),
                Step::Merge(key, time) => replica.merge(&key.to_string(), &theirs(time)),
                Step::Restart => replica.restart(replica.epoch),
                Step::Crash => {
                    epoch += 1;
                    replica.restart(epoch);
                }
                Step::Image => image = replica.clone(),
                Step::Restore => {
                    epoch += 1;
                    replica = image.clone();
                    replica.restart(epoch);
                    // What is older than what it was shown is no news.
                    copy.clone_from(&replica.rows);
                    copy.retain(|key, stored| outdated.contains(&(key.clone(), stored.clone())));
                    was_restored = true;
                }
                Step::Poll => {
                    let (shown, is_everything, next) = replica.shown(&marker);
                    let shown: BTreeSet<String> = shown.into_iter().collect();
                    for (key, stored) in &replica.rows {
                        let is_new = copy.get(key) != Some(stored);
                        prop_assert!(shown.contains(key) || !is_new, "{} is missed", key);
                        let may_repeat = is_everything || was_restored;
                        prop_assert!(may_repeat || is_new || !shown.contains(key), "{} again", key);
                    }
                    copy.clone_from(&replica.rows);
                    outdated.extend(replica.history.clone());
                    marker = next;
                }
            }
        }
    }
}
