//! `import`: JSON lines into a bucket.

use std::io::{BufRead, Read};

use clap::Args;
use indicatif::ProgressBar;
use k2v_client::{BatchRead, Bucket};
use serde_json::json;

use super::import_group::{Group, Numbered, read_all};
use super::import_source;
use super::reconcile::{Existing, Plan, Tally, plan};
use super::writer::{Change, OnRefusal, Refusal, Writer};
use crate::failure::Failure;
use crate::output::{Format, Line, count};
use crate::session::Session;

/// Import JSON lines, as `export` writes them
///
/// Each line is an item: {"pk":…,"sk":…,"v":[BASE64 or null,…]}. What is there already is compared first and left alone if it is the same:
/// importing twice is importing once, and an import that was interrupted goes on when it is started again. A key that stands in
/// several lines is imported once for each, in their order.
///
/// Only what the server has acknowledged is counted as written. A line that is not an item, or that the server refuses, is named and ends the
/// import, or, with --skip-errors, is left out; the exit code is 1 in both cases. With `-o json` or `jsonl`, a line {"skipped":LINE,…} for
/// each and one with the counts are printed.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file; - is the standard input
    #[arg(default_value = "-")]
    file: String,
    /// What happens to items that are there and differ
    #[arg(long, value_enum, default_value = "replace", value_name = "HOW")]
    existing: Existing,
    /// Go on after lines that are no items and items that the server refuses
    #[arg(long)]
    skip_errors: bool,
    /// Only say what would be written
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// The longest line that is read into memory: longer than an item with a server's most and largest values.
const LINE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// How many line numbers a message lists.
const LINES_LISTED_MAX: usize = 20;

/// An import on its way.
struct Run<'a> {
    import: &'a Import,
    session: &'a mut Session,
    bucket: Bucket,
    bar: ProgressBar,
    writer: Writer,
    group: Group,
    tally: Tally,
    /// The numbers of the lines that were left out.
    skipped: Vec<u64>,
}

impl Import {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.persistent_bucket()?;
        let (mut input, length) = import_source::open(&self.file)?;
        let on_refusal = if self.skip_errors { OnRefusal::GoOn } else { OnRefusal::Stop };
        let mut run = Run {
            import: &self,
            bar: match length {
                Some(length) => session.terminal.byte_bar(length),
                None => session.terminal.byte_counter(),
            },
            session,
            writer: Writer::new(bucket.clone(), on_refusal),
            bucket,
            group: Group::default(),
            tally: Tally::default(),
            skipped: Vec::new(),
        };
        let done = run.read(&mut *input).await;
        run.bar.finish_and_clear();
        run.report(done)
    }
}

impl Run<'_> {
    async fn read(&mut self, input: &mut dyn BufRead) -> Result<(), Failure> {
        let (mut text, mut number) = (Vec::new(), 0_u64);
        loop {
            text.clear();
            let read = Read::take(&mut *input, LINE_BYTES_MAX).read_until(b'\n', &mut text);
            let length = read.map_err(Failure::io(format!("read {}", self.import.file)))?;
            if length == 0 {
                return self.apply().await;
            }
            number += 1;
            if length as u64 == LINE_BYTES_MAX {
                self.apply().await?;
                return Err(Failure::other(format!("line {number} is longer than {LINE_BYTES_MAX} bytes")));
            }
            if !text.trim_ascii().is_empty() {
                match parse(&text, number) {
                    Ok(line) => self.take(Numbered { number, line }).await?,
                    Err(failure) if self.import.skip_errors => self.skip(number, &failure.to_string())?,
                    Err(failure) => {
                        // What came before it is imported, however long ago it was read.
                        self.apply().await?;
                        return Err(failure);
                    }
                }
            }
            self.bar.inc(length as u64);
        }
    }

    async fn take(&mut self, item: Numbered) -> Result<(), Failure> {
        // The second line of a key is compared with what the first one has written.
        if self.group.is_full() || self.group.holds(&item.line) {
            self.apply().await?;
        }
        self.group.push(item);
        Ok(())
    }

    /// Compares the group with what is there, and writes what differs.
    async fn apply(&mut self) -> Result<(), Failure> {
        let items = std::mem::take(&mut self.group).into_items();
        let queries: Vec<_> =
            items.iter().map(|item| BatchRead::item(&item.line.pk, &item.line.sk).tombstones()).collect();
        let pages = read_all(&self.bucket, &queries).await?;
        for (item, page) in items.into_iter().zip(pages) {
            let Numbered { number, line } = item;
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    let refusal = Refusal { line: Some(number), pk: line.pk, sk: line.sk, error };
                    self.writer.refuse(refusal)?;
                    continue;
                }
            };
            let held = page.items.into_iter().next().map(|entry| entry.item);
            match plan(&line, held.as_ref(), self.import.existing) {
                Plan::Unchanged => self.tally.unchanged += 1,
                Plan::Kept => self.tally.kept += 1,
                Plan::Write(_) if self.import.dry_run => self.tally.written += 1,
                Plan::Write(writes) => self.writer.push(Change { line: Some(number), writes }).await?,
            }
        }
        self.writer.flush().await?;
        self.skip_refused()
    }

    fn skip_refused(&mut self) -> Result<(), Failure> {
        std::mem::take(&mut self.writer.refused)
            .into_iter()
            .try_for_each(|refusal| self.skip(refusal.line.unwrap_or_default(), &refusal.describe()))
    }

    /// Names a line that is left out.
    fn skip(&mut self, number: u64, why: &str) -> Result<(), Failure> {
        self.skipped.push(number);
        if self.is_json() {
            return self.session.out.json_line(&json!({ "skipped": number, "message": why }));
        }
        self.bar.suspend(|| self.session.terminal.error(why));
        Ok(())
    }

    fn is_json(&self) -> bool {
        self.session.out.format().is_some_and(Format::is_json)
    }

    fn report(mut self, done: Result<(), Failure>) -> Result<(), Failure> {
        self.skip_refused()?;
        let terminal = self.session.terminal;
        self.tally.written += self.writer.acknowledged;
        if self.is_json() {
            self.session.out.json_line(&json!({
                "written": self.tally.written,
                "unchanged": self.tally.unchanged,
                "kept": self.tally.kept,
                "skipped": self.skipped.len(),
            }))?;
        }
        let did = if self.import.dry_run { "would be written" } else { "written" };
        let kept = if self.tally.kept == 0 { String::new() } else { format!(", {} kept", self.tally.kept) };
        let skipped =
            if self.skipped.is_empty() { String::new() } else { format!(", {} skipped", self.skipped.len()) };
        terminal.remark(&format!(
            "{} read: {} {did}, {} the same already{kept}{skipped}",
            count(self.tally.total() + self.skipped.len() as u64, "item"),
            self.tally.written,
            self.tally.unchanged
        ));
        if let Err(failure) = done {
            let unknown = self.writer.unacknowledged();
            if let (Some(first), Some(last)) = (unknown.first(), unknown.last()) {
                terminal.remark(&format!("Lines {first} to {last} were not acknowledged."));
            }
            terminal.remark("Start the same import again: it goes on where this one stopped.");
            return Err(failure);
        }
        if self.skipped.is_empty() {
            return Ok(());
        }
        self.skipped.sort_unstable();
        let listed: Vec<_> = self.skipped.iter().take(LINES_LISTED_MAX).map(u64::to_string).collect();
        let dots = if self.skipped.len() > LINES_LISTED_MAX { ", …" } else { "" };
        Err(Failure::other(format!(
            "{} not imported: {}{dots}",
            count(self.skipped.len() as u64, "line"),
            listed.join(", ")
        )))
    }
}

fn parse(text: &[u8], number: u64) -> Result<Line, Failure> {
    let line: Line = serde_json::from_slice(text)
        .map_err(|error| Failure::other(format!("line {number} is not an exported item ({error})")))?;
    if line.v.is_empty() {
        return Err(Failure::other(format!("line {number} has no value, not even null")));
    }
    Ok(line)
}
