//! Tells one run of the simulator:
//!
//! ```text
//! cargo run -p troupe-actors --bin sim -- [--cluster] --seed N [--requests N] [--without PART]… [--minimise]
//! ```
//!
//! `--minimise` shrinks a run that breaks an invariant, and tells the smallest one that was found. The exit code is 1
//! where an invariant is broken.

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

use game::Game;
use minimise::{Failing, minimise};
use shape::{Part, Shape};
use std::process::ExitCode;

/// What is told.
struct Wish {
    game: Game,
    seed: u64,
    shape: Shape,
    wants_minimal: bool,
}

fn main() -> ExitCode {
    let wish = match wish(std::env::args().skip(1)) {
        Ok(wish) => wish,
        Err(problem) => {
            let names = |parts: &[Part]| parts.iter().map(|part| format!("{part:?}")).collect::<Vec<_>>();
            let (node, cluster) = (names(Part::OF_A_NODE), names(Part::OF_A_CLUSTER));
            eprintln!(
                "{problem}\nusage: sim [--cluster] --seed N [--requests N] [--without PART]… [--minimise]\n\
                 parts: {}\nparts of a cluster: {}",
                node.join(", "),
                cluster.join(", ")
            );
            return ExitCode::from(2);
        }
    };
    let (game, mut seed, mut shape) = (wish.game, wish.seed, wish.shape);
    if wish.wants_minimal {
        match minimise(game, seed, None) {
            Some(Failing { seed: found, shape: smaller, .. }) => (seed, shape) = (found, smaller),
            None => println!("seed {seed} breaks no invariant: there is nothing to shrink"),
        }
    }
    let outcome = (game.run)(seed, None, &shape, true);
    let hash = outcome.trace.hash();
    println!("{}\n", outcome.trace.into_text());
    println!("{}   # trace {hash:016x}", command(game, seed, &shape));
    match outcome.violation {
        Some(violation) => {
            println!("broken: {}\n{}", violation.invariant, violation.what);
            ExitCode::FAILURE
        }
        None => {
            println!("every promise was kept");
            ExitCode::SUCCESS
        }
    }
}

/// What tells the same run again.
fn command(game: Game, seed: u64, shape: &Shape) -> String {
    let mut command = format!("cargo run -p troupe-actors --bin sim --{} --seed {seed}", game.option);
    if shape.requests_max != u32::MAX {
        command.push_str(&format!(" --requests {}", shape.requests_max));
    }
    for part in &shape.without {
        command.push_str(&format!(" --without {part:?}"));
    }
    command
}

fn wish(mut arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let (mut game, mut seed, mut shape, mut wants_minimal) = (game::NODE, None, Shape::whole(), false);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--cluster" => game = game::CLUSTER,
            "--seed" => seed = Some(number(&value()?)?),
            "--requests" => {
                shape.requests_max = u32::try_from(number(&value()?)?).unwrap_or(u32::MAX);
            }
            "--without" => {
                let name = value()?;
                let mut parts = Part::OF_A_NODE.iter().chain(Part::OF_A_CLUSTER).copied();
                let part = parts.find(|part| format!("{part:?}") == name);
                shape.without.push(part.ok_or(format!("there is no part {name}"))?);
            }
            "--minimise" => wants_minimal = true,
            other => return Err(format!("{other} is not an option")),
        }
    }
    Ok(Wish { game, seed: seed.ok_or("--seed is missing")?, shape, wants_minimal })
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text} is not a number"))
}
