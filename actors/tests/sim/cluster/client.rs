//! Clients of a cluster: each request goes to whichever node, with a fresh token, a stale one, another item's or none.

use super::ranges::Range;
use super::world::{Cluster, Message};
use crate::invariants::Violation;
use crate::keyspace::{ITEM_COUNT, ItemIndex};
use crate::oracle::{WriteId, Writes};
use crate::random::Random;
use crate::shape::Part;
use crate::token::{SentToken, Token};
use crate::world::RequestNumber;
use troupe_actors::store::range::KeyRange;

/// A request.
pub(crate) enum Wish {
    Write(Vec<(WriteId, Option<SentToken>)>),
    Read(ItemIndex),
    Range(Range),
}

/// An answer.
pub(crate) enum Reply {
    /// What became of the writes the oracle knows already.
    Written,
    Item(ItemIndex, Token),
    /// A range was read.
    Listed,
    /// Too few replicas answered.
    Unavailable,
    /// There is no node.
    NotServed,
    /// The node died first.
    ConnectionLost,
}

/// What the clients of one run have in common.
pub(crate) struct Habits {
    items_in_use: usize,
    delete_percent: u64,
    read_percent: u64,
    think_us_max: u64,
    round_percent: u64,
    rollback_percent: u64,
}

impl Habits {
    /// How often a node finds another disk than it left.
    pub(super) fn rollback_percent(&self) -> u64 {
        self.rollback_percent
    }

    /// How often a request is followed by a round of anti-entropy.
    pub(super) fn round_percent(&self) -> u64 {
        self.round_percent
    }

    pub(super) fn drawn(random: &mut Random) -> Habits {
        Habits {
            items_in_use: random.between(1, ITEM_COUNT as u64) as usize,
            delete_percent: *random.pick(&[5, 25, 60]),
            read_percent: *random.pick(&[20, 40, 60]),
            think_us_max: *random.pick(&[100, 2_000, 50_000]),
            round_percent: *random.pick(&[2, 10, 40]),
            rollback_percent: *random.pick(&[0, 20, 60]),
        }
    }
}

#[derive(Default)]
pub(crate) struct Client {
    tokens: Vec<(ItemIndex, Token)>,
    waits_for: Option<RequestNumber>,
}

impl Client {
    pub(super) fn crowd(random: &mut Random) -> Vec<Client> {
        (0..random.between(2, 6)).map(|_| Client::default()).collect()
    }

    /// Whether an answer did not come yet.
    pub(super) fn waits(&self) -> bool {
        self.waits_for.is_some()
    }

    pub(super) fn newest_token(&self, item: ItemIndex) -> Option<Token> {
        self.tokens_of(item).last().map(|token| (*token).clone())
    }

    fn tokens_of(&self, item: ItemIndex) -> Vec<&Token> {
        self.tokens.iter().filter(|(at, _)| *at == item).map(|(_, token)| token).collect()
    }
}

impl Cluster {
    pub(super) fn client_acts(&mut self, at: usize) -> Result<(), Violation> {
        if self.is_settling() {
            return Ok(());
        }
        let is_read = self.random.percent(self.habits.read_percent);
        let is_range = self.random.percent(25) && self.shape.has(Part::Ranges);
        let wish = match is_read {
            true if is_range => Wish::Range(self.any_range()),
            true => Wish::Read(self.any_item()),
            false => self.any_writes(at),
        };
        self.requests_left -= 1;
        let node = self.random.below(self.machines.len());
        self.asks(node, at, wish)?;
        self.plan_round();
        if self.is_settling() {
            self.settle();
        }
        Ok(())
    }

    /// A client sends a request to a node.
    pub(super) fn asks(&mut self, node: usize, client: usize, wish: Wish) -> Result<(), Violation> {
        self.requests_made += 1;
        let request = RequestNumber(self.requests_made);
        self.clients[client].waits_for = Some(request);
        self.request(node, client, request, wish)
    }

    fn any_writes(&mut self, client: usize) -> Wish {
        let is_batch = self.random.percent(25) && self.shape.has(Part::Batches);
        let count = if is_batch { self.random.between(2, 5) as usize } else { 1 };
        if !self.oracle.has_room(count) {
            return Wish::Read(self.any_item());
        }
        let mut writes = Vec::new();
        for _ in 0..count {
            let item = self.any_item();
            let token = self.any_token(client, item);
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
        Wish::Write(writes)
    }

    fn any_token(&mut self, client: usize, item: ItemIndex) -> Option<(ItemIndex, Token)> {
        let all = &self.clients[client].tokens;
        if !all.is_empty() && self.random.percent(2) {
            return Some(self.random.pick(all).clone());
        }
        let tokens = self.clients[client].tokens_of(item);
        let newest = *tokens.last()?;
        let token = match self.random.below(10) {
            0 => return None,
            1..7 => newest,
            _ => self.random.pick(&tokens),
        };
        Some((item, token.clone()))
    }

    fn any_range(&mut self) -> Range {
        let range = if self.random.percent(60) { KeyRange::all() } else { KeyRange::prefix("a") };
        let range = KeyRange { descending: self.random.percent(30), ..range };
        let limit = self.random.percent(40).then(|| self.random.between(1, 3));
        Range { partition: self.any_item().partition(), range, limit }
    }

    fn any_item(&mut self) -> ItemIndex {
        ItemIndex(self.random.below(self.habits.items_in_use))
    }

    pub(super) fn client_hears(&mut self, at: usize, request: RequestNumber, reply: Reply) {
        let client = &mut self.clients[at];
        if client.waits_for != Some(request) {
            return;
        }
        client.waits_for = None;
        match reply {
            Reply::Item(item, token) => client.tokens.push((item, token)),
            Reply::Written
            | Reply::Listed
            | Reply::Unavailable
            | Reply::NotServed
            | Reply::ConnectionLost => {}
        }
        let delay_us = match self.random.below(100) {
            0..2 => self.random.between(1_000_000, 200_000_000),
            2..30 => 0,
            _ => self.random.between(0, self.habits.think_us_max),
        };
        self.scheduler.send(delay_us, Message::ClientActs(at));
    }
}
