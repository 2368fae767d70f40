//! The replicas that a long answer is read from.

use crate::http::error::ApiError;
use troupe_actors::causality::Item;
use troupe_actors::ids::{Partition, ShardIndex};
use troupe_actors::layout::Layout;
use troupe_actors::replication::handle::Replicas;
use troupe_actors::replication::items::{ItemsReader, Progress};
use troupe_actors::replication::page::{PageBudget, PageLimits};
use troupe_actors::store::Store;

/// The replicas, by the layout that the request came with. It is held as long as the answer is read.
pub(super) struct Sources<S: Store> {
    pub(super) replicas: Replicas<S>,
    pub(super) layout: Layout,
}

impl<S: Store> Sources<S> {
    /// Whether this node's own store is all that is asked about a partition.
    pub(super) fn is_sole(&self, partition: &Partition) -> bool {
        self.replicas.is_sole(&self.layout, partition.shard())
    }

    /// Whether other nodes are asked about anything.
    pub(super) fn wait(&self) -> bool {
        !ShardIndex::all().all(|shard| self.replicas.is_sole(&self.layout, shard))
    }

    /// Lets a reader read what a quorum of the partition's replicas holds, until the page is full or nothing is left.
    pub(super) async fn read_items(
        &self,
        partition: &Partition,
        reader: &mut ItemsReader,
        budget: &mut PageBudget,
        show: &mut dyn FnMut(&str, &Item<'static>),
    ) -> Result<Progress, ApiError> {
        while let Some(ask) = reader.ask(budget) {
            let page = self.replicas.page(&self.layout, partition, ask, PageLimits::default()).await?;
            let progress = reader.step(page, budget, show);
            if progress != Progress::More || budget.is_spent() {
                return Ok(progress);
            }
        }
        Ok(Progress::End)
    }
}
