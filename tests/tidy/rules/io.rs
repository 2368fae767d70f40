//! Cores do no IO: in `actors/src` only the files that are named for it do.

use crate::source::Source;

/// Names of files that may do IO; a path here speaks for the folder of the same name as well.
const SHELLS: &[&str] =
    &["/actor.rs", "/clock.rs", "/store/lmdb.rs", "/store/lmdb/", "/transport/tcp.rs", "/transport/tcp/"];

/// Beyond the design's list: path and why.
const ADDITIONS: &[(&str, &str)] = &[
    ("actors/src/store/journal/disk.rs", "the journal's file, which needs no more of a shell than this"),
    ("actors/src/store/journalled/lanes.rs", "the folders of the stores"),
    ("actors/src/whole_file.rs", "small files, replaced as a whole, for several shells"),
];

const IO: &[&str] = &[
    "std::fs",
    "TcpListener",
    "TcpStream",
    "ToSocketAddrs",
    "UdpSocket",
    "UnixListener",
    "UnixStream",
    "std::os",
    "std::process",
    "std::thread",
    "std::env",
    "SystemTime::now",
    "Instant::now",
    "tokio::fs",
    "tokio::net",
    "tokio::process",
    "tokio::spawn",
    "heed",
    "rand::rng",
    "rand::random",
    "getrandom",
];

/// Where actors are named beside `actor.rs`: what the rest of the node holds of them, and the messages between them.
const ACTORS_NAMED: &[&str] = &["/handle.rs", "/mod.rs"];

const ACTORS: &[&str] = &["actix", "actix_rt"];

pub(crate) fn rule(source: &Source) -> Vec<String> {
    let is_core = source.path.starts_with("actors/src/") && source.is_rust() && !source.is_test();
    if !is_core || is_shell(&source.path) {
        return Vec::new();
    }
    let code = spelled_out(source.production_code());
    let complaint = "a core does no IO: move it to a shell (`actor.rs`, `clock.rs`, `store/lmdb.rs`)";
    let may_name_actors = ACTORS_NAMED.iter().any(|name| source.path.ends_with(name));
    let actors = ACTORS.iter().filter(|_| !may_name_actors);
    IO.iter().chain(actors).flat_map(|needle| source.complaints_at(&code, needle, complaint)).collect()
}

fn is_shell(path: &str) -> bool {
    SHELLS.iter().any(|shell| if shell.ends_with('/') { path.contains(shell) } else { path.ends_with(shell) })
        || ADDITIONS.iter().any(|(addition, _)| path == *addition)
}

/// Appends `std::x` for every `x` of `use std::{x, …}`.
fn spelled_out(code: &str) -> String {
    let mut spelled_out = code.to_owned();
    for root in ["std", "tokio"] {
        for group in code.split(&format!("use {root}::{{")).skip(1) {
            let names = group.split(';').next().unwrap_or_default();
            let names = names.split(|c: char| !c.is_alphanumeric() && c != '_');
            spelled_out.extend(names.filter(|name| !name.is_empty()).map(|name| format!(" {root}::{name}")));
        }
    }
    spelled_out
}

#[test]
fn io_in_a_core_is_found() {
    use crate::check;
    check(rule, "actors/src/shard/core.rs", "use std::fs;", 1);
    check(rule, "actors/src/shard/core.rs", "use std::{collections::BTreeMap, fs, net::IpAddr};", 1);
    check(rule, "actors/src/store/memory.rs", "let now = std::time::Instant::now();", 1);
    check(rule, "actors/src/store/memory.rs", "fn f(env: &heed::Env) { std::thread::sleep(x) }", 2);
    check(rule, "actors/src/shard/core.rs", "use actix::Addr;", 1);
    check(rule, "actors/src/shard/reactor.rs", "use std::fs;", 1);
    check(rule, "actors/src/store/clocks.rs", "SystemTime::now()", 1);
}

#[test]
fn io_in_a_shell_and_words_about_io_are_not_found() {
    use crate::check;
    check(rule, "actors/src/shard/actor.rs", "use actix::Actor; std::thread::spawn(f)", 0);
    check(rule, "actors/src/shard/handle.rs", "use actix::Addr;", 0);
    check(rule, "actors/src/store/lmdb.rs", "use heed::Env; use std::fs;", 0);
    check(rule, "actors/src/store/lmdb/open.rs", "use heed::Env; use std::fs;", 0);
    check(rule, "actors/src/shard/core.rs", "// std::fs\n//! heed\nuse std::time::Instant;", 0);
    check(rule, "actors/src/shard/core.rs", "#[cfg(test)]\nmod tests { use std::fs; }", 0);
    check(rule, "src/main.rs", "use std::fs;", 0);
}
