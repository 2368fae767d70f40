use std::fs;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The memory of a process that no file backs, in KiB.
///
/// `RssAnon`, not `VmRSS`: LMDB reads through a memory map, whose pages count as `RssFile` as long as the kernel has
/// no better use for them. They are the page cache under another name and go away under pressure; what the process
/// itself allocates does not.
pub(crate) fn anonymous_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line =
        status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("the kernel counts RssAnon");
    line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
}

/// Waits until a process has at most so much memory, for a minute at most. What it has then.
pub(crate) fn settled_kib(pid: u32, kib_max: u64) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let kib = anonymous_kib(pid);
        if kib <= kib_max || Instant::now() > deadline {
            return kib;
        }
        // Nobody announces that memory was given back.
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Looks at the memory of a process every other millisecond, and keeps the highest.
#[derive(Debug)]
pub(crate) struct Watch {
    kib: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    watcher: Option<JoinHandle<()>>,
}

impl Watch {
    pub(crate) fn begin(pid: u32) -> Watch {
        let kib = Arc::new(AtomicU64::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        let watcher = std::thread::spawn({
            let (kib, is_over) = (Arc::clone(&kib), Arc::clone(&is_over));
            move || {
                while !is_over.load(Ordering::Relaxed) {
                    kib.fetch_max(anonymous_kib(pid), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        });
        Watch { kib, is_over, watcher: Some(watcher) }
    }

    /// The most that was seen so far.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.kib.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(watcher) = self.watcher.take() {
            // It ends when the process does, which is a story of its own.
            let _ = watcher.join();
        }
    }
}

/// A stream that watches the memory of the process at its other end: at each read, and in between.
#[derive(Debug)]
pub(crate) struct Peak<R> {
    inner: R,
    pid: u32,
    watch: Watch,
}

impl<R: Read> Peak<R> {
    pub(crate) fn new(inner: R, pid: u32) -> Peak<R> {
        Peak { inner, pid, watch: Watch::begin(pid) }
    }

    /// The most that was seen so far.
    pub(crate) fn kib(&self) -> u64 {
        self.watch.peak_kib()
    }
}

impl<R: Read> Read for Peak<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.watch.kib.fetch_max(anonymous_kib(self.pid), Ordering::Relaxed);
        self.inner.read(buffer)
    }
}
