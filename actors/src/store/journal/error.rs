//! Why a journal cannot be opened in front of its tree.

use super::log::ReplayError;
use super::recovery::Gap;
use crate::store::{CommitError, StoreError};
use std::io;

/// A journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Records are missing that were durable.
    #[error("{0}: restore it and `data.mdb` together, from one copy")]
    Gap(#[from] Gap),
    /// The tree belongs with another journal.
    #[error("it is not the journal that belongs to `data.mdb`: restore both together, from one copy")]
    Foreign,
    /// The tree cannot be read.
    #[error(transparent)]
    Unreadable(#[from] StoreError),
    /// The tree cannot be written.
    #[error(transparent)]
    Unwritable(#[from] CommitError),
}

impl From<ReplayError> for JournalError {
    fn from(error: ReplayError) -> JournalError {
        match error {
            ReplayError::Io(error) => JournalError::Io(error),
            ReplayError::Gap(gap) => JournalError::Gap(gap),
        }
    }
}
