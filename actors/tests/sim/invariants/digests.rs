use super::{Violation, require};
use crate::keyspace::PARTITIONS;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use troupe_actors::store::partition::PartitionState;
use troupe_actors::store::range::KeyRange;
use troupe_actors::store::segments::Segment;
use troupe_actors::store::{Snapshot, Store, StoreError};

pub(crate) const EXACT: &str = "digests and numbers of rows are those of the rows";

/// What a store keeps of its partitions and segments, against a full count of its rows.
pub(crate) fn check(store: &impl Store) -> Result<(), Violation> {
    let failed = |error: StoreError| Violation { invariant: EXACT, what: error.to_string() };
    let snapshot = store.snapshot().map_err(failed)?;
    let mut segments: BTreeMap<Segment, u64> = BTreeMap::new();
    for partition in PARTITIONS.iter() {
        let (mut rows, mut digest) = (0, 0);
        let scanned = snapshot.scan_items(partition.hash, &KeyRange::all(), &mut |sort_key, shown| {
            let one = shown.map(|stored| PartitionState::of(partition.hash, sort_key, &stored.item));
            rows += 1;
            digest ^= one.map_or(0, |one| one.digest);
            ControlFlow::Continue(())
        });
        scanned.map_err(failed)?;
        *segments.entry(Segment::of(partition.hash)).or_default() ^= digest;
        let stored = snapshot.partition(partition.hash).map_err(failed)?;
        require(EXACT, stored.is_some() == (rows > 0), || format!("{stored:?} is kept of {rows} rows"))?;
        let state = stored.map(|stored| stored.state).unwrap_or_default();
        require(EXACT, (state.rows, state.digest) == (rows, digest), || {
            format!("{state:?} is kept of {rows} rows with the digest {digest}")
        })?;
    }
    for (segment, digest) in segments {
        let kept = store.digests().segment(segment);
        require(EXACT, kept == digest, || format!("{segment:?} has {digest}, {kept} is kept"))?;
    }
    Ok(())
}
