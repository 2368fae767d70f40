//! A full map and a full disk: the write is refused, nothing acknowledged is lost, reads go on, deletions work, and
//! the space comes back.

use crate::harness::{Client, Home, Node, check_error};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const VALUE_BYTES: usize = 20_000;

/// Writes until there is no room, and returns how many values were acknowledged.
fn fill_up(client: &Client, pk: &str) -> usize {
    let value = vec![b'v'; VALUE_BYTES];
    for i in 0..100_000 {
        let answer = client.put(pk, &format!("{i:06}"), None, &value);
        if answer.status != 204 {
            let message = check_error(&answer, 507, "InsufficientStorage");
            assert!(!message.is_empty());
            return i;
        }
    }
    panic!("{} MB fit into a small place", 100_000 * VALUE_BYTES / 1_000_000);
}

fn check_everything_is_there(client: &Client, pk: &str, count: usize) {
    let items = client.list(&json!({ "partitionKey": pk }));
    assert_eq!(items.len(), count);
    for (i, (sk, item)) in items.iter().enumerate() {
        assert_eq!(sk, &format!("{i:06}"));
        assert_eq!(item.values, [Some(vec![b'v'; VALUE_BYTES])]);
    }
}

/// The story, on a node whose store is small.
fn check_a_full_store(node: Node, start_again: impl Fn(Home) -> Node) {
    let client = node.client();
    let count = fill_up(&client, "first");
    assert!(count > 50, "only {count} values fit");
    for _ in 0..20 {
        check_error(&client.put("first", "more", None, vec![b'v'; VALUE_BYTES]), 507, "InsufficientStorage");
    }
    check_everything_is_there(&client, "first", count);
    assert_eq!(client.get("first", "more").status, 404);
    let batch: Vec<_> = (0..50)
        .map(|i| json!({ "pk": "batch", "sk": format!("{i}"), "v": crate::harness::base64([b'v'; VALUE_BYTES]) }))
        .collect();
    check_error(&client.insert_batch(&Value::Array(batch)), 507, "InsufficientStorage");
    assert!(client.list(&json!({ "partitionKey": "batch" })).is_empty(), "refused as a whole");

    // A crash at the worst time loses nothing either.
    let node = start_again(node.kill());
    let client = node.client();
    check_everything_is_there(&client, "first", count);

    let one = client.get("first", "000000").expect(200);
    client.delete("first", "000000", Some(&one.token())).expect(204);
    let rest = client.delete_batch(&json!([{ "partitionKey": "first" }])).expect(200).json();
    assert_eq!(rest[0]["deletedItems"], count - 1);
    assert!(client.list(&json!({ "partitionKey": "first" })).is_empty());
    let again = fill_up(&client, "second");
    assert!(again * 10 >= count * 8, "{count} values fitted at first, {again} after everything was deleted");
    check_everything_is_there(&client, "second", again);
}

/// Each adds a row, and none counted as growth: they took the room that deletions need, down to the last page.
#[test]
fn tombstones_for_keys_that_never_were_do_not_take_the_room_of_deletions() {
    let environment = [("TROUPE_LMDB_MAP_SIZE", "8MiB"), ("TROUPE_LANES", "1")];
    let node = Node::dev_in(Home::new(), &environment);
    let client = node.client();
    client.put("kept", "large", None, vec![b'v'; VALUE_BYTES]).expect(204);
    client.put("kept", "small", None, "v").expect(204);
    let tombstones = |round: usize| {
        let of_round = (0..1000).map(|i| json!({ "pk": "never", "sk": format!("{round}/{i}"), "v": null }));
        Value::Array(of_round.collect())
    };
    let refused =
        (0..200).map(|round| client.insert_batch(&tombstones(round))).find(|answer| answer.status != 204);
    check_error(&refused.expect("the map is full at some time"), 507, "InsufficientStorage");
    check_error(&client.put("kept", "more", None, "v"), 507, "InsufficientStorage");
    for sk in ["small", "large"] {
        let token = client.get("kept", sk).expect(200).token();
        client.delete("kept", sk, Some(&token)).expect(204);
    }
}

/// Who holds a key that leaked must not be able to keep it by filling the store.
#[test]
fn on_a_full_store_a_key_can_be_revoked() {
    let environment = [("TROUPE_LMDB_MAP_SIZE", "8MiB"), ("TROUPE_LANES", "1")];
    let node = Node::dev_in(Home::new(), &environment);
    let admin = node.admin();
    let bucket = admin.create_bucket("leaky");
    let key = admin.create_key("leaked", "garage");
    admin.allow(&bucket, &key, &["read", "write"]);
    let client = node.client().with_key(&key).in_bucket("leaky");
    fill_up(&client, "pk");
    admin.deny(&bucket, &key, &["write"]);
    check_error(&client.put("pk", "sk", None, "v"), 403, "AccessDenied");
    admin.post("/v2/DeleteKey", &[("id", &key.key_id)], &json!({})).expect(200);
    check_error(&client.get("pk", "000000"), 403, "AccessDenied");
}

#[test]
fn a_full_map_refuses_writes_and_nothing_else() {
    let environment = [("TROUPE_LMDB_MAP_SIZE", "8MiB"), ("TROUPE_LANES", "1")];
    check_a_full_store(Node::dev_in(Home::new(), &environment), |home| Node::dev_in(home, &environment));
}

/// A small filesystem, if this system lets us make one.
struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    fn mount(at: &Path) -> Option<SmallDisk> {
        std::fs::create_dir_all(at).unwrap();
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=12m,mode=0700", "troupe-story"])
            .arg(at)
            .stderr(std::process::Stdio::null())
            .status();
        status.is_ok_and(|status| status.success()).then(|| SmallDisk { at: at.to_owned() })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that was just killed may hold it for a moment longer.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

#[test]
fn a_full_disk_refuses_writes_and_nothing_else() {
    let home = Home::new();
    let Some(_disk) = SmallDisk::mount(&home.path().join("node")) else {
        println!("skipped: mounting a small filesystem takes root; the full map is tried all the same");
        return;
    };
    let environment = [("TROUPE_LMDB_MAP_SIZE", "1GiB"), ("TROUPE_LANES", "1")];
    check_a_full_store(Node::dev_in(home, &environment), |home| Node::dev_in(home, &environment));
}
