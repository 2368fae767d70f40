//! A client that inserts, lists and deletes several items at once.

use super::Book;
use crate::caller::{Caller, bucket, entry};
use crate::history::{Batch, Outcome, Values};
use rand::RngExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;

const ITEMS_OF_A_BATCH: usize = 5;

/// So many batches are kept before old ones are deleted.
const BATCHES_KEPT: usize = 40;

pub(super) struct Writer {
    pk: String,
    batches: Vec<Batch>,
}

impl Writer {
    pub(super) fn new(pk: String) -> Writer {
        Writer { pk, batches: Vec::new() }
    }

    fn prefix(number: usize) -> String {
        format!("{number:05}/")
    }

    fn insert(&mut self, caller: &mut Caller) {
        let number = self.batches.len();
        let items: BTreeMap<String, String> = (0..ITEMS_OF_A_BATCH)
            .map(|at| {
                (format!("{}{at}", Self::prefix(number)), format!("{:016x}", caller.rng.random::<u64>()))
            })
            .collect();
        let body: Vec<_> = items.iter().map(|(sk, value)| entry(&self.pk, sk, value)).collect();
        let mut batch = Batch::new(items);
        let node = caller.pick();
        let answer = caller.call(node, bucket("POST", &[]).with_body(Value::Array(body).to_string()));
        batch.end(caller.outcome(&format!("batch {number} at {node}"), answer.as_ref()));
        self.batches.push(batch);
    }

    fn delete(&mut self, caller: &mut Caller, number: usize) {
        let query = json!([{ "partitionKey": self.pk, "prefix": Self::prefix(number) }]);
        let node = caller.pick();
        let answer = caller.call(node, bucket("POST", &[("delete", "")]).with_body(query.to_string()));
        let mut outcome = caller.outcome(&format!("deletion of batch {number} at {node}"), answer.as_ref());
        if let Some(answer) = answer.filter(|answer| answer.status == 200) {
            let deleted = &answer.json()[0]["deletedItems"];
            if *deleted != ITEMS_OF_A_BATCH {
                caller.findings.add(format!("of batch {number}, {deleted} items were deleted at {node}"));
            }
        } else if outcome == Outcome::Refused {
            // It looks first and deletes then, item by item.
            outcome = Outcome::Unknown;
        }
        self.batches[number].end_deletion(outcome);
    }

    fn look(&self, caller: &mut Caller, node: IpAddr, numbers: &[usize], may_be_torn: bool) -> Option<()> {
        let all = numbers.len() > 1;
        let prefix = if all { String::new() } else { Self::prefix(numbers[0]) };
        let mut shown: BTreeMap<String, BTreeMap<String, Values>> = BTreeMap::new();
        for (sk, values) in caller.list(node, &self.pk, &prefix)? {
            let values = values.into_iter().flatten().collect();
            let batch = sk.split_inclusive('/').next().unwrap_or_default().to_owned();
            shown.entry(batch).or_default().insert(sk, values);
        }
        for &number in numbers {
            let items = shown.remove(&Self::prefix(number)).unwrap_or_default();
            let result = self.batches[number].check(&items, may_be_torn);
            caller.findings.check(&format!("{}/{} at {node}", self.pk, Self::prefix(number)), result);
        }
        Some(())
    }
}

impl Book for Writer {
    fn turn(&mut self, caller: &mut Caller) {
        self.insert(caller);
        let number = caller.rng.random_range(0..self.batches.len());
        let node = caller.pick();
        // A node that cannot answer is asked another time.
        let _ = self.look(caller, node, &[number], true);
        let is_old = number + BATCHES_KEPT / 2 < self.batches.len() && self.batches.len() > BATCHES_KEPT;
        if is_old && self.batches[number].is_there() {
            self.delete(caller, number);
        }
    }

    fn check(&mut self, caller: &mut Caller, node: IpAddr, may_be_torn: bool) -> Option<()> {
        let numbers: Vec<usize> = (0..self.batches.len()).collect();
        if numbers.is_empty() { Some(()) } else { self.look(caller, node, &numbers, may_be_torn) }
    }
}
