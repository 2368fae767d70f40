use super::merge::Merge;
use super::state::ControlState;
use std::collections::BTreeMap;

impl ControlState {
    /// What merging `other` in would change: the entities that would differ, as they would be. Their rows are what to
    /// persist.
    pub fn gain(&self, other: &ControlState) -> ControlState {
        let mut secrets = self.secrets.clone();
        secrets.merge_with(&other.secrets);
        let mut staged_parameters = other.staged_parameters.clone();
        staged_parameters.merge_with(&self.staged_parameters);
        ControlState {
            secrets: secrets.without(&self.secrets),
            buckets: gained(&self.buckets, &other.buckets),
            closing: gained(&self.closing, &other.closing),
            global_aliases: gained(&self.global_aliases, &other.global_aliases),
            keys: gained(&self.keys, &other.keys),
            local_aliases: gained(&self.local_aliases, &other.local_aliases),
            permissions: gained(&self.permissions, &other.permissions),
            admin_tokens: gained(&self.admin_tokens, &other.admin_tokens),
            layouts: gained(&self.layouts, &other.layouts),
            staged_roles: gained(&self.staged_roles, &other.staged_roles),
            staged_parameters: staged_parameters
                .filter(|merged| Some(merged) != self.staged_parameters.as_ref()),
            incarnations: gained(&self.incarnations, &other.incarnations),
            trackers: gained(&self.trackers, &other.trackers),
            skipped: gained(&self.skipped, &other.skipped),
        }
    }
}

fn gained<K: Clone + Ord, V: Clone + Merge + PartialEq>(
    mine: &BTreeMap<K, V>,
    theirs: &BTreeMap<K, V>,
) -> BTreeMap<K, V> {
    let merged = theirs.iter().map(|(key, theirs)| {
        let mut merged = theirs.clone();
        if let Some(mine) = mine.get(key) {
            merged.merge_with(mine);
        }
        (key, merged)
    });
    merged
        .filter(|(key, merged)| mine.get(key) != Some(merged))
        .map(|(key, merged)| (key.clone(), merged))
        .collect()
}
