use super::world::World;
use crate::mutation::{Mutation, turn_on};

const EVENTS: usize = 1500;
const SEEDS: u64 = 1500;
const MUTATION_SEEDS_MAX: u64 = 20_000;

/// Runs a cluster; how many disks it lost, or what broke.
fn run(seed: u64) -> Result<usize, (String, Vec<String>)> {
    let mut world = World::new(seed);
    let outcome = (0..EVENTS).try_for_each(|_| world.happen()).and_then(|()| world.calm());
    outcome.map_err(|broken| (broken, world.story)).map(|()| world.disks_lost)
}

#[test]
fn a_node_that_lost_something_never_votes_and_calm_completes_every_node() {
    let mut disks_lost = 0;
    for seed in 0..SEEDS {
        match run(seed) {
            Ok(lost) => disks_lost += lost,
            Err((broken, story)) => panic!("seed {seed}: {broken}\n{}", story.join("\n")),
        }
    }
    assert!(disks_lost > 500, "the runs lose disks: {disks_lost}");
}

#[test]
fn mistakes_about_lost_memories_are_found() {
    let missed = std::thread::scope(|scope| {
        let search = |mutation: Mutation| {
            scope.spawn(move || {
                turn_on(Some(mutation));
                let found = (0..MUTATION_SEEDS_MAX).find(|seed| run(*seed).is_err());
                println!("{mutation:?}: {found:?}");
                found.is_none().then_some(mutation)
            })
        };
        let searches: Vec<_> = Mutation::OF_INCARNATIONS.iter().map(|mutation| search(*mutation)).collect();
        searches.into_iter().filter_map(|search| search.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(missed.is_empty(), "not found within {MUTATION_SEEDS_MAX} seeds: {missed:?}");
}
