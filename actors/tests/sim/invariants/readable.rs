use super::{Violation, require};
use crate::keyspace::ItemIndex;
use crate::oracle::{Held, Oracle, Writes};
use troupe_actors::causality::Item;

pub(crate) const READABLE: &str =
    "a read shows every stored value that no later write's token covered, and nothing else";

/// A read of what a disk holds.
pub(crate) fn check(
    oracle: &Oracle,
    held: &Held,
    at: ItemIndex,
    item: &Item<'_>,
) -> Result<Writes, Violation> {
    let history = held.of(at);
    let expected = history.live();
    let mut shown = Writes::default();
    for (dot, value) in item.siblings() {
        let id = oracle.by_dot(dot).filter(|id| oracle.tried(*id).item == at);
        let id = id.filter(|id| oracle.tried(*id).value.as_deref() == value.bytes());
        let Some(id) = id else {
            let what = format!("{at:?} shows {dot:?}, which nobody wrote there");
            return Err(Violation { invariant: READABLE, what });
        };
        shown.insert(id);
    }
    require(READABLE, shown == expected, || {
        format!("{at:?} shows {shown:?} where {history:?} leaves {expected:?}: {item:?}")
    })?;
    require(READABLE, item.is_empty() == history.known.is_empty(), || {
        format!("{at:?} exists, or does not: {item:?}")
    })?;
    Ok(shown)
}
