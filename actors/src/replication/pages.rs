//! Pages of items as a quorum of replicas holds them, and the index of several nodes: what asks, for the cores that decide.

use super::count::{counters_of_outline, outline};
use super::handle::{ReadError, Replicas};
use super::items::{Ask, Row, SourcePage};
use super::local::items_page;
use super::merged::{HashPage, MergedPage, ReplicaPage, complete, differences, merge_pages};
use super::message::{
    Form, Message, MessageError, PageAnswer, PageRows, PartitionsAnswer, WireItem, WireRange, WireSelection,
};
use super::page::{PageBudget, PageLimits, Selection};
use super::quorum_index::{CountedPartition, IndexRead, Next, PartitionsPage, ReadSets};
use super::serve;
use crate::causality::Item;
use crate::ids::{BucketId, NodeId, Partition, PartitionKey, ShardIndex, SortKey};
use crate::layout::Layout;
use crate::limits::{COUNT_REPAIRS_MAX, INDEX_PAGE_ROWS_MAX, PAGE_ITEMS_MAX};
use crate::shard::View;
use crate::store::Store;
use crate::store::counters::PartitionCounters;
use crate::store::range::KeyRange;
use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// A page as one replica showed it.
enum Shown {
    States(ReplicaPage<'static>),
    Hashes(HashPage),
}

/// What is asked of every replica.
#[derive(Clone, Copy)]
struct Question<'q> {
    partition: &'q Partition,
    selection: &'q Selection,
    limits: PageLimits,
    wants_hashes: bool,
}

/// By key, the hash of the state that a replica showed.
type Hashes = BTreeMap<String, u64>;

/// A page, and what each replica that was read showed of it.
pub(super) struct QuorumPage {
    pub(super) page: SourcePage<'static>,
    pub(super) hashes: Vec<(NodeId, Hashes)>,
}

impl<S: Store> Replicas<S> {
    /// The items of a selection that hold a live value, up to some key, as a quorum of the shard's replicas holds them.
    /// The nearest replica shows its states; the others show hashes, and the states of what differs.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn page(
        &self,
        layout: &Layout,
        partition: &Partition,
        ask: Ask<'_>,
        limits: PageLimits,
    ) -> Result<SourcePage<'static>, ReadError> {
        Ok(self.read_page(layout, partition, ask, limits, None).await?.page)
    }

    /// The same. If some replicas are preferred to others, they are read first, and what each showed comes along.
    pub(super) async fn read_page(
        &self,
        layout: &Layout,
        partition: &Partition,
        ask: Ask<'_>,
        limits: PageLimits,
        preferred: Option<&[NodeId]>,
    ) -> Result<QuorumPage, ReadError> {
        let limits = PageLimits { items_max: ask.items_max.min(PAGE_ITEMS_MAX), ..limits };
        let question =
            Question { partition, selection: ask.selection, limits, wants_hashes: preferred.is_some() };
        let (mut nodes, quorum) = self.readers(layout, partition.shard());
        nodes.sort_by_key(|node| preferred.is_some_and(|preferred| !preferred.contains(node)));
        loop {
            let Some(asked) = nodes.get(..quorum).filter(|asked| !asked.is_empty()) else {
                return Err(ReadError::Unavailable);
            };
            match self.page_of(asked, question).await {
                Ok((merged, hashes)) => {
                    let hashes: Vec<_> = asked.iter().copied().zip(hashes).collect();
                    self.repair_page(&hashes, partition, &merged.repairs);
                    return Ok(QuorumPage { page: merged.page, hashes });
                }
                Err(failed) => nodes.retain(|node| *node != failed),
            }
        }
    }

    /// # Errors
    /// The replica that did not answer, or may not vote.
    async fn page_of(
        &self,
        nodes: &[NodeId],
        question: Question<'_>,
    ) -> Result<(MergedPage<'static>, Vec<Hashes>), NodeId> {
        let is_descending = question.selection.is_descending();
        let forms = std::iter::once(Form::States).chain(std::iter::repeat(Form::Hashes));
        let (mut states, mut hash_pages) = (None, Vec::new());
        for shown in self.ask_all(nodes, forms, question).await {
            match shown? {
                Shown::States(page) => states = Some(page),
                Shown::Hashes(page) => hash_pages.push(page),
            }
        }
        let states = states.ok_or(nodes[0])?;
        let differences = differences(&states.page, &hash_pages, is_descending);
        let mut hashes: Vec<Hashes> = Vec::new();
        if question.wants_hashes || !differences.keys.is_empty() {
            hashes.push(states.hashes().into_iter().collect());
            hashes.extend(hash_pages.into_iter().map(|page| page.rows.into_iter().collect()));
        }
        let mut others = Vec::new();
        if !differences.keys.is_empty() {
            let selection = Selection::Keys(differences.keys.clone());
            let limits = PageLimits { items_max: PAGE_ITEMS_MAX, ..question.limits };
            let question = Question { selection: &selection, limits, ..question };
            let forms = std::iter::repeat(Form::States);
            for (node, shown) in nodes[1..].iter().zip(self.ask_all(&nodes[1..], forms, question).await) {
                match shown? {
                    Shown::States(page) => others.push(page),
                    Shown::Hashes(_) => return Err(*node),
                }
            }
        }
        Ok((complete(states, &differences, others, is_descending), hashes))
    }

    /// Asks all of them at the same time, the remote ones first.
    async fn ask_all(
        &self,
        nodes: &[NodeId],
        forms: impl Iterator<Item = Form>,
        question: Question<'_>,
    ) -> Vec<Result<Shown, NodeId>> {
        let is_own = |node: &NodeId| *node == self.inner.node;
        let asked: Vec<(NodeId, Form)> = nodes.iter().copied().zip(forms).collect();
        let remote = asked.iter().filter(|(node, _)| !is_own(node));
        let remote: Vec<_> = remote.map(|(node, form)| self.page_at(*node, *form, question)).collect();
        let own = asked.iter().find(|(node, _)| is_own(node)).map(|(_, form)| self.own_page(*form, question));
        let mut remote = join_all(remote).await.into_iter();
        let mut own = own;
        let answer = |(node, _): (NodeId, Form)| {
            let shown = if is_own(&node) { own.take() } else { remote.next() };
            shown.flatten().ok_or(node)
        };
        asked.into_iter().map(answer).collect()
    }

    fn own_page(&self, form: Form, question: Question<'_>) -> Option<Shown> {
        let shard = question.partition.shard();
        if !self.inner.shards.may_vote(shard) {
            return None;
        }
        let ask = Ask { selection: question.selection, items_max: question.limits.items_max, unseen: None };
        let page = self.inner.shards.view(shard).and_then(|View { snapshot, clock, .. }| {
            let page =
                items_page(&snapshot, question.partition.hash, ask, &mut PageBudget::new(question.limits))?;
            let upto = page.upto.map(Cow::into_owned);
            Ok(match form {
                Form::Hashes => {
                    let rows = page.items.iter().map(|(key, item)| (key.to_string(), item.state_hash()));
                    Shown::Hashes(HashPage { rows: rows.collect(), upto })
                }
                Form::States | Form::Outlines => {
                    let state = |item: Item<'_>| match form {
                        Form::Outlines => outline(&item),
                        Form::States | Form::Hashes => item.into_owned(),
                    };
                    let items = page.items.into_iter();
                    let items =
                        items.map(|(key, item)| (Cow::Owned(key.into_owned()), state(item))).collect();
                    Shown::States(ReplicaPage {
                        clock,
                        page: SourcePage { items, upto: upto.map(Cow::Owned) },
                    })
                }
            })
        });
        page.inspect_err(|error| log::error!("a page is read at other replicas: {error}")).ok()
    }

    fn page_at(&self, node: NodeId, form: Form, question: Question<'_>) -> BoxFuture<'static, Option<Shown>> {
        let answer = self.ask(
            node,
            &Message::ItemsPage {
                partition: question.partition.hash.0,
                selection: WireSelection::of(question.selection),
                items_max: u32::try_from(question.limits.items_max).unwrap_or(u32::MAX),
                bytes_max: u32::try_from(question.limits.bytes_max).unwrap_or(u32::MAX),
                form,
                changed_since: None,
            },
        );
        Box::pin(async move { shown(&answer.await.ok()?).ok().flatten() })
    }

    /// In the background: a page is no moment of the partition, and the next one would not wait for it either.
    fn repair_page(&self, shown: &[(NodeId, Hashes)], partition: &Partition, repairs: &[Row<'static>]) {
        for (node, hashes) in shown {
            let is_behind =
                |key: &str, item: &Item<'_>| hashes.get(key).copied().unwrap_or(0) != item.state_hash();
            let behind = repairs.iter().filter(|(key, item)| is_behind(key, item));
            let states = behind.filter_map(|(key, item)| Some((SortKey::new(key).ok()?, item.clone())));
            let states: Vec<_> = states.collect();
            if !states.is_empty() {
                self.inner.runtime.spawn(self.mend(*node, partition, &states));
            }
        }
    }

    /// A reader of the index over all nodes that hold parts of it.
    pub fn index(
        &self,
        layout: Layout,
        bucket: BucketId,
        range: KeyRange,
        limit: Option<u64>,
    ) -> IndexPages<S> {
        let sets = self.read_sets(&layout);
        let nodes: BTreeSet<NodeId> = sets.sets.iter().flat_map(|(nodes, _)| nodes.iter().copied()).collect();
        let nodes = self.nearest(&nodes.into_iter().collect::<Vec<_>>());
        let read = IndexRead::new(bucket, sets, nodes, range, limit);
        IndexPages { replicas: self.clone(), layout, bucket, read }
    }

    fn read_sets(&self, layout: &Layout) -> ReadSets {
        let mut sets = ReadSets { sets: Vec::new(), by_shard: Vec::new() };
        for shard in ShardIndex::all() {
            let set = layout.read_set(shard);
            let set = (set.nodes.to_vec(), self.quorum_of(set.quorum));
            let known = sets.sets.iter().rposition(|known| *known == set);
            let at = known.unwrap_or_else(|| {
                sets.sets.push(set);
                sets.sets.len() - 1
            });
            // No more sets than shards.
            sets.by_shard.push(u16::try_from(at).unwrap_or(u16::MAX));
        }
        sets
    }
}

/// Reads the page that was sent; `None` if the replica may not vote.
fn shown(body: &[u8]) -> Result<Option<Shown>, MessageError> {
    let answer = PageAnswer::decode(body)?;
    if !answer.may_vote {
        return Ok(None);
    }
    let upto = answer.upto.map(Cow::into_owned);
    let clock = answer.clock.open()?;
    Ok(Some(match answer.rows {
        PageRows::Hashes(rows) => {
            let rows = rows.into_iter().map(|(key, hash)| (key.to_owned(), hash.0)).collect();
            Shown::Hashes(HashPage { rows, upto })
        }
        PageRows::States(rows) | PageRows::Outlines(rows) => {
            let row = |(key, item): &(&str, WireItem<'_>)| -> Result<Row<'static>, MessageError> {
                Ok((Cow::Owned((*key).to_owned()), item.open()?.into_owned()))
            };
            let items = rows.iter().map(row).collect::<Result<_, _>>()?;
            Shown::States(ReplicaPage { clock, page: SourcePage { items, upto: upto.map(Cow::Owned) } })
        }
    }))
}

/// The index while it is read.
pub struct IndexPages<S: Store> {
    replicas: Replicas<S>,
    layout: Layout,
    bucket: BucketId,
    read: IndexRead,
}

/// What comes next in an index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Listed {
    /// A partition.
    Partition(String, PartitionCounters),
    /// Nothing is left, or the limit is reached: then this is the first key that was not shown.
    End(Option<String>),
}

impl<S: Store> IndexPages<S> {
    /// The next partition.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn next(&mut self) -> Result<Listed, ReadError> {
        loop {
            match self.read.proceed() {
                Next::Ask(asks) => self.ask(asks).await,
                Next::Count(key, nodes) => self.count(key, &nodes).await,
                Next::Show(key, counters) => return Ok(Listed::Partition(key, counters)),
                Next::End(next) => return Ok(Listed::End(next)),
                Next::Unavailable => return Err(ReadError::Unavailable),
            }
        }
    }

    async fn ask(&mut self, asks: Vec<(NodeId, KeyRange)>) {
        let nodes: Vec<NodeId> = asks.iter().map(|(node, _)| *node).collect();
        let asks = asks.iter().map(|(node, range)| self.partitions_at(*node, range));
        for (node, page) in nodes.into_iter().zip(join_all(asks).await) {
            match page {
                Some(page) => self.read.page(node, page),
                None => self.read.failed(node),
            }
        }
    }

    fn partitions_at(&self, node: NodeId, range: &KeyRange) -> BoxFuture<'static, Option<PartitionsPage>> {
        let inner = &self.replicas.inner;
        if node == inner.node {
            let page = serve::partitions(&inner.shards, self.bucket, range, INDEX_PAGE_ROWS_MAX);
            let page = page.inspect_err(|error| log::error!("the index is read at other nodes: {error}"));
            return Box::pin(std::future::ready(page.ok().map(partitions_page)));
        }
        let rows_max = u32::try_from(INDEX_PAGE_ROWS_MAX).unwrap_or(u32::MAX);
        let question = Message::PartitionsPage { bucket: self.bucket, range: WireRange::of(range), rows_max };
        let answer = self.replicas.ask(node, &question);
        Box::pin(async move {
            let body: Bytes = answer.await.ok()?;
            PartitionsAnswer::decode(&body).ok().map(partitions_page)
        })
    }

    /// Counts a partition over the merged keys of its replicas, and has those repaired that differ.
    async fn count(&mut self, key: String, nodes: &[NodeId]) {
        let Ok(name) = PartitionKey::new(&key) else {
            return self.read.counted(key, PartitionCounters::default());
        };
        let partition = Partition::new(self.bucket, name);
        let mut selection = Selection::Range(KeyRange::all());
        let (mut counters, mut differing) = (PartitionCounters::default(), Vec::new());
        loop {
            let question = Question {
                partition: &partition,
                selection: &selection,
                limits: PageLimits::default(),
                wants_hashes: false,
            };
            let forms = std::iter::repeat(Form::Outlines);
            let mut pages = Vec::new();
            for shown in self.replicas.ask_all(nodes, forms, question).await {
                match shown {
                    Ok(Shown::States(page)) => pages.push(page),
                    Ok(Shown::Hashes(_)) => return self.read.failed(nodes[pages.len()]),
                    Err(node) => return self.read.failed(node),
                }
            }
            let hashes: Vec<BTreeSet<(String, u64)>> = pages.iter().map(ReplicaPage::hashes).collect();
            let merged = merge_pages(pages, false);
            for (key, item) in &merged.items {
                counters = counters.and(counters_of_outline(item));
                let held = (key.to_string(), item.state_hash());
                if hashes.iter().any(|hashes| !hashes.contains(&held)) && differing.len() < COUNT_REPAIRS_MAX
                {
                    differing.extend(SortKey::new(key));
                }
            }
            match merged.upto {
                Some(upto) => selection.pass(&upto),
                None => break,
            }
        }
        self.repair_later(partition, differing);
        self.read.counted(key, counters);
    }

    /// A read repairs what it finds to differ.
    fn repair_later(&self, partition: Partition, keys: Vec<SortKey>) {
        let (replicas, layout) = (self.replicas.clone(), self.layout.clone());
        self.replicas.inner.runtime.spawn(async move {
            for key in keys {
                let _ = replicas.item(&layout, &partition, &key).await;
            }
        });
    }
}

fn partitions_page(answer: PartitionsAnswer<'_>) -> PartitionsPage {
    let row = |row: super::message::PartitionRow<'_>| CountedPartition {
        key: row.key.into_owned(),
        counters: row.counters,
        digest: row.digest.0,
    };
    PartitionsPage {
        rows: answer.rows.into_iter().map(row).collect(),
        upto: answer.upto.map(Cow::into_owned),
        voteless: answer.voteless.iter().filter_map(|shard| ShardIndex::new(usize::from(*shard))).collect(),
    }
}
