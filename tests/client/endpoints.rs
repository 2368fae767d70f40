//! Several nodes of a cluster where one is named: the one that is there answers.

use crate::harness::node::free_address;
use crate::harness::{Credentials, Home, Node, shared_node, unique};
use crate::program::Program;
use k2v_client::{Bucket, Error, K2vClient, RetryPolicy};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const BUCKET: &str = "endpoints";

/// Longer than a client leaves an endpoint alone that failed a few times.
const PATIENCE: Duration = Duration::from_secs(60);

fn credentials() -> Credentials {
    Credentials {
        key_id: format!("GK{}", "7".repeat(24)),
        secret: "8".repeat(64),
        region: "garage".to_owned(),
    }
}

/// A node by itself; all have the same key, and each keeps what it was given.
fn start(home: Home, addr: SocketAddr) -> Node {
    let config = format!(
        "metadata_dir = \"{}\"\nreplication_factor = 1\nrpc_bind_addr = \"{}\"\n[k2v_api]\napi_bind_addr = \"{addr}\"\n",
        home.path().join("meta").display(),
        free_address(),
    );
    let key = format!("{}:{}", credentials().key_id, credentials().secret);
    let arguments = ["--single-node", "--default-bucket", BUCKET, "--default-key", &key];
    Node::server(home, &config, addr, &arguments, credentials(), BUCKET)
}

fn library(addrs: &[SocketAddr], policy: RetryPolicy) -> Bucket {
    let Credentials { key_id, secret, region } = credentials();
    let builder = K2vClient::builder(region, format!("http://{}", addrs[0]), key_id, secret);
    let builder = addrs[1..].iter().fold(builder, |builder, addr| builder.also_at(&format!("http://{addr}")));
    builder.retry(policy).build().unwrap().bucket(BUCKET)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_healthy_endpoint_is_asked_and_one_that_failed_again_later() {
    let addrs = [free_address(), free_address()];
    let (first, second) = (start(Home::new(), addrs[0]), start(Home::new(), addrs[1]));
    for (node, name) in [(&first, "first"), (&second, "second")] {
        library(&[node.addr], RetryPolicy::default()).insert_item("pk", "who", name, None).await.unwrap();
    }
    let both = library(&addrs, RetryPolicy::default());
    let who = || async {
        String::from_utf8(both.read_item("pk", "who").await.unwrap().single().unwrap().to_vec()).unwrap()
    };
    assert_eq!(who().await, "first");
    let home = first.kill();
    assert_eq!(who().await, "second", "the call that finds the first away goes on at the second");
    let _first = start(home, addrs[0]);
    let begun = Instant::now();
    while who().await != "first" {
        assert!(begun.elapsed() < PATIENCE, "an endpoint that is back is not asked again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn through_one_endpoint_a_restart_shows_nothing_but_honest_errors() {
    let addr = free_address();
    let mut node = start(Home::new(), addr);
    let is_over = Arc::new(AtomicBool::new(false));
    let bucket = library(&[addr], RetryPolicy::none());
    let writer = tokio::spawn({
        let is_over = Arc::clone(&is_over);
        async move {
            let (mut kept, mut failed) = (Vec::new(), 0);
            for number in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let sk = format!("{number:06}");
                match bucket.insert_item("pk", &sk, "x", None).await {
                    Ok(()) => kept.push(sk),
                    Err(Error::Unavailable(_) | Error::Connect { .. } | Error::Disconnected(_)) => {
                        failed += 1;
                    }
                    Err(other) => panic!("{other}"),
                }
            }
            (kept, failed)
        }
    });
    for is_killed in [false, true] {
        tokio::time::sleep(Duration::from_millis(300)).await;
        node = tokio::task::spawn_blocking(move || {
            if !is_killed {
                node.process().terminate();
                assert!(node.process().wait().success(), "{}", node.log());
            }
            start(node.kill(), addr)
        })
        .await
        .unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    let (kept, failed) = writer.await.unwrap();
    assert!(!kept.is_empty() && failed > 0, "{} kept, {failed} failed", kept.len());
    let bucket = library(&[addr], RetryPolicy::default());
    for sk in kept {
        assert!(bucket.read_item("pk", &sk).await.is_ok(), "{sk} was acknowledged");
    }
}

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
