use super::{Violation, require};
use crate::keyspace::ItemIndex;
use crate::oracle::{Held, Oracle, Writes};

pub(crate) const CURRENT: &str = "no poll answers 304 while acknowledged newer data exists";
pub(crate) const AWAKE: &str = "no poll sleeps while newer data exists";

/// A poll gives up, having seen `seen`: what was acknowledged before must not be news to it.
pub(crate) fn check_not_modified(
    oracle: &Oracle,
    held: &Held,
    items: impl Iterator<Item = ItemIndex>,
    seen: impl Fn(ItemIndex) -> Writes,
) -> Result<(), Violation> {
    for item in items {
        let news = oracle.live(held.of(item)).without(&seen(item));
        let missed: Vec<_> = news.iter().filter(|id| oracle.acknowledged.contains(*id)).collect();
        require(CURRENT, missed.is_empty(), || format!("{item:?}: {missed:?}"))?;
    }
    Ok(())
}

/// Everything has come to rest, and a poll of one item still waits.
pub(crate) fn check_asleep(
    oracle: &Oracle,
    held: &Held,
    item: ItemIndex,
    seen: &Writes,
) -> Result<(), Violation> {
    let news = oracle.live(held.of(item)).without(seen);
    require(AWAKE, news.is_empty(), || format!("{item:?}: {news:?}"))
}

/// A poll is answered, having seen `seen`.
pub(crate) fn check_answer(item: ItemIndex, live: &Writes, seen: &Writes) -> Result<(), Violation> {
    require("a poll is answered with news", !live.is_subset(seen), || format!("{item:?}: {live:?}"))
}
