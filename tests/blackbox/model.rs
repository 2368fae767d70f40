//! Random calls against a model of the contract that is small enough to be seen to be right.

mod contract;

use crate::harness::{Client, Item, base64, page_items, rounds, shared_node};
use crate::index::in_own_bucket;
use contract::{Listing, Model};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

const PARTITIONS: [&str; 5] = ["a", "a/b", "b", "é", "z"];
const SORT_KEYS: [&str; 10] = ["1", "10", "11", "2", "21", "a", "aa", "ab", "b", "é"];
const CUTS: [&str; 8] = ["", "1", "11", "2", "a", "ab", "b", "zz"];

/// One client and the model that says what it must see.
struct Player {
    client: Client,
    model: Model,
    random: StdRng,
    writes: u32,
}

impl Player {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.random.random_range(0..from.len())]
    }

    fn maybe_cut(&mut self) -> Option<String> {
        let cut = self.pick(&CUTS).to_owned();
        self.random.random_bool(0.4).then_some(cut)
    }

    /// A value that mostly is new, and sometimes one that may be there already.
    fn value(&mut self) -> String {
        self.writes += 1;
        if self.random.random_bool(0.2) { "same".to_owned() } else { format!("value {}", self.writes) }
    }

    fn listing(&mut self) -> Listing {
        let (prefix, end) = (self.maybe_cut(), self.maybe_cut());
        let mut start = self.maybe_cut();
        if let (Some(prefix), Some(start)) = (&prefix, &mut start) {
            *start = format!("{prefix}{start}");
        }
        let limit = self.random.random_bool(0.5).then(|| self.random.random_range(0..6));
        Listing { prefix, start, end, limit, reverse: self.random.random_bool(0.4) }
    }

    fn step(&mut self) {
        match self.random.random_range(0..12) {
            0..3 => self.write_one(),
            3..5 => self.write_batch(),
            5 => self.delete_one(),
            6 => self.delete_ranges(),
            7 => self.read_one(),
            8..11 => self.read_ranges(),
            _ => self.read_index(),
        }
    }

    fn write_one(&mut self) {
        let (pk, sk, value) = (self.pick(&PARTITIONS), self.pick(&SORT_KEYS), self.value());
        let token = self.token(pk, sk);
        self.client.put(pk, sk, token.as_deref(), &value).expect(204);
        self.model.write(pk, sk, token.as_deref(), Some(value));
    }

    /// A token of this item: of the latest read, of an older one, or none.
    fn token(&mut self, pk: &str, sk: &str) -> Option<String> {
        let tokens = self.model.tokens(pk, sk);
        if tokens.is_empty() || self.random.random_bool(0.3) {
            return None;
        }
        let age = if self.random.random_bool(0.7) { 1 } else { self.random.random_range(1..=tokens.len()) };
        Some(tokens[tokens.len() - age].clone())
    }

    fn write_batch(&mut self) {
        let mut rows = Vec::new();
        for _ in 0..self.random.random_range(0..6) {
            let (pk, sk) = (self.pick(&PARTITIONS), self.pick(&SORT_KEYS));
            let value = self.random.random_bool(0.8).then(|| self.value());
            let token = self.token(pk, sk);
            rows.push(json!({ "pk": pk, "sk": sk, "ct": token, "v": value.as_ref().map(base64) }));
            self.model.write(pk, sk, token.as_deref(), value);
        }
        self.client.insert_batch(&Value::Array(rows)).expect(204);
    }

    fn delete_one(&mut self) {
        let (pk, sk) = (self.pick(&PARTITIONS), self.pick(&SORT_KEYS));
        if let Some(token) = self.token(pk, sk) {
            self.client.delete(pk, sk, Some(&token)).expect(204);
            self.model.write(pk, sk, Some(&token), None);
        }
    }

    fn delete_ranges(&mut self) {
        let pk = self.pick(&PARTITIONS);
        let listing = Listing { limit: None, reverse: false, ..self.listing() };
        let mut query = listing.to_json();
        query["partitionKey"] = json!(pk);
        let answer = self.client.delete_batch(&json!([query])).expect(200).json();
        assert_eq!(answer[0]["deletedItems"], self.model.delete(pk, &listing), "{query}");
    }

    fn read_one(&mut self) {
        let (pk, sk) = (self.pick(&PARTITIONS), self.pick(&SORT_KEYS));
        let answer = self.client.get(pk, sk);
        match self.model.values(pk, sk) {
            None => assert_eq!(answer.status, 404, "{pk}/{sk}: {answer}"),
            Some(expected) => {
                let item = Item::of_answer(&answer.expect(200));
                self.check_item(pk, sk, item, &expected);
            }
        }
    }

    fn check_item(&mut self, pk: &str, sk: &str, item: Item, expected: &[Option<String>]) {
        let expected: Vec<_> = expected.iter().map(Option::as_deref).collect();
        assert!(item.holds(&expected), "{pk}/{sk}: {item:?} instead of {expected:?}");
        self.model.seen(pk, sk, item.token);
    }

    fn read_ranges(&mut self) {
        let (mut queries, mut asked) = (Vec::new(), Vec::new());
        for _ in 0..self.random.random_range(1..4) {
            let (pk, listing) = (self.pick(&PARTITIONS), self.listing());
            let (conflicts_only, tombstones) = (self.random.random_bool(0.2), self.random.random_bool(0.4));
            let mut query = listing.to_json();
            query["partitionKey"] = json!(pk);
            query["conflictsOnly"] = json!(conflicts_only);
            query["tombstones"] = json!(tombstones);
            queries.push(query);
            asked.push((pk, listing, conflicts_only, tombstones));
        }
        let answers = self.client.search(&Value::Array(queries.clone())).expect(200).json();
        for (i, (pk, listing, conflicts_only, tombstones)) in asked.into_iter().enumerate() {
            let (expected, next_start) = self.model.list(pk, &listing, conflicts_only, tombstones);
            let items = page_items(&answers[i]);
            let keys: Vec<_> = items.iter().map(|(sk, _)| sk.clone()).collect();
            assert_eq!(keys, expected, "{}", queries[i]);
            assert_eq!(answers[i]["nextStart"], json!(next_start), "{}", queries[i]);
            assert_eq!(answers[i]["more"], next_start.is_some(), "{}", queries[i]);
            for (sk, item) in items {
                let values = self.model.values(pk, &sk).expect("it was listed");
                self.check_item(pk, &sk, item, &values);
            }
        }
    }

    fn read_index(&mut self) {
        let listing = self.listing();
        let parameters = listing.to_parameters();
        let query: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let index = self.client.index(&query).expect(200).json();
        let (rows, next_start) = self.model.index(&listing);
        assert_eq!(index["partitionKeys"], json!(rows), "{query:?}");
        assert_eq!(index["nextStart"], json!(next_start), "{query:?}");
        assert_eq!(index["more"], next_start.is_some(), "{query:?}");
    }
}

#[test]
fn random_calls_see_what_the_contract_says() {
    let node = shared_node();
    for game in 0..rounds("MODEL_GAMES", 20) {
        // A game that went wrong is played again with its seed, `TROUPE_TEST_SEED`.
        let seed =
            std::env::var("TROUPE_TEST_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
        println!("game {game} has seed {seed}");
        let client = in_own_bucket(&node, "model");
        let random = StdRng::seed_from_u64(seed);
        let mut player = Player { client, model: Model::default(), random, writes: 0 };
        for _ in 0..150 {
            player.step();
        }
    }
}
