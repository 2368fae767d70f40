use super::{Violation, require};
use crate::keyspace::ItemIndex;
use crate::oracle::Writes;

pub(crate) const FINAL: &str = "the follower of a range was shown the final state of every key";

/// Answers of one range poll in a row that may repeat the same, with no commit in between: a snapshot may be ahead of
/// the marker that was taken before it.
const REPEATS_MAX: u32 = 2;

/// Everything has come to rest, and the follower of a range waits for more.
pub(crate) fn check_view(item: ItemIndex, view: &Writes, live: &Writes) -> Result<(), Violation> {
    require(FINAL, view == live, || format!("{item:?}: last shown {view:?}, is {live:?}"))
}

pub(crate) fn check_repeats(repeats: u32) -> Result<(), Violation> {
    require("no change is repeated for ever", repeats <= REPEATS_MAX, || {
        format!("the {repeats}th answer with nothing new in it")
    })
}
