//! `import`: JSON lines into a bucket.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use bytes::Bytes;
use clap::Args;
use futures_util::future::BoxFuture;
use indicatif::ProgressBar;
use k2v_client::{BatchRead, Bucket, Entry, Error, Page, Value};

use super::reconcile::{Existing, Tally, Writer, plan};
use crate::failure::Failure;
use crate::output::{Line, count};
use crate::session::Session;

/// Import JSON lines, as `export` writes them
///
/// Each line is an item: {"pk":…,"sk":…,"v":[BASE64 or null,…]}. What is there already is compared first and left alone if it is the same: importing
/// twice is importing once, and an import that was interrupted goes on when it is started again.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file; - is the standard input
    #[arg(default_value = "-")]
    file: String,
    /// What happens to items that are there and differ
    #[arg(long, value_enum, default_value = "replace", value_name = "HOW")]
    existing: Existing,
    /// Only say what would be written
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// How many items are compared at a time.
const ITEMS_MAX: usize = 500;

/// How many bytes of values are compared at a time.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The longest line that is read into memory.
const LINE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Items to compare. A key that comes twice counts as it came last.
#[derive(Default)]
struct Group {
    lines: BTreeMap<(String, String), Line>,
    bytes: usize,
}

impl Group {
    fn push(&mut self, line: Line) {
        self.bytes += line.v.iter().filter_map(Value::data).map(Bytes::len).sum::<usize>();
        self.lines.insert((line.pk.clone(), line.sk.clone()), line);
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= ITEMS_MAX || self.bytes >= BYTES_MAX
    }
}

impl Import {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.persistent_bucket()?;
        let (mut input, length) = open(&self.file)?;
        let bar = match length {
            Some(length) => session.terminal.byte_bar(length),
            None => session.terminal.byte_counter(),
        };
        let mut writer = Writer::new(bucket.clone());
        let mut tally = Tally::default();
        let done = self.import(&bucket, &mut *input, &mut writer, &mut tally, &bar).await;
        bar.finish_and_clear();
        let did = if self.dry_run { "would be written" } else { "written" };
        let kept = if tally.kept == 0 { String::new() } else { format!(", {} kept", tally.kept) };
        session.terminal.remark(&format!(
            "{} read: {} {did}, {} the same already{kept}",
            count(tally.total(), "item"),
            tally.written,
            tally.unchanged
        ));
        if done.is_err() {
            session.terminal.remark("Start the same import again: it goes on where this one stopped.");
        }
        done
    }

    async fn import(
        &self,
        bucket: &Bucket,
        input: &mut dyn BufRead,
        writer: &mut Writer,
        tally: &mut Tally,
        bar: &ProgressBar,
    ) -> Result<(), Failure> {
        let (mut group, mut text, mut number) = (Group::default(), Vec::new(), 0_u64);
        loop {
            text.clear();
            let read = Read::take(&mut *input, LINE_BYTES_MAX).read_until(b'\n', &mut text);
            let length = read.map_err(Failure::io(format!("read {}", self.file)))?;
            number += 1;
            if length as u64 == LINE_BYTES_MAX {
                return Err(Failure::other(format!("line {number} is longer than {LINE_BYTES_MAX} bytes")));
            }
            if length > 0 && !text.trim_ascii().is_empty() {
                group.push(parse(&text, number)?);
            }
            if length == 0 || group.is_full() {
                self.apply(bucket, std::mem::take(&mut group), writer, tally).await?;
            }
            if length == 0 {
                return Ok(());
            }
            bar.inc(length as u64);
        }
    }

    /// Compares a group with what is there, and writes what differs.
    async fn apply(
        &self,
        bucket: &Bucket,
        group: Group,
        writer: &mut Writer,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let queries: Vec<_> =
            group.lines.keys().map(|(pk, sk)| BatchRead::item(pk, sk).tombstones()).collect();
        let pages = read_all(bucket, &queries).await?;
        for (line, page) in group.lines.values().zip(pages) {
            let held = page.items.into_iter().next().map(|entry| entry.item);
            let writes = plan(line, held.as_ref(), self.existing, tally);
            if !self.dry_run {
                writer.push(writes).await?;
            }
        }
        writer.flush().await
    }
}

/// Reads items; in halves, if their values are too many for one answer.
fn read_all<'a>(
    bucket: &'a Bucket,
    queries: &'a [BatchRead],
) -> BoxFuture<'a, Result<Vec<Page<Entry>>, Failure>> {
    Box::pin(async move {
        match bucket.read_batch(queries).await {
            Err(Error::ResponseTooLarge { .. }) if queries.len() > 1 => {
                let (left, right) = queries.split_at(queries.len() / 2);
                let mut pages = read_all(bucket, left).await?;
                pages.extend(read_all(bucket, right).await?);
                Ok(pages)
            }
            pages => Ok(pages?),
        }
    })
}

fn parse(text: &[u8], number: u64) -> Result<Line, Failure> {
    let line: Line = serde_json::from_slice(text).map_err(|error| {
        Failure::other(format!("line {number} is not an exported item ({error}): nothing after it was read"))
    })?;
    if line.v.is_empty() {
        return Err(Failure::other(format!("line {number} has no value, not even null")));
    }
    Ok(line)
}

fn open(path: &str) -> Result<(Box<dyn BufRead>, Option<u64>), Failure> {
    if path == "-" {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let file = File::open(path).map_err(Failure::io(format!("open {path}")))?;
    let metadata = file.metadata().map_err(Failure::io(format!("look at {path}")))?;
    let length = metadata.is_file().then_some(metadata.len());
    Ok((Box::new(BufReader::new(file)), length))
}
