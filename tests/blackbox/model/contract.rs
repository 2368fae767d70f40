//! The contract for one bucket on one node, in the plainest words: every write is an event, an item is the set of the
//! events that no later write knew of.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The parameters that all listings share.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    pub(super) prefix: Option<String>,
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
    pub(super) limit: Option<usize>,
    pub(super) reverse: bool,
}

impl Listing {
    pub(super) fn to_json(&self) -> Value {
        let mut query = json!({ "prefix": self.prefix, "start": self.start, "end": self.end });
        if let Some(limit) = self.limit {
            query["limit"] = json!(limit);
        }
        if self.reverse {
            query["reverse"] = json!(true);
        }
        query
    }

    pub(super) fn to_parameters(&self) -> Vec<(&'static str, String)> {
        let texts = [("prefix", &self.prefix), ("start", &self.start), ("end", &self.end)];
        let mut parameters: Vec<_> =
            texts.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
        parameters.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        parameters.push(("reverse", self.reverse.to_string()));
        parameters
    }

    fn contains(&self, key: &str) -> bool {
        let has_prefix = self.prefix.as_deref().is_none_or(|prefix| key.starts_with(prefix));
        let (start, end) = (self.start.as_deref(), self.end.as_deref());
        let is_between = if self.reverse {
            start.is_none_or(|start| key <= start) && end.is_none_or(|end| key > end)
        } else {
            start.is_none_or(|start| key >= start) && end.is_none_or(|end| key < end)
        };
        has_prefix && is_between
    }

    /// The page of these keys, given in ascending order, and the first key that is not on it any more.
    fn page(&self, keys: Vec<String>) -> (Vec<String>, Option<String>) {
        let mut keys: Vec<_> = keys.into_iter().filter(|key| self.contains(key)).collect();
        if self.reverse {
            keys.reverse();
        }
        let rest = keys.split_off(self.limit.unwrap_or(usize::MAX).min(keys.len()));
        (keys, rest.into_iter().next())
    }
}

#[derive(Debug, Default)]
struct ModelItem {
    /// The events that are live, with what they wrote.
    events: BTreeMap<u64, Option<String>>,
    /// The tokens that were read, oldest first, and the last event that each knows of.
    tokens: Vec<(String, u64)>,
}

impl ModelItem {
    /// What a read shows: equal values once.
    fn values(&self) -> Vec<Option<String>> {
        self.events.values().cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn is_tombstone(&self) -> bool {
        self.events.values().all(Option::is_none)
    }
}

#[derive(Debug, Default)]
pub(super) struct Model {
    items: BTreeMap<String, BTreeMap<String, ModelItem>>,
    last_event: u64,
}

impl Model {
    fn item(&self, pk: &str, sk: &str) -> Option<&ModelItem> {
        self.items.get(pk)?.get(sk).filter(|item| !item.events.is_empty())
    }

    /// A write knows of the events up to the one that its token's read showed last.
    pub(super) fn write(&mut self, pk: &str, sk: &str, token: Option<&str>, value: Option<String>) {
        self.last_event += 1;
        let item = self.items.entry(pk.to_owned()).or_default().entry(sk.to_owned()).or_default();
        let known = token.and_then(|token| item.tokens.iter().find(|(text, _)| text == token));
        if let Some(&(_, last_known)) = known {
            item.events.retain(|event, _| *event > last_known);
        }
        item.events.insert(self.last_event, value);
    }

    /// Takes note of the token that a read came with.
    pub(super) fn seen(&mut self, pk: &str, sk: &str, token: String) {
        let item = self.items.entry(pk.to_owned()).or_default().entry(sk.to_owned()).or_default();
        if item.tokens.last().is_none_or(|(last, _)| *last != token) {
            item.tokens.push((token, self.last_event));
        }
    }

    pub(super) fn tokens(&self, pk: &str, sk: &str) -> Vec<String> {
        let tokens = self.item(pk, sk).map(|item| item.tokens.iter().map(|(token, _)| token.clone()));
        tokens.map_or(Vec::new(), Iterator::collect)
    }

    pub(super) fn values(&self, pk: &str, sk: &str) -> Option<Vec<Option<String>>> {
        self.item(pk, sk).map(ModelItem::values)
    }

    /// Deletes everything in the range that is not deleted already, and says how many items that were.
    pub(super) fn delete(&mut self, pk: &str, listing: &Listing) -> usize {
        let (keys, _) = self.list(pk, listing, false, false);
        for sk in &keys {
            self.last_event += 1;
            if let Some(item) = self.items.get_mut(pk).and_then(|partition| partition.get_mut(sk)) {
                item.events = [(self.last_event, None)].into();
            }
        }
        keys.len()
    }

    pub(super) fn list(
        &self,
        pk: &str,
        listing: &Listing,
        conflicts_only: bool,
        tombstones: bool,
    ) -> (Vec<String>, Option<String>) {
        let Some(partition) = self.items.get(pk) else { return (Vec::new(), None) };
        let is_shown = |item: &ModelItem| {
            !item.events.is_empty()
                && (tombstones || !item.is_tombstone())
                && (!conflicts_only || item.values().len() >= 2)
        };
        let shown = partition.iter().filter(|(_, item)| is_shown(item));
        listing.page(shown.map(|(sk, _)| sk.clone()).collect())
    }

    pub(super) fn index(&self, listing: &Listing) -> (Vec<Value>, Option<String>) {
        let counters = |pk: &str| {
            let mut counters = [0; 4];
            for item in self.items.get(pk).into_iter().flat_map(BTreeMap::values) {
                let values = item.values();
                let live: Vec<_> = values.iter().flatten().collect();
                counters[0] += usize::from(!live.is_empty());
                counters[1] += usize::from(values.len() >= 2);
                counters[2] += live.len();
                counters[3] += live.iter().map(|value| value.len()).sum::<usize>();
            }
            counters
        };
        let listed = self.items.keys().filter(|pk| counters(pk)[0] > 0).cloned().collect();
        let (keys, next_start) = listing.page(listed);
        let row = |pk: &String| {
            let [entries, conflicts, values, bytes] = counters(pk);
            json!({ "pk": pk, "entries": entries, "conflicts": conflicts, "values": values, "bytes": bytes })
        };
        (keys.iter().map(row).collect(), next_start)
    }
}
