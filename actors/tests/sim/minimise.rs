//! Shrinking a run that breaks an invariant, until little is left but what breaks it.

use crate::game::Game;
use crate::shape::Shape;
use troupe_actors::mutation::Mutation;

/// Seeds that are tried for each smaller shape: without a part, the same seed is another run.
const SEEDS_PER_SHAPE: u64 = 300;

/// A run: it breaks an invariant, and is shorter than the one that it was shrunk from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failing {
    pub(crate) seed: u64,
    pub(crate) shape: Shape,
    pub(crate) invariant: &'static str,
}

/// The smallest run found that breaks the same invariant; `None` if the seed breaks none.
pub(crate) fn minimise(game: Game, seed: u64, mutation: Option<Mutation>) -> Option<Failing> {
    let whole = Shape::whole();
    let invariant = (game.run)(seed, mutation, &whole, false).violation?.invariant;
    let mut best = Failing { seed, shape: whole, invariant };
    for part in game.parts {
        let mut shape = best.shape.clone();
        shape.without.push(*part);
        best = smaller(game, &best, &shape, mutation).unwrap_or(best);
    }
    let mut requests_max = 100;
    while requests_max > 0 {
        let shape = Shape { requests_max, ..best.shape.clone() };
        let Some(found) = smaller(game, &best, &shape, mutation) else { break };
        best = found;
        requests_max = (requests_max * 3 / 4).min(requests_max - 1);
    }
    Some(best)
}

fn smaller(game: Game, best: &Failing, shape: &Shape, mutation: Option<Mutation>) -> Option<Failing> {
    let breaks_it = |seed: &u64| {
        let violation = (game.run)(*seed, mutation, shape, false).violation;
        violation.is_some_and(|violation| violation.invariant == best.invariant)
    };
    let mut seeds = (0..SEEDS_PER_SHAPE).map(|step| best.seed.wrapping_add(step));
    let seed = seeds.find(breaks_it)?;
    Some(Failing { seed, shape: shape.clone(), invariant: best.invariant })
}
