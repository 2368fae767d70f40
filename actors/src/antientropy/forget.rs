//! When a replica may drop a tombstone for itself.
//!
//! A tombstone keeps an overwritten value dead as long as somebody may still show it. Once this replica's clock covers
//! everything that the item knows, the clock says the same: whoever shows an older state is told that it is dead. So
//! nobody needs to agree or to be waited for. Followers that poll want to see deletions, which is what the delay is for.

use crate::causality::{Context, Item};
use crate::mutation::{Mutation, is_on};

/// How old an item's last change must be, and when now is, both in milliseconds of the clock that positions are made of.
#[derive(Clone, Copy, Debug)]
pub struct Age {
    /// By this node's wall clock.
    pub now_ms: u64,
    /// The delay.
    pub delay_ms: u64,
}

/// Whether the row of an item may go: it holds nothing but tombstones, for long enough, and everything that it knows is
/// covered by the replica's own clock. `changed_ms` is when it changed here, never the time of a dot: another replica's clock
/// may be wrong.
pub fn may_forget(item: &Item<'_>, changed_ms: u64, clock: &Context, age: Age) -> bool {
    let is_old = changed_ms.saturating_add(age.delay_ms) <= age.now_ms;
    let is_known = item.is_known_to(clock) || is_on(Mutation::UnknownTombstoneDropped);
    is_old && item.is_tombstone() && is_known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causality::{Dot, Value};
    use crate::ids::ActorId;

    const AGE: Age = Age { now_ms: 1000, delay_ms: 100 };

    fn clock(pairs: &[(u64, u64)]) -> Context {
        Context::from_ascending(pairs.iter().map(|(actor, time)| (ActorId(*actor), *time)).collect()).unwrap()
    }

    fn item(value: Value<'static>) -> Item<'static> {
        let mut item = Item::empty();
        item.write(Dot { actor: ActorId(1), time: 5 }, &clock(&[(2, 7)]), value);
        item
    }

    #[test]
    fn a_tombstone_goes_once_the_clock_covers_it_and_what_it_discarded() {
        let tombstone = item(Value::Tombstone);
        assert!(may_forget(&tombstone, 900, &clock(&[(1, 5), (2, 7)]), AGE));
        assert!(!may_forget(&tombstone, 901, &clock(&[(1, 5), (2, 7)]), AGE), "too young");
        assert!(!may_forget(&tombstone, 0, &clock(&[(1, 4), (2, 7)]), AGE), "its dot is not covered");
        assert!(!may_forget(&tombstone, 0, &clock(&[(1, 5), (2, 6)]), AGE), "nor what it discarded");
    }

    #[test]
    fn a_value_stays() {
        let value = item(Value::Bytes(b"v".as_slice().into()));
        assert!(!may_forget(&value, 0, &clock(&[(1, 5), (2, 7)]), AGE));
    }
}
