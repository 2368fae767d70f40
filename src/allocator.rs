//! How the C library's allocator gives memory back.

/// Blocks from this size on are mapped on their own and unmapped when freed, and this much free memory at most stays at
/// the top of a heap. Requests are served from smaller blocks; request bodies of some megabytes are what is larger.
const THRESHOLD_BYTES: i32 = 4 << 20;

/// Keeps large blocks out of the heaps.
///
/// Left alone, glibc takes the size of each large block that is freed as its new threshold, up to 32 MiB, and takes blocks
/// below it from heaps that fragment: after some large request bodies the process kept 100 MiB for ever. A threshold
/// that was set is not moved.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library offers no other way; the proof is at the block")]
pub(crate) fn give_back_large_blocks() {
    // SAFETY: `mallopt` takes two integers and is called before this program starts its first thread. It answers 0 for a
    // parameter that it does not take, and nothing has changed then.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, THRESHOLD_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, THRESHOLD_BYTES);
    }
}

/// Other C libraries give large blocks back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back_large_blocks() {}
