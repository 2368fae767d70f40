use super::*;
use crate::store::{CommitError, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A disk that can be told to be full.
#[derive(Default)]
struct Disk {
    rows: MemoryControlStore,
    is_full: AtomicBool,
}

impl ControlStore for Disk {
    fn load(&self) -> Result<Vec<Row>, StoreError> {
        self.rows.load()
    }

    fn persist(&self, rows: Vec<Row>) -> Result<(), CommitError> {
        if self.is_full.load(Ordering::SeqCst) { Err(CommitError::DiskFull) } else { self.rows.persist(rows) }
    }
}

fn options(token_key: u8) -> ControlOptions {
    ControlOptions { node: NODE, replication_factor: 1, token_key: [token_key; 32] }
}

#[actix::test]
async fn a_change_is_in_the_snapshot_once_it_is_answered_and_survives_a_restart() {
    let disk = Arc::new(Disk::default());
    let control = Control::start(disk.clone(), options(1)).await.unwrap();
    control.change(create_bucket(BUCKET, "photos")).await.unwrap();
    assert_eq!(control.snapshot().resolve_global("photos").unwrap().id, BUCKET);

    let again = Control::start(disk, options(2)).await.unwrap();
    assert_eq!(again.snapshot().resolve_global("photos").unwrap().id, BUCKET);
}

#[actix::test]
async fn a_full_disk_refuses_changes_and_the_next_one_goes_through_again() {
    let disk = Arc::new(Disk::default());
    let control = Control::start(disk.clone(), options(1)).await.unwrap();
    disk.is_full.store(true, Ordering::SeqCst);
    let refused = control.change(create_bucket(BUCKET, "photos")).await;
    assert_eq!(refused, Err(ControlError::NotPersisted(CommitError::DiskFull)));
    assert!(control.snapshot().buckets().is_empty());
    disk.is_full.store(false, Ordering::SeqCst);
    control.change(create_bucket(BUCKET, "photos")).await.unwrap();
}

#[actix::test]
async fn a_node_whose_disk_is_full_at_its_first_start_says_so() {
    let disk = Arc::new(Disk::default());
    disk.is_full.store(true, Ordering::SeqCst);
    let error = Control::start(disk, options(1)).await.unwrap_err();
    assert!(matches!(error, StartError::Persist(CommitError::DiskFull)), "{error}");
}

#[actix::test]
async fn changes_asked_for_at_once_are_all_made() {
    let control = Control::start(Arc::new(Disk::default()), options(1)).await.unwrap();
    let changes =
        (0..20_u8).map(|n| control.change(create_bucket(BucketId([n; 32]), &format!("bucket-{n}"))));
    for result in futures_util::future::join_all(changes).await {
        result.unwrap();
    }
    assert_eq!(control.snapshot().buckets().len(), 20);
}
