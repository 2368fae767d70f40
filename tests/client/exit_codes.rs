//! Exit codes, and errors that say what to do next.

use crate::harness::{shared_node, unique};
use crate::program::Program;

/// Runs it, and checks the code and the words.
fn check(program: &Program, arguments: &str, code: i32, words: &str) {
    let ran = program.run(arguments);
    assert_eq!(ran.code, code, "k2v-cli {arguments}: {ran:?}");
    assert!(ran.err.contains(words), "k2v-cli {arguments}: {ran:?}");
}

#[test]
fn every_kind_of_failure_has_its_code_and_says_what_to_do() {
    let node = shared_node();
    let bucket = unique("codes");
    let program = Program::at(&node, &bucket);
    program.ok("put pk sk one");
    check(&program, "read pk missing", 3, "hint: Check both keys");
    check(&program, "--bucket no-such-bucket ls", 3, "bucket create");
    program.ok("put --blind pk sk two");
    check(&program, "get pk sk", 4, "k2v-cli resolve pk sk --keep N");
    check(&program, "-s wrong ls", 5, "k2v-cli doctor");
    check(&program, "-r elsewhere ls", 5, "--region");
    check(&program, "-e http://127.0.0.1:9 --request-timeout 5 ls", 6, "that the server runs");
    check(&program, "insert pk sk -c forged -t x", 2, "Read the item again");
    check(&program, "delete-range pk", 2, "--all for the whole partition");
    check(&program, "read-index -c", 2, "unexpected argument '-c'");
    check(&program, "insert pk sk", 2, "--text");
    check(&program, "insert pk sk -b ???", 2, "not base64");
    check(&program, "frobnicate", 2, "unrecognized subcommand");
    check(&Program::nowhere(), "ls", 2, "K2V_ENDPOINT");
    check(&program.with("K2V_BUCKET", ""), "ls", 2, "--bucket NAME");
    check(&program, "--profile nobody ls", 2, "there is no profile \"nobody\"");
    check(&program, "import /nonexistent", 1, "cannot open /nonexistent");
}

#[test]
fn with_json_an_error_is_one_object_and_nothing_else() {
    let program = Program::shared("json-errors");
    let check = |arguments: &str, code: i32, name: &str| {
        let ran = program.run(arguments);
        assert_eq!((ran.code, ran.out.as_slice()), (code, b"".as_slice()), "{arguments}: {ran:?}");
        let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap_or_else(|_| panic!("{ran:?}"));
        assert_eq!(
            (error["code"].as_str(), error["exit_code"].as_i64()),
            (Some(name), Some(i64::from(code)))
        );
        assert!(
            error["message"].is_string() && !error["message"].as_str().unwrap().contains('\n'),
            "{error}"
        );
        error
    };
    let missing = check("get pk sk -o json", 3, "NoSuchKey");
    assert!(missing["hint"].as_str().unwrap().contains("k2v-cli ls"), "{missing}");
    check("ls --bucket no-such-bucket -o jsonl", 3, "NoSuchBucket");
    check("-s wrong ls -o json", 5, "AccessDenied");
    check("-e http://127.0.0.1:9 get pk sk -o json", 6, "Unavailable");
    check("rm pk --output=json", 2, "Usage");
    let refused = check("-o json frobnicate", 2, "Usage");
    assert!(
        refused["message"].as_str().unwrap().contains("unrecognized subcommand 'frobnicate'"),
        "{refused}"
    );
    check("-o json get pk", 2, "Usage");
    let unknown = Program::nowhere().run("ls -o json");
    assert!(
        unknown.err.starts_with("{\"code\":\"Usage\"") && unknown.err.contains("profile add"),
        "{unknown:?}"
    );
    program.ok("put pk sk one");
    program.ok("put pk sk two --blind");
    let program = &program;
    let ran = program.run("put pk sk three -o json");
    let conflict: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!((conflict["code"].as_str(), ran.code), (Some("Conflict"), 4));
}

#[test]
fn a_read_that_fails_is_not_told_about_writes() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let program = Program::shared("hints").with("K2V_ENDPOINT", &endpoint);
    let read = program.run("--request-timeout 1 get pk sk");
    assert!(read.code == 7 && !read.err.contains("rit"), "{read:?}");
    let written = program.run("--request-timeout 1 put --blind pk sk x");
    assert!(written.code == 7 && written.err.contains("may have been applied"), "{written:?}");
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_a_timeout() {
    // The kernel accepts the connection; nobody ever answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let program = Program::nowhere()
        .with("K2V_ENDPOINT", &endpoint)
        .with("AWS_ACCESS_KEY_ID", "GK000000000000000000000000")
        .with("AWS_SECRET_ACCESS_KEY", "hush-hush-hush")
        .with("K2V_BUCKET", "b");
    check(&program, "--request-timeout 1 get pk sk", 7, "--request-timeout");
}

#[test]
fn debugging_says_where_settings_come_from_and_hides_the_secret() {
    let node = shared_node();
    let program = Program::at(&node, &unique("debug"));
    check(&program, "--debug read pk sk", 3, "the endpoint is http://");
    check(&program, "--debug read pk sk", 3, "the secret is set, from the environment");
    let ran = program.run("--debug -s another-secret-entirely ls");
    assert_eq!(ran.code, 5);
    assert!(!ran.err.contains("another-secret-entirely"), "{ran:?}");
}

#[test]
fn profiles_say_where_to_go_and_win_over_the_environment_when_named() {
    let node = shared_node();
    let bucket = unique("profiles");
    let program = Program::at(&node, &bucket);
    program.ok("put pk sk value");
    let home = crate::harness::Home::new();
    std::fs::create_dir(home.path().join("k2v")).unwrap();
    let secret_file = home.write("secret", &format!("{}\n", node.credentials.secret));
    let profiles = format!(
        "[profile.here]\nendpoint = \"http://{}\"\nkey_id = \"{}\"\nsecret_file = \"{}\"\nbucket = \"{bucket}\"\n\
         [profile.broken]\nendpoint = \"http://127.0.0.1:9\"\n",
        node.addr,
        node.credentials.key_id,
        secret_file.display()
    );
    home.write("k2v/config.toml", &profiles);
    let profiled = Program::nowhere().with("XDG_CONFIG_HOME", home.path().to_str().unwrap());
    assert_eq!(profiled.ok("--profile here get pk sk").text(), "value");
    assert_eq!(profiled.with("K2V_PROFILE", "here").ok("get pk sk").text(), "value");
    check(&profiled, "get pk sk", 2, "K2V_ENDPOINT");
    let mixed = program.with("XDG_CONFIG_HOME", home.path().to_str().unwrap());
    assert_eq!(mixed.ok("get pk sk").text(), "value");
    check(&mixed, "get --profile broken pk sk", 6, "127.0.0.1:9");
    home.write("k2v/config.toml", "[profile.here]\nsekret = \"hush-hush\"\n");
    let refused = profiled.run("--profile here ls");
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("config.toml line 2") && !refused.err.contains("hush-hush"), "{refused:?}");
}

#[test]
fn the_doctor_says_what_is_wrong() {
    let node = shared_node();
    let program = Program::at(&node, &unique("doctor"));
    let findings = program.ok("doctor -o json").json();
    let checks: Vec<_> = findings.as_array().unwrap().iter().map(|finding| &finding["check"]).collect();
    assert_eq!(checks, ["settings", "endpoint", "clock", "reading", "round trip"]);
    assert!(findings.as_array().unwrap().iter().all(|finding| finding["verdict"] == "good"), "{findings}");
    check(&program, "-s wrong doctor", 5, "the credentials check failed");
    check(&program, "--bucket no-such-bucket doctor", 3, "the bucket check failed");
    check(&program, "-e http://127.0.0.1:9 doctor", 6, "the endpoint check failed");
    check(&Program::nowhere(), "doctor", 2, "the settings check failed");

    let reader = node.admin().create_key("reader", &node.credentials.region);
    let id = node.admin().create_bucket(&unique("doctor-reader"));
    node.admin().allow(&id, &reader, &[crate::harness::admin::READ]);
    let reader = program
        .with("AWS_ACCESS_KEY_ID", &reader.key_id)
        .with("AWS_SECRET_ACCESS_KEY", &reader.secret)
        .with("K2V_BUCKET", &id);
    check(&reader, "doctor", 5, "the writing check failed");
    reader.ok("doctor --read-only");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let node = shared_node();
    let program = Program::at(&node, &unique("pipe"));
    let items: String = (0..5_000)
        .map(|number| format!("{{\"pk\":\"p\",\"sk\":\"{number:05}\",\"v\":[\"{}\"]}}\n", "A".repeat(64)))
        .collect();
    let imported = program.run_with_input(&["import"], items.as_bytes());
    assert_eq!(imported.code, 0, "{imported:?}");
    let ran = program.shell("k2v-cli export | head -n 1; k2v-cli ls p | head -n 2");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
}
