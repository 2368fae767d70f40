//! What clients were told, and what the cluster may show after that: the promises of `docs/invariants.md`, as they look
//! from outside. A request without a clear answer happened, or did not, or happens later.

use std::collections::{BTreeMap, BTreeSet};

/// Distinct values of an item, tombstones left out.
pub(crate) type Values = BTreeSet<String>;

/// What became of a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// It was acknowledged: it is durable.
    Done,
    /// It was refused: nothing happened.
    Refused,
    /// Anything may have happened.
    Unknown,
}

/// One value that somebody wrote.
#[derive(Clone, Debug, Default)]
struct Fate {
    is_acknowledged: bool,
    /// A write whose token covered it was acknowledged.
    is_superseded: bool,
    /// A write whose token covered it may have happened.
    is_in_doubt: bool,
}

/// An item that one client writes alone, one request after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Item {
    fates: BTreeMap<String, Fate>,
}

impl Item {
    /// A write begins: from now on its value may be seen.
    pub(crate) fn begin(&mut self, value: Option<&str>) {
        if let Some(value) = value {
            self.fates.insert(value.to_owned(), Fate::default());
        }
    }

    /// A write ended: a value, or a deletion without one, over the values that its token covers.
    pub(crate) fn end(&mut self, value: Option<&str>, covered: &Values, outcome: Outcome) {
        match outcome {
            Outcome::Done => {
                if let Some(fate) = value.and_then(|value| self.fates.get_mut(value)) {
                    fate.is_acknowledged = true;
                }
                covered.iter().for_each(|old| self.fate(old).is_superseded = true);
            }
            Outcome::Refused => {
                value.map(|value| self.fates.remove(value));
            }
            Outcome::Unknown => covered.iter().for_each(|old| self.fate(old).is_in_doubt = true),
        }
    }

    fn fate(&mut self, value: &str) -> &mut Fate {
        self.fates.entry(value.to_owned()).or_default()
    }

    /// What is wrong with the values that a read shows.
    pub(crate) fn check(&self, shown: &Values) -> Result<(), String> {
        for (value, fate) in &self.fates {
            let is_there = shown.contains(value);
            if fate.is_acknowledged && !fate.is_superseded && !fate.is_in_doubt && !is_there {
                return Err(format!(
                    "{value} was acknowledged, nothing covered it, and it is lost: {shown:?}"
                ));
            }
            if fate.is_superseded && is_there {
                return Err(format!("{value} was covered by an acknowledged write, and is back: {shown:?}"));
            }
        }
        match shown.iter().find(|value| !self.fates.contains_key(*value)) {
            Some(value) => Err(format!("{value} was refused or never written, and is there: {shown:?}")),
            None => Ok(()),
        }
    }
}

/// A set that several clients add members to: each reads it, merges what it reads, and writes that with the token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Set {
    offered: Values,
    acknowledged: Values,
}

impl Set {
    pub(crate) fn begin(&mut self, member: &str) {
        self.offered.insert(member.to_owned());
    }

    pub(crate) fn end(&mut self, member: &str, outcome: Outcome) {
        if outcome == Outcome::Done {
            self.acknowledged.insert(member.to_owned());
        }
    }

    /// Which members a read that begins now must show.
    pub(crate) fn promised(&self) -> Values {
        self.acknowledged.clone()
    }

    /// What is wrong with the members that a read shows. `promised` is what was acknowledged before it began.
    pub(crate) fn check(&self, promised: &Values, shown: &Values) -> Result<(), String> {
        if let Some(lost) = promised.difference(shown).next() {
            return Err(format!("the member {lost} was acknowledged, and is lost"));
        }
        match shown.difference(&self.offered).next() {
            Some(member) => Err(format!("the member {member} was never added")),
            None => Ok(()),
        }
    }
}

/// The items of one InsertBatch in one partition, which nobody but a DeleteBatch touches again.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// Sort keys and values.
    pub(crate) items: BTreeMap<String, String>,
    inserted: Outcome,
    deleted: Option<Outcome>,
}

impl Batch {
    pub(crate) fn new(items: BTreeMap<String, String>) -> Batch {
        Batch { items, inserted: Outcome::Unknown, deleted: None }
    }

    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.inserted = outcome;
    }

    /// Whether it may be deleted as a whole: it is there for certain, and nobody has tried before.
    pub(crate) fn is_there(&self) -> bool {
        self.inserted == Outcome::Done && self.deleted.is_none()
    }

    pub(crate) fn end_deletion(&mut self, outcome: Outcome) {
        if outcome != Outcome::Refused {
            self.deleted = Some(outcome);
        }
    }

    /// What is wrong with the part of a range that is this batch's. A batch of unknown outcome may be seen in part while a
    /// replica gets it item by item, and for ever if the only disk that had it was lost meanwhile.
    pub(crate) fn check(&self, shown: &BTreeMap<String, Values>, may_be_torn: bool) -> Result<(), String> {
        let held: BTreeMap<&String, &Values> =
            shown.iter().filter(|(_, values)| !values.is_empty()).collect();
        for (sk, values) in &held {
            if self.items.get(*sk).is_none_or(|value| **values != Values::from([value.clone()])) {
                return Err(format!("{sk} holds {values:?}, which nobody wrote there"));
            }
        }
        let (some, all) = (held.len(), self.items.len());
        match (self.inserted, self.deleted) {
            (_, Some(Outcome::Done)) if some > 0 => Err(format!("{some} items are back that were deleted")),
            (Outcome::Refused, _) if some > 0 => Err(format!("{some} items of a batch that was refused")),
            (Outcome::Done, None) if some < all => {
                Err(format!("{some} of {all} acknowledged items are left"))
            }
            (Outcome::Unknown, None) if some > 0 && some < all && !may_be_torn => {
                Err(format!("{some} of {all} items of a batch in one partition"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
