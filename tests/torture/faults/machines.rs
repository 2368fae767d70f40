//! Machines whose clocks jump and whose processes may have little.

use crate::arena::Arena;
use rand::RngExt;
use rand::rngs::StdRng;
use std::fs;
use std::process::Command;

/// The wall clock alone: a machine's monotonic clock does not jump.
pub(super) fn jump(arena: &mut Arena, at: usize, rng: &mut StdRng) -> Result<(), String> {
    // Beyond the window for signatures the node turns all clients away, and goes on as a replica.
    let seconds: i64 = match rng.random_range(0..4) {
        0 => rng.random_range(-864_000..864_000),
        _ => rng.random_range(-850..850),
    };
    arena.say(&format!("the clock of node {at} jumps by {seconds} s"));
    set(arena, at, &format!("{seconds:+}"))
}

pub(super) fn jump_back(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    set(arena, at, "+0")
}

fn set(arena: &Arena, at: usize, offset: &str) -> Result<(), String> {
    fs::write(arena.members[at].dir.join("clock"), offset).map_err(|error| error.to_string())
}

/// Hardly any more files, or hardly any more memory, than the process has now. It may end, but not with a panic.
pub(super) fn limit(arena: &mut Arena, at: usize, rng: &mut StdRng) -> Result<(), String> {
    const SPARE_FILES: usize = 4;
    const SPARE_KIB: u64 = 8 << 10;
    let pid = arena.pid(at).ok_or("the node does not run")?;
    arena.members[at].may_end = true;
    arena.hinder(at);
    if rng.random() {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).map_err(|error| error.to_string())?.count();
        set_limit(pid, "nofile", (open + SPARE_FILES) as u64)
    } else {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|error| error.to_string())?;
        let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).ok_or("no VmSize")?;
        let kib: u64 = size.trim().trim_end_matches(" kB").parse().map_err(|_| "no number of KiB")?;
        set_limit(pid, "as", (kib + SPARE_KIB) << 10)
    }
}

pub(super) fn unlimit(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    arena.look_after_processes();
    if let Some(pid) = arena.pid(at) {
        set_limit(pid, "nofile", 65_536)?;
        let done = Command::new("prlimit").args(["--pid", &pid.to_string(), "--as=unlimited"]).status();
        done.map_err(|error| error.to_string())?;
    }
    arena.members[at].may_end = false;
    arena.unhinder(at);
    Ok(())
}

fn set_limit(pid: u32, name: &str, limit: u64) -> Result<(), String> {
    let limit = format!("--{name}={limit}:{limit}");
    match Command::new("prlimit").args(["--pid", &pid.to_string(), &limit]).status() {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("prlimit {limit}: {other:?}")),
    }
}
