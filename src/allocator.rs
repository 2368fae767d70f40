//! How the C library's allocator gives memory back.

/// Keeps large blocks out of the heaps: has glibc map blocks from 4 MiB on one by one, and unmap them when they are
/// freed, and keep at most as much free memory at the top of a heap.
///
/// Left alone, glibc takes the size of each large block that is freed as its new threshold, up to 32 MiB, and takes
/// blocks below it from heaps that fragment: after some large request bodies the process kept 100 MiB for ever. A
/// threshold that was set is not moved.
///
/// glibc reads its tunables only when a process begins, so this program begins again with them: same process id, same
/// arguments. Where that fails it goes on as it is.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn give_back_large_blocks() {
    use std::os::unix::process::CommandExt;

    const VARIABLE: &str = "GLIBC_TUNABLES";
    const THRESHOLDS: &str = "glibc.malloc.mmap_threshold=4194304:glibc.malloc.trim_threshold=4194304";

    let given = std::env::var(VARIABLE).unwrap_or_default();
    if given.contains("glibc.malloc.mmap_threshold") {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let tunables = if given.is_empty() { THRESHOLDS.to_owned() } else { format!("{given}:{THRESHOLDS}") };
    let mut arguments = std::env::args_os();
    let mut again = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    // Returns only if it fails; what it fails with changes nothing.
    let _ = again.args(arguments).env(VARIABLE, tunables).exec();
}

/// Other C libraries give large blocks back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back_large_blocks() {}
