//! Operators who change the layout, two at once too, and who take a key its permissions.

use crate::arena::{Arena, BUCKET, K2V_PORT};
use crate::harness::{Client, Connection, Request};
use rand::RngExt;
use rand::rngs::StdRng;
use std::time::{Duration, Instant};

/// How long a change of the control plane may take to be in force at every node that is linked with the others.
const SPREAD: Duration = Duration::from_secs(2);

/// The node without a role.
fn spare(arena: &Arena) -> usize {
    arena.members.len() - 1
}

/// A node that runs, and is not the one that is meant.
fn operator(arena: &Arena, at: usize) -> usize {
    (0..arena.members.len())
        .find(|&other| other != at && arena.is_running(other) && arena.members[other].hindrances == 0)
        .unwrap_or(0)
}

fn assign(arena: &Arena, by: usize, at: usize, zone: &str) -> Result<(), String> {
    arena.command(by, &["layout", "assign", "-z", zone, "-c", "1G", &arena.members[at].id]).map(drop)
}

fn unassign(arena: &Arena, by: usize, at: usize) -> Result<(), String> {
    arena.command(by, &["layout", "remove", &arena.members[at].id]).map(drop)
}

/// Applies what is staged, and waits until the older version is retired.
fn apply(arena: &mut Arena, by: usize) -> Result<(), String> {
    let version = version(arena, by)? + 1;
    let applied = arena.command(by, &["layout", "apply", "--version", &version.to_string()]);
    if let Err(error) = applied {
        // What is staged is in nobody's way later.
        let _ = arena.command(by, &["layout", "revert"]);
        return Err(error);
    }
    arena.say(&format!("layout version {version}"));
    Ok(())
}

fn version(arena: &Arena, by: usize) -> Result<u64, String> {
    let layout = arena.ask(by, "/v2/GetClusterLayout").map_err(|error| error.to_string())?;
    layout.json()["version"].as_u64().ok_or_else(|| layout.to_string())
}

pub(super) fn settle(arena: &mut Arena, _: usize, _: &mut StdRng) -> Result<(), String> {
    arena.wait_until_whole()
}

fn set_role(arena: &mut Arena, at: usize, has_role: bool) {
    arena.members[at].has_role = has_role;
    arena.look();
}

pub(super) fn add(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    let (spare, by) = (spare(arena), operator(arena, at));
    if arena.members[spare].has_role {
        return Ok(());
    }
    assign(arena, by, spare, "zone-spare")?;
    apply(arena, by)?;
    set_role(arena, spare, true);
    Ok(())
}

pub(super) fn take_away(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    arena.wait_until_whole()?;
    let (spare, by) = (spare(arena), operator(arena, at));
    if arena.members[spare].has_role {
        unassign(arena, by, spare)?;
        set_role(arena, spare, false);
        apply(arena, by)?;
    }
    arena.wait_until_whole()
}

/// One of the others goes; with three replicas a fourth node has to be there first.
pub(super) fn remove(arena: &mut Arena, at: usize, rng: &mut StdRng) -> Result<(), String> {
    if arena.replicas().len() <= crate::arena::REPLICAS {
        add(arena, at, rng)?;
        arena.wait_until_whole()?;
    }
    let by = operator(arena, at);
    unassign(arena, by, at)?;
    set_role(arena, at, false);
    apply(arena, by)
}

pub(super) fn give_back(arena: &mut Arena, at: usize, rng: &mut StdRng) -> Result<(), String> {
    arena.wait_until_whole()?;
    let by = operator(arena, at);
    if !arena.members[at].has_role {
        assign(arena, by, at, &format!("zone{at}"))?;
        apply(arena, by)?;
        set_role(arena, at, true);
    }
    take_away(arena, at, rng)
}

/// The spare node in the place of another one, in one version.
pub(super) fn replace(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    let (spare, by) = (spare(arena), operator(arena, at));
    if arena.members[spare].has_role {
        return Ok(());
    }
    assign(arena, by, spare, &format!("zone{at}"))?;
    unassign(arena, by, at)?;
    apply(arena, by)?;
    set_role(arena, spare, true);
    set_role(arena, at, false);
    Ok(())
}

pub(super) fn replace_back(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    arena.wait_until_whole()?;
    let (spare, by) = (spare(arena), operator(arena, at));
    if !arena.members[at].has_role {
        assign(arena, by, at, &format!("zone{at}"))?;
        unassign(arena, by, spare)?;
        apply(arena, by)?;
        set_role(arena, at, true);
        set_role(arena, spare, false);
    }
    arena.wait_until_whole()
}

/// A node moves to another zone, which another node may have, too.
pub(super) fn rezone(arena: &mut Arena, at: usize, rng: &mut StdRng) -> Result<(), String> {
    let by = operator(arena, at);
    assign(arena, by, at, &format!("zone{}", rng.random_range(0..7)))?;
    apply(arena, by)
}

/// Two operators stage and apply different layouts at two nodes in the same moment: one version follows, or none.
pub(super) fn apply_at_once(arena: &mut Arena, at: usize, rng: &mut StdRng) -> Result<(), String> {
    let (one, other) = (operator(arena, at), at);
    let next = (version(arena, one)? + 1).to_string();
    let zone: u32 = rng.random_range(0..5);
    let place = |by: usize| {
        let arena = &*arena;
        let (next, zone) = (&next, format!("both{zone}-{by}"));
        move || {
            assign(arena, by, at, &zone)?;
            arena.command(by, &["layout", "apply", "--version", next]).map(drop)
        }
    };
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(place(one));
        let second = scope.spawn(place(other));
        (first.join().expect("no panic"), second.join().expect("no panic"))
    });
    for by in [one, other] {
        // The loser's changes stay staged.
        let _ = arena.command(by, &["layout", "revert"]);
    }
    arena.say(&format!("two applies at once: {first:?} and {second:?}"));
    let reached = version(arena, one)?;
    if first.is_ok() && second.is_ok() && reached.to_string() == next {
        // Both may be told of success if what they had staged had met before.
        arena.say("both were told that they made the same version");
    }
    Ok(())
}

/// A key that may write, and then may not: within moments no node that is linked with the others takes its writes.
pub(super) fn revoke(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    let admin = arena.admin(operator(arena, at));
    let problem = |error: std::io::Error| error.to_string();
    let request = Request::new("POST", "/v2/CreateKey", "").with("content-type", "application/json");
    let made = admin.try_call(request.with_body(r#"{ "name": "to be revoked" }"#)).map_err(problem)?;
    if made.status != 200 {
        return Err(made.to_string());
    }
    let made = made.json();
    let text = |field: &str| made[field].as_str().unwrap_or_default().to_owned();
    let mut key = arena.credentials.clone();
    (key.key_id, key.secret) = (text("accessKeyId"), text("secretAccessKey"));
    let bucket = arena.command(
        operator(arena, at),
        &["bucket", "allow", BUCKET, "--read", "--write", "--key", &key.key_id],
    );
    bucket?;
    let permitted = Instant::now();
    let nodes: Vec<usize> = (0..arena.members.len())
        .filter(|&node| arena.is_running(node) && arena.members[node].hindrances == 0)
        .filter(|&node| {
            (0..arena.members.len()).all(|other| other == node || arena.network.are_linked(node, other))
        })
        .collect();
    let status = |node: usize| {
        let addr = std::net::SocketAddr::new(arena.members[node].addr, K2V_PORT);
        let put = Client::new(addr, key.clone(), BUCKET).put_request("revoked", &node.to_string(), None, "x");
        let mut connection = Connection::open(addr)?;
        connection.set_patience(SPREAD * 5)?;
        connection.call(&key.sign(put)).map(|answer| answer.status)
    };
    while !nodes.iter().all(|&node| status(node).is_ok_and(|status| status == 204)) {
        if permitted.elapsed() > SPREAD * 5 {
            return Err("the new key is not taken everywhere".to_owned());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    arena.command(operator(arena, at), &["key", "delete", "--yes", &key.key_id])?;
    let revoked = Instant::now();
    std::thread::sleep(SPREAD);
    for &node in &nodes {
        let asked = revoked.elapsed();
        if matches!(status(node), Ok(204)) {
            arena.findings.add(format!("node {node} takes writes of a key {asked:?} after it was deleted"));
        }
    }
    Ok(())
}
