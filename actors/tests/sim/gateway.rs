//! What a gateway does with a request: it asks shards to write, reads snapshots itself, and subscribes, reads and waits
//! for a poll.

use crate::client::{Ask, Reply};
use crate::invariants::{Violation, polls, readable, tokens};
use crate::keyspace::{ItemIndex, PARTITIONS, shard_of};
use crate::mutations::Mutation;
use crate::node::{GroupOfWrites, Inside, stored_item};
use crate::oracle::{Fate, History, WriteId, Writes};
use crate::scheduler::Channel;
use crate::token::Token;
use crate::world::{Message, RequestNumber, World};
use troupe_actors::causality::{Context, Item, SeenMarker, Value};
use troupe_actors::ids::{ItemKey, Partition};
use troupe_actors::shard::{Changes, ItemWrite, PollId, Since, Watched};
use troupe_actors::store::range::KeyRange;

/// A poll that a node carries.
pub(crate) struct Poll {
    pub(crate) client: usize,
    request: RequestNumber,
    shard: usize,
    pub(crate) wants: Wants,
    phase: Phase,
    /// A commit was signalled since the poll last looked.
    is_signalled: bool,
    is_out_of_time: bool,
    /// What had been acknowledged when the poll last began to look.
    acknowledged: Writes,
}

/// What a poll waits for.
pub(crate) enum Wants {
    /// News of one item.
    Item { item: ItemIndex, token: Token },
    /// News of a range.
    Range { partition: usize, range: KeyRange, marker: Option<SeenMarker> },
}

#[derive(PartialEq, Eq)]
enum Phase {
    /// It is looking, or about to.
    Looking,
    /// It looked, found nothing, and sleeps.
    Waiting,
}

/// How a poll goes on.
pub(crate) enum PollStep {
    /// The shard knows of it.
    Subscribed,
    /// A commit was signalled.
    Woken,
    /// The shard has said what changed.
    Told(Changes),
    /// Its time is up.
    TimeIsUp,
    /// Its client hung up.
    HungUp,
}

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
            Ask::List => self.inside(delay_us, Inside::List { client, request }),
            Ask::DeleteRange(partition) => self.delete_range(client, request, partition),
            Ask::PollItem(item, token) => {
                let watched = Watched::Item(item.key().clone());
                let shown = stored_item(&self.disk, item.key()).unwrap_or_default();
                if self.mutation == Mutation::ReadBeforeSubscribe && !shown.is_covered_by(&token.context) {
                    self.inside(delay_us, Inside::Read { client, request, item });
                    return Ok(());
                }
                self.poll(client, request, item.shard(), watched, Wants::Item { item, token });
            }
            Ask::PollRange(partition, range, marker) => {
                let watched = Watched::Range(PARTITIONS[partition].hash, range.clone());
                let wants = Wants::Range { partition, range, marker };
                self.poll(client, request, shard_of(partition), watched, wants);
            }
        }
        Ok(())
    }

    pub(crate) fn reply(&mut self, client: usize, request: RequestNumber, reply: Reply) {
        let delay_us = self.hop_us();
        self.scheduler.send(delay_us, Message::Reply(client, request, reply));
    }

    fn ask_shards(&mut self, client: usize, request: RequestNumber, ids: Vec<(WriteId, Context)>) {
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

    /// Tombstones over exactly what a snapshot shows.
    fn delete_range(&mut self, client: usize, request: RequestNumber, partition: usize) {
        let mut writes = Vec::new();
        for at in ItemIndex::all().filter(|at| at.partition() == partition) {
            let item = stored_item(&self.disk, at.key()).unwrap_or_default();
            if !item.is_tombstone() && self.oracle.has_room(1) {
                let id = self.oracle.try_write(at, true, self.disk.held.of(at).known);
                writes.push((id, item.context()));
            }
        }
        if writes.is_empty() {
            return self.reply(client, request, Reply::Written);
        }
        self.ask_shards(client, request, writes);
    }

    fn item_write(&self, id: WriteId, context: Context) -> ItemWrite {
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
            self.reply(client, request, Reply::Written);
        }
    }

    /// Reads one item, and holds it against what the disk should show.
    pub(crate) fn look_at(&mut self, at: ItemIndex) -> Result<(Item<'static>, Token), Violation> {
        let item = stored_item(&self.disk, at.key()).unwrap_or_default();
        readable::check(&self.oracle, &self.disk.held, at, &item)?;
        let token = Token { context: item.context(), seen: self.disk.held.of(at).known };
        tokens::check(&self.oracle, at, &token.context, &token.seen)?;
        Ok((item, token))
    }

    pub(crate) fn read(
        &mut self,
        client: usize,
        request: RequestNumber,
        at: ItemIndex,
    ) -> Result<(), Violation> {
        let (item, token) = self.look_at(at)?;
        self.note("read", &[at.0 as u64, item.sibling_count() as u64]);
        self.reply(client, request, Reply::Item(at, token));
        Ok(())
    }

    pub(crate) fn list(&mut self, client: usize, request: RequestNumber) -> Result<(), Violation> {
        self.note("list", &[request.0]);
        self.check_counters()?;
        self.reply(client, request, Reply::Listed);
        Ok(())
    }

    fn poll(&mut self, client: usize, request: RequestNumber, shard: usize, watched: Watched, wants: Wants) {
        let Some(node) = &mut self.node else { return };
        node.polls_made += 1;
        let id = PollId(node.polls_made);
        let poll = Poll {
            client,
            request,
            shard,
            wants,
            phase: Phase::Looking,
            is_signalled: false,
            is_out_of_time: false,
            acknowledged: Writes::default(),
        };
        node.polls.insert(id, poll);
        let delay_us = self.hop_us();
        self.inside_on(Channel::PollToShard(id.0), delay_us, Inside::Subscribe { shard, poll: id, watched });
        if !self.is_settling() {
            let patience_us = self.random.between(1_000, 2_000_000);
            let end = if self.random.percent(10) { PollStep::HungUp } else { PollStep::TimeIsUp };
            self.inside(patience_us, Inside::Poll(id, end));
        }
    }

    pub(crate) fn poll_steps(&mut self, id: PollId, step: PollStep) -> Result<(), Violation> {
        let is_settling = self.is_settling();
        let Some(poll) = self.node.as_mut().and_then(|node| node.polls.get_mut(&id)) else { return Ok(()) };
        let is_blind =
            self.mutation == Mutation::ReadBeforeSubscribe && matches!(poll.wants, Wants::Item { .. });
        match step {
            PollStep::Subscribed if is_blind => self.wait(id),
            PollStep::Subscribed | PollStep::Woken => self.look_for_news(id),
            PollStep::Told(changes) => self.read_changes(id, changes),
            PollStep::TimeIsUp if is_settling => Ok(()),
            PollStep::TimeIsUp => {
                // It looks once more: a commit may be a moment older than its signal.
                poll.is_out_of_time = true;
                if poll.phase == Phase::Waiting { self.look_for_news(id) } else { Ok(()) }
            }
            PollStep::HungUp => {
                let (client, request) = (poll.client, poll.request);
                self.end_poll(id);
                self.reply(client, request, Reply::NotModified);
                Ok(())
            }
        }
    }

    fn look_for_news(&mut self, id: PollId) -> Result<(), Violation> {
        let Some(poll) = self.node.as_mut().and_then(|node| node.polls.get_mut(&id)) else { return Ok(()) };
        poll.phase = Phase::Looking;
        poll.is_signalled = false;
        poll.acknowledged = self.oracle.acknowledged;
        let (client, request, shard) = (poll.client, poll.request, poll.shard);
        match &poll.wants {
            Wants::Item { item, token } => {
                let (at, token) = (*item, token.clone());
                let (item, fresh) = self.look_at(at)?;
                self.note("poll looks", &[id.0, at.0 as u64]);
                if item.is_covered_by(&token.context) {
                    return self.wait(id);
                }
                polls::check_answer(at, &self.disk.held.of(at).live(), &token.seen)?;
                self.end_poll(id);
                self.reply(client, request, Reply::Item(at, fresh));
                Ok(())
            }
            Wants::Range { marker, .. } => {
                let marker = marker.clone().unwrap_or_default();
                let delay_us = self.hop_us();
                self.inside(delay_us, Inside::ChangesSince { shard, poll: id, marker });
                Ok(())
            }
        }
    }

    pub(crate) fn shard_tells_changes(&mut self, shard: usize, id: PollId, marker: &SeenMarker) {
        let Some(node) = &mut self.node else { return };
        let Some(Poll { wants: Wants::Range { partition, range, .. }, .. }) = node.polls.get(&id) else {
            return;
        };
        let changes = node.shards[shard].changes(PARTITIONS[*partition].hash, range, marker);
        let delay_us = self.hop_us();
        self.inside(delay_us, Inside::Poll(id, PollStep::Told(changes)));
    }

    fn read_changes(&mut self, id: PollId, changes: Changes) -> Result<(), Violation> {
        let Some(poll) = self.node.as_mut().and_then(|node| node.polls.get_mut(&id)) else { return Ok(()) };
        let (client, request) = (poll.client, poll.request);
        let Wants::Range { partition, range, marker } = &mut poll.wants else { return Ok(()) };
        let (partition, range, is_first) = (*partition, range.clone(), marker.is_none());
        let mut news: Vec<(ItemIndex, History)> = Vec::new();
        for at in ItemIndex::all().filter(|at| at.is_in(partition, &range)) {
            let (item, _) = self.look_at(at)?;
            if !item.is_empty() && is_news(&changes.since, at.key(), &item) {
                news.push((at, *self.disk.held.of(at)));
            }
        }
        self.note("poll reads", &[id.0, news.len() as u64]);
        self.trace.explain(|| format!("{changes:?}"));
        if news.is_empty() && !is_first {
            return self.wait(id);
        }
        self.end_poll(id);
        self.reply(client, request, Reply::Range(news, changes.marker, self.timeline));
        Ok(())
    }

    fn wait(&mut self, id: PollId) -> Result<(), Violation> {
        let Some(poll) = self.node.as_mut().and_then(|node| node.polls.get_mut(&id)) else { return Ok(()) };
        if poll.is_out_of_time {
            return self.give_up(id);
        } else if poll.is_signalled {
            let delay_us = self.hop_us();
            self.inside(delay_us, Inside::Poll(id, PollStep::Woken));
        } else {
            poll.phase = Phase::Waiting;
        }
        Ok(())
    }

    /// A shard signals a poll that something it watches was committed.
    pub(crate) fn wake(&mut self, id: PollId) {
        self.note("wake", &[id.0]);
        let Some(poll) = self.node.as_mut().and_then(|node| node.polls.get_mut(&id)) else { return };
        poll.is_signalled = true;
        if poll.phase == Phase::Waiting {
            poll.phase = Phase::Looking;
            let delay_us = self.hop_us();
            self.inside(delay_us, Inside::Poll(id, PollStep::Woken));
        }
    }

    /// What a shard with the mutation does as soon as it hands writes to the lane.
    pub(crate) fn wake_too_early(&mut self, ids: &[WriteId]) {
        let Some(node) = &self.node else { return };
        let hits = |poll: &Poll, at: ItemIndex| match &poll.wants {
            Wants::Item { item, .. } => *item == at,
            Wants::Range { partition, range, .. } => at.is_in(*partition, range),
        };
        let touched: Vec<ItemIndex> = ids.iter().map(|id| self.oracle.tried(*id).item).collect();
        let woken = node.polls.iter().filter(|(_, poll)| touched.iter().any(|at| hits(poll, *at)));
        let woken: Vec<PollId> = woken.map(|(id, _)| *id).collect();
        woken.into_iter().for_each(|id| self.wake(id));
    }

    fn give_up(&mut self, id: PollId) -> Result<(), Violation> {
        let Some(poll) = self.node.as_ref().and_then(|node| node.polls.get(&id)) else { return Ok(()) };
        let (client, request) = (poll.client, poll.request);
        let news = |at: ItemIndex, seen: &Writes| {
            self.disk.held.of(at).live().without(seen).both(&poll.acknowledged)
        };
        match &poll.wants {
            Wants::Item { item, token } => polls::check_not_modified(*item, &news(*item, &token.seen))?,
            Wants::Range { partition, range, .. } => {
                if let Some(follower) = &self.clients[client].follower {
                    for at in ItemIndex::all().filter(|at| at.is_in(*partition, range)) {
                        polls::check_not_modified(at, &news(at, &follower.seen(at)))?;
                    }
                }
            }
        }
        self.end_poll(id);
        self.reply(client, request, Reply::NotModified);
        Ok(())
    }

    /// Answers every poll, because the node is stopping.
    pub(crate) fn end_polls(&mut self) {
        let Some(node) = &self.node else { return };
        let polls: Vec<_> = node.polls.iter().map(|(id, poll)| (*id, poll.client, poll.request)).collect();
        for (id, client, request) in polls {
            self.end_poll(id);
            self.reply(client, request, Reply::NotModified);
        }
    }

    fn end_poll(&mut self, id: PollId) {
        let Some(poll) = self.node.as_mut().and_then(|node| node.polls.remove(&id)) else { return };
        let delay_us = self.hop_us();
        let unsubscribe = Inside::Unsubscribe { shard: poll.shard, poll: id };
        self.inside_on(Channel::PollToShard(id.0), delay_us, unsubscribe);
    }
}

fn is_news(since: &Since, key: &ItemKey, item: &Item<'_>) -> bool {
    match since {
        Since::Everything => true,
        Since::Recent(keys) => keys.contains(&key.sort_key),
        Since::Unseen(unseen) => unseen.is_unseen(item),
    }
}
