//! One run: a cluster, clients at work, faults drawn from a seed, calm, and the checker.

use crate::arena::{Arena, Plan, REPLICAS, faketime};
use crate::caller::Findings;
use crate::checker::{self, Holdings};
use crate::clients::Clients;
use crate::faults::{ALL, Fault, Kind, named};
use crate::report::Report;
use crate::service::Service;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a run is asked to be.
pub(crate) struct Options {
    pub(crate) seconds: u64,
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
    /// Names of faults; all of them if there are none.
    pub(crate) faults: Vec<String>,
    /// More lines for the nodes' configuration.
    pub(crate) extra: String,
}

struct Run {
    arena: Arena,
    rng: StdRng,
    chosen: Vec<&'static Fault>,
    strikes: usize,
    not_done: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Report {
    let mut chosen: Vec<&'static Fault> = options
        .faults
        .iter()
        .map(|name| named(name).unwrap_or_else(|| panic!("there is no fault `{name}`: {}", names())))
        .collect();
    let is_mixture = chosen.is_empty();
    if is_mixture {
        chosen = ALL.iter().filter(|fault| !fault.is_on_request).collect();
    }
    let mut not_done = Vec::new();
    if faketime().is_none() && chosen.iter().any(|fault| fault.name == "clock") {
        not_done.push("clock: libfaketime is not installed (Debian's package libfaketime)".to_owned());
        chosen.retain(|fault| fault.name != "clock");
    }
    let is_chosen = |name: &str| chosen.iter().any(|fault| fault.name == name);
    // A small file system in memory cannot be slowed down: a mixture has one or the other.
    let has_small_disks =
        is_chosen("full-disk") && !(is_chosen("slow-disk") && options.seed.is_multiple_of(2));
    chosen.retain(|fault| fault.name != if has_small_disks { "slow-disk" } else { "full-disk" });
    let findings = Findings::default();
    let mut report = Report {
        faults: if is_mixture { "mixed".to_owned() } else { options.faults.join("+") },
        seed: options.seed,
        nodes: options.nodes,
        seconds: options.seconds,
        strikes: 0,
        operations: 0,
        acknowledged: 0,
        unknown: 0,
        gap: Duration::ZERO,
        equal_after: None,
        load: String::new(),
        violations: Vec::new(),
        not_done,
    };
    if chosen.is_empty() {
        return report;
    }
    let plan = Plan {
        nodes: options.nodes,
        seed: options.seed,
        has_small_disks,
        fakes_clocks: chosen.iter().any(|fault| fault.name == "clock"),
        extra: options.extra.clone(),
    };
    let service = Arc::new(Service::new());
    let arena = Arena::start(&plan, Arc::clone(&service), &findings);
    let at_rest = Holdings::of(&arena);
    let clients = Clients::start(&arena, &service, &findings, options.seed);
    let mut run =
        Run { arena, rng: StdRng::seed_from_u64(options.seed), chosen, strikes: 0, not_done: Vec::new() };
    let end = Instant::now() + Duration::from_secs(options.seconds);
    run.rest(500..1500);
    while Instant::now() < end {
        run.strike();
        run.rest(300..1500);
    }
    run.arena.say("nothing is done any more");
    let books = clients.finish();
    service.expect(false, Instant::now());
    report.gap = service.longest();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    report.load = load.split(' ').next().unwrap_or_default().to_owned();
    (report.operations, report.acknowledged, report.unknown) =
        (books.count.operations, books.count.acknowledged, books.count.unknown);
    report.equal_after = checker::check(&mut run.arena, books, &at_rest);
    report.strikes = run.strikes;
    report.not_done.extend(run.not_done);
    report.violations = findings.all();
    if !report.violations.is_empty() {
        keep_logs(&run.arena);
    }
    report
}

pub(crate) fn names() -> String {
    ALL.iter().map(|fault| fault.name).collect::<Vec<_>>().join(", ")
}

impl Run {
    /// Does one thing to the cluster, or two at once, and takes it back.
    fn strike(&mut self) {
        let mut faults = vec![self.chosen[self.rng.random_range(0..self.chosen.len())]];
        let other = self.chosen[self.rng.random_range(0..self.chosen.len())];
        if self.rng.random_range(0..3) == 0 && may_go_together(faults[0], other) {
            faults.push(other);
            // An operator's change is begun and waited for while nothing else is wrong.
            faults.sort_by_key(|fault| fault.kind != Kind::Operator);
        }
        let replicas = self.arena.replicas();
        let first = self.rng.random_range(0..replicas.len());
        let mut begun = Vec::new();
        for (number, fault) in faults.into_iter().enumerate() {
            let at = replicas[(first + number) % replicas.len()];
            self.arena.say(&format!("{} of node {at}", fault.name));
            self.strikes += 1;
            let result = (fault.begin)(&mut self.arena, at, &mut self.rng);
            self.note(fault, result);
            begun.push((fault, at));
        }
        self.rest(500..4000);
        while let Some((fault, at)) = begun.pop() {
            self.arena.say(&format!("the end of {} of node {at}", fault.name));
            let result = (fault.end)(&mut self.arena, at, &mut self.rng);
            self.note(fault, result);
            if fault.kind == Kind::Memory {
                // Two replicas that lose their memory at the same time may lose what they had acknowledged.
                if let Err(error) = self.arena.wait_until_whole() {
                    self.arena.findings.add(error);
                }
            }
        }
    }

    fn note(&mut self, fault: &Fault, result: Result<(), String>) {
        if let Err(error) = result {
            self.arena.say(&format!("{}: {error}", fault.name));
            let why = format!("{}: {error}", fault.name);
            if !self.not_done.contains(&why) {
                self.not_done.push(why);
            }
        }
    }

    /// Lets the clients work for a while that a random number decides: a fault may come at any time.
    fn rest(&mut self, milliseconds: std::ops::Range<u64>) {
        let end = Instant::now() + Duration::from_millis(self.rng.random_range(milliseconds));
        while Instant::now() < end {
            self.arena.look_after_processes();
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Whether what one fault takes away and what the other does leave a cluster that must keep its promises, and can end.
fn may_go_together(one: &Fault, other: &Fault) -> bool {
    let is_alone = |fault: &Fault| matches!(fault.name, "restart" | "restart-all" | "revoke");
    one.kind != other.kind && !is_alone(one) && !is_alone(other)
}

/// Where a broken promise can be looked into after the cluster is gone.
fn keep_logs(arena: &Arena) {
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("torture-{}", std::process::id()));
    for at in 0..arena.members.len() {
        let kept = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(folder.join(format!("node-{at}.log")), arena.log(at)));
        if kept.is_err() {
            return;
        }
    }
    println!("the nodes' logs are in {}", folder.display());
}

const _: () = assert!(REPLICAS == 3, "`look` in arena.rs counts triples");
