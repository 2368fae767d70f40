use super::*;
use crate::store::lane::actor::LaneActor;
use crate::store::lane::{LaneHandle, Owner, Persist, PersistError, Persisted};
use crate::store::memory::MemoryStore;
use crate::store::{CommitError, Epoch, Failure, FailureCause, Snapshot, Store};
use actix::prelude::*;
use std::sync::Arc;
use tokio::sync::mpsc;

fn options(token_key: u8) -> ControlOptions {
    ControlOptions {
        node: NODE,
        replication_factor: 1,
        token_key: [token_key; 32],
        incarnation: crate::layout::Incarnation(1),
        has_peers: false,
    }
}

fn disk() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Epoch(1)))
}

/// A control plane over a lane of its own, and what the lane reports when its store breaks.
async fn start(
    disk: &Arc<MemoryStore>,
) -> (Result<Control, StartError>, mpsc::UnboundedReceiver<CommitError>) {
    let (report, reported) = mpsc::unbounded_channel();
    let on_broken = Box::new(move |failure: &CommitError| report.send(failure.clone()).unwrap());
    let lane = LaneActor::start_on(&Arbiter::current(), Arc::clone(disk), on_broken);
    let rows = disk.snapshot().unwrap().control().unwrap();
    (Control::start(&rows, LaneHandle::new(lane.recipient()), options(1)).await, reported)
}

async fn started(disk: &Arc<MemoryStore>) -> Control {
    start(disk).await.0.unwrap()
}

#[actix::test]
async fn a_change_is_in_the_snapshot_once_it_is_answered_and_survives_a_restart() {
    let disk = disk();
    let control = started(&disk).await;
    control.change(create_bucket(BUCKET, "photos")).await.unwrap();
    assert_eq!(control.snapshot().resolve_global("photos").unwrap().id, BUCKET);

    let again = started(&disk).await;
    assert_eq!(again.snapshot().resolve_global("photos").unwrap().id, BUCKET);
}

#[actix::test]
async fn a_full_disk_refuses_changes_and_keeps_the_epoch() {
    let disk = disk();
    let control = started(&disk).await;
    disk.fail(Some(CommitError::DiskFull));
    let refused = control.change(create_bucket(BUCKET, "photos")).await;
    assert_eq!(refused, Err(ControlError::NotStored(CommitError::DiskFull)));
    assert!(control.snapshot().buckets().is_empty());
    assert!(!disk.epoch_ends(), "no dot was minted for it");
}

#[actix::test]
async fn a_node_whose_disk_is_full_at_its_first_start_says_so() {
    let disk = disk();
    disk.fail(Some(CommitError::DiskFull));
    let error = start(&disk).await.0.unwrap_err();
    assert!(matches!(error, StartError::Persist(PersistError::Full(CommitError::DiskFull))), "{error}");
}

#[actix::test]
async fn changes_asked_for_at_once_are_all_made() {
    let control = started(&disk()).await;
    let changes =
        (0..20_u8).map(|n| control.change(create_bucket(BucketId([n; 32]), &format!("bucket-{n}"))));
    for result in futures_util::future::join_all(changes).await {
        result.unwrap();
    }
    assert_eq!(control.snapshot().buckets().len(), 20);
}

/// A change used to be committed past the lane: the environment had failed, and the node went on to serve from it.
#[actix::test]
async fn a_store_that_breaks_under_a_change_is_reported_as_under_an_item() {
    let disk = disk();
    let (control, mut reported) = start(&disk).await;
    let control = control.unwrap();
    let eio = Failure::from(FailureCause::Io(std::io::Error::other("EIO")));
    disk.fail(Some(CommitError::Broken(eio.clone())));
    let unknown = control.change(create_bucket(BUCKET, "photos")).await;
    assert_eq!(unknown, Err(ControlError::Unknown(PersistError::Broken(eio.clone()))));
    assert_eq!(reported.recv().await, Some(CommitError::Broken(eio)));

    disk.fail(None);
    let afterwards = control.change(create_bucket(BUCKET, "photos")).await;
    assert!(
        matches!(afterwards, Err(ControlError::Unknown(_))),
        "the store is not to be trusted: {afterwards:?}"
    );
}

/// A lane whose disk takes as long as the test wants.
struct SlowLane(mpsc::UnboundedSender<Persist>);

impl Actor for SlowLane {
    type Context = Context<SlowLane>;
}

impl Handler<Persist> for SlowLane {
    type Result = ();

    fn handle(&mut self, persist: Persist, _: &mut Context<SlowLane>) {
        self.0.send(persist).unwrap();
    }
}

#[actix::test]
async fn nothing_is_published_before_the_lane_has_stored_it() {
    let (sender, mut batches) = mpsc::unbounded_channel();
    let lane = LaneHandle::new(SlowLane(sender).start().recipient());
    let answer = |Persist { batch, room, done, .. }: Persist| {
        done.send(Persisted { batch, outcome: Ok(()), room }).unwrap();
    };
    let start = actix_rt::spawn(async move { Control::start(&[], lane, options(1)).await.unwrap() });
    let secret = batches.recv().await.unwrap();
    assert!(!start.is_finished());
    let first_fence = secret.fence;
    answer(secret);
    let control = start.await.unwrap();

    let change = {
        let control = control.clone();
        actix_rt::spawn(async move { control.change(create_bucket(BUCKET, "photos")).await })
    };
    let batch = batches.recv().await.unwrap();
    assert_eq!(batch.owner, Owner::Control);
    assert!(batch.fence > first_fence, "a refusal of the first would not fence off the second");
    assert!(control.snapshot().buckets().is_empty() && !change.is_finished());
    answer(batch);
    change.await.unwrap().unwrap();
    assert_eq!(control.snapshot().buckets().len(), 1);
}
