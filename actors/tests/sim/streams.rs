//! Answers that are read page by page, each page from a snapshot of its own: ranges, the index, what changed, and what
//! a deletion overwrites. The production cores say what to read and what to show.

use crate::client::Reply;
use crate::disk::Disk;
use crate::invariants::pages::Watch;
use crate::invariants::{Violation, counters, pages, readable};
use crate::keyspace::{BUCKET, ItemIndex, PARTITIONS};
use crate::node::Inside;
use crate::oracle::{History, WriteId};
use crate::world::{RequestNumber, World};
use troupe_actors::causality::{Context, Item};
use troupe_actors::ids::{ItemKey, SortKey};
use troupe_actors::replication::changes::{ChangesReader, Verdict};
use troupe_actors::replication::delete::tombstone;
use troupe_actors::replication::index::{IndexReader, Next};
use troupe_actors::replication::items::{ItemsReader, Progress};
use troupe_actors::replication::local::{index_page, read_items};
use troupe_actors::replication::page::{PageBudget, PageLimits};
use troupe_actors::shard::PollId;
use troupe_actors::store::Store;
use troupe_actors::store::counters::PartitionCounters;

/// An answer while it is sent.
pub(crate) struct Stream {
    pub(crate) client: usize,
    pub(crate) source: Source,
    /// Of the items: the partition that they lie in.
    pub(crate) partition: usize,
    pub(crate) watch: Watch,
}

/// Where the pages come from.
pub(crate) enum Source {
    Items(ItemsReader),
    Index(IndexReader),
    /// The poll goes on if nothing has changed; `None` once it is answered.
    Changes {
        reader: ChangesReader,
        poll: Option<PollId>,
        news: Vec<(ItemIndex, History)>,
        timeline: u64,
    },
    Deletion(ItemsReader),
}

/// What one page showed.
enum Shown {
    Items(Vec<(ItemIndex, Item<'static>)>, Progress),
    Partitions(Vec<(String, PartitionCounters)>, Progress),
}

impl World {
    pub(crate) fn open_stream(&mut self, request: RequestNumber, stream: Stream) {
        if let Some(node) = &mut self.node {
            node.streams.insert(request, stream);
        }
        self.next_page(request);
    }

    pub(crate) fn forget_stream(&mut self, request: RequestNumber) {
        if let Some(node) = &mut self.node {
            node.streams.remove(&request);
        }
    }

    pub(crate) fn next_page(&mut self, request: RequestNumber) {
        let delay_us = self.hop_us();
        self.inside(delay_us, Inside::Page(request));
    }

    /// Reads a page, holds it against what the disk should show at this moment, and goes on.
    pub(crate) fn page(&mut self, request: RequestNumber) -> Result<(), Violation> {
        let limits = self.page_limits;
        let stream = self.node.as_mut().and_then(|node| node.streams.remove(&request));
        let Some(mut stream) = stream else { return Ok(()) };
        match stream.source.read(&self.disk, stream.partition, limits) {
            Shown::Items(items, progress) => {
                self.note("request {}: a page of {} items", &[request.0, items.len() as u64]);
                for (at, item) in &items {
                    readable::check(&self.oracle, &self.disk.held, *at, item)?;
                }
                let keys = items.iter().map(|(at, _)| at.key().sort_key.as_str());
                stream.watch.page(keys)?;
                stream.watch.items(&self.oracle, &self.disk.held, &items)?;
                stream.watch.end(&progress)?;
                self.items_shown(request, stream, &items, &progress)
            }
            Shown::Partitions(rows, progress) => {
                self.note("request {}: a page of {} partitions", &[request.0, rows.len() as u64]);
                for (key, row) in &rows {
                    counters::check_row(&self.oracle, &self.disk.held, key, *row)?;
                }
                stream.watch.page(rows.iter().map(|(key, _)| key.as_str()))?;
                stream.watch.partitions(&self.oracle, &self.disk.held);
                stream.watch.end(&progress)?;
                self.go_on(request, stream, &progress);
                Ok(())
            }
        }
    }

    fn items_shown(
        &mut self,
        request: RequestNumber,
        mut stream: Stream,
        items: &[(ItemIndex, Item<'static>)],
        progress: &Progress,
    ) -> Result<(), Violation> {
        match &mut stream.source {
            Source::Items(_) | Source::Index(_) => {
                self.go_on(request, stream, progress);
                Ok(())
            }
            Source::Deletion(_) => {
                let writes = self.tombstones(items)?;
                self.deletion_goes_on(request, stream, writes, progress);
                Ok(())
            }
            Source::Changes { reader, poll, news, .. } => {
                news.extend(items.iter().map(|(at, _)| (*at, *self.disk.held.of(*at))));
                match (reader.verdict(progress), *poll) {
                    (Verdict::Nothing, Some(poll)) => self.looked(poll, false),
                    (Verdict::News, Some(answered)) => {
                        *poll = None;
                        self.looked(answered, true)?;
                        self.go_on(request, stream, progress);
                        Ok(())
                    }
                    (Verdict::NotYet, _) | (Verdict::News | Verdict::Nothing, None) => {
                        self.go_on(request, stream, progress);
                        Ok(())
                    }
                }
            }
        }
    }

    /// Reads on, or closes the answer.
    fn go_on(&mut self, request: RequestNumber, stream: Stream, progress: &Progress) {
        if *progress == Progress::More {
            return self.open_stream(request, stream);
        }
        let reply = match stream.source {
            Source::Items(_) | Source::Index(_) | Source::Deletion(_) => Reply::Listed,
            Source::Changes { reader, news, timeline, .. } => Reply::Range(news, reader.marker, timeline),
        };
        self.reply(stream.client, request, reply);
    }

    /// The writes of a page of a deletion: tombstones over exactly what was read.
    fn tombstones(
        &mut self,
        items: &[(ItemIndex, Item<'static>)],
    ) -> Result<Vec<(WriteId, Context)>, Violation> {
        let mut writes = Vec::new();
        for (at, item) in items {
            let partition = &PARTITIONS[at.partition()];
            let write = tombstone(partition, at.key().sort_key.as_str(), item);
            let write = write.map_err(|error| pages::broken(&error))?;
            let id = self.oracle.try_write(*at, true, self.disk.held.of(*at).known);
            writes.push((id, write.context));
        }
        Ok(writes)
    }

    /// A deletion writes the tombstones of a page before it reads the next one.
    fn deletion_goes_on(
        &mut self,
        request: RequestNumber,
        stream: Stream,
        writes: Vec<(WriteId, Context)>,
        progress: &Progress,
    ) {
        if writes.is_empty() || !self.oracle.has_room(PAGE_WRITES_MAX) {
            if writes.is_empty() {
                return self.go_on(request, stream, progress);
            }
            return self.ask_shards(stream.client, request, writes);
        }
        let client = stream.client;
        if *progress == Progress::More
            && let Some(node) = &mut self.node
        {
            node.streams.insert(request, stream);
        }
        self.ask_shards(client, request, writes);
    }
}

/// More writes than a page of a deletion makes.
pub(crate) const PAGE_WRITES_MAX: usize = 16;

impl Source {
    /// One page from a snapshot of this moment.
    fn read(&mut self, disk: &Disk, partition: usize, limits: PageLimits) -> Shown {
        let snapshot = disk.store.snapshot().expect("a store in memory can be read");
        let mut budget = PageBudget::new(limits);
        let reader = match self {
            Source::Items(reader) | Source::Deletion(reader) => reader,
            Source::Changes { reader, .. } => &mut reader.items,
            Source::Index(reader) => {
                let mut rows = Vec::new();
                let progress = loop {
                    match reader.proceed() {
                        Next::Ask { .. } if budget.is_spent() => break Progress::More,
                        Next::Ask { source, range } => {
                            let rows_max = limits.index_rows_max;
                            let page = index_page(&snapshot, BUCKET, &range, rows_max, &mut budget);
                            reader.page(source, page.expect("a store in memory can be read"));
                        }
                        Next::Show(key, state) => rows.push((key, state.counters)),
                        Next::End(None) => break Progress::End,
                        Next::End(Some(next)) => break Progress::Limit(next),
                    }
                };
                return Shown::Partitions(rows, progress);
            }
        };
        let hash = PARTITIONS[partition].hash;
        let mut items = Vec::new();
        let progress = read_items(&snapshot, hash, reader, &mut budget, &mut |sort_key, item| {
            let sort_key = SortKey::new(sort_key).expect("a key that was written");
            let at = ItemIndex::of(&ItemKey { partition: hash, sort_key }).expect("an item that was written");
            items.push((at, item.clone().into_owned()));
        });
        Shown::Items(items, progress.expect("a store in memory can be read"))
    }
}
