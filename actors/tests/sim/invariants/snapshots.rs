use super::{Violation, counters, readable};
use crate::keyspace::ItemIndex;
use crate::oracle::{Held, Oracle};
use troupe_actors::store::Snapshot;

pub(crate) const MOMENT: &str = "a snapshot is of one moment, whatever happens while it is taken";

/// A snapshot was taken while a group was stored and a checkpoint went on.
pub(crate) fn check(
    oracle: &Oracle,
    before: &Held,
    after: &Held,
    snapshot: &impl Snapshot,
) -> Result<(), Violation> {
    let Err(newer) = is_of(oracle, after, snapshot) else { return Ok(()) };
    is_of(oracle, before, snapshot).map_err(|older| {
        let what = format!("not of before: {}; not of afterwards: {}", older.what, newer.what);
        Violation { invariant: MOMENT, what }
    })
}

fn is_of(oracle: &Oracle, held: &Held, snapshot: &impl Snapshot) -> Result<(), Violation> {
    for at in ItemIndex::all() {
        let item = snapshot.item(at.key());
        let item = item.map_err(|error| Violation { invariant: MOMENT, what: error.to_string() })?;
        readable::check(oracle, held, at, &item.unwrap_or_default())?;
    }
    counters::check(oracle, held, snapshot)
}
