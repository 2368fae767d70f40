//! Which keys a command is about: FILTER of the commands for scripts, and the parts of it that people need.

use clap::Args;
use k2v_client::{BatchDelete, BatchRead, KeyRange, PollRange};

use crate::failure::Failure;

/// Options for a range of keys.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Filter")]
pub(crate) struct Span {
    /// Only keys that begin with this
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) prefix: Option<String>,
    /// The first key, included
    #[arg(short, long, value_name = "KEY")]
    pub(crate) start: Option<String>,
    /// Where to stop, excluded
    #[arg(short, long, value_name = "KEY")]
    pub(crate) end: Option<String>,
}

impl Span {
    /// Whether nothing narrows the choice. An empty text does not: a script whose variable is empty must not delete everything.
    pub(crate) fn is_everything(&self) -> bool {
        let is_empty = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
        is_empty(&self.prefix) && is_empty(&self.start) && self.end.is_none()
    }

    pub(crate) fn key_range(&self) -> KeyRange {
        KeyRange {
            prefix: self.prefix.clone(),
            start: self.start.clone(),
            end: self.end.clone(),
            ..KeyRange::all()
        }
    }

    pub(crate) fn batch_delete(&self, pk: &str) -> BatchDelete {
        BatchDelete {
            prefix: self.prefix.clone(),
            start: self.start.clone(),
            end: self.end.clone(),
            ..BatchDelete::all(pk)
        }
    }
}

/// Items to list, whichever options have chosen them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub(crate) range: KeyRange,
    pub(crate) conflicts_only: bool,
    pub(crate) tombstones: bool,
}

/// The options that choose keys. Not every command has a use for every one; [`refuse`](Self::refuse)
/// says so instead of ignoring it.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Filter {
    /// Only keys that begin with this
    #[arg(short, long, value_name = "TEXT", help_heading = "Filter")]
    pub(crate) prefix: Option<String>,
    /// The first key, included (with --reverse: the highest key)
    #[arg(short, long, value_name = "KEY", help_heading = "Filter")]
    pub(crate) start: Option<String>,
    /// Where to stop, excluded
    #[arg(short, long, value_name = "KEY", help_heading = "Filter")]
    pub(crate) end: Option<String>,
    /// Every key
    #[arg(short, long, conflicts_with_all = ["prefix", "start", "end"], help_heading = "Filter")]
    pub(crate) all: bool,
    /// At most so many
    #[arg(short, long, value_name = "N", help_heading = "Filter")]
    pub(crate) limit: Option<u64>,
    /// From the highest key down
    #[arg(short, long, help_heading = "Filter")]
    pub(crate) reverse: bool,
    /// Only items with concurrent values
    #[arg(short, long, help_heading = "Filter")]
    pub(crate) conflicts_only: bool,
    /// Also items that are deleted
    #[arg(short, long, help_heading = "Filter")]
    pub(crate) tombstones: bool,
}

/// The options that a command may have no use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Limit,
    Reverse,
    ConflictsOnly,
    Tombstones,
}

impl Filter {
    /// An error if one of these options is given.
    pub(crate) fn refuse(&self, command: &str, parts: &[Part]) -> Result<(), Failure> {
        for part in parts {
            let (is_given, name) = match part {
                Part::Limit => (self.limit.is_some(), "--limit"),
                Part::Reverse => (self.reverse, "--reverse"),
                Part::ConflictsOnly => (self.conflicts_only, "--conflicts-only"),
                Part::Tombstones => (self.tombstones, "--tombstones"),
            };
            if is_given {
                return Err(Failure::usage(format!("{command} has no use for {name}: leave it out")));
            }
        }
        Ok(())
    }

    /// Whether every key is chosen, be it by `--all` or because nothing narrows the choice.
    pub(crate) fn chooses_everything(&self) -> bool {
        self.prefix.is_none() && self.start.is_none() && self.end.is_none()
    }

    pub(crate) fn key_range(&self) -> KeyRange {
        KeyRange {
            prefix: self.prefix.clone(),
            start: self.start.clone(),
            end: self.end.clone(),
            limit: self.limit,
            reverse: self.reverse,
        }
    }

    pub(crate) fn selection(&self) -> Selection {
        Selection {
            range: self.key_range(),
            conflicts_only: self.conflicts_only,
            tombstones: self.tombstones,
        }
    }

    pub(crate) fn batch_read(&self, pk: &str) -> BatchRead {
        BatchRead {
            conflicts_only: self.conflicts_only,
            tombstones: self.tombstones,
            ..BatchRead::range(pk, self.key_range())
        }
    }

    pub(crate) fn poll_range(&self) -> PollRange {
        PollRange { prefix: self.prefix.clone(), start: self.start.clone(), end: self.end.clone() }
    }

    pub(crate) fn batch_delete(&self, pk: &str) -> BatchDelete {
        BatchDelete {
            prefix: self.prefix.clone(),
            start: self.start.clone(),
            end: self.end.clone(),
            ..BatchDelete::all(pk)
        }
    }
}
