//! What a read of two replicas shows.

use super::{Cluster, View};
use std::collections::BTreeSet;
use troupe_actors::causality::{Dot, Item};

impl Cluster {
    pub(crate) fn read_under_way(&self) -> Option<(usize, &View, &[bool])> {
        self.read.as_ref().map(|(at, view, acknowledged)| (*at, view, acknowledged.as_slice()))
    }

    /// Whether a read of two replicas shows a value or a tombstone.
    pub(crate) fn shows_something(&self, (a, b): (usize, usize)) -> bool {
        self.votes(a) && self.votes(b) && self.merged(&self.view(a), &self.view(b)).sibling_count() > 0
    }

    /// What a replica has committed, as it leaves for another node.
    pub(crate) fn view(&self, at: usize) -> View {
        let replica = &self.replicas[at];
        let mut item = replica.disk.row.clone().unwrap_or_default();
        item.fill(&replica.core.clock().shown());
        View { item }
    }

    pub(super) fn merged(&self, a: &View, b: &View) -> Item<'static> {
        let mut item = a.item.clone();
        item.merge(&b.item);
        item
    }

    /// The writes that a read of both shows.
    pub(crate) fn shown_by(&self, a: &View, b: &View) -> BTreeSet<usize> {
        let merged = self.merged(a, b);
        let number = |dot: Dot| self.writes.iter().position(|write| write.dot == Some(dot));
        merged.siblings().filter_map(|(dot, _)| number(dot)).collect()
    }
}
