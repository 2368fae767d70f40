//! The load generator against a node: it finishes, its numbers add up, and it leaves nothing.

use crate::program::Program;
use std::process::Command;

#[test]
fn every_workload_is_measured_and_verified() {
    let program = Program::shared("bench");
    let reports = program.ok(
        "bench --connections 4 --duration 1 --warm-up 1 --count 300 --keys 500 --range-size 50 --batch-size 20 \
         --verify -o jsonl",
    );
    let reports = reports.json_lines();
    let names: Vec<_> = reports.iter().map(|report| report["workload"].as_str().unwrap()).collect();
    assert_eq!(names, ["insert", "read", "mixed", "batch", "range", "poll"]);
    for report in &reports {
        assert_eq!(report["errors"], 0, "{report}");
        assert!((1..=300).contains(&report["requests"].as_u64().unwrap()), "{report}");
        let latency = |name: &str| report["latency_us"][name].as_f64().unwrap();
        assert!(latency("p50") <= latency("p99") && latency("p99") <= latency("max"), "{report}");
    }
    assert_eq!(program.ok("du --summarize -o raw").text(), "0\n", "it cleans up");
}

#[test]
fn answers_that_are_refusals_are_counted_and_fail_the_run() {
    let program = Program::shared("bench-refused");
    // The clean-up is refused as well.
    let ran = program.run("-s wrong bench insert --connections 2 --duration 1 --warm-up 1");
    assert!(ran.code != 0 && ran.err.contains("AccessDenied"), "{ran:?}");
    let ran = program.run("-e http://127.0.0.1:9 bench insert");
    assert!(ran.code == 6 && ran.err.contains("that the server runs"), "{ran:?}");
    let ran = program.run("-e https://localhost bench insert");
    assert!(ran.code == 2 && ran.err.contains("plain http"), "{ran:?}");
}

#[test]
fn an_interrupted_run_deletes_what_it_wrote() {
    let program = Program::shared("bench-interrupted");
    for workload in ["insert", "read", "batch", "poll"] {
        let mut running =
            program.start(&["bench", workload, "--connections", "4", "--duration", "600", "--keys", "2000"]);
        // It is at work once something of it is there.
        while program.ok("ls -o raw").out.is_empty() {
            assert!(running.child.try_wait().unwrap().is_none(), "{workload}: it ended by itself");
        }
        let id = running.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        assert_eq!(running.child.wait().unwrap().code(), Some(130), "{workload}");
        assert_eq!(program.ok("du --summarize -o raw").text(), "0\n", "{workload}");
    }
}
