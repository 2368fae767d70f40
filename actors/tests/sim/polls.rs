//! Polls: the production core says when to subscribe, look and wait; here is what it says that to.

use crate::client::Reply;
use crate::invariants::pages::Watch;
use crate::invariants::{Violation, polls};
use crate::keyspace::{ItemIndex, PARTITIONS, shard_of};
use crate::node::Inside;
use crate::oracle::Writes;
use crate::scheduler::Channel;
use crate::streams::{Source, Stream};
use crate::token::Token;
use crate::world::{RequestNumber, World};
use troupe_actors::causality::SeenMarker;
use troupe_actors::replication::changes::ChangesReader;
use troupe_actors::replication::poll::{Effect, Event, PollCore};
use troupe_actors::shard::{Changes, PollId, Watched};
use troupe_actors::store::range::KeyRange;

/// A poll that a node carries.
pub(crate) struct Poll {
    pub(crate) client: usize,
    request: RequestNumber,
    shard: usize,
    pub(crate) wants: Wants,
    core: PollCore,
    /// What the last look found.
    news: Option<Reply>,
    is_subscribed: bool,
    /// What had been acknowledged when the poll last began to look.
    acknowledged: Writes,
}

/// What a poll waits for.
#[derive(Clone)]
pub(crate) enum Wants {
    /// News of one item.
    Item { item: ItemIndex, token: Token },
    /// News of a range.
    Range { partition: usize, range: KeyRange, marker: Option<SeenMarker> },
}

impl Wants {
    fn shard(&self) -> usize {
        match self {
            Wants::Item { item, .. } => item.shard(),
            Wants::Range { partition, .. } => shard_of(*partition),
        }
    }

    fn watched(&self) -> Watched {
        match self {
            Wants::Item { item, .. } => Watched::Item(item.key().clone()),
            Wants::Range { partition, range, .. } => {
                Watched::Range(PARTITIONS[*partition].hash, range.clone())
            }
        }
    }
}

/// How a poll goes on.
pub(crate) enum PollStep {
    /// The shard knows of it.
    Subscribed,
    /// A commit was signalled.
    Signalled,
    /// The shard has said what changed.
    Told(Changes),
    /// Its time is up.
    TimeIsUp,
    /// Its client hung up.
    HungUp,
}

impl World {
    pub(crate) fn poll(
        &mut self,
        client: usize,
        request: RequestNumber,
        wants: Wants,
    ) -> Result<(), Violation> {
        let Some(node) = &mut self.node else { return Ok(()) };
        node.polls_made += 1;
        let id = PollId(node.polls_made);
        let (core, first) = PollCore::start();
        let shard = wants.shard();
        let poll = Poll {
            client,
            request,
            shard,
            wants,
            core,
            news: None,
            is_subscribed: false,
            acknowledged: Writes::default(),
        };
        node.polls.insert(id, poll);
        if !self.is_settling() {
            let patience_us = self.random.between(1_000, 2_000_000);
            let end = if self.random.percent(10) { PollStep::HungUp } else { PollStep::TimeIsUp };
            self.inside(patience_us, Inside::Poll(id, end));
        }
        self.poll_does(id, first)
    }

    pub(crate) fn poll_steps(&mut self, id: PollId, step: PollStep) -> Result<(), Violation> {
        match step {
            PollStep::Subscribed => self.poll_hears(id, Event::Subscribed),
            PollStep::Signalled => self.poll_hears(id, Event::Signalled),
            // Everything comes to rest with its polls still waiting.
            PollStep::TimeIsUp if self.is_settling() => Ok(()),
            PollStep::TimeIsUp => self.poll_hears(id, Event::TimeIsUp),
            PollStep::Told(changes) => {
                self.read_changes(id, changes);
                Ok(())
            }
            PollStep::HungUp => {
                self.end_poll(id, Reply::NotModified);
                Ok(())
            }
        }
    }

    /// A look is done.
    pub(crate) fn looked(&mut self, id: PollId, has_news: bool) -> Result<(), Violation> {
        self.poll_hears(id, Event::Looked { has_news })
    }

    fn poll_hears(&mut self, id: PollId, event: Event) -> Result<(), Violation> {
        let Some(poll) = self.node.as_mut().and_then(|node| node.polls.get_mut(&id)) else { return Ok(()) };
        match poll.core.step(event) {
            Some(effect) => self.poll_does(id, effect),
            None => Ok(()),
        }
    }

    fn poll_does(&mut self, id: PollId, effect: Effect) -> Result<(), Violation> {
        let Some(poll) = self.node.as_mut().and_then(|node| node.polls.get_mut(&id)) else { return Ok(()) };
        match effect {
            Effect::Subscribe => {
                poll.is_subscribed = true;
                let (shard, watched) = (poll.shard, poll.wants.watched());
                let delay_us = self.hop_us();
                let subscribe = Inside::Subscribe { shard, poll: id, watched };
                self.inside_on(Channel::PollToShard(id.0), delay_us, subscribe);
                Ok(())
            }
            Effect::Look => self.look_for_news(id),
            Effect::Wait => Ok(()),
            Effect::AnswerNews => {
                match poll.news.take() {
                    Some(news) => self.end_poll(id, news),
                    // The pages of the answer go on, and end with the reply.
                    None => self.forget_poll(id),
                }
                Ok(())
            }
            Effect::AnswerNotModified => self.give_up(id),
        }
    }

    fn look_for_news(&mut self, id: PollId) -> Result<(), Violation> {
        let Some(poll) = self.node.as_mut().and_then(|node| node.polls.get_mut(&id)) else { return Ok(()) };
        poll.acknowledged = self.oracle.acknowledged;
        let shard = poll.shard;
        match poll.wants.clone() {
            Wants::Item { item: at, token } => {
                let (item, fresh) = self.look_at(at)?;
                self.note("poll {} looks at item {}", &[id.0, at.0 as u64]);
                let has_news = !item.is_covered_by(&token.context);
                if has_news {
                    polls::check_answer(at, &self.disk.held.of(at).live(), &token.seen)?;
                    if let Some(poll) = self.node.as_mut().and_then(|node| node.polls.get_mut(&id)) {
                        poll.news = Some(Reply::Item(at, fresh));
                    }
                }
                self.looked(id, has_news)
            }
            Wants::Range { marker, .. } => {
                let marker = marker.unwrap_or_default();
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

    fn read_changes(&mut self, id: PollId, changes: Changes) {
        let Some(poll) = self.node.as_mut().and_then(|node| node.polls.get_mut(&id)) else { return };
        let Wants::Range { partition, range, marker } = &poll.wants else { return };
        let (partition, is_first, request) = (*partition, marker.is_none(), poll.request);
        let watch = Watch::new(partition, range.clone(), None, None);
        let client = poll.client;
        self.trace.explain(|| format!("{changes:?}"));
        let reader = ChangesReader::new(watch.range().clone(), changes, is_first);
        let timeline = self.timeline;
        let source = Source::Changes { reader, poll: Some(id), news: Vec::new(), timeline };
        self.open_stream(request, Stream { client, source, partition, watch });
    }

    /// A shard signals a poll that something it watches was committed.
    pub(crate) fn wake(&mut self, id: PollId) {
        self.note("poll {} is signalled", &[id.0]);
        let delay_us = self.hop_us();
        self.inside(delay_us, Inside::Poll(id, PollStep::Signalled));
    }

    fn give_up(&mut self, id: PollId) -> Result<(), Violation> {
        let Some(poll) = self.node.as_ref().and_then(|node| node.polls.get(&id)) else { return Ok(()) };
        let news = |at: ItemIndex, seen: &Writes| {
            self.disk.held.of(at).live().without(seen).both(&poll.acknowledged)
        };
        match &poll.wants {
            Wants::Item { item, token } => polls::check_not_modified(*item, &news(*item, &token.seen))?,
            Wants::Range { partition, range, .. } => {
                if let Some(follower) = &self.clients[poll.client].follower {
                    for at in ItemIndex::all().filter(|at| at.is_in(*partition, range)) {
                        polls::check_not_modified(at, &news(at, &follower.seen(at)))?;
                    }
                }
            }
        }
        self.end_poll(id, Reply::NotModified);
        Ok(())
    }

    /// Answers every poll, because the node is stopping.
    pub(crate) fn end_polls(&mut self) {
        let Some(node) = &self.node else { return };
        let polls: Vec<PollId> = node.polls.keys().copied().collect();
        polls.into_iter().for_each(|id| self.end_poll(id, Reply::NotModified));
    }

    fn end_poll(&mut self, id: PollId, reply: Reply) {
        let Some(poll) = self.node.as_ref().and_then(|node| node.polls.get(&id)) else { return };
        let (client, request) = (poll.client, poll.request);
        self.forget_poll(id);
        self.forget_stream(request);
        self.reply(client, request, reply);
    }

    fn forget_poll(&mut self, id: PollId) {
        let Some(poll) = self.node.as_mut().and_then(|node| node.polls.remove(&id)) else { return };
        if poll.is_subscribed {
            let delay_us = self.hop_us();
            let unsubscribe = Inside::Unsubscribe { shard: poll.shard, poll: id };
            self.inside_on(Channel::PollToShard(id.0), delay_us, unsubscribe);
        }
    }
}
