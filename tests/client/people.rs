//! The daily work of a person: put, get, list, count, remove, resolve.

use crate::program::Program;

#[test]
fn a_put_replaces_what_a_reader_sees_unless_it_is_blind() {
    let program = Program::shared("put");
    program.ok("put pk sk one");
    program.ok("put pk sk two");
    assert_eq!(program.ok("get pk sk -o json").json()["v"], serde_json::json!(["dHdv"]));
    program.ok("rm pk sk");
    program.ok("put pk sk again");
    assert_eq!(program.ok("get pk sk").text(), "again", "what follows a deletion stands alone");
    let token = program.ok("get pk sk -o json").json()["ct"].as_str().unwrap().to_owned();
    program.ok("put pk sk three --blind");
    let refused = program.run("put pk sk four");
    assert_eq!(refused.code, 4);
    assert!(refused.err.contains("nothing was written: the item holds 2 concurrent values"), "{refused:?}");
    assert!(refused.err.contains("k2v-cli resolve pk sk --value TEXT"), "{refused:?}");
    assert!(refused.err.contains("put --blind"), "{refused:?}");
    assert_eq!(program.ok("get pk sk -o json").json()["v"].as_array().unwrap().len(), 2);
    // A token replaces what it covers, without a read.
    program.ok_args(&["put", "pk", "sk", "five", "--causality", &token]);
    assert_eq!(program.ok("get pk sk -o json").json()["v"], serde_json::json!(["Zml2ZQ==", "dGhyZWU="]));
    assert_eq!(program.run_args(&["put", "pk", "sk", "x", "--blind", "-c", &token]).code, 2);
    assert_eq!(program.run_with_input(&["put", "pk", "input"], b"\x00\xff").code, 0);
    assert_eq!(program.ok("get pk input").out, b"\x00\xff");
}

#[test]
fn a_value_beside_a_tombstone_is_explained_with_the_way_to_settle_it() {
    let program = Program::shared("beside");
    program.ok("put pk sk old");
    let token = program.ok("get pk sk -o json").json()["ct"].as_str().unwrap().to_owned();
    program.ok_args(&["put", "pk", "sk", "new", "-c", &token]);
    program.ok_args(&["delete", "pk", "sk", "-c", &token]);
    let ran = program.run("get pk sk");
    assert_eq!((ran.code, ran.out.as_slice()), (4, b"".as_slice()), "{ran:?}");
    for words in [
        "one writer deleted the item while another wrote a value",
        "1: (deleted)\n  2: new",
        "`k2v-cli resolve pk sk --keep 2` keeps the value",
        "`k2v-cli resolve pk sk --delete` the deletion",
    ] {
        assert!(ran.err.contains(words), "{words}: {ran:?}");
    }
    assert!(program.run("put pk sk x").err.contains("one writer deleted the item"));
    program.ok("resolve pk sk --keep 2");
    assert_eq!(program.ok("get pk sk").text(), "new");
}

#[test]
fn listings_come_in_four_formats() {
    let program = Program::shared("ls");
    program.ok("put part/1 a one");
    program.ok("put part/1 b two");
    program.ok("put part/2 c three");
    assert_eq!(program.ok("ls -o raw").text(), "part/1\npart/2\n");
    assert_eq!(program.ok("ls part/1 -o raw").text(), "a\nb\n");
    assert_eq!(program.ok("ls part/1 -o jsonl --prefix b").json_lines()[0]["v"][0], "dHdv");
    assert_eq!(program.ok("ls part/1 -o json").json().as_array().unwrap().len(), 2);
    let table = program.ok("ls part/1 -o table").text();
    assert_eq!(table, "SORT KEY  SIZE  VALUE\na          3 B  one\nb          3 B  two\n");
    let du = program.ok("du -o json").json();
    let total = serde_json::json!({"partitions":2,"entries":3,"conflicts":0,"values":3,"bytes":11});
    assert_eq!(du["total"], total);
    assert_eq!(program.ok("du part/2 -o raw").text(), "5\tpart/2\n5\n");
}

#[test]
fn a_dry_run_removes_nothing_and_says_what_would_go() {
    let program = Program::shared("rm");
    for sk in ["a1", "a2", "b"] {
        program.ok_args(&["put", "pk", sk, "x"]);
    }
    let dry = program.ok("rm pk --prefix a --dry-run -o raw");
    assert_eq!(dry.text(), "a1\na2\n");
    assert!(dry.err.contains("2 items would be deleted; nothing was"), "{dry:?}");
    program.ok("rm pk b --dry-run");
    assert_eq!(program.ok("ls pk -o raw").text(), "a1\na2\nb\n");
    assert_eq!(program.ok("rm pk --prefix a -o json").json()["deletedItems"], 2);
    program.ok("rm pk b");
    assert_eq!(program.ok("ls pk -o raw").text(), "");
    // Options that a deletion could only ignore are not options of it.
    for useless in ["--limit 1", "--reverse", "--conflicts-only", "--tombstones"] {
        assert_eq!(program.run(&format!("rm pk --prefix a {useless}")).code, 2, "{useless}");
    }
    assert_eq!(program.run("ls --tombstones").code, 2, "partitions have no tombstones");
    assert_eq!(program.run("rm pk never-written").code, 3);
    assert_eq!(program.run("rm pk").code, 2);
    assert_eq!(program.run("rm pk --all --limit 1").code, 2);
}

#[test]
fn a_whole_partition_or_bucket_goes_only_with_a_yes() {
    let program = Program::shared("empty");
    for pk in ["p1", "p2", "p3"] {
        program.ok_args(&["put", pk, "a", "x"]);
        program.ok_args(&["put", pk, "b", "x"]);
    }
    let keys = || program.ok("ls -o raw").text();
    for line in ["rm p1 --all", "rm --all-partitions"] {
        let refused = program.run(line);
        assert!(refused.code == 2 && refused.err.contains("--yes"), "{line}: {refused:?}");
    }
    assert_eq!(program.run("rm").code, 2);
    // A variable that is empty is no prefix.
    assert_eq!(program.run_args(&["rm", "p1", "--prefix", "", "--yes"]).code, 2);
    assert_eq!(program.run("rm p1 --all-partitions --yes").code, 2);
    let dry = program.ok("rm --all-partitions --dry-run -o raw");
    assert_eq!((dry.text().as_str(), keys().as_str()), ("p1\np2\np3\n", "p1\np2\np3\n"));
    assert!(dry.err.contains("6 items in 3 partitions would be deleted; nothing was"), "{dry:?}");
    assert_eq!(program.ok("rm p1 --all --yes").text(), "2 items deleted\n");
    assert_eq!(keys(), "p2\np3\n");
    let other = Program::shared("empty-other");
    other.ok("put p1 a x");
    let bucket = program.bucket();
    assert_eq!(
        other.ok(&format!("rm --bucket {bucket} --all-partitions --yes -o json")).json()["deletedItems"],
        4
    );
    assert_eq!(keys(), "");
    assert_eq!(other.ok("ls -o raw").text(), "p1\n", "another bucket is left alone");
}

#[test]
fn no_key_looks_like_another_one_in_a_table() {
    let program = Program::shared("alike");
    let keys = [
        "a",
        "a ",
        " a",
        "a\u{200b}",
        "a\u{202e}",
        "a\n",
        "\"a\"",
        "a\\n",
        "a  1 B",
        "a\u{a0}",
        "(deleted)",
        "…",
    ];
    for key in keys {
        program.ok_args(&["put", "pk", key, "(deleted)"]);
        program.ok_args(&["put", key, "sk", "x"]);
    }
    program.ok("put pk gone x");
    program.ok("rm pk gone");
    for (list, title) in
        [("ls pk", "SORT KEY"), ("ls", "PARTITION KEY"), ("du", "PARTITION KEY"), ("ls pk -t", "SORT KEY")]
    {
        let table = program.ok(&format!("{list} -o table")).text();
        let column = table.find(title).unwrap();
        let rows: Vec<_> = table.lines().skip(1).map(|line| line[column..].to_owned()).collect();
        let forms: std::collections::BTreeSet<_> =
            rows.iter().map(|row| row.split("  ").next().unwrap().trim_end().to_owned()).collect();
        assert_eq!(forms.len(), rows.len(), "{list}: {rows:?}");
        assert!(rows.iter().all(|row| row.chars().all(|c| !c.is_control() && c != '\u{202e}')), "{rows:?}");
    }
    let table = program.ok("ls pk -t -o table").text();
    assert_eq!(table.lines().filter(|line| line.ends_with(" (deleted)")).count(), 1, "{table}");
    assert_eq!(table.lines().filter(|line| line.ends_with(" \"(deleted)\"")).count(), keys.len(), "{table}");
}

#[test]
fn a_conflict_is_resolved_by_number_by_value_by_program_or_by_deletion() {
    let program = Program::shared("resolve");
    let plant = |sk: &str| {
        for value in ["pear", "apple"] {
            program.ok_args(&["put", "--blind", "pk", sk, value]);
        }
    };
    for sk in ["keep", "value", "merge", "delete", "failing"] {
        plant(sk);
    }
    let message = program.run("get pk keep").err;
    assert!(message.contains("1: apple\n  2: pear"), "{message}");
    program.ok("resolve pk keep --keep 2");
    assert_eq!(program.ok("get pk keep").text(), "pear");
    program.ok("resolve pk value --value plum");
    assert_eq!(program.ok("get pk value").text(), "plum");
    let merge = "grep -o '\"text\":\"[^\"]*\"' | cut -d '\"' -f 4 | sort | paste -sd + -";
    program.ok_args(&["resolve", "pk", "merge", "--merge", merge]);
    assert_eq!(program.ok("get pk merge").text(), "apple+pear\n");
    program.ok("resolve pk delete --delete");
    assert_eq!(program.run("get pk delete").code, 3);

    assert_eq!(program.run_args(&["resolve", "pk", "failing", "--merge", "exit 1"]).code, 1);
    assert_eq!(program.run("resolve pk failing --keep 3").code, 2);
    assert_eq!(program.run("resolve pk failing").code, 2, "nobody is there to be asked");
    program.ok("resolve pk failing --keep 1 --dry-run");
    assert_eq!(program.run("get pk failing").code, 4, "nothing was written");
    assert!(program.ok("resolve pk keep --keep 1").err.contains("nothing to resolve"));
}
