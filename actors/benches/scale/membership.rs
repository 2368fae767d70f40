use crate::world::World;
use crate::{Event, MemberState, now};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Nodes that fail, one after the other.
const FAILURES: usize = 5;

/// How long traffic is counted while nothing happens.
const IDLE: Duration = Duration::from_secs(60);

/// How long traffic is counted from a failure on: about as long as its news is passed on.
const NEWS: Duration = Duration::from_secs(10);

pub(crate) fn measure(counts: &[usize]) {
    println!(
        "| nodes | all meet | a failure is seen by all (median, worst) | a leave is seen by all | bytes/s, idle | bytes/s, with news | memory per node | processor per node |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for count in counts {
        measure_one(*count);
    }
}

fn measure_one(count: usize) {
    let memory = resident_bytes();
    let mut world = World::new(count, count as u64);
    let met = world.time_until(120 * SECOND, World::is_calm).expect("all nodes meet");
    // The news of the start has gone around.
    world.run(60 * SECOND);
    let per_node = resident_bytes().saturating_sub(memory) / count as u64;
    let (started, bytes) = (now(), told(&world));
    world.run(IDLE);
    let idle = (told(&world) - bytes) / count as u64 / IDLE.as_secs();
    let processor = started.elapsed().as_secs_f64() / IDLE.as_secs_f64() / count as f64;

    let mut seen = Vec::new();
    let mut busiest = 0;
    for failure in 0..FAILURES.min(count / 3) {
        let (failed, bytes, start) = (failure * (count / FAILURES.min(count / 3)), told(&world), world.now);
        world.kill(failed);
        let took = world.time_until(60 * SECOND, |world| world.all_see(failed, MemberState::Down));
        seen.push(took.expect("all nodes see it"));
        world.run((start + NEWS).saturating_sub(world.now));
        let time = (world.now - start).as_secs_f64();
        busiest = busiest.max(((told(&world) - bytes) as f64 / count as f64 / time) as u64);
        world.run(20 * SECOND);
    }
    seen.sort();
    let leaver = count - 1;
    world.step(leaver, Event::Leave);
    world.kill(leaver);
    let left = world.time_until(60 * SECOND, |world| world.all_see(leaver, MemberState::Down));
    println!(
        "| {count} | {:.1} s | {:.1} s, {:.1} s | {:.1} s | {idle} | {busiest} | {} KB | {:.3} % |",
        met.as_secs_f64(),
        seen[seen.len() / 2].as_secs_f64(),
        seen[seen.len() - 1].as_secs_f64(),
        left.expect("all nodes see it").as_secs_f64(),
        per_node / 1000,
        processor * 100.0,
    );
}

fn told(world: &World) -> u64 {
    world.nodes.iter().map(|node| node.bytes_told).sum()
}

/// Memory of this process.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
