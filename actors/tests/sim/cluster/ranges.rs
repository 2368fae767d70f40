//! Reads of a range of a partition, page by page, each page merged from as many replicas as a quorum asks for.

use super::client::Reply;
use super::frame::{Answer, Ask, Then};
use super::invariants::{pages, readable};
use super::machine::Inside;
use super::world::Cluster;
use crate::invariants::Violation;
use crate::keyspace::{ItemIndex, PARTITIONS, shard_of};
use crate::oracle::Writes;
use crate::world::RequestNumber;
use std::borrow::Cow;
use troupe_actors::causality::Item;
use troupe_actors::ids::{ItemKey, SortKey};
use troupe_actors::replication::items::{Filter, ItemsReader, Progress, Row, SourcePage};
use troupe_actors::replication::local::items_page;
use troupe_actors::replication::merged::{ReplicaPage, merge_pages};
use troupe_actors::replication::page::{PageBudget, Selection};
use troupe_actors::store::Store;
use troupe_actors::store::range::KeyRange;

/// A range that a client wants to read.
#[derive(Clone)]
pub(crate) struct Range {
    pub(super) partition: usize,
    pub(super) range: KeyRange,
    pub(super) limit: Option<u64>,
}

/// What a replica is asked for.
#[derive(Clone)]
pub(crate) struct PageAsk {
    partition: usize,
    selection: Selection,
    items_max: usize,
}

/// Names a page of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageNumber(u64);

/// A range while it is read.
pub(crate) struct Ranging {
    pub(super) client: usize,
    of: Range,
    reader: ItemsReader,
    /// What clients had been promised of each item when it began.
    promised: Vec<(ItemIndex, Writes)>,
    page: PageNumber,
    /// Replicas that have not shown their page.
    missing: usize,
    pages: Vec<ReplicaPage<'static>>,
    shown: Vec<ItemIndex>,
}

impl Cluster {
    pub(super) fn range_begins(
        &mut self,
        node: usize,
        client: usize,
        request: RequestNumber,
        of: Range,
    ) -> Result<(), Violation> {
        let selection = Selection::Range(of.range.clone());
        let items = ItemIndex::all().filter(|at| at.is_in(of.partition, &of.range));
        let ranging = Ranging {
            client,
            reader: ItemsReader::new(selection, Filter::default(), of.limit),
            promised: items.map(|at| (at, self.promises.of(at))).collect(),
            of,
            page: PageNumber(0),
            missing: 0,
            pages: Vec::new(),
            shown: Vec::new(),
        };
        if let Some(process) = &mut self.machines[node].process {
            process.ranges.insert(request, ranging);
        }
        self.next_page(node, request)
    }

    /// Asks a quorum of the replicas for the next page.
    fn next_page(&mut self, node: usize, request: RequestNumber) -> Result<(), Violation> {
        let budget = PageBudget::new(self.page_limits);
        let process = self.machines[node].process.as_mut();
        let Some(ranging) = process.and_then(|process| process.ranges.get_mut(&request)) else {
            return Ok(());
        };
        let partition = ranging.of.partition;
        let Some(ask) = ranging.reader.ask(&budget) else {
            return self.range_ends(node, request, &Progress::End);
        };
        let ask = PageAsk { partition, selection: ask.selection.clone(), items_max: ask.items_max };
        ranging.page = PageNumber(ranging.page.0 + 1);
        let page = ranging.page;
        let readers = self.layout.readers(shard_of(partition));
        let quorum = readers.len() / 2 + 1;
        let mut replicas = self.reachable(node, readers);
        if replicas.len() < quorum {
            self.range_fails(node, request);
            return Ok(());
        }
        replicas.truncate(quorum);
        if let Some(process) = &mut self.machines[node].process
            && let Some(ranging) = process.ranges.get_mut(&request)
        {
            ranging.missing = quorum;
        }
        for replica in replicas {
            let to = self.node_of(replica);
            if to == node {
                let delay_us = self.hop_us();
                self.inside(node, delay_us, Inside::LookAtRange { request, page, ask: ask.clone() });
            } else {
                self.call(node, to, Ask::Page(ask.clone()), Then::Page { request, page });
            }
        }
        Ok(())
    }

    /// A page as one replica shows it; `None` if it may not vote.
    pub(super) fn show_page(&self, node: usize, ask: &PageAsk) -> Option<Box<ReplicaPage<'static>>> {
        let machine = &self.machines[node];
        let core = &machine.process.as_ref()?.shards[shard_of(ask.partition)];
        if !core.may_vote() {
            return None;
        }
        let clock = core.clock().shown();
        let snapshot = machine.disk.store.snapshot().ok()?;
        let mut budget = PageBudget::new(self.page_limits);
        let wanted = troupe_actors::replication::items::Ask {
            selection: &ask.selection,
            items_max: ask.items_max,
            unseen: None,
        };
        let page = items_page(&snapshot, PARTITIONS[ask.partition].hash, wanted, &mut budget).ok()?;
        let own = |(key, item): Row<'_>| (Cow::Owned(key.into_owned()), item.into_owned());
        let items = page.items.into_iter().map(own).collect();
        let upto = page.upto.map(|key| Cow::Owned(key.into_owned()));
        Some(Box::new(ReplicaPage { clock, page: SourcePage { items, upto } }))
    }

    /// A replica showed its page, or does not.
    pub(super) fn page_came(
        &mut self,
        node: usize,
        request: RequestNumber,
        number: PageNumber,
        answer: Option<Answer>,
    ) -> Result<(), Violation> {
        let process = self.machines[node].process.as_mut();
        let Some(ranging) = process.and_then(|process| process.ranges.get_mut(&request)) else {
            return Ok(());
        };
        if ranging.page != number {
            return Ok(());
        }
        let Some(Answer::Page(Some(page))) = answer else {
            self.range_fails(node, request);
            return Ok(());
        };
        ranging.pages.push(*page);
        ranging.missing -= 1;
        if ranging.missing > 0 {
            return Ok(());
        }
        let merged = merge_pages(std::mem::take(&mut ranging.pages), ranging.of.range.descending);
        let mut budget = PageBudget::new(self.page_limits);
        let mut shown: Vec<(String, Item<'static>)> = Vec::new();
        let progress = ranging.reader.step(merged, &mut budget, &mut |key, item| {
            shown.push((key.to_owned(), item.clone().into_owned()));
        });
        self.page_is_shown(node, request, shown)?;
        match progress {
            Progress::More => self.next_page(node, request),
            progress @ (Progress::End | Progress::Limit(_)) => self.range_ends(node, request, &progress),
        }
    }

    fn page_is_shown(
        &mut self,
        node: usize,
        request: RequestNumber,
        items: Vec<(String, Item<'static>)>,
    ) -> Result<(), Violation> {
        self.note("node {}, request {}: a page of {} items", &[node as u64, request.0, items.len() as u64]);
        for (key, item) in items {
            let process = self.machines[node].process.as_mut();
            let Some(ranging) = process.and_then(|process| process.ranges.get_mut(&request)) else {
                return Ok(());
            };
            let partition = PARTITIONS[ranging.of.partition].hash;
            let at =
                SortKey::new(&key).ok().and_then(|sort_key| ItemIndex::of(&ItemKey { partition, sort_key }));
            let at = pages::check_next(&ranging.shown, at, &key, ranging.of.range.descending)?;
            ranging.shown.push(at);
            let promised = ranging.promised.iter().find(|(promised, _)| *promised == at);
            let promised = promised.map_or(Writes::default(), |(_, promised)| *promised);
            let live = readable::shown(&self.oracle, at, &item)?;
            readable::check(&self.oracle, at, &promised, &live)?;
        }
        Ok(())
    }

    /// What was passed over holds nothing that was promised.
    fn range_ends(
        &mut self,
        node: usize,
        request: RequestNumber,
        progress: &Progress,
    ) -> Result<(), Violation> {
        let process = self.machines[node].process.as_mut();
        let Some(ranging) = process.and_then(|process| process.ranges.remove(&request)) else {
            return Ok(());
        };
        let next = match progress {
            Progress::Limit(next) => Some(next.as_str()),
            Progress::More | Progress::End => None,
        };
        let is_descending = ranging.of.range.descending;
        let is_passed = |at: &ItemIndex| {
            let key = at.key().sort_key.as_str();
            next.is_none_or(|next| if is_descending { key > next } else { key < next })
        };
        for (at, promised) in &ranging.promised {
            if is_passed(at) && !ranging.shown.contains(at) {
                readable::check(&self.oracle, *at, promised, &Writes::default())?;
            }
        }
        self.reply(ranging.client, request, Reply::Listed);
        Ok(())
    }

    fn range_fails(&mut self, node: usize, request: RequestNumber) {
        let process = self.machines[node].process.as_mut();
        if let Some(ranging) = process.and_then(|process| process.ranges.remove(&request)) {
            self.reply(ranging.client, request, Reply::Unavailable);
        }
    }
}
