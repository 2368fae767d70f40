use crate::invariants::Violation;
use crate::keyspace::ItemIndex;
use crate::oracle::{Fate, Oracle, Writes};
use troupe_actors::causality::Item;

pub(crate) const READABLE: &str = "a read shows every promised value that no later write's token covered";
pub(crate) const DEAD: &str = "no read shows what a promised write had overwritten";
pub(crate) const WRITTEN: &str = "a read shows values that were written to that item, and nothing else";
pub(crate) const ONCE: &str = "a write happens once";
pub(crate) const ANSWERED: &str = "a cluster at rest answers every read";

/// The writes that an item shows.
pub(crate) fn shown(oracle: &Oracle, at: ItemIndex, item: &Item<'_>) -> Result<Writes, Violation> {
    let mut shown = Writes::default();
    for (dot, value) in item.siblings() {
        let id = oracle.by_dot(dot).filter(|id| oracle.tried(*id).item == at);
        let id = id.filter(|id| oracle.tried(*id).value.as_deref() == value.bytes());
        let Some(id) = id.filter(|id| oracle.tried(*id).fate != Fate::Refused) else {
            let what = format!("{at:?} shows {dot:?}, which nobody wrote there");
            return Err(Violation { invariant: WRITTEN, what });
        };
        if shown.contains(id) {
            let what = format!("{at:?} shows {id:?} a second time, as {dot:?}");
            return Err(Violation { invariant: ONCE, what });
        }
        shown.insert(id);
    }
    Ok(shown)
}

/// A read that began when `promised` was, shows `live`.
pub(crate) fn check(
    oracle: &Oracle,
    at: ItemIndex,
    promised: &Writes,
    live: &Writes,
) -> Result<(), Violation> {
    let covered = oracle.covered(at);
    // A deletion need not be seen to have had its effect.
    let is_value = |id: &crate::oracle::WriteId| oracle.tried(*id).value.is_some();
    let due: Writes = promised.without(&covered).iter().filter(is_value).collect();
    let missing = due.without(live);
    if !missing.is_empty() {
        let what = format!("{at:?} shows {live:?} and lacks {missing:?}");
        return Err(Violation { invariant: READABLE, what });
    }
    let mut dead = Writes::default();
    promised.iter().for_each(|id| dead.extend(&oracle.tried(id).past));
    let risen = live.both(&dead);
    if !risen.is_empty() {
        let what = format!("{at:?} shows {live:?}, of which {risen:?} was overwritten");
        return Err(Violation { invariant: DEAD, what });
    }
    Ok(())
}

pub(crate) fn check_answered(waits: bool) -> Result<(), Violation> {
    if waits { Err(Violation { invariant: ANSWERED, what: "it did not come".to_owned() }) } else { Ok(()) }
}
