//! Moving data: export, import, copy; twice, and interrupted.

use crate::harness::{Home, Node, shared_node, unique};
use crate::program::Program;
use serde_json::json;
use std::fs;
use std::path::Path;

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
        program.ok("get p s -o json").json()["v"].clone()
    };
    assert_eq!(import("keep", "b25l"), json!(["b25l"]));
    assert_eq!(import("keep", "dHdv"), json!(["b25l"]));
    assert_eq!(import("merge", "dHdv"), json!(["b25l", "dHdv"]));
    assert_eq!(import("merge", "dHdv"), json!(["b25l", "dHdv"]));
    assert_eq!(import("replace", "dHJlcw=="), json!(["dHJlcw=="]));
    let dry = br#"{"pk":"p","sk":"s","v":["b25l"]}"#;
    assert!(program.run_with_input(&["import", "--dry-run"], dry).err.contains("1 would be written"));
    assert_eq!(program.ok("get p s -o json").json()["v"], json!(["dHJlcw=="]));
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

/// Starts an export into a file and kills it when a part of it is written.
fn kill_within(program: &Program, file: &Path, more: &[&str]) {
    let partial = file.with_added_extension("partial");
    let mut running = program.start(&[&["export", "--file", file.to_str().unwrap()], more].concat());
    while !fs::metadata(&partial).is_ok_and(|partial| partial.len() > 0) {
        assert!(running.child.try_wait().unwrap().is_none(), "it was too fast to be interrupted");
    }
    drop(running);
    assert!(!file.exists() && partial.exists());
}

#[test]
fn an_export_that_was_interrupted_goes_on_and_never_mixes_with_another() {
    let node = shared_node();
    let program = Program::at(&node, &unique("export"));
    let other = Program::at(&node, &unique("export-other"));
    assert_eq!(program.run_with_input(&["import"], variety(20_000).as_bytes()).code, 0);
    other.ok("put elsewhere sk x");
    let whole = program.ok("export").text();
    let home = Home::new();
    let file = home.path().join("dump.jsonl");
    kill_within(&program, &file, &[]);
    let partial = file.with_added_extension("partial");
    let kept = fs::read(&partial).unwrap();

    let arguments = ["export", "--file", file.to_str().unwrap()];
    let refused = other.run_args(&arguments);
    assert!(refused.code == 2 && refused.err.contains("is an interrupted export of bucket"), "{refused:?}");
    assert!(refused.err.contains(program.bucket()) && refused.err.contains("--restart"), "{refused:?}");
    for more in [["--tombstones"].as_slice(), &["--prefix", "a"], &["a"]] {
        let refused = program.run_args(&[arguments.as_slice(), more].concat());
        assert!(refused.code == 2 && refused.err.contains("interrupted export"), "{more:?}: {refused:?}");
    }
    assert_eq!(fs::read(&partial).unwrap(), kept, "what is refused changes nothing");

    let ran = program.ok_args(&arguments);
    assert!(ran.err.contains("going on with the export that was started "), "{ran:?}");
    assert!(ran.err.contains("20000 items exported"), "{ran:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), whole);
    let names: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["dump.jsonl"], "nothing else is left");

    fs::remove_file(&file).unwrap();
    kill_within(&program, &file, &[]);
    let anew = other.ok_args(&[arguments.as_slice(), &["--restart"]].concat());
    assert_eq!(anew.err, "1 item exported\n");
    assert_eq!(fs::read(&file).unwrap(), other.ok("export").out);

    // Lines without a record of where they are from.
    home.write("dump.jsonl.partial", &whole[..1_000]);
    let refused = program.run_args(&arguments);
    assert!(refused.code == 2 && refused.err.contains("does not say which export"), "{refused:?}");
    assert_eq!(fs::metadata(&partial).unwrap().len(), 1_000);
}

#[test]
fn two_exports_into_one_file_do_not_run_at_once() {
    let program = Program::shared("export-twice");
    assert_eq!(program.run_with_input(&["import"], variety(20_000).as_bytes()).code, 0);
    let home = Home::new();
    let file = home.path().join("dump.jsonl");
    let arguments = ["export", "--file", file.to_str().unwrap()];
    let mut first = program.start(&arguments);
    while !file.with_added_extension("partial").exists() {
        assert!(first.child.try_wait().unwrap().is_none(), "it was too fast");
    }
    let second = program.run_args(&arguments);
    assert!(second.code == 1 && second.err.contains("another export is writing"), "{second:?}");
    assert!(first.child.wait().unwrap().success());
    assert_eq!(fs::read(&file).unwrap(), program.ok("export").out);
}

/// A line of the partition `p`.
fn line(sk: &str, value: &str) -> String {
    format!("{{\"pk\":\"p\",\"sk\":\"{sk}\",\"v\":[\"{value}\"]}}\n")
}

#[test]
fn what_the_server_refuses_is_named_and_only_the_rest_is_counted() {
    let long = "x".repeat(5_000);
    let lines =
        [line("a", "b25l"), line(&long, "b25l"), line("b", "b25l"), "nonsense\n".into(), line("", "b25l")];
    let lines = lines.concat() + &line("c", "b25l");

    let program = Program::shared("refused");
    let stopped = program.run_with_input(&["import"], lines.as_bytes());
    assert!(stopped.code == 1 && stopped.err.contains("line 2, item p / xxx"), "{stopped:?}");
    let written = program.ok("ls p -o raw").text().lines().count();
    assert!(stopped.err.contains(&format!(": {written} written")), "{written}: {stopped:?}");

    let program = Program::shared("skipped");
    let skipped = program.run_with_input(&["import", "--skip-errors"], lines.as_bytes());
    assert_eq!(skipped.code, 1, "{skipped:?}");
    for words in [
        "line 2, item p / xxx",
        "line 4 is not an exported item",
        "line 5, item p / \"\": the server refused the request",
        "6 items read: 3 written, 0 the same already, 3 skipped",
        "3 lines not imported: 2, 4, 5",
    ] {
        assert!(skipped.err.contains(words), "{words}: {skipped:?}");
    }
    assert_eq!(program.ok("ls p -o raw").text(), "a\nb\nc\n");
    let again = program.run_with_input(&["import", "--skip-errors"], lines.as_bytes());
    assert!(again.err.contains("0 written, 3 the same already, 3 skipped"), "{again:?}");
    let counted =
        program.run_with_input(&["import", "--skip-errors", "-o", "jsonl"], lines.as_bytes()).json_lines();
    assert_eq!(counted.last().unwrap(), &json!({"written": 0, "unchanged": 3, "kept": 0, "skipped": 3}));
    let mut skipped: Vec<_> =
        counted.iter().filter_map(|line| line.get("message").map(|_| &line["skipped"])).collect();
    skipped.sort_by_key(|line| line.as_u64());
    assert_eq!(skipped, [2, 4, 5]);

    let reader = program.with("AWS_SECRET_ACCESS_KEY", "wrong");
    let denied = reader.run_with_input(&["import", "--skip-errors"], lines.as_bytes());
    assert!(denied.code == 5 && denied.err.contains(": 0 written"), "no line is to blame: {denied:?}");
}

#[test]
fn a_key_that_comes_twice_is_treated_alike_however_far_apart() {
    let node = shared_node();
    let filler: String = (0..1_200).map(|number| line(&format!("filler-{number:04}"), "b25l")).collect();
    let (first, second) = (line("k", "b25l"), line("k", "dHdv"));
    for (how, expected) in [("replace", &["dHdv"] as &[_]), ("keep", &["b25l"]), ("merge", &["b25l", "dHdv"])]
    {
        for between in ["", filler.as_str()] {
            let program = Program::at(&node, &unique("twice"));
            let lines = [first.as_str(), between, &second].concat();
            let ran = program.run_with_input(&["import", "--existing", how], lines.as_bytes());
            assert_eq!(ran.code, 0, "{ran:?}");
            let values = &program.ok("get p k -o json").json()["v"];
            assert_eq!(*values, json!(expected), "{how}, {} bytes apart", between.len());
        }
    }
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
    assert_eq!(target.ok("get p gone -o json").json()["v"], json!([null]));
    target.ok("rm extra own");
    let mut kept = content(&target);
    kept.retain(|line| !line.contains("\"pk\":\"extra\""));
    assert_eq!(kept, content(&source));

    // What changed since is carried over: also a deletion that empties a partition.
    source.ok("rm p stays");
    source.ok("put p2 new x");
    assert!(copier.ok("copy").text().starts_with("2 items copied; "));
    assert_eq!(target.ok("get p stays -o json").json()["v"], json!([null]));
    assert!(copier.ok("copy").text().starts_with("0 items copied; "));
    assert_eq!(source.run("copy").code, 2, "a bucket is not copied to itself");
}

#[test]
fn an_import_into_a_full_store_counts_what_was_acknowledged_and_no_more() {
    let node = Node::dev_in(Home::new(), &[("TROUPE_LMDB_MAP_SIZE", "8MiB"), ("TROUPE_LANES", "1")]);
    let program = Program::at(&node, "full");
    let lines: String = (0..1_000).map(|number| line(&format!("{number:04}"), &"A".repeat(20_000))).collect();
    let ran = program.run_with_input(&["import", "--skip-errors"], lines.as_bytes());
    assert!(ran.code == 6 && ran.err.contains("Make room on the server's disk"), "{ran:?}");
    let items = program.ok("du -o json").json()["total"]["entries"].as_u64().unwrap();
    assert!(ran.err.contains(&format!("{items} items read: {items} written, 0 the same already")), "{ran:?}");
    assert!(ran.err.contains(&format!("Lines {} to ", items + 1)), "{ran:?}");
}
