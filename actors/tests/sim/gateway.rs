//! What a gateway does with a request: it opens tokens, asks shards to write, reads snapshots itself, and begins polls
//! and answers of several pages.

use crate::client::{Ask, Reply};
use crate::invariants::pages::Watch;
use crate::invariants::{Violation, readable, tokens};
use crate::keyspace::{ItemIndex, PARTITIONS};
use crate::node::{GroupOfWrites, Inside, stored_item};
use crate::oracle::{Fate, WriteId};
use crate::polls::Wants;
use crate::streams::{Source, Stream};
use crate::token::Token;
use crate::world::{Message, RequestNumber, World};
use troupe_actors::causality::{Context, Item, Value};
use troupe_actors::ids::Partition;
use troupe_actors::replication::delete::deletion;
use troupe_actors::replication::index::IndexReader;
use troupe_actors::replication::items::{Filter, ItemsReader};
use troupe_actors::replication::page::Selection;
use troupe_actors::shard::ItemWrite;

impl World {
    /// A request reaches the node, or finds none.
    pub(crate) fn ask(&mut self, client: usize, request: RequestNumber, ask: Ask) -> Result<(), Violation> {
        let is_accepting = self.node.as_ref().is_some_and(|node| !node.is_stopping);
        if !is_accepting {
            if let Ask::Write(writes) = ask {
                writes.iter().for_each(|(id, _)| self.oracle.told(*id, Fate::Refused));
            }
            self.reply(client, request, Reply::NotServed);
            return Ok(());
        }
        let delay_us = self.hop_us();
        match ask {
            Ask::Write(writes) => match self.open_tokens(&writes)? {
                Some(writes) => self.ask_shards(client, request, writes),
                None => {
                    writes.iter().for_each(|(id, _)| self.oracle.told(*id, Fate::Refused));
                    self.reply(client, request, Reply::Written);
                }
            },
            Ask::Read(item) => self.inside(delay_us, Inside::Read { client, request, item }),
            Ask::ReadRange { partition, range, filter, limit } => {
                let reader = ItemsReader::new(Selection::Range(range.clone()), filter.clone(), limit);
                let watch = Watch::new(partition, range, Some(filter), limit);
                let source = Source::Items(reader);
                self.open_stream(request, Stream { client, source, partition, watch });
            }
            Ask::Index { range, limit } => {
                let source = Source::Index(IndexReader::new(1, &range, limit));
                let watch = Watch::new(0, range, None, limit);
                self.open_stream(request, Stream { client, source, partition: 0, watch });
            }
            Ask::DeleteRange { partition, range } => {
                let source = Source::Deletion(deletion(range.clone()));
                let watch = Watch::new(partition, range, Some(Filter::default()), None);
                self.open_stream(request, Stream { client, source, partition, watch });
            }
            Ask::Change(command) => self.ask_control(client, request, command)?,
            Ask::PollItem(item, token) => self.poll(client, request, Wants::Item { item, token })?,
            Ask::PollRange(partition, range, marker) => {
                self.poll(client, request, Wants::Range { partition, range, marker })?;
            }
        }
        Ok(())
    }

    pub(crate) fn reply(&mut self, client: usize, request: RequestNumber, reply: Reply) {
        let delay_us = self.hop_us();
        self.scheduler.send(delay_us, Message::Reply(client, request, reply));
    }

    pub(crate) fn ask_shards(&mut self, client: usize, request: RequestNumber, ids: Vec<(WriteId, Context)>) {
        let mut groups: [Vec<(WriteId, Context)>; 2] = [Vec::new(), Vec::new()];
        for (id, context) in ids {
            groups[self.oracle.tried(id).item.shard()].push((id, context));
        }
        let parts = groups.iter().filter(|group| !group.is_empty()).count();
        if let Some(node) = &mut self.node {
            node.open_parts.insert(request, parts);
        }
        for (shard, group) in groups.into_iter().enumerate().filter(|(_, group)| !group.is_empty()) {
            let ids = group.iter().map(|(id, _)| *id).collect();
            let writes = group.into_iter().map(|(id, context)| self.item_write(id, context)).collect();
            let group = GroupOfWrites { client, request, ids };
            let delay_us = self.hop_us();
            self.inside(delay_us, Inside::Write { shard, group, writes });
        }
    }

    pub(crate) fn item_write(&self, id: WriteId, context: Context) -> ItemWrite {
        let tried = self.oracle.tried(id);
        let partition: &Partition = &PARTITIONS[tried.item.partition()];
        let value = tried.value.clone().map_or(Value::Tombstone, |bytes| Value::Bytes(bytes.into()));
        ItemWrite {
            partition: partition.clone(),
            sort_key: tried.item.key().sort_key.clone(),
            context,
            value,
        }
    }

    pub(crate) fn part_is_answered(&mut self, client: usize, request: RequestNumber) {
        let Some(node) = &mut self.node else { return };
        let Some(parts) = node.open_parts.get_mut(&request) else { return };
        *parts -= 1;
        if *parts == 0 {
            node.open_parts.remove(&request);
            if node.streams.contains_key(&request) {
                self.next_page(request);
            } else {
                self.reply(client, request, Reply::Written);
            }
        }
    }

    /// Reads one item, and holds it against what the disk should show.
    pub(crate) fn look_at(&mut self, at: ItemIndex) -> Result<(Item<'static>, Token), Violation> {
        let item = stored_item(&self.disk, at.key()).unwrap_or_default();
        readable::check(&self.oracle, &self.disk.held, at, &item)?;
        let history = self.disk.held.of(at);
        let token = Token::of(&item, &self.oracle, &history.known);
        tokens::check(&self.oracle, at, &token, &history.known, &history.live())?;
        Ok((item, token))
    }

    pub(crate) fn read(
        &mut self,
        client: usize,
        request: RequestNumber,
        at: ItemIndex,
    ) -> Result<(), Violation> {
        let (item, token) = self.look_at(at)?;
        self.note("item {} is read: {} values", &[at.0 as u64, item.sibling_count() as u64]);
        self.reply(client, request, Reply::Item(at, token));
        Ok(())
    }
}
