use super::*;
use crate::ids::ShardIndex;
use crate::limits::GROUP_BYTES_MAX;
use crate::store::FailureCause;

fn batch(order: u64, name: &'static str, shard: usize, fence: u64, grows: bool) -> Batch<&'static str> {
    let owner = Owner::Shard(ShardIndex::new(shard).unwrap());
    let fence = (0..fence).fold(Fence::first(7), |fence, _| fence.raised());
    Batch { owner, fence, order, grows, bytes: 1, payload: name }
}

fn put(order: u64, name: &'static str, shard: usize, fence: u64) -> Batch<&'static str> {
    batch(order, name, shard, fence, true)
}

fn delete(order: u64, name: &'static str, shard: usize, fence: u64) -> Batch<&'static str> {
    batch(order, name, shard, fence, false)
}

fn kept(batch: Batch<&'static str>) -> Effect<&'static str> {
    Effect::Answer(batch, Ok(()))
}

fn full(batch: Batch<&'static str>) -> Effect<&'static str> {
    Effect::Answer(batch, Err(PersistError::Full(CommitError::DiskFull)))
}

fn fenced(batch: Batch<&'static str>) -> Effect<&'static str> {
    Effect::Answer(batch, Err(PersistError::Fenced))
}

fn failed(group: Vec<Batch<&'static str>>) -> Event<&'static str> {
    Event::Committed { group, outcome: Err(CommitError::DiskFull) }
}

fn done(group: Vec<Batch<&'static str>>) -> Event<&'static str> {
    Event::Committed { group, outcome: Ok(()) }
}

/// A lane with these batches queued, at 0 ms.
fn queued(batches: &[Batch<&'static str>]) -> LaneCore<&'static str> {
    let mut core = LaneCore::default();
    for batch in batches {
        core.step(0, Event::Arrived(batch.clone()));
    }
    core
}

#[track_caller]
fn check(
    core: &mut LaneCore<&'static str>,
    now_ms: u64,
    event: Event<&'static str>,
    effects: &[Effect<&'static str>],
) {
    assert_eq!(core.step(now_ms, event), effects);
}

#[test]
fn everything_that_queued_up_is_one_group_and_is_answered_after_it() {
    let mut core = LaneCore::default();
    let (a, b) = (put(1, "a", 1, 0), delete(2, "b", 2, 0));
    check(&mut core, 0, Event::Arrived(a.clone()), &[Effect::ScheduleFlush]);
    check(&mut core, 0, Event::Arrived(b.clone()), &[]);
    check(&mut core, 0, Event::Flush, &[Effect::Commit(vec![a.clone(), b.clone()])]);
    check(&mut core, 0, done(vec![a.clone(), b.clone()]), &[kept(a.clone()), kept(b)]);
    check(&mut core, 0, Event::Flush, &[]);
    check(&mut core, 0, Event::Arrived(a), &[Effect::ScheduleFlush]);
}

/// A group was made as soon as there was enough for one, and the next one right after its commit: a small write at the end
/// of the mailbox waited for all the large ones before it.
#[test]
fn a_group_is_only_made_of_a_mailbox_that_was_drained() {
    let large = |order, name, shard| Batch { bytes: GROUP_BYTES_MAX, ..put(order, name, shard, 0) };
    let (a, b, c) = (large(1, "a", 1), large(2, "b", 2), large(3, "c", 3));
    let mut core = LaneCore::default();
    check(&mut core, 0, Event::Arrived(a.clone()), &[Effect::ScheduleFlush]);
    check(&mut core, 0, Event::Arrived(b.clone()), &[]);
    check(&mut core, 0, Event::Arrived(c.clone()), &[]);
    check(&mut core, 0, Event::Flush, &[Effect::Commit(vec![a.clone(), b.clone()])]);
    check(&mut core, 0, done(vec![a.clone(), b.clone()]), &[kept(a), kept(b), Effect::ScheduleFlush]);
    let small = put(4, "small", 4, 0);
    check(&mut core, 0, Event::Arrived(small.clone()), &[]);
    assert!(!core.is_idle());
    check(&mut core, 0, Event::Flush, &[Effect::Commit(vec![c.clone(), small.clone()])]);
    check(&mut core, 0, done(vec![c.clone(), small.clone()]), &[kept(c), kept(small)]);
    assert!(core.is_idle());
}

#[test]
fn on_a_full_disk_deletions_are_tried_again_without_what_grows() {
    let (grow, shrink) = (put(2, "grow", 1, 0), delete(3, "shrink", 2, 0));
    let mut core = queued(&[grow.clone(), shrink.clone()]);
    let group = vec![grow.clone(), shrink.clone()];
    check(&mut core, 0, Event::Flush, &[Effect::Commit(group.clone())]);
    check(&mut core, 0, failed(group), &[Effect::Commit(vec![shrink.clone()])]);
    check(&mut core, 0, done(vec![shrink.clone()]), &[kept(shrink), Effect::EndEpoch, full(grow)]);
}

#[test]
fn what_builds_on_a_refused_batch_is_refused_until_the_shard_raises_its_fence() {
    let (before, grow, after) = (delete(1, "before", 1, 4), put(2, "grow", 1, 4), delete(3, "after", 1, 4));
    let mut core = queued(&[before.clone(), grow.clone(), after.clone()]);
    let group = vec![before.clone(), grow.clone(), after.clone()];
    check(&mut core, 0, Event::Flush, &[Effect::Commit(group.clone())]);
    check(&mut core, 0, failed(group), &[Effect::Commit(vec![before.clone()])]);
    check(
        &mut core,
        0,
        done(vec![before.clone()]),
        &[kept(before), Effect::EndEpoch, full(grow), fenced(after)],
    );

    let (late, raised, other) =
        (delete(4, "late", 1, 4), delete(5, "raised", 1, 5), delete(6, "other", 2, 4));
    check(&mut core, 0, Event::Arrived(late.clone()), &[Effect::ScheduleFlush]);
    check(&mut core, 0, Event::Arrived(raised.clone()), &[]);
    check(&mut core, 0, Event::Arrived(other.clone()), &[]);
    check(&mut core, 0, Event::Flush, &[Effect::Commit(vec![raised.clone(), other.clone()])]);
    check(
        &mut core,
        0,
        done(vec![raised.clone(), other.clone()]),
        &[kept(raised), kept(other), Effect::EndEpoch, fenced(late)],
    );
}

#[test]
fn a_full_lane_refuses_what_grows_at_once_and_lets_one_group_a_second_try() {
    let (first, second, third) = (put(1, "first", 1, 0), put(2, "second", 2, 0), put(3, "third", 3, 0));
    let mut core = queued(std::slice::from_ref(&first));
    check(&mut core, 10, Event::Flush, &[Effect::Commit(vec![first.clone()])]);
    check(&mut core, 10, failed(vec![first.clone()]), &[Effect::EndEpoch, full(first)]);
    check(&mut core, 20, Event::Arrived(second.clone()), &[Effect::ScheduleFlush]);
    check(&mut core, 20, Event::Flush, &[Effect::EndEpoch, full(second.clone())]);

    let probe_at_ms = 10 + FULL_PROBE_INTERVAL_MS;
    check(&mut core, probe_at_ms, Event::Arrived(third.clone()), &[Effect::ScheduleFlush]);
    check(&mut core, probe_at_ms, Event::Flush, &[Effect::Commit(vec![third.clone()])]);
    check(&mut core, probe_at_ms, done(vec![third.clone()]), &[kept(third)]);

    let again = Batch { fence: second.fence.raised(), order: 4, ..second };
    check(&mut core, probe_at_ms, Event::Arrived(again.clone()), &[Effect::ScheduleFlush]);
    check(&mut core, probe_at_ms, Event::Flush, &[Effect::Commit(vec![again])]);
}

#[test]
fn a_deletion_that_succeeds_does_not_end_the_shortage() {
    let (grow, shrink) = (put(2, "grow", 1, 0), delete(3, "shrink", 2, 0));
    let mut core = queued(std::slice::from_ref(&grow));
    core.step(0, Event::Flush);
    core.step(0, failed(vec![grow]));
    core.step(0, Event::Arrived(shrink.clone()));
    check(&mut core, 0, Event::Flush, &[Effect::Commit(vec![shrink.clone()])]);
    check(&mut core, 0, done(vec![shrink.clone()]), &[kept(shrink)]);
    let grow = put(4, "grow", 1, 1);
    core.step(0, Event::Arrived(grow.clone()));
    check(&mut core, 0, Event::Flush, &[Effect::EndEpoch, full(grow)]);
}

#[test]
fn deletions_that_find_no_room_together_are_tried_in_smaller_groups() {
    let [a, b, c] = [delete(1, "a", 1, 0), delete(2, "b", 2, 0), delete(3, "c", 1, 0)];
    let mut core = queued(&[a.clone(), b.clone(), c.clone()]);
    let group = vec![a.clone(), b.clone(), c.clone()];
    check(&mut core, 0, Event::Flush, &[Effect::Commit(group.clone())]);
    check(&mut core, 0, failed(group), &[Effect::Commit(vec![a.clone()])]);
    let rest = vec![b.clone(), c.clone()];
    check(&mut core, 0, done(vec![a.clone()]), &[kept(a), Effect::Commit(rest.clone())]);
    check(&mut core, 0, failed(rest), &[Effect::Commit(vec![b.clone()])]);
    check(&mut core, 0, failed(vec![b.clone()]), &[Effect::Commit(vec![c.clone()])]);
    check(&mut core, 0, done(vec![c.clone()]), &[kept(c), Effect::EndEpoch, full(b)]);
}

#[test]
fn after_a_failure_that_says_nothing_of_what_is_stored_no_write_is_taken() {
    let (a, b) = (put(1, "a", 1, 0), delete(2, "b", 2, 7));
    let mut core = queued(std::slice::from_ref(&a));
    check(&mut core, 0, Event::Flush, &[Effect::Commit(vec![a.clone()])]);
    check(&mut core, 0, Event::Arrived(b.clone()), &[Effect::ScheduleFlush]);
    let eio = Failure::from(FailureCause::Io(std::io::Error::other("EIO")));
    let broken = |batch| Effect::Answer(batch, Err(PersistError::Broken(eio.clone())));
    let outcome = Err(CommitError::Broken(eio.clone()));
    check(
        &mut core,
        0,
        Event::Committed { group: vec![a.clone()], outcome },
        &[Effect::ReportBroken(eio.clone()), Effect::EndEpoch, broken(a)],
    );
    check(&mut core, 0, Event::Flush, &[Effect::EndEpoch, broken(b.clone())]);
    check(&mut core, 0, Event::Arrived(b.clone()), &[Effect::ScheduleFlush]);
    check(&mut core, 0, Event::Flush, &[Effect::EndEpoch, broken(b)]);
}

/// A batch of a shard object that is gone may still be under way when its successor begins.
#[test]
fn a_shard_that_was_made_anew_is_not_refused_for_what_its_predecessor_sent() {
    let under = |fence, order, name| Batch { fence, ..delete(order, name, 1, 0) };
    let mut old = Fence::first(1);
    let mut core = LaneCore::default();
    for order in 1..4 {
        let grow = Batch { grows: true, ..under(old, order, "grow") };
        core.step(0, Event::Arrived(grow.clone()));
        core.step(0, Event::Flush);
        core.step(0, failed(vec![grow]));
        old = old.raised();
    }
    let (fresh, late) = (under(Fence::first(2), 4, "fresh"), under(Fence::first(1), 5, "late"));
    core.step(0, Event::Arrived(fresh.clone()));
    core.step(0, Event::Arrived(late.clone()));
    check(&mut core, 0, Event::Flush, &[Effect::Commit(vec![fresh.clone()])]);
    check(&mut core, 0, done(vec![fresh.clone()]), &[kept(fresh), Effect::EndEpoch, fenced(late)]);
}
