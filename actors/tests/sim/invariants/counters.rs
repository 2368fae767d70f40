use super::{Violation, require};
use crate::keyspace::{BUCKET, ItemIndex, PARTITIONS};
use crate::oracle::{Held, Oracle};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use troupe_actors::store::Snapshot;
use troupe_actors::store::counters::PartitionCounters;
use troupe_actors::store::range::KeyRange;

pub(crate) const EXACT: &str = "the counters of a partition equal a full count";

/// The index of a snapshot, against a full count of what the disk should hold.
pub(crate) fn check(oracle: &Oracle, held: &Held, snapshot: &impl Snapshot) -> Result<(), Violation> {
    let mut listed = BTreeMap::new();
    let scanned = snapshot.scan_partitions(BUCKET, &KeyRange::all(), &mut |key, state| {
        listed.insert(key.to_owned(), state.counters);
        ControlFlow::Continue(())
    });
    require("the index is readable", scanned.is_ok(), || format!("{scanned:?}"))?;
    for (at, partition) in PARTITIONS.iter().enumerate() {
        let counted = count(oracle, held, at);
        let listed = listed.get(partition.key.as_str()).copied().unwrap_or_default();
        require(EXACT, listed == counted, || {
            format!("partition {at}: {listed:?} is listed, {counted:?} is there")
        })?;
    }
    Ok(())
}

/// A row of the index, as a reader is shown it.
pub(crate) fn check_row(
    oracle: &Oracle,
    held: &Held,
    key: &str,
    listed: PartitionCounters,
) -> Result<(), Violation> {
    let at = PARTITIONS.iter().position(|partition| partition.key.as_str() == key);
    let counted = at.map(|at| count(oracle, held, at));
    require(EXACT, counted == Some(listed), || {
        format!("partition {key}: {listed:?} is listed, {counted:?} is there")
    })
}

pub(crate) fn count(oracle: &Oracle, held: &Held, partition: usize) -> PartitionCounters {
    let mut counters = PartitionCounters::default();
    for item in ItemIndex::all().filter(|item| item.partition() == partition) {
        let live = held.of(item).live();
        // Values differ from write to write; tombstones are all the same one.
        let lengths: Vec<usize> =
            live.iter().filter_map(|id| oracle.tried(id).value.as_ref()).map(Vec::len).collect();
        let has_tombstone = live.iter().any(|id| oracle.tried(id).value.is_none());
        counters.entries += u64::from(!lengths.is_empty());
        counters.conflicts += u64::from(lengths.len() + usize::from(has_tombstone) > 1);
        counters.values += lengths.len() as u64;
        counters.bytes += lengths.iter().sum::<usize>() as u64;
    }
    counters
}
