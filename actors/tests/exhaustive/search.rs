//! The search: depth first, and each state once, unless it is found again after fewer steps.

use crate::cluster::Cluster;
use crate::happening::{Bounds, Happening, happenings};
use std::collections::BTreeMap;
use troupe_actors::mutation::{Mutation, turn_on};

/// One state in this many is left to come to rest.
const RESTS_EACH: u64 = 64;

/// How a search ended.
pub(crate) struct Found {
    /// How many different states there are.
    pub(crate) states: usize,
    /// The promise that broke, and what led to it.
    pub(crate) broken: Option<String>,
}

struct Search {
    bounds: Bounds,
    /// Of each state, how many steps were left when it was looked into.
    seen: BTreeMap<u64, usize>,
    broken: Option<String>,
}

/// Goes through every state within the bounds, from the one that `before` leads to.
pub(crate) fn search(before: &[Happening], bounds: Bounds, mistake: Option<Mutation>) -> Found {
    turn_on(mistake);
    let mut cluster = Cluster::new();
    before.iter().for_each(|happening| cluster.happens(*happening));
    let mut search = Search { bounds, seen: BTreeMap::new(), broken: None };
    search.visit(&cluster, bounds.steps, &mut Vec::new());
    turn_on(None);
    Found { states: search.seen.len(), broken: search.broken }
}

impl Search {
    fn visit(&mut self, cluster: &Cluster, steps_left: usize, path: &mut Vec<String>) {
        let fingerprint = cluster.fingerprint();
        if self.seen.get(&fingerprint).is_some_and(|left| *left >= steps_left) {
            return;
        }
        self.seen.insert(fingerprint, steps_left);
        let is_left_to_rest = fingerprint.is_multiple_of(RESTS_EACH);
        let rests = || if is_left_to_rest { cluster.becomes_equal() } else { Ok(()) };
        if let Err(promise) = cluster.keeps_its_promises().and_then(|()| rests()) {
            self.broken = Some(format!("{promise}, after {path:#?}"));
            return;
        }
        if steps_left == 0 {
            return;
        }
        for happening in happenings(cluster, self.bounds) {
            let mut next = cluster.clone();
            next.happens(happening);
            path.push(format!("{happening:?}"));
            self.visit(&next, steps_left - 1, path);
            path.pop();
            if self.broken.is_some() {
                return;
            }
        }
    }
}
