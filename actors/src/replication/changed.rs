//! Polls of ranges over replicas: what asks, for [`super::range_changes`], which decides.

use super::handle::{ReadError, Replicas};
use super::items::{Ask, Row};
use super::message::{
    ChangesAnswer, Form, Message, PageAnswer, PageRows, WireRange, WireSelection, WireSince,
};
use super::page::{PageLimits, Selection};
use super::range_changes::{ChangedKeys, RowsSince, Teller, Witness, changed_anywhere, is_news, next_marker};
use super::serve::changed_rows;
use crate::causality::SeenMarker;
use crate::ids::{ActorId, NodeId, Partition, SortKey};
use crate::layout::Layout;
use crate::shard::{Changes, PollError, Since};
use crate::store::Store;
use crate::store::range::KeyRange;
use futures_util::future::{BoxFuture, join_all};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A poll of a range cannot tell what changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangesError {
    /// This node's shard refuses.
    #[error(transparent)]
    Poll(#[from] PollError),
    /// Too few replicas answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The caller's marker is too old: an item that it has not seen deleted is forgotten by now.
    #[error(
        "the seen marker is older than deletions that were forgotten since: poll once without it, and start again"
    )]
    Expired,
}

/// What changed in a range, while it is read.
pub struct RangeChanges<S: Store> {
    replicas: Replicas<S>,
    layout: Layout,
    partition: Partition,
    rest: KeyRange,
    seen: SeenMarker,
    tellers: Vec<Teller>,
    /// For the client to come back with.
    pub marker: SeenMarker,
}

/// A page of what changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangedPage {
    /// The items that the client has not seen, tombstones included, ascending by key.
    pub items: Vec<Row<'static>>,
    /// Whether nothing is left behind them.
    pub is_last: bool,
}

impl<S: Store> Replicas<S> {
    /// Asks every replica what changed in a range since `seen`, and goes on when enough of them have answered: what is
    /// late is waited for only as long as answers usually take.
    ///
    /// # Errors
    /// [`ChangesError`].
    pub async fn changes(
        &self,
        layout: Layout,
        partition: &Partition,
        range: KeyRange,
        seen: SeenMarker,
    ) -> Result<RangeChanges<S>, ChangesError> {
        let (nodes, quorum) = self.readers(&layout, partition.shard());
        let replicas = layout.read_set(partition.shard()).nodes.len();
        let mut pending: FuturesUnordered<_> = nodes
            .iter()
            .filter(|node| **node != self.inner.node)
            .map(|node| self.changes_at(*node, partition, &range, &seen))
            .collect();
        let mut tellers = Vec::new();
        let is_replica = nodes.contains(&self.inner.node);
        if is_replica && self.inner.shards.may_vote(partition.shard()) {
            tellers.push(self.changes_here(partition, &range, &seen).await?);
        }
        let grace = tokio::time::sleep(self.hedge(&nodes));
        let mut grace = std::pin::pin!(grace);
        let mut is_patient = true;
        while !pending.is_empty() && (is_patient || tellers.len() < quorum) {
            tokio::select! {
                biased;
                answer = pending.next() => match answer {
                    Some(Ok(Some(teller))) => tellers.push(teller),
                    Some(Err(ChangesError::Expired)) => return Err(ChangesError::Expired),
                    Some(Ok(None) | Err(ChangesError::Poll(_) | ChangesError::Read(_))) | None => {}
                },
                () = &mut grace, if is_patient => is_patient = false,
            }
        }
        if tellers.len() < quorum {
            return Err(ReadError::Unavailable.into());
        }
        let marker = next_marker(&seen, &tellers, replicas);
        let partition = partition.clone();
        Ok(RangeChanges { replicas: self.clone(), layout, partition, rest: range, seen, tellers, marker })
    }

    async fn changes_here(
        &self,
        partition: &Partition,
        range: &KeyRange,
        seen: &SeenMarker,
    ) -> Result<Teller, PollError> {
        let changes = self.inner.shards.changes(partition.hash, range.clone(), seen.clone()).await?;
        Ok(teller(self.inner.node, changes))
    }

    fn changes_at(
        &self,
        node: NodeId,
        partition: &Partition,
        range: &KeyRange,
        seen: &SeenMarker,
    ) -> BoxFuture<'static, Result<Option<Teller>, ChangesError>> {
        let (partition, marker) = (partition.hash.0, seen.seen.clone());
        let answer = self.ask(node, &Message::Changes { partition, range: WireRange::of(range), marker });
        Box::pin(async move {
            let Ok(body) = answer.await else { return Ok(None) };
            let Ok(answer) = ChangesAnswer::decode(&body) else { return Ok(None) };
            if !answer.may_vote {
                return Ok(None);
            }
            let since = match answer.since {
                WireSince::Everything => RowsSince::Everything,
                WireSince::Recent(keys) => RowsSince::Recent(keys.into_iter().map(Into::into).collect()),
                WireSince::Unseen => RowsSince::Unseen,
                WireSince::Expired => return Err(ChangesError::Expired),
            };
            Ok(Some(Teller { node, reach: answer.reach, since }))
        })
    }
}

impl<S: Store> RangeChanges<S> {
    /// The next page.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn next_page(&mut self) -> Result<ChangedPage, ReadError> {
        if self.rest.is_void() {
            return Ok(ChangedPage { items: Vec::new(), is_last: true });
        }
        let lists = join_all(self.tellers.iter().map(|teller| self.changed_at(teller))).await;
        let mut lists = lists.into_iter().collect::<Option<Vec<_>>>().ok_or(ReadError::Unavailable)?;
        let (keys, mut upto) = changed_anywhere(&lists);
        let mut items = Vec::new();
        let knows = |teller: &&Teller| teller.since != RowsSince::Everything;
        let known: Vec<NodeId> = self.tellers.iter().filter(knows).map(|teller| teller.node).collect();
        if !keys.is_empty() {
            let selection = Selection::Keys(keys);
            let ask = Ask { selection: &selection, items_max: usize::MAX, unseen: None };
            let layout = &self.layout;
            let limits = PageLimits::default();
            let read = self.replicas.read_page(layout, &self.partition, ask, limits, Some(&known)).await?;
            let merged = read.page.items;
            let quiet = self.seen_of(&merged, &lists, &read.hashes);
            if !quiet.is_empty() {
                self.ask_again(quiet, &read.hashes, &mut lists).await;
            }
            let seen: BTreeSet<SortKey> = self.seen_of(&merged, &lists, &read.hashes).into_iter().collect();
            let is_news = |(key, _): &Row<'static>| SortKey::new(key).is_ok_and(|key| !seen.contains(&key));
            items = merged.into_iter().filter(is_news).collect();
            if let Some(shorter) = read.page.upto {
                upto = Some(shorter.into_owned());
            }
        }
        let is_last = upto.is_none();
        if let Some(upto) = upto {
            self.rest.pass(&upto);
        }
        Ok(ChangedPage { items, is_last })
    }

    /// The items that the client has seen.
    fn seen_of(
        &self,
        items: &[Row<'_>],
        lists: &[ChangedKeys],
        hashes: &[(NodeId, BTreeMap<String, u64>)],
    ) -> Vec<SortKey> {
        let witnesses = self.witnesses(lists, hashes);
        let is_seen = |(key, item): &&Row<'_>| !is_news(key, item.state_hash(), &witnesses);
        items.iter().filter(is_seen).filter_map(|(key, _)| SortKey::new(key).ok()).collect()
    }

    /// What a replica showed may have come to it after it told what changed there: then it is no witness that the client
    /// has seen it. So those that showed the items are asked once more. What they do not tell counts as changed.
    async fn ask_again(
        &self,
        keys: Vec<SortKey>,
        shown: &[(NodeId, BTreeMap<String, u64>)],
        lists: &mut [ChangedKeys],
    ) {
        let selection = Selection::Keys(keys.clone());
        let later = self.tellers.iter().map(|teller| {
            let is_witness = shown.iter().any(|(node, _)| *node == teller.node);
            if is_witness && teller.since != RowsSince::Everything {
                self.rows_at(teller.node, &selection, self.seen.seen.clone())
            } else {
                Box::pin(std::future::ready(Some(ChangedKeys::default())))
            }
        });
        for (list, later) in lists.iter_mut().zip(join_all(later).await) {
            let is_told = |key: &SortKey| {
                let upto = later.as_ref().map(|later| later.upto.as_deref());
                upto.is_some_and(|upto| upto.is_none_or(|upto| key.as_str() <= upto))
            };
            list.keys.extend(keys.iter().filter(|key| !is_told(key)).map(|key| key.as_str().to_owned()));
            list.keys.extend(later.into_iter().flat_map(|later| later.keys));
        }
    }

    fn witnesses<'w>(
        &self,
        lists: &'w [ChangedKeys],
        hashes: &'w [(NodeId, BTreeMap<String, u64>)],
    ) -> Vec<Witness<'w>> {
        let of = |(teller, changed): (&Teller, &'w ChangedKeys)| {
            let (_, hashes) = hashes.iter().find(|(node, _)| *node == teller.node)?;
            Some(Witness { knows_marker: teller.since != RowsSince::Everything, changed, hashes })
        };
        self.tellers.iter().zip(lists).filter_map(of).collect()
    }

    fn changed_at(&self, teller: &Teller) -> BoxFuture<'static, Option<ChangedKeys>> {
        let changed_since = match &teller.since {
            RowsSince::Recent(keys) => {
                let keys = keys.iter().filter(|key| self.rest.contains(key)).cloned().collect();
                return Box::pin(std::future::ready(Some(ChangedKeys { keys, upto: None })));
            }
            RowsSince::Everything => Vec::new(),
            RowsSince::Unseen => self.seen.seen.clone(),
        };
        self.rows_at(teller.node, &Selection::Range(self.rest.clone()), changed_since)
    }

    fn rows_at(
        &self,
        node: NodeId,
        selection: &Selection,
        changed_since: Vec<(ActorId, u64)>,
    ) -> BoxFuture<'static, Option<ChangedKeys>> {
        let limits = PageLimits::default();
        let inner = &self.replicas.inner;
        if node == inner.node {
            let inner = Arc::clone(inner);
            let (partition, selection) = (self.partition.hash, selection.clone());
            return Box::pin(async move {
                let rows =
                    changed_rows(&inner.shards, partition, &selection, &changed_since, limits).await.ok()?;
                let keys = rows.rows.into_iter().map(|(key, _)| key).collect();
                Some(ChangedKeys { keys, upto: rows.upto })
            });
        }
        let answer = self.replicas.ask(
            node,
            &Message::ItemsPage {
                partition: self.partition.hash.0,
                selection: WireSelection::of(selection),
                items_max: u32::try_from(limits.items_max).unwrap_or(u32::MAX),
                bytes_max: u32::try_from(limits.bytes_max).unwrap_or(u32::MAX),
                form: Form::Hashes,
                changed_since: Some(changed_since),
            },
        );
        Box::pin(async move {
            let body = answer.await.ok()?;
            let answer = PageAnswer::decode(&body).ok()?;
            let PageRows::Hashes(rows) = answer.rows else { return None };
            let keys = rows.into_iter().map(|(key, _)| key.to_owned()).collect();
            Some(ChangedKeys { keys, upto: answer.upto.map(Into::into) })
        })
    }
}

/// What this node's shard says, as a replica among others.
pub(super) fn teller(node: NodeId, changes: Changes) -> Teller {
    let since = match changes.since {
        Since::Everything => RowsSince::Everything,
        Since::Recent(keys) => RowsSince::Recent(keys.iter().map(|key| key.as_str().to_owned()).collect()),
        Since::Unseen => RowsSince::Unseen,
    };
    Teller { node, reach: changes.marker.seen.first().copied(), since }
}
