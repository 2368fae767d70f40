//! What one writer was promised, and what it may find after a crash.
//!
//! A writer has keys of its own, so it knows exactly what they hold but for the one request that was not answered
//! when the node died: that one may have happened as a whole or not at all.

use crate::harness::token::context_of;
use crate::harness::{Client, Connection, Item, Request, base64};
use rand::RngExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const REPLACED_KEYS: usize = 6;
const BATCH_KEYS: usize = 5;
const SIBLINGS_MAX: usize = 40;

/// A dot: who minted it, and when.
pub(super) type Dot = (u64, u64);

/// One key: what it holds for certain, and the tokens that were seen.
#[derive(Clone, Debug, Default)]
struct Known {
    values: Vec<Option<Vec<u8>>>,
    token: Option<String>,
}

/// What the unanswered request would make of some keys.
type Uncertain = BTreeMap<String, Vec<Option<Vec<u8>>>>;

#[derive(Debug)]
pub(super) struct Ledger {
    pk: String,
    known: BTreeMap<String, Known>,
    uncertain: Uncertain,
    new_dots: Vec<Dot>,
    acknowledged: usize,
}

impl Ledger {
    pub(super) fn new(writer: usize) -> Ledger {
        Ledger {
            pk: format!("writer-{writer}"),
            known: BTreeMap::new(),
            uncertain: BTreeMap::new(),
            new_dots: Vec::new(),
            acknowledged: 0,
        }
    }

    pub(super) fn partitions(&self) -> Vec<String> {
        vec![self.pk.clone()]
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged
    }

    /// The dots that came to light since this was last asked.
    pub(super) fn take_dots(&mut self) -> Vec<Dot> {
        std::mem::take(&mut self.new_dots)
    }

    /// Each key holds what it held, but for the unanswered request, which happened as a whole or not at all.
    pub(super) fn check_after_restart(&mut self, client: &Client) {
        let query = json!({ "partitionKey": self.pk, "tombstones": true });
        let found: BTreeMap<String, Item> = client.list(&query).into_iter().collect();
        for sk in found.keys() {
            assert!(self.known.contains_key(sk) || self.uncertain.contains_key(sk), "{sk} came from nowhere");
        }
        let values_of = |sk: &str| sorted(found.get(sk).map_or(Vec::new(), |item| item.values.clone()));
        let certain = |sk: &str| sorted(self.known.get(sk).map_or(Vec::new(), |known| known.values.clone()));
        let happened = self.uncertain.iter().all(|(sk, values)| values_of(sk) == sorted(values.clone()));
        let did_not = self.uncertain.keys().all(|sk| values_of(sk) == certain(sk));
        assert!(happened || did_not, "{}: torn: {:?} became {found:?}", self.pk, self.uncertain);
        for (sk, known) in &self.known {
            if !self.uncertain.contains_key(sk) {
                assert_eq!(values_of(sk), sorted(known.values.clone()), "{}/{sk}", self.pk);
            }
        }
        self.uncertain.clear();
        for (sk, item) in found {
            self.learn(&sk, item);
        }
    }

    /// Takes note of what a read showed. A key whose context moved on shows the dots that moved it.
    fn learn(&mut self, sk: &str, item: Item) {
        let before =
            self.known.get(sk).and_then(|known| known.token.as_deref()).map(context_of).unwrap_or_default();
        let moved =
            context_of(&item.token).into_iter().filter(|(actor, time)| before.get(actor) != Some(time));
        self.new_dots.extend(moved);
        self.known.insert(sk.to_owned(), Known { values: item.values, token: Some(item.token) });
    }

    /// Writes, reads back, and goes on until the node does not answer any more.
    pub(super) fn write_until_the_node_dies(&mut self, client: &Client) {
        let Ok(mut connection) = Connection::open(client.addr) else { return };
        loop {
            let (request, outcome) = self.next_write(client);
            self.uncertain = outcome;
            let Ok(answer) = connection.call(&client.credentials.sign(request)) else { return };
            if answer.status == 503 {
                // The node is stopping: the write may have happened or not, and nothing more is answered.
                return;
            }
            assert!(matches!(answer.status, 200 | 204), "{answer}");
            self.acknowledged += 1;
            let promised = std::mem::take(&mut self.uncertain);
            for (sk, values) in &promised {
                // From here on it is a promise, whether or not the reads below are answered.
                self.known.entry(sk.clone()).or_default().values.clone_from(values);
            }
            for sk in promised.into_keys() {
                let read = client.request("GET", Some(&self.pk), &[("sort_key", &sk)]);
                let Ok(answer) = connection.call(&client.credentials.sign(read)) else { return };
                if answer.status == 503 {
                    return;
                }
                let item = Item::of_answer(&answer.expect(200));
                assert_eq!(
                    sorted(item.values.clone()),
                    sorted(self.known[&sk].values.clone()),
                    "{}/{sk}",
                    self.pk
                );
                self.learn_one_dot(&sk, item);
            }
        }
    }

    /// An acknowledged write shows exactly one dot more, unless an earlier one was not read back.
    fn learn_one_dot(&mut self, sk: &str, item: Item) {
        let before = self.new_dots.len();
        self.learn(sk, item);
        assert!(
            self.new_dots.len() > before,
            "{}/{sk}: an acknowledged write has no dot of its own",
            self.pk
        );
    }

    fn next_write(&self, client: &Client) -> (Request, Uncertain) {
        let mut random = rand::rng();
        let value =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, random.random::<[u8; 12]>());
        match random.random_range(0..10) {
            0..4 => {
                self.replace(client, &format!("replaced-{}", random.random_range(0..REPLACED_KEYS)), &value)
            }
            4..7 => self.stand_beside(client, &value),
            7 => self.remove(client, &format!("replaced-{}", random.random_range(0..REPLACED_KEYS))),
            _ => self.batch(client, &value),
        }
    }

    fn token_of(&self, sk: &str) -> Option<&str> {
        self.known.get(sk).and_then(|known| known.token.as_deref())
    }

    /// A write that covers everything: only if the last one was read back, else the token is too old for that.
    fn replace(&self, client: &Client, sk: &str, value: &str) -> (Request, Uncertain) {
        let request = client.put_request(&self.pk, sk, self.token_of(sk), value);
        (request, [(sk.to_owned(), vec![Some(value.as_bytes().to_vec())])].into())
    }

    /// A write without a token, beside what is there.
    fn stand_beside(&self, client: &Client, value: &str) -> (Request, Uncertain) {
        let sk = "siblings";
        let mut values = self.known.get(sk).map_or(Vec::new(), |known| known.values.clone());
        if values.len() >= SIBLINGS_MAX {
            return self.replace(client, sk, value);
        }
        values.push(Some(value.as_bytes().to_vec()));
        (client.put_request(&self.pk, sk, None, value), [(sk.to_owned(), values)].into())
    }

    fn remove(&self, client: &Client, sk: &str) -> (Request, Uncertain) {
        let Some(token) = self.token_of(sk) else { return self.replace(client, sk, "first") };
        let request = client.request("DELETE", Some(&self.pk), &[("sort_key", sk)]);
        (request.with("x-garage-causality-token", token), [(sk.to_owned(), vec![None])].into())
    }

    /// Several keys of one partition in one request: all of them or none.
    fn batch(&self, client: &Client, value: &str) -> (Request, Uncertain) {
        let keys: Vec<_> = (0..BATCH_KEYS).map(|i| format!("batch-{i}")).collect();
        let row =
            |sk: &String| json!({ "pk": self.pk, "sk": sk, "ct": self.token_of(sk), "v": base64(value) });
        let items: Vec<_> = keys.iter().map(row).collect();
        let request = client.request("POST", None, &[]).with_body(Value::Array(items).to_string());
        let outcome = keys.into_iter().map(|sk| (sk, vec![Some(value.as_bytes().to_vec())])).collect();
        (request, outcome)
    }
}

fn sorted(mut values: Vec<Option<Vec<u8>>>) -> Vec<Option<Vec<u8>>> {
    values.sort();
    values
}
