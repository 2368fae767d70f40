//! How much of a budget each owner holds, and whether it may have more.

use super::limits::ESTIMATES_MAX;
use std::collections::BTreeMap;
use troupe_actors::control::KeyId;

/// On whose account bytes are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// Clients that have not signed anything yet, all together.
    Anonymous,
    /// An access key.
    Key(KeyId),
}

/// The bytes that a budget has, and where they are.
///
/// An owner may hold at most as much as is free: alone, half of the budget; two of them, a third each; and so on. So
/// whoever comes next finds room, and nobody has to know who that will be. This is the dynamic threshold with which
/// switches share their memory between ports (Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory
/// Packet Switches", 1998).
#[derive(Debug)]
pub(super) struct Ledger {
    bytes_max: usize,
    /// The most for those who have proven nothing.
    anonymous_bytes_max: usize,
    taken: usize,
    /// Owners that hold nothing are not listed.
    owned: BTreeMap<Owner, usize>,
    /// Estimates that are not settled.
    estimates: usize,
}

impl Ledger {
    pub(super) fn new(bytes_max: usize, anonymous_bytes_max: usize) -> Ledger {
        Ledger { bytes_max, anonymous_bytes_max, taken: 0, owned: BTreeMap::new(), estimates: 0 }
    }

    /// The most that an owner gets when no other owner holds anything.
    pub(super) fn lone_share(&self) -> usize {
        self.bytes_max / 2
    }

    /// Gives `owner` so many bytes more, or nothing.
    pub(super) fn take(&mut self, owner: Owner, bytes: usize) -> bool {
        let taken = self.taken.saturating_add(bytes);
        let owned = self.owned.get(&owner).copied().unwrap_or(0).saturating_add(bytes);
        let is_too_much_of_a_stranger = owner == Owner::Anonymous && owned > self.anonymous_bytes_max;
        if owned > self.bytes_max.saturating_sub(taken) || is_too_much_of_a_stranger {
            return false;
        }
        self.taken = taken;
        self.owned.insert(owner, owned);
        true
    }

    /// Gives `owner` what something will take approximately, or nothing. What it does take is told to
    /// [`Ledger::settle`]; as only a few estimates are open at a time, they may be wrong by a lot.
    pub(super) fn estimate(&mut self, owner: Owner, bytes: usize) -> bool {
        let is_given = self.estimates < ESTIMATES_MAX && self.take(owner, bytes);
        self.estimates += usize::from(is_given);
        is_given
    }

    /// Corrects an estimate. It may then be more than there is: the next ones wait until it is less.
    pub(super) fn settle(&mut self, owner: Owner, estimate: usize, bytes: usize) {
        self.estimates -= 1;
        self.give_back(owner, estimate);
        self.hand_over(owner, bytes);
    }

    /// Bytes that are there whether or not there is room for them are on the account of `owner` from now on.
    pub(super) fn hand_over(&mut self, owner: Owner, bytes: usize) {
        if bytes > 0 {
            self.taken = self.taken.saturating_add(bytes);
            let owned = self.owned.entry(owner).or_insert(0);
            *owned = owned.saturating_add(bytes);
        }
    }

    pub(super) fn give_back(&mut self, owner: Owner, bytes: usize) {
        self.taken = self.taken.saturating_sub(bytes);
        if let Some(owned) = self.owned.get_mut(&owner) {
            *owned = owned.saturating_sub(bytes);
            if *owned == 0 {
                self.owned.remove(&owner);
            }
        }
    }

    /// All that is held.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(digit: u8) -> Owner {
        Owner::Key(format!("GK{digit:024x}").parse().unwrap())
    }

    #[test]
    fn each_newcomer_finds_as_much_as_the_greediest_owner_holds() {
        let mut ledger = Ledger::new(1200, 1200);
        let take_all = |ledger: &mut Ledger, owner| (0..).take_while(|_| ledger.take(owner, 1)).count();
        assert_eq!(take_all(&mut ledger, key(1)), 600);
        assert_eq!(take_all(&mut ledger, key(2)), 300);
        assert!(!ledger.take(key(1), 1));
        // What the first gives back is there for both.
        ledger.give_back(key(1), 300);
        assert_eq!(take_all(&mut ledger, key(2)), 150);
        assert_eq!(take_all(&mut ledger, Owner::Anonymous), 225);
    }

    #[test]
    fn one_ask_for_the_lone_share_is_granted_and_one_for_more_is_not() {
        let mut ledger = Ledger::new(1000, 1000);
        assert!(!ledger.take(key(1), 501));
        assert!(!ledger.take(key(1), usize::MAX));
        assert!(ledger.take(key(1), ledger.lone_share()));
        ledger.give_back(key(1), 500);
        assert_eq!((ledger.taken(), ledger.owned.len()), (0, 0));
    }

    #[test]
    fn a_stranger_has_less_and_what_turns_out_to_be_somebodys_is_theirs() {
        let mut ledger = Ledger::new(1000, 100);
        assert!(ledger.take(Owner::Anonymous, 100));
        assert!(!ledger.take(Owner::Anonymous, 1));
        ledger.give_back(Owner::Anonymous, 100);
        ledger.hand_over(key(1), 100);
        assert!(ledger.take(Owner::Anonymous, 100));
        assert_eq!(ledger.taken(), 200);
    }

    #[test]
    fn estimates_may_be_wrong_as_few_are_open_at_a_time() {
        let mut ledger = Ledger::new(1000, 0);
        let given = (0..).take_while(|_| ledger.estimate(key(1), 1)).count();
        assert_eq!(given, ESTIMATES_MAX);
        ledger.settle(key(1), 1, 5000);
        assert!(!ledger.estimate(key(1), 1) && !ledger.estimate(key(2), 1), "there is no room");
        ledger.give_back(key(1), 5000);
        assert!(ledger.estimate(key(2), 1));
    }

    proptest! {
        #[test]
        fn the_sum_is_never_more_than_there_is(asks in prop::collection::vec((0u8..4, 0usize..500), 0..200)) {
            let mut ledger = Ledger::new(1000, 1000);
            let mut held = Vec::new();
            for (owner, bytes) in asks {
                if ledger.take(key(owner), bytes) {
                    held.push((owner, bytes));
                } else if let Some((owner, bytes)) = held.pop() {
                    ledger.give_back(key(owner), bytes);
                }
                prop_assert_eq!(ledger.taken(), held.iter().map(|(_, bytes)| bytes).sum::<usize>());
                prop_assert!(ledger.taken() <= 1000);
            }
        }
    }
}
