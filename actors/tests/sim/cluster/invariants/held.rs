use super::readable::shown;
use crate::disk::Disk;
use crate::invariants::{Violation, counters, digests};
use crate::keyspace::ItemIndex;
use crate::node::stored_item;
use crate::oracle::Oracle;
use troupe_actors::store::Store;

pub(crate) const EXACT: &str =
    "a replica holds every value that it took in and that nothing it took in overwrote, and nothing else";

/// What a replica's disk says of an item.
pub(crate) fn check(oracle: &Oracle, disk: &Disk, at: ItemIndex) -> Result<(), Violation> {
    let item = stored_item(disk, at.key()).unwrap_or_default();
    let (live, expected) = (shown(oracle, at, &item)?, disk.held.of(at).live());
    if live == expected {
        return Ok(());
    }
    let history = disk.held.of(at);
    let what = format!("{at:?} holds {live:?} where {history:?} leaves {expected:?}: {item:?}");
    Err(Violation { invariant: EXACT, what })
}

/// What its index says.
pub(crate) fn check_index(oracle: &Oracle, disk: &Disk) -> Result<(), Violation> {
    match disk.store.snapshot() {
        Ok(snapshot) => counters::check(oracle, &disk.held, &snapshot)?,
        Err(error) => return Err(Violation { invariant: EXACT, what: error.to_string() }),
    }
    digests::check(&*disk.store)
}
