use super::{Violation, require};
use crate::keyspace::ItemIndex;
use crate::oracle::{Held, Writes};

pub(crate) const CURRENT: &str = "no poll answers 304 while acknowledged newer data exists";
pub(crate) const AWAKE: &str = "no poll sleeps while newer data exists";

/// A poll gives up, although there are acknowledged writes that were news when it began its last look.
pub(crate) fn check_not_modified(item: ItemIndex, news: &Writes) -> Result<(), Violation> {
    require(CURRENT, news.is_empty(), || format!("{item:?}: {news:?}"))
}

/// Everything has come to rest, and a poll of one item still waits.
pub(crate) fn check_asleep(held: &Held, item: ItemIndex, seen: &Writes) -> Result<(), Violation> {
    let news = held.of(item).live().without(seen);
    require(AWAKE, news.is_empty(), || format!("{item:?}: {news:?}"))
}

/// A poll is answered, having seen `seen`.
pub(crate) fn check_answer(item: ItemIndex, live: &Writes, seen: &Writes) -> Result<(), Violation> {
    require("a poll is answered with news", !live.is_subset(seen), || format!("{item:?}: {live:?}"))
}
