//! Processes that end, hang, and are restarted.

use crate::arena::Arena;
use rand::RngExt;
use rand::rngs::StdRng;

/// `kill -9`.
pub(super) fn kill(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    arena.kill(at);
    Ok(())
}

pub(super) fn start(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    start_or_report(arena, at);
    Ok(())
}

/// A node that does not start on what it left behind has broken a promise.
pub(super) fn start_or_report(arena: &mut Arena, at: usize) {
    if let Err(error) = arena.start_node(at) {
        arena.findings.add(error);
    }
}

/// The same for a node that lost memory: it counts as away until it has everything again.
pub(super) fn start_amnesiac(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    arena.members[at].is_amnesiac = true;
    start_or_report(arena, at);
    Ok(())
}

/// SIGSTOP.
pub(super) fn hang(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    arena.hinder(at);
    arena.signal(at, "STOP");
    Ok(())
}

pub(super) fn go_on(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    arena.signal(at, "CONT");
    arena.unhinder(at);
    Ok(())
}

/// A rolling restart: the next node is stopped when the one before serves again.
pub(super) fn restart_one_after_the_other(arena: &mut Arena, _: usize, _: &mut StdRng) -> Result<(), String> {
    for at in 0..arena.members.len() {
        if arena.is_running(at) {
            arena.stop(&[at]);
            start_or_report(arena, at);
            arena.wait_until_whole()?;
        }
    }
    Ok(())
}

/// All at once: killed as by a power cut, or stopped as by an operator.
pub(super) fn restart_all(arena: &mut Arena, _: usize, rng: &mut StdRng) -> Result<(), String> {
    let all: Vec<usize> = (0..arena.members.len()).filter(|&at| arena.is_running(at)).collect();
    if rng.random() {
        all.iter().for_each(|&at| arena.kill(at));
    } else {
        arena.stop(&all);
    }
    all.iter().for_each(|&at| start_or_report(arena, at));
    Ok(())
}
