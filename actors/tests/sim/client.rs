//! Clients: they write with fresh, stale and no tokens, read, list, poll and follow.

use crate::control::any_command;
use crate::follower::Follower;
use crate::invariants::{Violation, ranges};
use crate::keyspace::{ITEM_COUNT, ItemIndex};
use crate::oracle::{History, WriteId, Writes};
use crate::random::Random;
use crate::shape::Part;
use crate::streams::PAGE_WRITES_MAX;
use crate::token::{SentToken, Token};
use crate::world::{Message, RequestNumber, World};
use troupe_actors::causality::SeenMarker;
use troupe_actors::control::Command;
use troupe_actors::replication::items::Filter;
use troupe_actors::store::range::KeyRange;

/// A request.
pub(crate) enum Ask {
    Write(Vec<(WriteId, Option<SentToken>)>),
    Read(ItemIndex),
    /// A range of a partition.
    ReadRange {
        partition: usize,
        range: KeyRange,
        filter: Filter,
        limit: Option<u64>,
    },
    /// The partitions of the bucket.
    Index {
        range: KeyRange,
        limit: Option<u64>,
    },
    /// Deletes whatever a range of a partition holds.
    DeleteRange {
        partition: usize,
        range: KeyRange,
    },
    PollItem(ItemIndex, Token),
    /// A change of the control plane.
    Change(Command),
    PollRange(usize, KeyRange, Option<SeenMarker>),
}

/// An answer.
pub(crate) enum Reply {
    /// What became of the writes the oracle knows already.
    Written,
    Item(ItemIndex, Token),
    Listed,
    /// The items, each with its history so far, and the timeline in which they were read.
    Range(Vec<(ItemIndex, History)>, SeenMarker, u64),
    NotModified,
    /// There is no node, or none that takes requests.
    NotServed,
    /// The node died first.
    ConnectionLost,
}

/// What the clients of one run have in common: runs that differ find more than one long run does.
pub(crate) struct Habits {
    /// How many of the items they fight over.
    items_in_use: usize,
    delete_percent: u64,
    /// The longest of the usual times between two requests of a client.
    think_us_max: u64,
}

impl Habits {
    pub(crate) fn drawn(random: &mut Random) -> Habits {
        Habits {
            items_in_use: random.between(1, ITEM_COUNT as u64) as usize,
            delete_percent: *random.pick(&[5, 25, 60]),
            think_us_max: *random.pick(&[100, 1_000, 5_000, 20_000]),
        }
    }
}

/// What a client is there for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Writer,
    ItemPoller,
    Follower,
    /// Changes the control plane.
    Operator,
    /// Writes once, when all others are done.
    Last,
}

pub(crate) struct Client {
    role: Role,
    tokens: Vec<(ItemIndex, Token)>,
    pub(crate) waits_for: Option<RequestNumber>,
    pub(crate) follower: Option<Follower>,
}

impl Client {
    /// A few clients of each kind.
    pub(crate) fn crowd(random: &mut Random) -> Vec<Client> {
        let writers = random.between(1, 6) as usize;
        let pollers = random.below(3);
        let followers = random.below(3);
        let operators = random.below(3);
        let roles = [
            (Role::Writer, writers),
            (Role::ItemPoller, pollers),
            (Role::Follower, followers),
            (Role::Operator, operators),
            (Role::Last, 1),
        ];
        let roles = roles.into_iter().flat_map(|(role, count)| std::iter::repeat_n(role, count));
        let mut client = |role| Client {
            role,
            tokens: Vec::new(),
            waits_for: None,
            follower: (role == Role::Follower).then(|| Follower::new(random)),
        };
        roles.map(&mut client).collect()
    }

    pub(crate) fn tokens(&self) -> impl Iterator<Item = &(ItemIndex, Token)> {
        self.tokens.iter()
    }

    fn tokens_of(&self, item: ItemIndex) -> Vec<&Token> {
        self.tokens.iter().filter(|(at, _)| *at == item).map(|(_, token)| token).collect()
    }
}

impl World {
    pub(crate) fn client_acts(&mut self, at: usize) -> Result<(), Violation> {
        let role = self.clients[at].role;
        if self.is_settling() && role != Role::Follower {
            return Ok(());
        }
        let has = |part| self.shape.has(part);
        let ask = match role {
            Role::ItemPoller if !has(Part::ItemPollers) => return Ok(()),
            Role::Follower if !has(Part::Followers) => return Ok(()),
            Role::Operator if !has(Part::Operators) => return Ok(()),
            Role::Last => return Ok(()),
            Role::Writer => self.writer_asks(at),
            Role::Operator => Ask::Change(any_command(&mut self.random)),
            Role::ItemPoller => self.item_poller_asks(at),
            Role::Follower => {
                let narrows = self.random.percent(5);
                let Some(follower) = &mut self.clients[at].follower else { return Ok(()) };
                if narrows {
                    // The marker goes on to serve.
                    follower.range = KeyRange::prefix("a");
                }
                Ask::PollRange(follower.partition, follower.range.clone(), follower.marker.clone())
            }
        };
        self.requests_left = self.requests_left.saturating_sub(1);
        self.requests_made += 1;
        let request = RequestNumber(self.requests_made);
        self.clients[at].waits_for = Some(request);
        self.ask(at, request, ask)?;
        if self.is_settling() {
            self.settle();
        }
        Ok(())
    }

    fn writer_asks(&mut self, at: usize) -> Ask {
        match self.random.below(100) {
            0..14 => Ask::Read(self.any_item()),
            14..22 if self.shape.has(Part::Ranges) => self.read_range(),
            22..26 if self.shape.has(Part::Ranges) => self.index(),
            26..29 if self.shape.has(Part::RangeDeletions) && self.oracle.has_room(PAGE_WRITES_MAX) => {
                Ask::DeleteRange { partition: self.any_item().partition(), range: self.any_range() }
            }
            29..40 if self.shape.has(Part::Batches) => {
                let count = self.random.between(2, 6) as usize;
                self.write(at, count)
            }
            _ => self.write(at, 1),
        }
    }

    fn read_range(&mut self) -> Ask {
        let filter = Filter {
            with_tombstones: self.random.percent(30),
            conflicts_only: self.random.percent(20),
            unseen: None,
        };
        let (partition, limit) = (self.any_item().partition(), self.any_limit());
        Ask::ReadRange { partition, range: self.any_range(), filter, limit }
    }

    fn index(&mut self) -> Ask {
        let descending = self.random.percent(30);
        Ask::Index { range: KeyRange { descending, ..KeyRange::all() }, limit: self.any_limit() }
    }

    fn any_range(&mut self) -> KeyRange {
        let range = if self.random.percent(60) { KeyRange::all() } else { KeyRange::prefix("a") };
        KeyRange { descending: self.random.percent(30), ..range }
    }

    fn any_limit(&mut self) -> Option<u64> {
        self.random.percent(40).then(|| self.random.between(0, 3))
    }

    fn write(&mut self, at: usize, count: usize) -> Ask {
        if !self.oracle.has_room(count) {
            return self.index();
        }
        let mut writes = Vec::new();
        for _ in 0..count {
            let item = self.any_item();
            let token = self.any_token(at, item);
            let is_delete = self.random.percent(self.habits.delete_percent);
            // A token of another item is going to be refused.
            let own = token.as_ref().filter(|(issued_for, _)| *issued_for == item);
            let seen = own.map_or(Writes::default(), |(_, token)| token.seen);
            let id = self.oracle.try_write(item, is_delete, seen);
            self.note(
                "a client wants write {} on item {}: {?a value|a deletion}",
                &[id.0 as u64, item.0 as u64, u64::from(is_delete)],
            );
            self.trace.explain(|| format!("over {seen:?}"));
            writes.push((id, token.map(|(issued_for, token)| SentToken::new(issued_for, &token))));
        }
        Ask::Write(writes)
    }

    /// No token, the newest one that the client has, a stale one, or one that belongs to another item.
    fn any_token(&mut self, at: usize, item: ItemIndex) -> Option<(ItemIndex, Token)> {
        let all = &self.clients[at].tokens;
        if !all.is_empty() && self.random.percent(4) {
            return Some(self.random.pick(all).clone());
        }
        let tokens = self.clients[at].tokens_of(item);
        let newest = *tokens.last()?;
        let token = match self.random.below(10) {
            0..2 => return None,
            2..6 => newest,
            _ => self.random.pick(&tokens),
        };
        Some((item, token.clone()))
    }

    fn item_poller_asks(&mut self, at: usize) -> Ask {
        let item = self.any_item();
        let tokens = self.clients[at].tokens_of(item);
        if tokens.is_empty() || self.random.percent(10) {
            return Ask::Read(item);
        }
        let token =
            if self.random.percent(70) { tokens[tokens.len() - 1] } else { *self.random.pick(&tokens) };
        Ask::PollItem(item, token.clone())
    }

    fn any_item(&mut self) -> ItemIndex {
        ItemIndex(self.random.below(self.habits.items_in_use))
    }

    pub(crate) fn client_hears(
        &mut self,
        at: usize,
        request: RequestNumber,
        reply: Reply,
    ) -> Result<(), Violation> {
        if self.clients[at].waits_for != Some(request) {
            return Ok(());
        }
        self.note("client {} has the answer to request {}", &[at as u64, request.0]);
        let now = (self.commits, self.lives);
        let client = &mut self.clients[at];
        client.waits_for = None;
        match reply {
            Reply::Item(item, token) => client.tokens.push((item, token)),
            Reply::Range(items, marker, timeline) => {
                let Some(follower) = &mut client.follower else { return Ok(()) };
                let was_first = follower.marker.is_none();
                follower.marker = Some(marker);
                // A shard that has not heard of a commit yet cannot say that it was shown.
                let repeats = !was_first && follower.answered_at == now && self.unheard == 0;
                follower.repeats = if repeats { follower.repeats + 1 } else { 0 };
                follower.answered_at = now;
                ranges::check_repeats(follower.repeats)?;
                for (item, history) in items {
                    follower.view[item.0] = history.live();
                    follower.seen[item.0].extend(&history.known);
                    // An answer may outlive the state that it tells of.
                    follower.excused[item.0] = timeline != self.timeline;
                }
            }
            Reply::Written
            | Reply::Listed
            | Reply::NotModified
            | Reply::NotServed
            | Reply::ConnectionLost => {}
        }
        let delay_us = self.think_us();
        self.scheduler.send(delay_us, Message::ClientActs(at));
        Ok(())
    }

    /// A client has gone away and come back: mostly a moment, sometimes long enough for clocks to matter.
    fn think_us(&mut self) -> u64 {
        match self.random.below(100) {
            0..2 => self.random.between(1_000_000, 200_000_000),
            2..30 => 0,
            _ => self.random.between(0, self.habits.think_us_max),
        }
    }

    /// A disk took a write to the item: whoever follows it is to hear of its state.
    pub(crate) fn forget_excuses(&mut self, item: ItemIndex) {
        for follower in self.clients.iter_mut().filter_map(|client| client.follower.as_mut()) {
            follower.excuse(item, false);
        }
    }
}
