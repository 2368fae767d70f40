//! What scripts written for the older tool do: positional keys, one-letter options, and the global ones in front.

use crate::harness::{Node, shared_node, unique};
use crate::program::Program;

#[test]
fn values_come_from_a_file_the_input_base64_or_a_text() {
    let node = shared_node();
    let program = Program::at(&node, &unique("inputs"));
    let file = node.home.write("value.bin", "from a file");
    program.ok_args(&["insert", "pk", "file", "-f", file.to_str().unwrap()]);
    assert_eq!(program.run_with_input(&["insert", "pk", "input", "-f", "-"], b"\xff\x00\n").code, 0);
    program.ok("insert pk base64 -b AAECAw==");
    program.ok_args(&["insert", "pk", "text", "-t", "-5 degrees"]);
    let raw = |sk: &str| program.ok_args(&["read", "pk", sk, "-r"]).out;
    assert_eq!(raw("file"), b"from a file");
    assert_eq!(raw("input"), b"\xff\x00\n");
    assert_eq!(raw("base64"), [0, 1, 2, 3]);
    assert_eq!(raw("text"), b"-5 degrees");
}

#[test]
fn an_item_is_printed_in_each_of_four_forms() {
    let node = shared_node();
    let program = Program::at(&node, &unique("forms"));
    program.ok("insert pk sk -t one");
    program.ok("insert pk sk -t two");
    let json = program.ok("read pk sk -j").json();
    assert_eq!(json["value"], serde_json::json!(["b25l", "dHdv"]));
    let token = json["causality"].as_str().unwrap();
    assert_eq!(program.ok("read pk sk -b").text(), format!("{token}\nb25l\ndHdv\n"));
    let human = format!("causality: {token}\nvalues:\n  utf-8: one\n  utf-8: two\n");
    assert_eq!(program.ok("read pk sk -H").text(), human);
    assert_eq!(program.run("read pk sk -r").code, 4);

    program.ok_args(&["insert", "pk", "sk", "-c", token, "-t", "three"]);
    assert_eq!(program.ok("read pk sk -r").text(), "three");
    let token = program.ok("read pk sk -j").json()["causality"].as_str().unwrap().to_owned();
    program.ok_args(&["delete", "pk", "sk", "-c", &token]);
    assert_eq!(program.ok("read pk sk -b").text().lines().nth(1), Some(""));
    let deleted = program.run("read pk sk -r");
    assert_eq!((deleted.code, deleted.out.as_slice()), (2, &b""[..]), "{deleted:?}");
    assert_eq!(program.ok("read pk sk -o jsonl").json()["value"], serde_json::json!([null]));
}

#[test]
fn the_global_options_stand_before_the_command() {
    let node = shared_node();
    let bucket = unique("globals");
    Program::at(&node, &bucket).ok("put pk sk value");
    let endpoint = format!("http://{}", node.addr);
    let Node { credentials, .. } = &*node;
    let place = ["-r", &credentials.region, "-e", &endpoint, "-k", &credentials.key_id, "-b", &bucket];
    let secret = ["-s", &credentials.secret];
    let filter = ["read-range", "pk", "-s", "sj", "-e", "sl", "-p", "s", "-l", "5", "-r", "-t", "-j"];
    let arguments = [place.as_slice(), secret.as_slice(), filter.as_slice()].concat();
    // Reversed, `start` is the upper end: nothing lies between `sj` and `sl` then.
    let none = Program::nowhere().run_args(&arguments);
    assert_eq!((none.code, none.json()["values"].clone()), (0, serde_json::json!([])), "{none:?}");
    let read = ["read", "pk", "sk", "-r"];
    let arguments = [place.as_slice(), secret.as_slice(), read.as_slice()].concat();
    assert_eq!(Program::nowhere().ok_args(&arguments).text(), "value");
}

#[test]
fn ranges_are_filtered_limited_and_reversed() {
    let node = shared_node();
    let program = Program::at(&node, &unique("ranges"));
    for sk in ["a1", "a2", "a3", "b1"] {
        program.ok_args(&["insert", "pk", sk, "-t", sk]);
    }
    program.ok("insert pk a2 -t second");
    program.ok("delete pk b1");
    let keys = |arguments: &str| -> Vec<String> {
        let page = program.ok(arguments).json();
        let items = page["values"].as_array().unwrap();
        items.iter().map(|item| item["sort_key"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keys("read-range pk -a -j"), ["a1", "a2", "a3"]);
    assert_eq!(keys("read-range pk -j -t"), ["a1", "a2", "a3", "b1"]);
    assert_eq!(keys("read-range pk -j -c"), ["a2"]);
    assert_eq!(keys("read-range pk -j -r -l 2"), ["a2", "a3"], "the highest, from the lowest");
    assert_eq!(keys("read-range pk -j -r -s a2"), ["a1", "a2"]);
    assert_eq!(keys("read-range pk -j -s a2 -e a3"), ["a2"]);
    assert_eq!(program.ok("read-range pk -j -l 1").json()["next_key"], "a2");
    assert_eq!(program.ok("read-range pk -l 2 -o raw").text(), "a1\na2\n");

    let index = program.ok("read-index -j -p p").json();
    let counts = serde_json::json!([{"partition_key":"pk","entries":3,"conflicts":1,"values":4,"bytes":12}]);
    assert_eq!(index["values"], counts);
    assert_eq!(program.ok("delete-range pk -p a1").text(), "deleted 1 keys\n");
    assert_eq!(program.ok("delete-range pk --all").text(), "deleted 2 keys\n");
    assert_eq!(program.ok("delete-range pk --all -j").text(), "0\n");
    assert_eq!(program.ok("read-index -j").json()["values"], serde_json::json!([]));
    assert_eq!(program.ok("read-index").text(), "partition_key  entries  conflicts  values  bytes\n");
}

#[test]
fn a_poll_of_an_item_ends_with_its_change_or_in_time() {
    let node = shared_node();
    let program = Program::at(&node, &unique("poll-item"));
    program.ok("insert pk sk -t one");
    let token = program.ok("read pk sk -j").json()["causality"].as_str().unwrap().to_owned();
    let poll = ["poll-item", "pk", "sk", "-c", &token, "-T", "1", "-j"];
    assert_eq!(program.ok_args(&poll).text(), "null\n");
    let waiting = ["poll-item", "pk", "sk", "-c", &token, "-T", "60", "-b"];
    std::thread::scope(|scope| {
        let poll = scope.spawn(|| program.ok_args(&waiting));
        program.ok_args(&["insert", "pk", "sk", "-c", &token, "-t", "two"]);
        assert_eq!(poll.join().unwrap().text().lines().nth(1), Some("dHdv"));
    });
}

#[test]
fn a_poll_of_a_range_gives_a_marker_to_go_on_from() {
    let node = shared_node();
    let program = Program::at(&node, &unique("poll-range"));
    program.ok("insert pk a -t one");
    let all = program.ok("poll-range pk -j").json();
    assert_eq!(all["values"].as_array().unwrap().len(), 1);
    let marker = all["seen_marker"].as_str().unwrap();
    let unchanged = program.ok_args(&["poll-range", "pk", "-S", marker, "-T", "1"]).text();
    assert_eq!(unchanged, "Delay expired and value didn't change.\n");
    program.ok("insert pk b -t two");
    let changed = program.ok_args(&["poll-range", "pk", "-S", marker, "-p", "b", "-j"]).json();
    assert_eq!(changed["values"][0]["sort_key"], "b");
    assert_eq!(changed["values"].as_array().unwrap().len(), 1);
}

#[test]
fn keys_of_any_content_are_arguments() {
    let node = shared_node();
    let program = Program::at(&node, &unique("keys"));
    for key in ["a//b", "a/../b", "/x", "%2F", "it's \"quoted\"", "line\nfeed", "🦀", " "] {
        program.ok_args(&["insert", key, key, "-t", key]);
        assert_eq!(program.ok_args(&["read", key, key, "-r"]).text(), key);
    }
    program.ok_args(&["put", "--", "-pk", "-sk", "-v"]);
    assert_eq!(program.ok_args(&["get", "--", "-pk", "-sk"]).text(), "-v");
}
