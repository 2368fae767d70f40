//! Several nodes of a cluster where one is named: the one that is there answers.

use crate::harness::node::free_address;
use crate::harness::{Home, shared_node, unique};
use crate::program::Program;

#[test]
fn a_list_of_endpoints_is_as_good_as_its_best() {
    let node = shared_node();
    let program = Program::at(&node, &unique("endpoints"));
    let list = format!("http://{}, http://{}", free_address(), node.addr);
    program.with("K2V_ENDPOINT", &list).ok("put pk sk value");
    assert_eq!(program.with("K2V_ENDPOINT", "").ok_args(&["-e", &list, "get", "pk", "sk"]).text(), "value");

    let home = Home::new();
    std::fs::create_dir(home.path().join("k2v")).unwrap();
    home.write("k2v/config.toml", &format!("[profile.cluster]\nendpoint = \"{list}\"\n"));
    let profiled = program.with("XDG_CONFIG_HOME", home.path().to_str().unwrap());
    assert_eq!(profiled.ok("--profile cluster get pk sk").text(), "value");
}

#[test]
fn the_doctor_looks_at_each_of_them_and_bench_wants_one() {
    let node = shared_node();
    let program = Program::at(&node, &unique("endpoints-doctor"));
    let here = format!("http://{}", node.addr);
    let twice = program.with("K2V_ENDPOINT", &format!("{here},{here}")).ok("doctor -o json").json();
    let checks: Vec<_> = twice.as_array().unwrap().iter().map(|finding| &finding["check"]).collect();
    assert_eq!(checks, ["settings", "endpoint", "clock", "endpoint", "clock", "reading", "round trip"]);
    let dead = program.with("K2V_ENDPOINT", &format!("{here},http://{}", free_address()));
    let found = dead.run("doctor");
    assert_eq!(found.code, 6, "{found:?}");
    assert_eq!(dead.run("bench --duration 1").code, 2);
}
