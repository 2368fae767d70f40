//! Nodes that are killed, stopped for a while, and lose their disks, under load.

use crate::cluster::Cluster;
use crate::harness::rounds;
use crate::load::{Load, Promises};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const WRITERS: usize = 8;

fn addrs(cluster: &Cluster) -> Vec<SocketAddr> {
    cluster.members.iter().map(|member| member.k2v_addr).collect()
}

/// Ends the load, and checks what it was promised at every node.
fn check_all(cluster: &Cluster, load: Load) -> Vec<Promises> {
    let promises = load.finish();
    for at in 0..cluster.members.len() {
        cluster.wait_until_served(at);
        for writer in &promises {
            writer.check(cluster.members[at].k2v_addr, &cluster.credentials);
        }
    }
    let sum = |of: fn(&Promises) -> u64| promises.iter().map(of).sum::<u64>();
    let (acknowledged, unknown) = (sum(|p| p.acknowledged), sum(|p| p.unknown));
    println!("{acknowledged} acknowledged, {unknown} unknown, {} reads", sum(|p| p.reads));
    assert!(acknowledged > 100, "hardly anything was acknowledged: {acknowledged}");
    promises
}

/// Lets the load run for a while that a random number decides.
fn for_a_while(rng: &mut StdRng) {
    // A fault has no event that could be awaited: what is tried is that it comes at any time.
    std::thread::sleep(Duration::from_millis(rng.random_range(50..1500)));
}

#[test]
fn whatever_node_is_killed_no_acknowledged_write_is_lost_and_none_comes_back() {
    let mut cluster = Cluster::start(3);
    let load = Load::start(WRITERS, &addrs(&cluster), &cluster.credentials, 1);
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..rounds("CLUSTER_KILLS", 6) {
        let at = rng.random_range(0..3);
        for_a_while(&mut rng);
        cluster.kill(at);
        for_a_while(&mut rng);
        cluster.start_node(at);
        cluster.wait_until_served(at);
    }
    check_all(&cluster, load);
}

#[test]
fn a_node_that_hangs_holds_nobody_up_for_long_and_comes_back() {
    let cluster = Cluster::start(3);
    let load = Load::start(WRITERS, &[cluster.members[0].k2v_addr], &cluster.credentials, 2);
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..rounds("CLUSTER_STOPS", 2) {
        for_a_while(&mut rng);
        cluster.signal(1, "STOP");
        let before = load.acknowledged();
        let stopped = Instant::now();
        // The others form a majority: they go on within ten seconds.
        while load.acknowledged() < before + 200 && stopped.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let waited = stopped.elapsed();
        cluster.signal(1, "CONT");
        assert!(waited < Duration::from_secs(20), "the two others did not go on");
    }
    check_all(&cluster, load);
}

#[test]
fn a_node_whose_disk_was_wiped_gets_everything_back_and_costs_nothing() {
    let mut cluster = Cluster::start(3);
    let load = Load::start(WRITERS, &addrs(&cluster), &cluster.credentials, 3);
    let mut rng = StdRng::seed_from_u64(3);
    for at in [1, 2] {
        for_a_while(&mut rng);
        cluster.kill(at);
        let meta = cluster.home(at).path().join("meta");
        for entry in std::fs::read_dir(&meta).unwrap().flatten() {
            let is_kept = entry.file_name() == "node_key";
            match entry.file_type().unwrap().is_dir() {
                _ if is_kept => {}
                true => std::fs::remove_dir_all(entry.path()).unwrap(),
                false => std::fs::remove_file(entry.path()).unwrap(),
            }
        }
        cluster.start_node(at);
        cluster.wait_until_served(at);
        wait_until_whole(&cluster, at);
    }
    check_all(&cluster, load);
}

#[test]
fn a_node_with_an_older_copy_of_its_disk_costs_no_acknowledged_write() {
    let mut cluster = Cluster::start(3);
    let load = Load::start(WRITERS, &addrs(&cluster), &cluster.credentials, 4);
    let mut rng = StdRng::seed_from_u64(4);
    for_a_while(&mut rng);
    cluster.kill(2);
    let (meta, image) = (cluster.home(2).path().join("meta"), cluster.home(2).path().join("image"));
    copy_dir(&meta, &image);
    cluster.start_node(2);
    cluster.wait_until_served(2);
    for_a_while(&mut rng);
    for_a_while(&mut rng);
    cluster.kill(2);
    std::fs::remove_dir_all(&meta).unwrap();
    std::fs::rename(&image, &meta).unwrap();
    cluster.start_node(2);
    cluster.wait_until_served(2);
    for_a_while(&mut rng);
    check_all(&cluster, load);
}

/// Waits until the node says that it lacks nothing any more.
fn wait_until_whole(cluster: &Cluster, at: usize) {
    crate::cluster::wait_until("the node has everything again", || {
        let left = cluster.gauge(at, "shards_amnesiac") + cluster.gauge(at, "shards_receiving");
        let status = cluster.command(at, &["status"]);
        if left == 0 && !status.contains("votes in no read") { Ok(()) } else { Err(status) }
    });
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_dir(&entry.path(), &target);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
