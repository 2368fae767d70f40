//! Following a partition while its node is killed and started again.

use crate::harness::node::{Process, troupe};
use crate::harness::{Node, unique};
use crate::program::Program;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

const WRITES: usize = 10_000;
const KEYS: usize = 400;

/// One write a line: the last one to a key is its final state.
fn lines(rounds: std::ops::Range<usize>) -> String {
    rounds
        .map(|number| {
            let value = base64_of(&format!("{number:05}!"));
            format!("{{\"pk\":\"pk\",\"sk\":\"w{:03}\",\"v\":[\"{value}\"]}}\n", number % KEYS)
        })
        .collect()
}

fn base64_of(text: &str) -> String {
    crate::harness::base64(text.as_bytes())
}

#[test]
fn every_keys_final_state_is_printed_though_the_node_is_killed_and_restarted() {
    let node = Node::dev();
    let (addr, bucket) = (node.addr, unique("watch"));
    let program = Program::at(&node, &bucket);
    program.ok("put pk w-early x");
    program.ok("put pk other x");
    let mut watch = program.start(&["watch", "pk", "--prefix", "w"]);
    let mut events = BufReader::new(watch.child.stdout.take().unwrap()).lines();
    let first: serde_json::Value = serde_json::from_str(&events.next().unwrap().unwrap()).unwrap();
    assert_eq!((first["event"].as_str(), first["sk"].as_str()), (Some("snapshot"), Some("w-early")));

    let write = |rounds| {
        // As many lines as one comparison takes: each write is one of its own.
        for chunk in lines(rounds).lines().collect::<Vec<_>>().chunks(KEYS) {
            let ran = program.run_with_input(&["import"], (chunk.join("\n") + "\n").as_bytes());
            assert_eq!(ran.code, 0, "{ran:?}");
        }
    };
    write(0..WRITES / 2);
    let home = node.kill();
    let mut command = troupe();
    command.args(["dev", "--dir"]).arg(home.path().join("node"));
    command.args([
        "--k2v-addr",
        &addr.to_string(),
        "--admin-addr",
        "127.0.0.1:0",
        "--rpc-addr",
        "127.0.0.1:0",
    ]);
    command.stdout(Stdio::null());
    let _again = Process::start(command, &home.path().join("again.log"));
    // The first import waits until the node is back.
    write(WRITES / 2..WRITES);
    program.ok("put pk w-last x");

    // A reader of its own, so that a state which never comes is a failure and no silence.
    let (sender, receiver) = mpsc::channel();
    let reader =
        std::thread::spawn(move || events.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let expected: BTreeMap<String, String> = (WRITES - KEYS..WRITES)
        .map(|number| (format!("w{:03}", number % KEYS), base64_of(&format!("{number:05}!"))))
        .chain([("w-last".to_owned(), base64_of("x"))])
        .collect();
    let mut missing: BTreeSet<&str> = expected.keys().map(String::as_str).collect();
    while !missing.is_empty() {
        let line = receiver.recv_timeout(Duration::from_secs(120));
        let line = line.unwrap_or_else(|_| panic!("these final states never came: {missing:?}"));
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        let (sk, value) = (event["sk"].as_str().unwrap(), event["v"][0].as_str().unwrap());
        assert!(sk.starts_with('w'), "{event}");
        // An older state after the final one would make it missing again.
        if let Some((sk, state)) = expected.get_key_value(sk) {
            if state == value {
                missing.remove(sk.as_str())
            } else {
                missing.insert(sk.as_str())
            };
        }
    }
    drop((watch, receiver));
    // Its last word met nobody.
    let _ = reader.join().unwrap();
}

#[test]
fn a_watch_goes_on_from_the_marker_of_an_earlier_one() {
    let node = Node::dev();
    let program = Program::at(&node, "markers");
    program.ok("put pk a x");
    let next_lines = |arguments: &[&str], count: usize| -> Vec<serde_json::Value> {
        let mut watch = program.start(arguments);
        let lines = BufReader::new(watch.child.stdout.take().unwrap()).lines();
        lines.take(count).map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
    };
    let seen = next_lines(&["watch", "pk", "--markers"], 2);
    assert_eq!((seen[0]["sk"].as_str(), seen[1]["event"].as_str()), (Some("a"), Some("seen")));
    program.ok("put pk b x");
    let marker = seen[1]["marker"].as_str().unwrap();
    let later = next_lines(&["watch", "pk", "--since", marker], 1);
    assert_eq!((later[0]["event"].as_str(), later[0]["sk"].as_str()), (Some("change"), Some("b")));
}

#[test]
fn a_watch_prints_a_table_and_runs_a_command_for_each_change() {
    let program = Program::shared("watch-people");
    program.ok("put pk a one");
    let mut watch = program.start(&["watch", "pk", "-o", "table"]);
    let mut lines = BufReader::new(watch.child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let words = |line: String| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(lines.next().unwrap()), ["EVENT", "SORT", "KEY", "SIZE", "VALUE"]);
    assert_eq!(words(lines.next().unwrap()), ["snapshot", "a", "3", "B", "one"]);
    program.ok("put pk a two");
    assert_eq!(words(lines.next().unwrap()), ["change", "a", "3", "B", "two"]);
    program.ok("rm pk a");
    assert_eq!(words(lines.next().unwrap()), ["change", "a", "0", "B", "(deleted)"]);

    // The first change makes it fail, which does not end the watch.
    let command =
        r#"read -r line; echo "$K2V_EVENT $K2V_PARTITION_KEY $K2V_SORT_KEY $line"; [ "$K2V_SORT_KEY" != b ]"#;
    program.ok("put pk b x");
    let mut watch = program.start(&["watch", "pk", "--prefix", "b", "--exec", command]);
    let mut lines = BufReader::new(watch.child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    assert!(first.starts_with("snapshot pk b {\"event\":\"snapshot\",\"pk\":\"pk\",\"sk\":\"b\""), "{first}");
    program.ok("put pk b2 x");
    let second = lines.next().unwrap();
    assert!(second.starts_with("change pk b2 {") && second.ends_with("\"v\":[\"eA==\"]}"), "{second}");

    assert_eq!(program.run("watch pk --markers -o table").code, 2);
    let refused = program.run("watch pk --since forged");
    assert!(refused.code != 0 && refused.err.contains("leave --since out"), "{refused:?}");
}
