//! A cluster of real processes in network namespaces, and everything that networks, disks, machines and operators do to it.
//!
//! `cargo test --test torture` takes a minute and draws all faults from a seed. More, by the environment:
//! `TROUPE_TORTURE_SECONDS`, `TROUPE_TORTURE_FAULTS` (names with commas between them), `TROUPE_TORTURE_SEED`,
//! `TROUPE_TORTURE_NODES` (3 to 5), `TROUPE_TORTURE_REPORT` (a file that gets a line of JSON per run), and
//! `TROUPE_TORTURE_CONFIG` (a line for the nodes' configuration). See `docs/reliability.md`.

#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a run that cannot go on has failed")]

#[path = "../blackbox/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the other test binaries use the rest")]
mod harness;

mod arena;
mod caller;
mod calm;
mod checker;
mod clients;
mod driver;
mod faults;
mod history;
mod network;
mod report;
mod service;

use driver::Options;

fn set(name: &str) -> Option<String> {
    std::env::var(format!("TROUPE_TORTURE_{name}")).ok().filter(|text| !text.is_empty())
}

fn number(name: &str, default: u64) -> u64 {
    set(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn whatever_is_done_to_a_cluster_it_keeps_its_promises() {
    if let Some(why) = network::obstacle() {
        println!("skipped: torture: {why}");
        return;
    }
    if number("SECONDS", 60) == 0 {
        println!("skipped: torture: TROUPE_TORTURE_SECONDS is 0");
        return;
    }
    network::sweep();
    let options = Options {
        seconds: number("SECONDS", 60),
        seed: number("SEED", rand::random::<u32>().into()),
        nodes: usize::try_from(number("NODES", 3).clamp(3, 5)).expect("a small number"),
        faults: set("FAULTS").map_or_else(Vec::new, |names| names.split(',').map(str::to_owned).collect()),
        extra: set("CONFIG").unwrap_or_default(),
    };
    println!("TROUPE_TORTURE_SEED={} draws the same faults", options.seed);
    let report = driver::run(&options);
    report.print();
    if let Some(path) = set("REPORT") {
        report.append_to(&path).expect("the report can be written");
    }
    assert!(report.violations.is_empty(), "{} promises were broken", report.violations.len());
}
