//! Moving data: export, import, copy; twice, and interrupted.

use crate::harness::{Home, Node, shared_node, unique};
use crate::program::Program;
use std::fs;

/// Items of every sort: text, bytes, nothing, siblings, tombstones beside values, odd keys.
fn variety(items: usize) -> String {
    let values = [r#""b25l""#, r#""/wA=""#, r#""""#, r#""b25l","dHdv""#, r#"null,"dHdv""#];
    let line = |number: usize| {
        let (partition, value) = (number % 7, values[number % values.len()]);
        format!("{{\"pk\":\"a//b {partition} \\\"🦀\\n\",\"sk\":\"/{number:05}\",\"v\":[{value}]}}\n")
    };
    (0..items).map(line).collect()
}

/// The lines of an export, in an order of their own.
fn content(program: &Program) -> Vec<String> {
    let mut lines: Vec<_> = program.ok("export --tombstones").text().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn an_import_is_what_the_export_was_and_twice_is_once() {
    let node = shared_node();
    let (one, two) = (Program::at(&node, &unique("one")), Program::at(&node, &unique("two")));
    let lines = variety(2_000);
    let first = one.run_with_input(&["import"], lines.as_bytes());
    assert!(first.code == 0 && first.err.contains("2000 written, 0 the same"), "{first:?}");
    let counts = one.ok("du -o json").json();
    let again = one.run_with_input(&["import"], lines.as_bytes());
    assert!(again.err.contains("0 written, 2000 the same"), "{again:?}");
    assert_eq!(one.ok("du -o json").json(), counts);
    let mut sorted: Vec<_> = lines.lines().map(str::to_owned).collect();
    sorted.sort();
    assert_eq!(content(&one), sorted);

    let exported = one.ok("export").out;
    assert_eq!(two.run_with_input(&["import", "-"], &exported).code, 0);
    assert_eq!(content(&two), sorted);
}

#[test]
fn what_differs_is_replaced_kept_or_added_to() {
    let program = Program::shared("existing");
    let import = |how: &str, value: &str| {
        let line = format!("{{\"pk\":\"p\",\"sk\":\"s\",\"v\":[\"{value}\"]}}\n");
        let ran = program.run_with_input(&["import", "--existing", how], line.as_bytes());
        assert_eq!(ran.code, 0, "{ran:?}");
        program.ok("read p s -b").text()
    };
    assert_eq!(import("keep", "b25l"), "b25l\n");
    assert_eq!(import("keep", "dHdv"), "b25l\n");
    assert_eq!(import("merge", "dHdv"), "b25l\ndHdv\n");
    assert_eq!(import("merge", "dHdv"), "b25l\ndHdv\n");
    assert_eq!(import("replace", "dHJlcw=="), "dHJlcw==\n");
    let dry = br#"{"pk":"p","sk":"s","v":["b25l"]}"#;
    assert!(program.run_with_input(&["import", "--dry-run"], dry).err.contains("1 would be written"));
    assert_eq!(program.ok("read p s -b").text(), "dHJlcw==\n");
}

#[test]
fn a_line_that_is_no_item_ends_the_import_and_is_named() {
    let program = Program::shared("lines");
    for bad in [
        "{\"pk\":\"p\"}",
        "nonsense",
        "{\"pk\":\"p\",\"sk\":\"s\",\"v\":[]}",
        "[",
        "{\"pk\":\"p\",\"sk\":\"s\",\"v\":[\"?\"]}",
    ] {
        let lines = format!("{{\"pk\":\"p\",\"sk\":\"s\",\"v\":[\"b25l\"]}}\n{bad}\n");
        let ran = program.run_with_input(&["import"], lines.as_bytes());
        assert!(ran.code == 1 && ran.err.contains("line 2"), "{ran:?}");
    }
}

#[test]
fn an_import_that_was_killed_goes_on_when_it_is_started_again() {
    let node = shared_node();
    let program = Program::at(&node, &unique("killed"));
    let home = Home::new();
    let lines = variety(20_000);
    let file = home.write("items.jsonl", &lines);
    let mut running = program.start(&["import", file.to_str().unwrap()]);
    // Once something is there, it is in the middle.
    while program.ok("ls -o raw").out.is_empty() {
        assert!(running.child.try_wait().unwrap().is_none(), "it was too fast to be interrupted");
    }
    drop(running);
    let before = program.ok("du -o json").json()["total"]["entries"].as_u64().unwrap();
    assert!(before < 20_000, "it was interrupted");
    let again = program.ok_args(&["import", file.to_str().unwrap()]);
    assert!(!again.err.contains(" 0 the same"), "{again:?}");
    let mut sorted: Vec<_> = lines.lines().map(str::to_owned).collect();
    sorted.sort();
    assert_eq!(content(&program), sorted);
}

#[test]
fn an_export_that_was_interrupted_goes_on_when_it_is_started_again() {
    let program = Program::shared("export");
    assert_eq!(program.run_with_input(&["import"], variety(500).as_bytes()).code, 0);
    let whole = program.ok("export").text();
    let home = Home::new();
    // Cut off within a line, as a killed process leaves it.
    let partial = home.write("dump.jsonl.partial", &whole[..whole.len() / 2]);
    let file = home.path().join("dump.jsonl");
    let ran = program.ok_args(&["export", "--file", file.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&file).unwrap(), whole);
    assert!(!partial.exists() && !ran.err.contains(" 500 items"), "{ran:?}");
}

#[test]
fn a_copy_to_another_server_keeps_siblings_and_tombstones_and_is_verified() {
    let (here, there) = (shared_node(), Node::dev());
    let source = Program::at(&here, &unique("source"));
    let target = Program::at(&there, "target");
    assert_eq!(source.run_with_input(&["import"], variety(3_000).as_bytes()).code, 0);
    source.ok("put p gone x");
    source.ok("put p stays x");
    source.ok("rm p gone");
    target.ok("put extra own x");
    let copier = source
        .with("K2V_TO_ENDPOINT", &format!("http://{}", there.addr))
        .with("K2V_TO_ACCESS_KEY_ID", &there.credentials.key_id)
        .with("K2V_TO_SECRET_ACCESS_KEY", &there.credentials.secret)
        .with("K2V_TO_BUCKET", "target");
    assert!(copier.ok("copy --dry-run").text().contains("3002 items would be copied"));
    let copied = copier.ok("copy").text();
    assert_eq!(copied, "3002 items copied; 3002 items compared, all the same; 1 item only in the target\n");
    assert_eq!(target.ok("read p gone -b").text(), "-\n");
    target.ok("rm extra own");
    let mut kept = content(&target);
    kept.retain(|line| !line.contains("\"pk\":\"extra\""));
    assert_eq!(kept, content(&source));

    // What changed since is carried over: also a deletion that empties a partition.
    source.ok("rm p stays");
    source.ok("put p2 new x");
    assert!(copier.ok("copy").text().starts_with("2 items copied; "));
    assert_eq!(target.ok("read p stays -b").text(), "-\n");
    assert!(copier.ok("copy").text().starts_with("0 items copied; "));
    assert_eq!(source.run("copy").code, 2, "a bucket is not copied to itself");
}
