//! One client that replaces, adds and deletes values of items that nobody else writes.

use super::Book;
use crate::caller::{Caller, call};
use crate::history::{Item, Values};
use rand::RngExt;
use std::collections::BTreeMap;
use std::net::IpAddr;

const KEYS: usize = 8;

/// Values are mostly short; some are longer than a row of the store takes by itself.
const LONG: usize = 20_000;

#[derive(Default)]
struct Key {
    item: Item,
    /// The token that was read last, and the values that it covers. It serves one write.
    read: Option<(String, Values)>,
}

pub(super) struct Writer {
    pk: String,
    keys: BTreeMap<String, Key>,
}

impl Writer {
    pub(super) fn new(pk: String) -> Writer {
        Writer { pk, keys: BTreeMap::new() }
    }

    fn read(&mut self, caller: &mut Caller, node: IpAddr, sk: &str) -> Option<()> {
        let shown = caller.read(node, &self.pk, sk)?;
        let key = self.keys.entry(sk.to_owned()).or_default();
        caller.findings.check(&format!("{}/{sk} at {node}", self.pk), key.item.check(&shown.values));
        key.read = shown.token.map(|token| (token, shown.values));
        Some(())
    }

    /// Writes a value, or deletes without one.
    fn write(&mut self, caller: &mut Caller, sk: &str, value: Option<&str>, read: Option<(String, Values)>) {
        let key = self.keys.entry(sk.to_owned()).or_default();
        key.item.begin(value);
        let method = if value.is_some() { "PUT" } else { "DELETE" };
        let mut request = call(method, &self.pk, &[("sort_key", sk)]);
        if let Some(value) = value {
            request = request.with_body(value.as_bytes());
        }
        let covered = match read {
            Some((token, values)) => {
                request = request.with("x-garage-causality-token", &token);
                values
            }
            None => Values::new(),
        };
        let node = caller.pick();
        let answer = caller.call(node, request);
        let outcome = caller.outcome(&format!("{}/{sk} at {node}", self.pk), answer.as_ref());
        key.item.end(value, &covered, outcome);
    }
}

impl Book for Writer {
    fn turn(&mut self, caller: &mut Caller) {
        let sk = format!("key-{}", caller.rng.random_range(0..KEYS));
        let kind = caller.rng.random_range(0..10);
        if kind < 4 {
            let node = caller.pick();
            // A node that cannot answer is asked another time.
            let _ = self.read(caller, node, &sk);
            return;
        }
        let read = self.keys.get_mut(&sk).and_then(|key| key.read.take());
        let mut value = format!("{:016x}", caller.rng.random::<u64>());
        if caller.rng.random_range(0..20) == 0 {
            value.push_str(&"x".repeat(LONG));
        }
        match kind {
            // Concurrent values are added seldom, so that an item does not fill up with them.
            4 => self.write(caller, &sk, Some(&value), None),
            5 if read.is_some() => self.write(caller, &sk, None, read),
            _ if read.is_some() => self.write(caller, &sk, Some(&value), read),
            _ => {
                let node = caller.pick();
                let _ = self.read(caller, node, &sk);
            }
        }
    }

    fn check(&mut self, caller: &mut Caller, node: IpAddr, _: bool) -> Option<()> {
        let keys: Vec<String> = self.keys.keys().cloned().collect();
        keys.iter().try_for_each(|sk| self.read(caller, node, sk))
    }
}
