//! The log: lines on standard error, at `info` unless `RUST_LOG` or `TROUPE_LOG` say otherwise.
//!
//! Under journald a line carries its priority instead of a time, which journald notes itself.

use env_logger::{Builder, Env, Target};
use log::Level;
use std::io::Write;
use std::os::fd::AsFd;

/// What is logged by default: our own lines, and what the HTTP server warns of. Malformed HTTP from clients is no
/// news: anybody could fill the log with it.
const FILTER_DEFAULT: &str = "info,actix_server=warn,actix_http=off";

/// Starts logging, once.
pub(crate) fn start() {
    let filter = std::env::var("RUST_LOG").or_else(|_| std::env::var("TROUPE_LOG"));
    let filter = filter.unwrap_or_else(|_| FILTER_DEFAULT.to_owned());
    let mut builder = Builder::from_env(Env::default());
    builder.parse_filters(&filter).target(Target::Stderr);
    if journal_reads_stderr() {
        builder.format(|out, record| {
            writeln!(out, "<{}>{}: {}", priority(record.level()), record.target(), record.args())
        });
    }
    // A second start, as tests may ask for, changes nothing.
    let _ = builder.try_init();
}

/// The priorities of syslog, which journald reads at the beginning of a line (sd-daemon(3)).
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// Whether standard error is the very stream that systemd has named in `JOURNAL_STREAM`, and not redirected since.
fn journal_reads_stderr() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(status) = rustix::fs::fstat(std::io::stderr().as_fd()) else { return false };
    named == format!("{}:{}", status.st_dev, status.st_ino)
}
