//! The gateway's speed beside a bare actix-web server that answers the same bytes, in one run.
//!
//! `cargo bench --bench gateway` starts a durable node (fsync on) in a temporary folder and a bare server, drives both
//! in turn over loopback with the same load generator, and prints the table of `docs/performance.md`. Rounds
//! alternate between the two, so that a machine whose speed drifts shifts both.
//!
//! `-- --against PATH` drives another build's `troupe` in the same rounds, and adds what this one makes of its speed.
//! `-- --cluster 3` drives the first node of a cluster with three replicas of everything, on this machine like the rest, and
//! compares with a node by itself in the same rounds.
//! `-- --stored 2000000` stores so many items before anything is measured, in the partitions of the inserts.
//! `-- --seconds 8` sets the length of one measurement, `-- --rounds 5` their number, `-- --only read,insert` picks.

mod bare;
mod cluster;
mod disk;
mod load;
mod node;
mod polls;
mod requests;
mod sign;

use load::{Load, Measured};
use requests::Workload;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

const CONNECTIONS: usize = 64;

struct Options {
    seconds: f64,
    rounds: usize,
    only: Option<Vec<String>>,
    against: Option<PathBuf>,
    cluster: Option<usize>,
    stored: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(port_file) = arguments.iter().position(|word| word == "--bare-server") {
        return bare::serve(std::path::Path::new(&arguments[port_file + 1]));
    }
    let options = options(&arguments);
    let folder = tempfile::tempdir().expect("a temporary folder");
    disk::probe(folder.path()).expect("the disk can be written to");
    let single = || node::start(Path::new(node::OWN), &folder.path().join("node"));
    let node =
        options.cluster.map_or_else(single, |nodes| cluster::start(nodes, &folder.path().join("cluster")));
    let other = match &options.against {
        Some(troupe) => Some(node::start(troupe, &folder.path().join("other"))),
        None => options.cluster.is_some().then(single),
    };
    let bare = bare::start(folder.path());
    println!("An empty folder serves after {:.0} ms.\n", node.ready_after.as_secs_f64() * 1000.0);
    for node in std::iter::once(&node).chain(&other) {
        let load = Load { connections: 16, seconds: 3600.0, warm_up_seconds: 0.0, body_bytes_min: 0 };
        load.run(node.address, &Rc::new(requests::filling(node, options.stored)), false);
    }
    let against = if other.is_some() { (" of the other | its p99 ms |", "---|---|") } else { ("", "") };
    println!(
        "| workload | Troupe, fsync on | bare actix-web | share | p50 ms | p99 ms | p99.9 ms |{}",
        against.0
    );
    println!("|---|---|---|---|---|---|---|{}", against.1);
    for workload in Workload::ALL {
        if options.only.as_ref().is_none_or(|only| only.iter().any(|name| name == workload.name())) {
            row(workload, &options, &node, other.as_ref(), bare.address);
        }
    }
    let has_polls = options.only.as_ref().is_none_or(|only| only.iter().any(|name| name == "poll"));
    if has_polls && options.cluster.is_none() {
        // A node that served nothing else has no freed memory to wait in.
        let fresh = node::start(Path::new(node::OWN), &folder.path().join("fresh"));
        store(Workload::Read, &fresh);
        let polls = 1000;
        let bytes = polls::memory_of_waiting_polls(&fresh, polls);
        println!("| {polls} waiting polls | {:.1} KiB each | | | | | |", bytes / 1024.0);
    }
}

/// Stores what a workload reads.
fn store(workload: Workload, node: &node::Node) {
    let load = Load { connections: 1, seconds: 60.0, warm_up_seconds: 0.0, body_bytes_min: 0 };
    load.run(node.address, &Rc::new(requests::stored(workload, node)), false);
}

fn row(
    workload: Workload,
    options: &Options,
    node: &node::Node,
    other: Option<&node::Node>,
    bare: SocketAddr,
) {
    let nodes = std::iter::once(node).chain(other);
    nodes.clone().for_each(|node| store(workload, node));
    let mut troupe_runs = vec![Vec::new(); nodes.clone().count()];
    let mut bare_runs = Vec::new();
    for round in 0..options.rounds {
        let load = Load {
            connections: CONNECTIONS,
            seconds: options.seconds,
            warm_up_seconds: 0.5,
            body_bytes_min: workload.body_bytes_min(),
        };
        for (node, runs) in nodes.clone().zip(&mut troupe_runs) {
            let requests = Rc::new(requests::render(workload, node, round, options.seconds));
            runs.push(load.run(node.address, &requests, workload.repeats()));
            // The bare server stores nothing: it may be asked the same thing twice.
            bare_runs.push(load.run(bare, &requests, true));
        }
    }
    let mut medians = troupe_runs.into_iter().map(median);
    let troupe = medians.next().expect("this build's node was measured");
    let bare = median(bare_runs);
    let unit = workload.items_per_request();
    let against = medians.next().map_or_else(String::new, |other| {
        format!(" {:.0} % | {:.2} |", 100.0 * troupe.per_second / other.per_second, other.p99_ms)
    });
    println!(
        "| {} | {:.0} {}/s | {:.0} requests/s | {:.0} % | {:.2} | {:.2} | {:.2} |{against}",
        workload.name(),
        troupe.per_second * unit as f64,
        workload.unit(),
        bare.per_second,
        100.0 * troupe.per_second / bare.per_second,
        troupe.p50_ms,
        troupe.p99_ms,
        troupe.p999_ms,
    );
}

fn median(mut runs: Vec<Measured>) -> Measured {
    runs.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    runs.swap_remove(runs.len() / 2)
}

fn options(arguments: &[String]) -> Options {
    let value = |flag: &str| {
        let at = arguments.iter().position(|word| word == flag)?;
        arguments.get(at + 1).cloned()
    };
    Options {
        seconds: value("--seconds").map_or(4.0, |text| text.parse().expect("--seconds takes a number")),
        rounds: value("--rounds").map_or(3, |text| text.parse().expect("--rounds takes a whole number")),
        against: value("--against").map(PathBuf::from),
        cluster: value("--cluster").map(|text| text.parse().expect("--cluster takes a whole number")),
        stored: value("--stored").map_or(0, |text| text.parse().expect("--stored takes a whole number")),
        only: value("--only").map(|names| names.split(',').map(str::to_owned).collect()),
    }
}
