//! What must be true of a cluster that nothing is done to any more.

use crate::arena::Arena;
use crate::caller::{Caller, bucket};
use crate::clients::Books;
use crate::harness::memory::anonymous_kib;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// More file descriptors than at rest in the beginning: links that were made anew, and the like.
const FILES_MORE_MAX: usize = 48;

/// More memory than at rest in the beginning: caches that were empty then.
const KIB_MORE_MAX: u64 = 192 << 10;

/// Items with their values, `None` a tombstone; by sort key.
type Partition = BTreeMap<String, Vec<Option<String>>>;

/// What each process holds.
pub(crate) struct Holdings(BTreeMap<usize, (usize, u64)>);

impl Holdings {
    pub(crate) fn of(arena: &Arena) -> Holdings {
        let running = (0..arena.members.len()).filter_map(|at| Some((at, arena.pid(at)?)));
        Holdings(running.map(|(at, pid)| (at, (files(pid), anonymous_kib(pid)))).collect())
    }
}

fn files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Looks at everything; what is wrong becomes a finding. Gives how long it took until the replicas were equal.
pub(crate) fn check(arena: &mut Arena, mut books: Books, at_rest: &Holdings) -> Option<Duration> {
    let healed = Instant::now();
    let findings = arena.findings.clone();
    let calm = arena
        .wait_until_linked()
        .and_then(|()| arena.wait_until_whole())
        .and_then(|()| arena.wait_until_equal(healed));
    if let Err(error) = &calm {
        findings.add(error.clone());
    }
    arena.say("the books of the clients are compared with what each node shows");
    let addrs = arena.addrs();
    books.check(&addrs, arena.lost_memory, &findings);
    drop(books);
    arena.say("the index is compared with a full count");
    let mut caller = Caller::new(addrs.clone(), &arena.credentials, &findings, 0);
    caller.allows_damage = arena.allows_damage;
    let index = check_index(&mut caller, &addrs);
    drop(caller);
    arena.say("layouts, files and memory are looked at");
    check_layouts(arena);
    check_leaks(arena, at_rest);
    arena.say("each replica is asked alone");
    check_replicas(arena, &index);
    for at in 0..arena.members.len() {
        if let Some(line) = arena.log(at).lines().find(|line| line.contains("panicked at")) {
            findings.add(format!("node {at} panicked: {line}"));
        }
    }
    calm.ok()
}

/// The index of each node is what a full count says. Gives the partitions.
fn check_index(caller: &mut Caller, nodes: &[IpAddr]) -> BTreeSet<String> {
    let mut partitions = BTreeSet::new();
    for &node in nodes {
        let Some(index) = index(caller, node) else {
            caller.findings.add(format!("the index cannot be read at {node}"));
            continue;
        };
        for (pk, counters) in &index {
            let counted = caller.list(node, pk, "").map(|items| count(&items));
            if counted != Some(*counters) && !caller.allows_damage {
                caller
                    .findings
                    .add(format!("{pk} at {node}: the index says {counters:?}, and a count {counted:?}"));
            }
        }
        partitions.extend(index.into_keys());
    }
    partitions
}

/// Entries, conflicts, values and bytes of each partition.
fn index(caller: &mut Caller, node: IpAddr) -> Option<BTreeMap<String, [u64; 4]>> {
    let mut rows = BTreeMap::new();
    let mut start = None;
    loop {
        let query: Vec<(&str, &str)> = start.iter().map(|start: &String| ("start", start.as_str())).collect();
        let answer = caller.call(node, bucket("GET", &query))?;
        if answer.status != 200 {
            return caller.excuse(&format!("index at {node}"), &answer);
        }
        let page = answer.json();
        for row in page["partitionKeys"].as_array().into_iter().flatten() {
            let counters =
                ["entries", "conflicts", "values", "bytes"].map(|name| row[name].as_u64().unwrap_or(0));
            rows.insert(row["pk"].as_str().unwrap_or_default().to_owned(), counters);
        }
        start = page["nextStart"].as_str().map(str::to_owned);
        if start.is_none() {
            return Some(rows);
        }
    }
}

fn count(items: &Partition) -> [u64; 4] {
    let mut counters = [0; 4];
    for values in items.values() {
        let distinct: BTreeSet<_> = values.iter().collect();
        let lengths: Vec<usize> =
            distinct.iter().filter_map(|value| value.as_deref().map(str::len)).collect();
        counters[0] += u64::from(!lengths.is_empty());
        counters[1] += u64::from(distinct.len() > 1);
        counters[2] += lengths.len() as u64;
        counters[3] += lengths.iter().sum::<usize>() as u64;
    }
    counters
}

/// All nodes know the same layout.
fn check_layouts(arena: &Arena) {
    let layouts: BTreeSet<String> = (0..arena.members.len())
        .map(|at| match arena.ask(at, "/v2/GetClusterLayout") {
            Ok(answer) => {
                let layout = answer.json();
                format!("version {} of {}", layout["version"], layout["roles"])
            }
            Err(error) => error.to_string(),
        })
        .collect();
    if layouts.len() != 1 {
        arena.findings.add(format!("nodes know different layouts: {layouts:?}"));
    }
}

fn check_leaks(arena: &Arena, at_rest: &Holdings) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let now = Holdings::of(arena);
        let is_more = |at: &usize, files: usize, kib: u64| {
            let (files_at_rest, kib_at_rest) = at_rest.0.get(at).copied().unwrap_or_default();
            files > files_at_rest + FILES_MORE_MAX || kib > kib_at_rest + KIB_MORE_MAX
        };
        let leaking: Vec<_> = now.0.iter().filter(|&(at, &(files, kib))| is_more(at, files, kib)).collect();
        if leaking.is_empty() {
            return;
        }
        if Instant::now() > deadline {
            arena
                .findings
                .add(format!("files and KiB held at rest: {leaking:?}, in the beginning: {:?}", at_rest.0));
            return;
        }
        // Nobody announces that something was given back.
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Each replica holds the same. Nodes that read one replica alone (`degraded`) read their own.
fn check_replicas(arena: &mut Arena, partitions: &BTreeSet<String>) {
    arena.extra.push_str("\nconsistency_mode = \"degraded\"\n");
    let all: Vec<usize> = (0..arena.members.len()).collect();
    arena.stop(&all);
    for &at in &all {
        if let Err(error) = arena.start_node(at) {
            arena.findings.add(error);
            return;
        }
    }
    if let Err(error) = arena.wait_until_whole() {
        arena.findings.add(error);
        return;
    }
    let nodes: Vec<IpAddr> = arena.replicas().iter().map(|&at| arena.members[at].addr).collect();
    let mut caller = Caller::new(nodes.clone(), &arena.credentials, &arena.findings, 0);
    caller.allows_damage = arena.allows_damage;
    for pk in partitions {
        let held: Vec<Option<Partition>> = nodes.iter().map(|&node| caller.list(node, pk, "")).collect();
        if let Some(other) = held.iter().position(|items| *items != held[0]) {
            let differing = difference(held[0].as_ref(), held[other].as_ref());
            arena.findings.add(format!("{pk} differs at {} and {}: {differing}", nodes[0], nodes[other]));
        }
    }
}

fn difference(one: Option<&Partition>, other: Option<&Partition>) -> String {
    let (Some(one), Some(other)) = (one, other) else { return "one of them does not answer".to_owned() };
    let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let differs = keys.into_iter().find(|sk| one.get(*sk) != other.get(*sk));
    differs.map_or_else(String::new, |sk| format!("{sk}: {:?}, {:?}", one.get(sk), other.get(sk)))
}
