//! The simulator: one node's cores under a seeded scheduler with virtual time, on a disk that loses, rolls back and
//! vanishes, before clients of whom an oracle knows what they were promised.
//!
//! The same seed gives the same run, to the last message. A failure prints its seed; to be told that run step by step, or
//! the shortest one that breaks the same promise:
//!
//! ```text
//! cargo run -p troupe-actors --bin sim -- [--cluster] --seed <seed> [--minimise]
//! ```
//!
//! `TROUPE_SIM_SECONDS` is how long fresh seeds are tried.

mod client;
mod cluster;
mod control;
mod disk;
mod ending;
mod faults;
mod follower;
mod fuse;
mod game;
mod gateway;
mod invariants;
mod journal;
mod keyspace;
mod lane;
mod ledger;
mod limits;
mod mailbox;
mod minimise;
mod mutations;
mod node;
mod oracle;
mod polls;
mod random;
mod returning;
mod scheduler;
mod shape;
mod space;
mod streams;
mod token;
mod trace;
mod tree;
mod upkeep;
mod world;

use game::{CLUSTER, Game, NODE};
use minimise::minimise;
use mutations::{OF_A_CLUSTER, breaks};
use shape::Shape;
use std::collections::BTreeMap;
use std::time::Duration;
use troupe_actors::clock::{monotonic_now, wall_now};
use troupe_actors::mutation::Mutation;

/// Seeds that every test run repeats: of one node, and of a cluster, whose runs are longer.
const FIXED_SEEDS: u64 = 500;
const FIXED_SEEDS_OF_A_CLUSTER: u64 = 200;

/// Seeds that are run again, to see whether they give the same run.
const SAME_SEEDS: u64 = 1_000;

/// Seeds of these that are told as text, too.
const RECORDED_SEEDS: u64 = 20;

/// Seeds within which each mutation must be caught.
const MUTATION_SEEDS_MAX: u64 = 100_000;

/// How long fresh seeds are tried if nobody says.
const FRESH_SECONDS_DEFAULT: u64 = 2;

/// Lines of a failed run that are shown.
const LINES_SHOWN: usize = 80;

fn check(game: Game, seed: u64) {
    if let Some(violation) = (game.run)(seed, None, &Shape::whole(), false).violation {
        let text = (game.run)(seed, None, &Shape::whole(), true).trace.into_text();
        let lines: Vec<&str> = text.lines().collect();
        let shown = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n");
        panic!(
            "{shown}\n\nseed {seed} broke an invariant: {}\n{}\n\nthe whole run:\n\
             cargo run -p troupe-actors --bin sim --{} --seed {seed}",
            violation.invariant, violation.what, game.option
        );
    }
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

#[test]
fn the_fixed_seeds_keep_every_promise() {
    (0..FIXED_SEEDS).for_each(|seed| check(NODE, seed));
}

#[test]
fn the_fixed_seeds_keep_every_promise_of_a_cluster() {
    (0..FIXED_SEEDS_OF_A_CLUSTER).for_each(|seed| check(CLUSTER, seed));
}

#[test]
fn fresh_seeds_keep_every_promise() {
    try_fresh_seeds(NODE);
}

#[test]
fn fresh_seeds_keep_every_promise_of_a_cluster() {
    try_fresh_seeds(CLUSTER);
}

fn try_fresh_seeds(game: Game) {
    let time = Duration::from_secs(setting("TROUPE_SIM_SECONDS").unwrap_or(FRESH_SECONDS_DEFAULT));
    let first = wall_now().0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let start = monotonic_now();
    let mut tried = 0;
    while start.elapsed() < time {
        check(game, first.wrapping_add(tried));
        tried += 1;
    }
    println!("{tried} fresh seeds from {first} in {time:?}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    check_same(NODE, SAME_SEEDS);
}

#[test]
fn the_same_seed_gives_the_same_run_of_a_cluster() {
    check_same(CLUSTER, FIXED_SEEDS_OF_A_CLUSTER);
}

fn check_same(game: Game, seeds: u64) {
    let hash = |seed, is_recorded| (game.run)(seed, None, &Shape::whole(), is_recorded).trace.hash();
    for seed in 0..seeds {
        assert_eq!(hash(seed, false), hash(seed, false), "seed {seed}");
        if seed < RECORDED_SEEDS {
            assert_eq!(hash(seed, false), hash(seed, true), "seed {seed}, recorded");
        }
    }
    assert_ne!(hash(0, false), hash(1, false));
}

#[test]
fn every_mutation_is_caught() {
    let of_a_node = Mutation::ALL.iter().map(|mutation| (*mutation, breaks(*mutation)));
    check_all_caught(NODE, &of_a_node.filter(|(_, broken)| !broken.is_empty()).collect::<Vec<_>>());
}

#[test]
fn every_mutation_of_replicas_is_caught() {
    check_all_caught(CLUSTER, OF_A_CLUSTER);
}

/// A mutation, and the invariants of which one breaks.
pub(crate) type Caught = (Mutation, &'static [&'static str]);

fn check_all_caught(game: Game, mutations: &[Caught]) {
    let seeds_max = setting("TROUPE_SIM_MUTATION_SEEDS").unwrap_or(MUTATION_SEEDS_MAX);
    // Which mistake the cores make is a matter of each thread.
    let missed: Vec<String> = std::thread::scope(|scope| {
        let search = |mutation| scope.spawn(move || catch(game, mutation, seeds_max));
        let searches: Vec<_> = mutations.iter().map(|mutation| search(*mutation)).collect();
        searches.into_iter().filter_map(|search| search.join().expect("a search does not panic")).collect()
    });
    assert!(missed.is_empty(), "not caught within {seeds_max} seeds: {missed:#?}");
}

/// Looks for a seed that catches the mistake; what was found instead if there is none.
fn catch(game: Game, (mutation, broken): Caught, seeds_max: u64) -> Option<String> {
    // Other promises may break along with the one that the mistake is about.
    let mut others = BTreeMap::new();
    for seed in 0..seeds_max {
        let Some(violation) = (game.run)(seed, Some(mutation), &Shape::whole(), false).violation else {
            continue;
        };
        if broken.contains(&violation.invariant) {
            println!("{mutation:?}: seed {seed}: {}", violation.invariant);
            return None;
        }
        *others.entry(violation.invariant).or_insert(0) += 1;
    }
    Some(format!("{mutation:?}: {others:?}"))
}

#[test]
fn a_run_that_breaks_an_invariant_is_shrunk_to_a_short_one() {
    let mutation = Some(Mutation::PageCursorOffByOne);
    let found = minimise(NODE, 0, mutation).expect("the seed breaks an invariant");
    assert!(found.shape.requests_max <= 20 && found.shape.without.len() >= 5, "{found:?}");
    let violation = (NODE.run)(found.seed, mutation, &found.shape, false).violation;
    assert_eq!(violation.map(|violation| violation.invariant), Some(found.invariant));
}
