//! `export`: a bucket as JSON lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use futures_util::TryStreamExt;
use indicatif::ProgressBar;
use k2v_client::{Bucket, KeyRange};

use super::extent;
use crate::failure::Failure;
use crate::output::{Line, Out, count};
use crate::session::Session;

/// Export a bucket, or some of its partitions, as JSON lines
///
/// Each line is an item: {"pk":…,"sk":…,"v":[BASE64 or null,…]}, in the order of the keys, with all concurrent values. With
/// --file, the export appears under its name when it is complete; one that was interrupted goes on when it is started again.
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
}

/// Where the lines go.
enum Sink<'a> {
    Out(&'a mut Out),
    File(BufWriter<File>),
}

impl Sink<'_> {
    fn line(&mut self, line: &Line) -> Result<(), Failure> {
        match self {
            Self::Out(out) => out.json_line(line),
            Self::File(file) => serde_json::to_writer(&mut *file, line)
                .map_err(io::Error::from)
                .and_then(|()| file.write_all(b"\n"))
                .map_err(Failure::io("write the export")),
        }
    }
}

impl Export {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.persistent_bucket()?;
        let bar = if self.file.is_none() && session.out.is_terminal() {
            // The lines themselves show how far it is.
            ProgressBar::hidden()
        } else if self.pk.is_empty() {
            extent::bar(session.terminal, &bucket, self.prefix.as_deref()).await?
        } else {
            session.terminal.counter("items")
        };
        let exported = match &self.file {
            Some(path) => self.export_to_file(&bucket, path, &bar).await,
            None => self.export(&bucket, &mut Sink::Out(&mut session.out), None, &bar).await,
        };
        bar.finish_and_clear();
        let exported = exported?;
        if self.file.is_some() {
            session.terminal.remark(&format!("{} exported", count(exported, "item")));
        }
        Ok(())
    }

    /// Writes beside the file, from where an earlier attempt stopped, and gives it its name at the end.
    async fn export_to_file(&self, bucket: &Bucket, path: &Path, bar: &ProgressBar) -> Result<u64, Failure> {
        let partial = path.with_added_extension("partial");
        let doing = || format!("write {}", partial.display());
        let (kept, last) = complete_lines(&partial).map_err(Failure::io(doing()))?;
        let open = || -> io::Result<File> {
            let file = OpenOptions::new().create(true).append(true).open(&partial)?;
            file.set_len(kept)?;
            Ok(file)
        };
        let mut sink = Sink::File(BufWriter::new(open().map_err(Failure::io(doing()))?));
        let exported = self.export(bucket, &mut sink, last, bar).await;
        if let Sink::File(mut file) = sink {
            // Also what came before an error is kept: the next attempt builds on it.
            file.flush().and_then(|()| file.get_ref().sync_all()).map_err(Failure::io(doing()))?;
        }
        let exported = exported?;
        fs::rename(&partial, path).map_err(Failure::io(format!("write {}", path.display())))?;
        Ok(exported)
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
        let mut keys = self.pk.clone();
        keys.sort();
        keys.dedup();
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

/// The length of the complete lines of an interrupted export, and the last of them.
fn complete_lines(path: &Path) -> io::Result<(u64, Option<Line>)> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, None)),
        Err(error) => return Err(error),
    };
    let (mut reader, mut text) = (BufReader::new(file), Vec::new());
    let (mut length, mut last) = (0, None);
    loop {
        text.clear();
        let read = reader.read_until(b'\n', &mut text)?;
        // What does not end in a line feed, or is no item, was cut off: it is written anew.
        if text.last() != Some(&b'\n') {
            return Ok((length, last));
        }
        let Ok(line) = serde_json::from_slice(&text) else { return Ok((length, last)) };
        length += read as u64;
        last = Some(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_that_was_cut_off_goes_on_after_its_last_whole_line() {
        let path = std::env::temp_dir().join(format!("k2v-cli-test-{:032x}", rand::random::<u128>()));
        assert_eq!(complete_lines(&path).unwrap(), (0, None));
        let whole = "{\"pk\":\"p\",\"sk\":\"a\",\"v\":[null]}\n";
        fs::write(&path, format!("{whole}{{\"pk\":\"p\",\"sk\":")).unwrap();
        let (length, last) = complete_lines(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!((length, last.unwrap().sk.as_str()), (whole.len() as u64, "a"));
    }
}
