//! Disks that are full, slow, wiped, damaged, or put back to what they were.

use super::processes::{start_amnesiac, start_or_report};
use crate::arena::Arena;
use crate::network::PREFIX;
use rand::RngExt;
use rand::rngs::StdRng;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

fn problem(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Somebody else fills the file system of the node's folder to its last byte.
pub(super) fn fill(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    arena.hinder(at);
    let mut file = File::create(ballast(arena, at)).map_err(problem)?;
    let block = vec![1; 1 << 20];
    let mut length = block.len();
    while length > 0 {
        match file.write_all(&block[..length]) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => length /= 16,
            Err(error) => return Err(problem(error)),
        }
    }
    Ok(())
}

pub(super) fn empty(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    let removed = fs::remove_file(ballast(arena, at)).map_err(problem);
    arena.unhinder(at);
    removed
}

fn ballast(arena: &Arena, at: usize) -> PathBuf {
    arena.meta(at).join("ballast")
}

/// A disk that carries out few writes a second, by the kernel's throttling of block devices (cgroup v1).
pub(super) fn slow_down(arena: &mut Arena, at: usize, rng: &mut StdRng) -> Result<(), String> {
    let pid = arena.pid(at).ok_or("the node does not run")?;
    let group = group(at);
    fs::create_dir_all(&group).map_err(|error| format!("no cgroup of the controller blkio: {error}"))?;
    let device = fs::metadata(arena.meta(at)).map_err(problem)?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let writes = rng.random_range(4..40);
    let throttle = format!("{major}:{minor} {writes}");
    fs::write(group.join("blkio.throttle.write_iops_device"), throttle).map_err(problem)?;
    fs::write(group.join("cgroup.procs"), pid.to_string()).map_err(problem)?;
    arena.hinder(at);
    Ok(())
}

pub(super) fn speed_up(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    let group = group(at);
    if !group.exists() {
        return Ok(());
    }
    let all = group.parent().ok_or("a cgroup has a parent")?;
    if let Some(pid) = arena.pid(at) {
        fs::write(all.join("cgroup.procs"), pid.to_string()).map_err(problem)?;
    }
    arena.unhinder(at);
    fs::remove_dir(&group).map_err(problem)
}

fn group(at: usize) -> PathBuf {
    PathBuf::from(format!("/sys/fs/cgroup/blkio/{PREFIX}-{}-{at}", std::process::id()))
}

/// Everything but the node's key is gone.
pub(super) fn wipe(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    arena.lost_memory = true;
    arena.kill(at);
    remove_contents(&arena.meta(at), &["node_key"]).map_err(problem)
}

fn remove_contents(folder: &Path, kept: &[&str]) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if kept.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

/// What a power cut would leave now, to be put back later.
pub(super) fn keep_image_of_killed(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    arena.kill(at);
    let copied = copy(&arena.meta(at), &image(arena, at));
    start_or_report(arena, at);
    copied
}

pub(super) fn put_back_killed(arena: &mut Arena, at: usize, rng: &mut StdRng) -> Result<(), String> {
    arena.kill(at);
    put_back(arena, at, rng)
}

/// A backup that an operator made of a stopped node, to be put back later.
pub(super) fn keep_image_of_stopped(arena: &mut Arena, at: usize, _: &mut StdRng) -> Result<(), String> {
    arena.stop(&[at]);
    let copied = copy(&arena.meta(at), &image(arena, at));
    start_or_report(arena, at);
    copied
}

pub(super) fn put_back_stopped(arena: &mut Arena, at: usize, rng: &mut StdRng) -> Result<(), String> {
    arena.stop(&[at]);
    put_back(arena, at, rng)
}

fn put_back(arena: &mut Arena, at: usize, rng: &mut StdRng) -> Result<(), String> {
    arena.lost_memory = true;
    let (meta, image) = (arena.meta(at), image(arena, at));
    if image.exists() {
        remove_contents(&meta, &[]).map_err(problem)?;
        copy(&image, &meta)?;
        fs::remove_dir_all(&image).map_err(problem)?;
    }
    start_amnesiac(arena, at, rng)
}

fn image(arena: &Arena, at: usize) -> PathBuf {
    arena.members[at].dir.join("image")
}

/// Sockets are left out: nobody listens on them.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(problem)?;
    let contents = from.join(".");
    let status = Command::new("cp").args(["-a", "--sparse=always"]).arg(contents).arg(to).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("cp: {other:?}")),
    }
}

/// Single bits of the tree's file, while the node is stopped. The meta pages at its beginning are spared.
pub(super) fn flip_bits(arena: &mut Arena, at: usize, rng: &mut StdRng) -> Result<(), String> {
    const META_PAGES: u64 = 2 * 4096;
    arena.allows_damage = true;
    arena.stop(&[at]);
    let path = crate::harness::home::find(&arena.meta(at), "data.mdb").ok_or("no data.mdb")?;
    let mut file = File::options().read(true).write(true).open(path).map_err(problem)?;
    let length = file.metadata().map_err(problem)?.len();
    for _ in 0..3 {
        let mut byte = [0];
        let place = SeekFrom::Start(rng.random_range(META_PAGES..length.max(META_PAGES + 1)));
        file.seek(place).and_then(|_| file.read_exact(&mut byte)).map_err(problem)?;
        byte[0] ^= 1 << rng.random_range(0..8);
        file.seek(place).and_then(|_| file.write_all(&byte)).map_err(problem)?;
    }
    let begun = Instant::now();
    start_or_report(arena, at);
    arena.say(&format!(
        "started on a damaged store after {:.1} s",
        (Instant::now() - begun).max(Duration::ZERO).as_secs_f64()
    ));
    Ok(())
}
