//! Polls against writes, as close to each other as they get: no write is slept through.

use crate::harness::{Client, Connection, Item, page_items, rounds, shared_node, unique};
use serde_json::json;
use std::thread;

const RACERS: usize = 8;

/// Longer than the client has patience: a poll that is not woken fails its story, and is not saved by a last look when its
/// time is over.
const TIMEOUT: &str = "600";

/// Which of the two is on its way first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    WriteIsAnswered,
    WriteIsSent,
    PollIsSent,
}

const ORDERS: [Order; 3] = [Order::WriteIsAnswered, Order::WriteIsSent, Order::PollIsSent];

/// Two connections of one client.
struct Pair {
    client: Client,
    polls: Connection,
    writes: Connection,
}

impl Pair {
    fn new(client: &Client) -> Pair {
        let open = || Connection::open(client.addr).unwrap();
        Pair { client: client.clone(), polls: open(), writes: open() }
    }

    /// Sends both requests and returns the answer to the poll.
    fn race(
        &mut self,
        order: Order,
        poll: crate::harness::Request,
        write: crate::harness::Request,
    ) -> crate::harness::Response {
        let poll = self.client.credentials.sign(poll).to_bytes();
        let write = self.client.credentials.sign(write).to_bytes();
        match order {
            Order::WriteIsAnswered => {
                self.writes.send(&write).unwrap();
                self.writes.receive().unwrap().expect(204);
                self.polls.send(&poll).unwrap();
                return self.polls.receive().unwrap();
            }
            Order::WriteIsSent => {
                self.writes.send(&write).unwrap();
                self.polls.send(&poll).unwrap();
            }
            Order::PollIsSent => {
                self.polls.send(&poll).unwrap();
                self.writes.send(&write).unwrap();
            }
        }
        self.writes.receive().unwrap().expect(204);
        self.polls.receive().unwrap()
    }
}

/// `count` rounds on as many connections as make the node busy; `racer` runs a share of them.
fn in_parallel(count: usize, client: &Client, racer: impl Fn(Pair, String, usize) + Sync) {
    thread::scope(|scope| {
        for _ in 0..RACERS {
            let pair = Pair::new(client);
            let racer = &racer;
            scope.spawn(move || racer(pair, unique("race"), count.div_ceil(RACERS)));
        }
    });
}

#[test]
fn a_write_between_read_and_poll_always_wakes_the_poll() {
    let node = shared_node();
    in_parallel(rounds("POLL_ROUNDS", 20_000), &node.client(), |mut pair, pk, share| {
        let mut seen = pair.client.write(&pk, "sk", None, "start");
        for round in 0..share {
            let value = round.to_string();
            let poll = pair.client.poll_request(&pk, "sk", &seen.token, TIMEOUT);
            let write = pair.client.put_request(&pk, "sk", Some(&seen.token), &value);
            let answer = pair.race(ORDERS[round % ORDERS.len()], poll, write).expect(200);
            let news = Item::of_answer(&answer);
            assert!(news.holds(&[Some(&value)]), "round {round}: {answer}");
            seen = news;
        }
    });
}

#[test]
fn a_write_between_two_polls_of_a_range_always_wakes_the_second() {
    let node = shared_node();
    in_parallel(rounds("POLL_ROUNDS", 20_000) / 4, &node.client(), |mut pair, pk, share| {
        pair.client.fill(&pk, &["a", "b", "c"]);
        let page = pair.client.poll_range(&pk, &json!({})).expect(200).json();
        let mut tokens: Vec<_> = page_items(&page).into_iter().map(|(_, item)| item.token).collect();
        let mut marker = page["seenMarker"].clone();
        for round in 0..share {
            let (which, value) = (round % 3, round.to_string());
            let sk = ["a", "b", "c"][which];
            let body = json!({ "seenMarker": marker, "timeout": 600 });
            let poll = pair.client.poll_range_request(&pk, &body);
            let write = pair.client.put_request(&pk, sk, Some(&tokens[which]), &value);
            // Seven and three have no common factor: every key meets every order.
            let answer = pair.race(ORDERS[(round / 7) % ORDERS.len()], poll, write).expect(200);
            let page = answer.json();
            let news = page_items(&page).into_iter().find(|(key, _)| key == sk);
            let (_, item) = news.unwrap_or_else(|| panic!("round {round}: {answer}"));
            assert!(item.holds(&[Some(&value)]), "round {round}: {answer}");
            tokens[which] = item.token;
            marker = page["seenMarker"].clone();
        }
    });
}
