//! Links that carry nothing, late, in another order, or not everything.

use crate::arena::Arena;
use crate::network::Link;
use rand::RngExt;
use rand::rngs::StdRng;
use std::time::Duration;

/// Changes the links between all pairs of nodes for which `is_meant`, in the directions for which it is.
fn change(arena: &Arena, is_meant: impl Fn(usize, usize) -> bool, change: impl Fn(&mut Link)) {
    let nodes = arena.members.len();
    for from in 0..nodes {
        for to in (0..nodes).filter(|&to| to != from && is_meant(from, to)) {
            arena.network.change(from, to, &change);
        }
    }
    arena.look();
}

fn cut(link: &mut Link) {
    link.is_cut = true;
}

/// One node from all others; clients still reach it.
pub(super) fn cut_node(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    change(arena, |from, to| from == at || to == at, cut);
    Ok(())
}

/// Two parts of any sizes.
pub(super) fn cut_halves(arena: &mut Arena, at: usize, rng: &mut StdRng) -> Result<(), String> {
    let mut is_left: Vec<bool> = arena.members.iter().map(|_| rng.random()).collect();
    is_left[at] = true;
    let other = (at + 1) % is_left.len();
    is_left[other] = false;
    change(arena, |from, to| is_left[from] != is_left[to], cut);
    Ok(())
}

/// What one node sends arrives nowhere, or nothing arrives at it.
pub(super) fn cut_one_way(arena: &mut Arena, at: usize, rng: &mut StdRng) -> Result<(), String> {
    let sends = rng.random();
    change(arena, |from, to| if sends { from == at } else { to == at }, cut);
    Ok(())
}

/// Two parts that do not see each other, and one node that sees both.
pub(super) fn leave_a_bridge(arena: &mut Arena, at: usize, rng: &mut StdRng) -> Result<(), String> {
    let turn = usize::from(rng.random::<bool>());
    let side = |node: usize| (node + turn) % 2;
    change(arena, |from, to| from != at && to != at && side(from) != side(to), cut);
    Ok(())
}

pub(super) fn delay(arena: &mut Arena, _: usize, rng: &mut StdRng) -> Result<(), String> {
    let delay = Duration::from_millis(rng.random_range(5..150));
    change(arena, |_, _| true, |link| link.delay = delay);
    Ok(())
}

pub(super) fn lose(arena: &mut Arena, _: usize, rng: &mut StdRng) -> Result<(), String> {
    let percent = rng.random_range(1..20);
    change(arena, |_, _| true, |link| link.lost_percent = percent);
    Ok(())
}

/// Packets take so different times that they overtake each other.
pub(super) fn reorder(arena: &mut Arena, _: usize, rng: &mut StdRng) -> Result<(), String> {
    let jitter = Duration::from_millis(rng.random_range(5..60));
    change(arena, |_, _| true, |link| link.jitter = jitter);
    Ok(())
}

pub(super) fn heal(arena: &mut Arena, _: usize, _: &mut StdRng) -> Result<(), String> {
    arena.network.heal();
    arena.look();
    Ok(())
}
