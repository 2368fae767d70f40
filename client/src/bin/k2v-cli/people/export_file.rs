//! The file of an export, which is there when it is complete, and what is there before.
//!
//! ```text
//! NAME.partial.run   what is exported, by which run, since when; locked while an export is at work
//! NAME.partial       the lines so far
//! NAME               renamed from NAME.partial at the end; NAME.partial.run is removed after that
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::output::{Line, count};

/// What an export is of. Two exports with equal subjects may go on from each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Subject {
    pub(super) endpoint: String,
    pub(super) bucket: String,
    /// Sorted; all if there are none.
    pub(super) partitions: Vec<String>,
    pub(super) prefix: Option<String>,
    pub(super) tombstones: bool,
}

/// One export, over all its interruptions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    run: String,
    started: String,
    #[serde(flatten)]
    subject: Subject,
}

/// An export on its way.
#[derive(Debug)]
pub(super) struct ExportFile {
    path: PathBuf,
    partial: PathBuf,
    run_path: PathBuf,
    run: Run,
    /// Its lock keeps a second export from the same files.
    _run_file: File,
    lines: BufWriter<File>,
    /// How many lines earlier attempts have written.
    pub(super) lines_before: u64,
    /// The last of them.
    pub(super) last: Option<Line>,
}

impl ExportFile {
    /// Begins an export, or goes on with an interrupted one.
    pub(super) fn open(path: &Path, subject: Subject, is_restart: bool) -> Result<Self, Failure> {
        let partial = path.with_added_extension("partial");
        let run_path = partial.with_added_extension("run");
        let doing = |path: &Path| Failure::io(format!("write {}", path.display()));
        let mut run_file = lock(&run_path)?;
        if is_restart {
            remove(&partial).map_err(doing(&partial))?;
        }
        let has_lines = fs::metadata(&partial).is_ok_and(|partial| partial.len() > 0);
        let run = if has_lines {
            same_run(&mut run_file, &partial, &subject).inspect_err(|_| {
                // A run file that was made just now says nothing of the lines that were there before it.
                if run_file.metadata().is_ok_and(|file| file.len() == 0) {
                    let _ = fs::remove_file(&run_path);
                }
            })?
        } else {
            new_run(&mut run_file, subject).map_err(doing(&run_path))?
        };
        let kept = complete_lines(&partial).map_err(doing(&partial))?;
        let open = || -> io::Result<File> {
            let file = OpenOptions::new().create(true).append(true).open(&partial)?;
            file.set_len(kept.bytes)?;
            Ok(file)
        };
        let lines = BufWriter::new(open().map_err(doing(&partial))?);
        Ok(Self {
            path: path.to_owned(),
            partial,
            run_path,
            run,
            _run_file: run_file,
            lines,
            lines_before: kept.lines,
            last: kept.last,
        })
    }

    /// Says that the export goes on with an earlier one, if it does.
    pub(super) fn resumed(&self) -> Option<String> {
        let Run { run, started, .. } = &self.run;
        let items = count(self.lines_before, "item");
        (self.lines_before > 0).then(|| {
            format!("going on with the export that was started {started} (run {run}), after its {items}")
        })
    }

    pub(super) fn line(&mut self, line: &Line) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.lines, line)
            .map_err(io::Error::from)
            .and_then(|()| self.lines.write_all(b"\n"))
            .map_err(Failure::io(format!("write {}", self.partial.display())))
    }

    /// What was written so far outlives a crash of the machine.
    pub(super) fn save(&mut self) -> Result<(), Failure> {
        let saved = self.lines.flush().and_then(|()| self.lines.get_ref().sync_all());
        saved.map_err(Failure::io(format!("write {}", self.partial.display())))
    }

    /// Gives the saved file its name.
    pub(super) fn complete(self) -> Result<(), Failure> {
        let rename = || -> io::Result<()> {
            fs::rename(&self.partial, &self.path)?;
            sync_directory_of(&self.path)?;
            remove(&self.run_path)
        };
        rename().map_err(Failure::io(format!("write {}", self.path.display())))
    }
}

/// Opens the file of the run and locks it.
fn lock(path: &Path) -> Result<File, Failure> {
    let doing = || Failure::io(format!("write {}", path.display()));
    loop {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path).map_err(doing())?;
        match file.try_lock() {
            // An export that ended in between has removed the file.
            Ok(()) if !path.exists() => {}
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                let message = format!("another export is writing {}: wait for its end", path.display());
                return Err(Failure::other(message));
            }
            Err(TryLockError::Error(error)) => return Err(doing()(error)),
        }
    }
}

/// The run that has written the lines so far, if it is of the same subject.
fn same_run(file: &mut File, partial: &Path, subject: &Subject) -> Result<Run, Failure> {
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(Failure::io("read what an interrupted export is of"))?;
    let ways = "finish that one with its own command, or drop it with --restart";
    let partial = partial.display();
    match serde_json::from_str::<Run>(&text) {
        Ok(run) if run.subject == *subject => Ok(run),
        Ok(run) => Err(Failure::usage(format!(
            "{partial} is an interrupted export of {}, and this one is of {}: {ways}",
            run.subject.describe(),
            subject.describe()
        ))),
        Err(_) => Err(Failure::usage(format!(
            "{partial} does not say which export it is of: drop it with --restart, or choose another file"
        ))),
    }
}

fn new_run(file: &mut File, subject: Subject) -> io::Result<Run> {
    let run = Run {
        run: format!("{:08x}", rand::random::<u32>()),
        started: jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        subject,
    };
    file.set_len(0)?;
    file.rewind()?;
    serde_json::to_writer(&mut *file, &run)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    Ok(run)
}

impl Subject {
    fn describe(&self) -> String {
        let choice = match (&self.prefix, self.partitions.as_slice()) {
            (Some(prefix), _) => format!(", partitions with the prefix {prefix:?}"),
            (None, []) => String::new(),
            (None, partitions) => format!(", partitions {}", partitions.join(", ")),
        };
        let tombstones = if self.tombstones { ", with tombstones" } else { "" };
        format!("bucket {} at {}{choice}{tombstones}", self.bucket, self.endpoint)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A renamed file outlives a crash once its directory is on the disk.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    if cfg!(unix) { File::open(directory.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
}

/// The part of an interrupted export that is whole.
#[derive(Debug, Default, PartialEq, Eq)]
struct Whole {
    bytes: u64,
    lines: u64,
    last: Option<Line>,
}

/// Reads the lines up to the first that was cut off: it does not end in a line feed, or is not an item.
fn complete_lines(path: &Path) -> io::Result<Whole> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Whole::default()),
        Err(error) => return Err(error),
    };
    let (mut reader, mut text, mut whole) = (BufReader::new(file), Vec::new(), Whole::default());
    loop {
        text.clear();
        let read = reader.read_until(b'\n', &mut text)?;
        if text.last() != Some(&b'\n') {
            return Ok(whole);
        }
        let Ok(line) = serde_json::from_slice(&text) else { return Ok(whole) };
        whole = Whole { bytes: whole.bytes + read as u64, lines: whole.lines + 1, last: Some(line) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_that_was_cut_off_goes_on_after_its_last_whole_line() {
        let path = std::env::temp_dir().join(format!("k2v-cli-test-{:032x}", rand::random::<u128>()));
        assert_eq!(complete_lines(&path).unwrap(), Whole::default());
        let whole = "{\"pk\":\"p\",\"sk\":\"a\",\"v\":[null]}\n";
        fs::write(&path, format!("{whole}{{\"pk\":\"p\",\"sk\":")).unwrap();
        let found = complete_lines(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!((found.bytes, found.lines), (whole.len() as u64, 1));
        assert_eq!(found.last.unwrap().sk, "a");
    }
}
