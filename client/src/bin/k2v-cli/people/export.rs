//! `export`: a bucket as JSON lines.

use std::path::{Path, PathBuf};

use clap::Args;
use futures_util::TryStreamExt;
use indicatif::ProgressBar;
use k2v_client::{Bucket, KeyRange};

use super::export_file::{ExportFile, Subject};
use super::extent;
use crate::failure::Failure;
use crate::output::{Line, Out, count};
use crate::session::Session;

/// Export a bucket, or some of its partitions, as JSON lines
///
/// Each line is an item: {"pk":…,"sk":…,"v":[BASE64 or null,…]}, in the order of the keys, with all concurrent values.
///
/// With --file NAME, the export is written to NAME.partial and gets its name when it is complete. NAME.partial.run says what it is an
/// export of. One that was interrupted goes on when the same command is started again; for another bucket, server or choice of items it
/// is refused, so that no file holds parts of two exports. Items that were exported before the interruption are not read again:
/// --restart begins anew.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Only these partitions
    pk: Vec<String>,
    /// Only partitions whose key begins with this
    #[arg(short, long, value_name = "TEXT", conflicts_with = "pk")]
    prefix: Option<String>,
    /// Also items that are deleted (of partitions that hold anything: K2V lists no others)
    #[arg(short, long)]
    tombstones: bool,
    /// Write into this file instead of the standard output
    #[arg(short, long)]
    file: Option<PathBuf>,
    /// Drop what an interrupted export left behind
    #[arg(long, requires = "file")]
    restart: bool,
}

/// Where the lines go.
enum Sink<'a> {
    Out(&'a mut Out),
    File(&'a mut ExportFile),
}

impl Sink<'_> {
    fn line(&mut self, line: &Line) -> Result<(), Failure> {
        match self {
            Self::Out(out) => out.json_line(line),
            Self::File(file) => file.line(line),
        }
    }
}

impl Export {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.persistent_bucket()?;
        if let Some(path) = &self.file {
            return self.export_to_file(session, &bucket, path).await;
        }
        // The lines themselves show how far it is.
        let bar = match session.out.is_terminal() {
            true => ProgressBar::hidden(),
            false => self.bar(session, &bucket).await?,
        };
        let exported = self.export(&bucket, &mut Sink::Out(&mut session.out), None, &bar).await;
        bar.finish_and_clear();
        exported.map(|_| ())
    }

    async fn export_to_file(&self, session: &Session, bucket: &Bucket, path: &Path) -> Result<(), Failure> {
        let subject = Subject {
            endpoint: session.connection()?.endpoint.value,
            bucket: bucket.name().to_owned(),
            partitions: self.partitions(),
            prefix: self.prefix.clone(),
            tombstones: self.tombstones,
        };
        let mut file = ExportFile::open(path, subject, self.restart)?;
        if let Some(resumed) = file.resumed() {
            session.terminal.remark(&resumed);
        }
        let bar = self.bar(session, bucket).await?;
        bar.inc(file.lines_before);
        let last = file.last.take();
        let exported = self.export(bucket, &mut Sink::File(&mut file), last, &bar).await;
        bar.finish_and_clear();
        // What came before an error is kept as well: the next attempt goes on from there.
        file.save()?;
        match exported {
            Ok(exported) => {
                let total = count(file.lines_before + exported, "item");
                file.complete()?;
                session.terminal.remark(&format!("{total} exported"));
                Ok(())
            }
            Err(failure) => {
                session.terminal.remark("Start the same export again: it goes on where this one stopped.");
                Err(failure)
            }
        }
    }

    async fn bar(&self, session: &Session, bucket: &Bucket) -> Result<ProgressBar, Failure> {
        if self.pk.is_empty() {
            return Ok(extent::bar(session.terminal, bucket, self.prefix.as_deref()).await?);
        }
        Ok(session.terminal.counter("items"))
    }

    /// The partitions that were asked for, each once, in the order of a listing.
    fn partitions(&self) -> Vec<String> {
        let mut keys = self.pk.clone();
        keys.sort();
        keys.dedup();
        keys
    }

    /// Exports what comes after the line `last`.
    async fn export(
        &self,
        bucket: &Bucket,
        sink: &mut Sink<'_>,
        last: Option<Line>,
        bar: &ProgressBar,
    ) -> Result<u64, Failure> {
        let mut exported = 0;
        if self.pk.is_empty() {
            let range = KeyRange {
                prefix: self.prefix.clone(),
                start: last.as_ref().map(|line| line.pk.clone()),
                ..KeyRange::all()
            };
            let mut partitions = bucket.partitions().range(range);
            while let Some(partition) = partitions.try_next().await? {
                let pk = partition.partition_key;
                exported += self.export_partition(bucket, &pk, sink, last.as_ref(), bar).await?;
            }
            return Ok(exported);
        }
        let keys = self.partitions();
        for pk in keys.iter().filter(|pk| last.as_ref().is_none_or(|line| **pk >= line.pk)) {
            exported += self.export_partition(bucket, pk, sink, last.as_ref(), bar).await?;
        }
        Ok(exported)
    }

    async fn export_partition(
        &self,
        bucket: &Bucket,
        pk: &str,
        sink: &mut Sink<'_>,
        last: Option<&Line>,
        bar: &ProgressBar,
    ) -> Result<u64, Failure> {
        let mut items = bucket.items(pk);
        if self.tombstones {
            items = items.tombstones();
        }
        if let Some(last) = last.filter(|line| line.pk == pk) {
            // The first key after the last one: no key lies between.
            items = items.start(format!("{}\0", last.sk));
        }
        let mut exported = 0;
        while let Some(entry) = items.try_next().await? {
            // Tokens mean nothing elsewhere, and without them equal buckets make equal exports.
            sink.line(&Line { ct: None, ..Line::new(pk, entry) })?;
            exported += 1;
            bar.inc(1);
        }
        Ok(exported)
    }
}
