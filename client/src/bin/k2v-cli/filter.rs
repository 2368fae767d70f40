//! Which keys a command is about: FILTER of the commands for scripts, and the parts of it that people need.

use clap::Args;
use k2v_client::{BatchDelete, BatchRead, KeyRange, PollRange};

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

/// A range of keys, or all of them, said so.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Keys {
    #[command(flatten)]
    pub(crate) span: Span,
    /// Every key
    #[arg(short, long, conflicts_with_all = ["prefix", "start", "end"], help_heading = "Filter")]
    pub(crate) all: bool,
}

impl Keys {
    pub(crate) fn poll_range(&self) -> PollRange {
        let Span { prefix, start, end } = self.span.clone();
        PollRange { prefix, start, end }
    }
}

/// A page of a range of keys.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Paged {
    #[command(flatten)]
    pub(crate) keys: Keys,
    /// At most so many
    #[arg(short, long, value_name = "N", help_heading = "Filter")]
    pub(crate) limit: Option<u64>,
    /// From the highest key down: --start is the highest, --end a lower one
    #[arg(short, long, help_heading = "Filter")]
    pub(crate) reverse: bool,
}

impl Paged {
    /// Whether the range is listed as it comes: to its end, and in the order of the keys.
    pub(crate) fn is_straight(&self) -> bool {
        self.limit.is_none() && !self.reverse
    }

    pub(crate) fn key_range(&self) -> KeyRange {
        KeyRange { limit: self.limit, reverse: self.reverse, ..self.keys.span.key_range() }
    }
}

/// A page of the items in a range of keys.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Filter {
    #[command(flatten)]
    pub(crate) page: Paged,
    /// Only items with concurrent values
    #[arg(short, long, help_heading = "Filter")]
    conflicts_only: bool,
    /// Also items that are deleted
    #[arg(short, long, help_heading = "Filter")]
    tombstones: bool,
}

impl Filter {
    pub(crate) fn selection(&self) -> Selection {
        Selection {
            range: self.page.key_range(),
            conflicts_only: self.conflicts_only,
            tombstones: self.tombstones,
        }
    }

    pub(crate) fn batch_read(&self, pk: &str) -> BatchRead {
        BatchRead {
            conflicts_only: self.conflicts_only,
            tombstones: self.tombstones,
            ..BatchRead::range(pk, self.page.key_range())
        }
    }
}
