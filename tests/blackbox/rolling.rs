//! Nodes that are restarted one after the other under load, and a client that knows all of them.

use crate::harness::node::free_address;
use crate::harness::{Credentials, Home, Node};
use futures_util::TryStreamExt;
use k2v_client::{Bucket, Error, K2vClient};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Barrier;

const BUCKET: &str = "rolling";
const WRITERS: usize = 16;

fn credentials() -> Credentials {
    Credentials {
        key_id: format!("GK{}", "5".repeat(24)),
        secret: "6".repeat(64),
        region: "garage".to_owned(),
    }
}

/// A node by itself with the same key as the others. No cluster, so each keeps what it was given.
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

fn bucket(addrs: &[SocketAddr]) -> Bucket {
    let endpoints: Vec<_> = addrs.iter().map(|addr| format!("http://{addr}")).collect();
    let Credentials { key_id, secret, region } = credentials();
    K2vClient::new(region, endpoints.join(","), key_id, secret).unwrap().bucket(BUCKET)
}

/// Adds values without tokens, which no client may repeat on its own account, and gives the keys of all that was acknowledged.
async fn write_until(
    is_over: Arc<AtomicBool>,
    bucket: Bucket,
    writer: usize,
    at_work: Arc<Barrier>,
) -> Result<Vec<String>, Error> {
    let mut acknowledged = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let sk = format!("{writer}-{:06}", acknowledged.len());
        bucket.insert_item("pk", &sk, "x", None).await?;
        acknowledged.push(sk);
        if acknowledged.len() == 1 {
            at_work.wait().await;
        }
    }
    Ok(acknowledged)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_call_and_repeats_no_write() {
    let addrs = [free_address(), free_address()];
    let mut nodes: Vec<_> = addrs.iter().map(|&addr| start(Home::new(), addr)).collect();
    let (is_over, all) = (Arc::new(AtomicBool::new(false)), bucket(&addrs));
    let at_work = Arc::new(Barrier::new(WRITERS + 1));
    let spawn =
        |writer| tokio::spawn(write_until(Arc::clone(&is_over), all.clone(), writer, Arc::clone(&at_work)));
    let writers: Vec<_> = (0..WRITERS).map(spawn).collect();
    // Who connects in the very moment in which a node begins to stop is cut off: that is not what this is about.
    at_work.wait().await;
    for index in [0, 1, 0, 1] {
        let mut node = nodes.remove(index);
        node = tokio::task::spawn_blocking(move || {
            node.process().terminate();
            assert!(node.process().wait().success(), "{}", node.log());
            start(node.kill(), addrs[index])
        })
        .await
        .unwrap();
        nodes.insert(index, node);
    }
    is_over.store(true, Ordering::Relaxed);
    let mut acknowledged = BTreeSet::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap().expect("no call fails"));
    }
    let mut kept = Vec::new();
    for addr in addrs {
        let mut items = bucket(&[addr]).items("pk");
        while let Some(entry) = items.try_next().await.unwrap() {
            kept.push(entry.sort_key);
        }
    }
    assert!(!acknowledged.is_empty());
    assert_eq!(kept.len(), acknowledged.len(), "a write was lost, or is at both nodes");
    assert_eq!(kept.into_iter().collect::<BTreeSet<_>>(), acknowledged);
}
