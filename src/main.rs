//! The `troupe` binary.

use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// Gives free memory back: pages unused for ten seconds go to the system, and a thread of the allocator
/// sees to it in an idle process too. The C library's allocator keeps what lies below the last block in use of each
/// heap, so that a node stayed as large as its worst minute.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    troupe::cli::main()
}
