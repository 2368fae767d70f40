//! The end at random moments under load, by `kill -9` or asked for: what was acknowledged is there, no dot is minted
//! twice, and the counters agree with a full count.

mod ledger;

use crate::harness::node::Process;
use crate::harness::{Client, Home, Node, page_items, rounds};
use ledger::Ledger;
use rand::RngExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::thread;
use std::time::Duration;

const WRITERS: usize = 8;

/// Starts a process on the same directory and kills it while it is still coming up.
fn kill_while_starting(home: Home) -> Home {
    let mut process: Process = Node::dev_process(&home);
    thread::sleep(Duration::from_millis(rand::rng().random_range(0..120)));
    process.kill();
    home
}

/// The counters of every partition, from a reading of everything.
fn full_count(client: &Client, pks: &[String]) -> BTreeMap<String, [u64; 4]> {
    let queries: Vec<_> = pks.iter().map(|pk| json!({ "partitionKey": pk, "tombstones": true })).collect();
    let pages = client.search(&Value::Array(queries)).expect(200).json();
    let mut counts = BTreeMap::new();
    for (pk, page) in pks.iter().zip(pages.as_array().unwrap()) {
        let mut count = [0; 4];
        for (_, item) in page_items(page) {
            let values: Vec<_> = item.values.iter().flatten().collect();
            count[0] += u64::from(!values.is_empty());
            count[1] += u64::from(item.values.len() >= 2);
            count[2] += values.len() as u64;
            count[3] += values.iter().map(|value| value.len() as u64).sum::<u64>();
        }
        if count[0] > 0 {
            counts.insert(pk.clone(), count);
        }
    }
    counts
}

fn indexed_count(client: &Client) -> BTreeMap<String, [u64; 4]> {
    let index = client.index(&[]).expect(200).json();
    let row = |row: &Value| {
        let counter = |name: &str| row[name].as_u64().unwrap();
        let counters = ["entries", "conflicts", "values", "bytes"].map(counter);
        (row["pk"].as_str().unwrap().to_owned(), counters)
    };
    index["partitionKeys"].as_array().unwrap().iter().map(row).collect()
}

/// Runs writers against a node that ends after a random while, `rounds` times, and checks their promises each time.
fn check_promises(rounds: usize, end: impl Fn(Node) -> Home) {
    let mut home = Home::new();
    let mut dots = HashSet::new();
    let mut ledgers: Vec<_> = (0..WRITERS).map(Ledger::new).collect();
    let pks: Vec<_> = ledgers.iter().flat_map(Ledger::partitions).collect();
    for round in 0..=rounds {
        let node = Node::dev_in(home, &[]);
        let client = node.client();
        for ledger in &mut ledgers {
            ledger.check_after_restart(&client);
            for dot in ledger.take_dots() {
                assert!(dots.insert(dot), "round {round}: dot {dot:?} was minted twice");
            }
        }
        assert_eq!(indexed_count(&client), full_count(&client, &pks), "round {round}");
        home = thread::scope(|scope| {
            for ledger in &mut ledgers {
                let client = client.clone();
                scope.spawn(move || ledger.write_until_the_node_dies(&client));
            }
            // The moment is what is random here.
            thread::sleep(Duration::from_millis(rand::rng().random_range(20..300)));
            end(node)
        });
    }
    let acknowledged: usize = ledgers.iter().map(Ledger::acknowledged).sum();
    println!("{acknowledged} writes were acknowledged, {} dots were seen", dots.len());
    assert!(acknowledged > rounds, "the node ended under load");
}

#[test]
fn nothing_acknowledged_is_lost_and_no_dot_is_minted_twice() {
    check_promises(rounds("KILLS", 50), |node| {
        let home = node.kill();
        if rand::rng().random_bool(0.25) { kill_while_starting(home) } else { home }
    });
}

#[test]
fn a_node_that_is_asked_to_end_under_load_keeps_every_promise_too() {
    check_promises(rounds("STOPS", 10), |mut node| {
        node.process().terminate();
        let status = node.process().wait();
        assert!(status.success(), "{status}: {}", node.log());
        node.kill()
    });
}
