//! Replicas of a partition as chance makes them: written to, told of some of each other's writes, compared now and then.

use crate::causality::{Context, Dot, Item, Value};
use crate::ids::ActorId;
use crate::replication::item_state::ReplicaItem;
use crate::replication::items::SourcePage;
use crate::replication::merged::{HashPage, ReplicaPage, order};
use proptest::prelude::*;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What one replica holds: items stripped by its clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Replica {
    pub(super) clock: Context,
    pub(super) items: BTreeMap<String, Item<'static>>,
}

impl Replica {
    pub(super) fn state(&self, key: &str) -> ReplicaItem {
        let item = self.items.get(key).cloned().unwrap_or_default();
        ReplicaItem { item, clock: self.clock.clone() }
    }

    fn filled(&self, key: &str) -> Item<'static> {
        let mut item = self.items.get(key).cloned().unwrap_or_default();
        item.fill(&self.clock);
        item
    }

    fn store(&mut self, key: &str, mut item: Item<'static>) {
        item.strip(&self.clock);
        // A tombstone that stands alone may be dropped once the clock covers it.
        if item.is_empty() || (item.is_tombstone() && item.is_known_to(&self.clock) && key.ends_with('d')) {
            self.items.remove(key);
        } else {
            self.items.insert(key.to_owned(), item);
        }
    }

    fn hear(&mut self, other: &Replica, key: &str) {
        let mut merged = self.filled(key);
        merged.merge(&other.filled(key));
        self.store(key, merged);
    }

    fn hear_everything(&mut self, other: &Replica) {
        let keys: BTreeSet<String> = self.items.keys().chain(other.items.keys()).cloned().collect();
        keys.iter().for_each(|key| self.hear(other, key));
        self.clock.join(&other.clock);
        keys.iter().for_each(|key| self.store(key, self.filled(key)));
    }

    /// Up to `items_max` rows of the wanted keys, and how far that is.
    fn rows(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        is_descending: bool,
        items_max: usize,
    ) -> (Vec<(&String, &Item<'static>)>, Option<&String>) {
        let mut rows: Vec<_> = self.items.iter().filter(|(key, _)| wanted(key)).collect();
        rows.sort_by(|(a, _), (b, _)| order(a, b, is_descending));
        rows.truncate(items_max);
        let upto = rows.get(items_max - 1).map(|(key, _)| *key);
        (rows, upto)
    }

    pub(super) fn page(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        is_descending: bool,
        items_max: usize,
    ) -> ReplicaPage<'_> {
        let (rows, upto) = self.rows(wanted, is_descending, items_max);
        let items = rows.into_iter().map(|(key, item)| (Cow::Borrowed(key.as_str()), item.clone())).collect();
        let page = SourcePage { items, upto: upto.map(|key| Cow::Borrowed(key.as_str())) };
        ReplicaPage { clock: self.clock.clone(), page }
    }

    pub(super) fn hashes(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        is_descending: bool,
        items_max: usize,
    ) -> HashPage {
        let (rows, upto) = self.rows(wanted, is_descending, items_max);
        let rows = rows.into_iter().map(|(key, item)| (key.clone(), item.state_hash())).collect();
        HashPage { rows, upto: upto.cloned() }
    }
}

/// What all of them hold together: what a reader has to see.
pub(super) fn joined(replicas: &[Replica]) -> BTreeMap<String, Item<'static>> {
    let keys: BTreeSet<&String> = replicas.iter().flat_map(|replica| replica.items.keys()).collect();
    let join = |key: &String| {
        let states = replicas.iter().map(|replica| replica.filled(key));
        states.reduce(|mut joined, other| {
            joined.merge(&other);
            joined
        })
    };
    let joined = keys.into_iter().filter_map(|key| Some((key.clone(), join(key)?)));
    joined.filter(|(_, item)| item.sibling_count() > 0).collect()
}

/// The live values of an item under their dots: contexts differ between those who were told the same.
pub(super) fn live(item: &Item<'_>) -> Vec<(Dot, Value<'static>)> {
    item.siblings().map(|(dot, value)| (dot, value.clone().into_owned())).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Write { at: usize, key: String, is_delete: bool, has_token: bool, heard_by: usize },
    Compare { at: usize, with: usize },
}

pub(super) fn replicas() -> impl Strategy<Value = Vec<Replica>> {
    let write = (0..3_usize, "[a-d]{1,2}", any::<bool>(), any::<bool>(), 0..3_usize).prop_map(
        |(at, key, is_delete, has_token, heard_by)| Step::Write { at, key, is_delete, has_token, heard_by },
    );
    let compare = (0..3_usize, 0..3_usize).prop_map(|(at, with)| Step::Compare { at, with });
    let steps = proptest::collection::vec(prop_oneof![5 => write, 1 => compare], 0..40);
    (1..=3_usize, steps).prop_map(|(count, steps)| {
        let mut replicas = vec![Replica::default(); count];
        for (time, step) in (1..).zip(steps) {
            match step {
                Step::Write { at, key, is_delete, has_token, heard_by } => {
                    let (at, heard_by) = (at % count, heard_by % count);
                    let mut item = replicas[at].filled(&key);
                    let context = if has_token { item.token_context() } else { Context::empty() };
                    let value = if is_delete {
                        Value::Tombstone
                    } else {
                        Value::Bytes(vec![time as u8 % 4; 3].into())
                    };
                    let actor = ActorId(at as u64 + 1);
                    item.write(Dot { actor, time }, &context, value);
                    replicas[at].clock.raise(actor, time);
                    replicas[at].store(&key, item);
                    let writer = replicas[at].clone();
                    replicas[heard_by].hear(&writer, &key);
                }
                Step::Compare { at, with } => {
                    let other = replicas[with % count].clone();
                    replicas[at % count].hear_everything(&other);
                }
            }
        }
        replicas
    })
}
