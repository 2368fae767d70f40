//! What the disk does, measured before anything else: figures of durable writes mean nothing without it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

const PAGE_BYTES: usize = 4096;
/// About what forty inserts take in the journal.
const APPEND_BYTES: usize = 3 * PAGE_BYTES;
const APPENDS: u64 = 500;
const FILE_PAGES: u64 = 1 << 16;
/// Pages that one group of small inserts changes in a tree, and that a checkpoint does.
const BULKS: [u64; 3] = [80, 400, 20_000];

/// Prints how long appends and bulks of pages take, each with its sync, in a file of 256 MiB that has all its blocks.
pub(crate) fn probe(folder: &Path) -> io::Result<()> {
    let path = folder.join("probe");
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    let zeros = vec![0; 1 << 20];
    for offset in (0..FILE_PAGES * PAGE_BYTES as u64).step_by(zeros.len()) {
        file.write_all_at(&zeros, offset)?;
    }
    file.sync_all()?;
    let mut appends = Vec::new();
    for n in 0..APPENDS {
        let began = Instant::now();
        file.write_all_at(&[n as u8; APPEND_BYTES], n * APPEND_BYTES as u64)?;
        file.sync_data()?;
        appends.push(began.elapsed());
    }
    appends.sort_unstable();
    let at = |part: usize| appends[appends.len() * part / 100].as_secs_f64() * 1e3;
    println!(
        "The disk: {} KiB appended and synced in {:.2} ms (p99 {:.2} ms);",
        APPEND_BYTES >> 10,
        at(50),
        at(99)
    );
    for pages in BULKS {
        let took = bulk(&file, pages)?;
        let per_second = pages as f64 / took.as_secs_f64();
        println!(
            "{pages} pages of 4 KiB, in order and apart, written and synced in {:.1} ms: {per_second:.0} a second;",
            took.as_secs_f64() * 1e3
        );
    }
    println!();
    std::fs::remove_file(path)
}

/// The time of writing so many pages spread over the file, and of the sync after them; the better of two.
fn bulk(file: &File, pages: u64) -> io::Result<Duration> {
    let once = |value: u8| {
        let began = Instant::now();
        for n in 0..pages {
            file.write_all_at(&[value; PAGE_BYTES], n * (FILE_PAGES / pages) * PAGE_BYTES as u64)?;
        }
        file.sync_data()?;
        Ok::<_, io::Error>(began.elapsed())
    };
    Ok(once(1)?.min(once(2)?))
}
