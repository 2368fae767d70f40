//! Epochs: when an environment may go on as if nothing had happened.
//!
//! Closing cleanly leaves a nonce in the environment, its *mark*, and beside it a *witness* that repeats the nonce and
//! says which file the environment then was. An older image that is put back has another mark, or none; a whole folder
//! that is restored has another inode or change time, which no copy can bring back.
//!
//! What this cannot see is a stopped machine whose whole disk is rolled back to a moment when the node was stopped too.

use crate::mutation::{Mutation, is_on};
use serde::{Deserialize, Serialize};

/// The time between two moments at which a store may have forgotten something.
///
/// Drawn at random whenever an environment is new, restored, or was not closed cleanly. An actor id that was stored
/// under another epoch is never minted from again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Epoch(pub u64);

/// Which file an environment is, and when it last changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Testimony {
    /// Its inode.
    pub inode: u64,
    /// The time of its last change, in nanoseconds since 1970.
    pub changed_ns: i128,
}

/// What a clean close says beside the environment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Witness {
    /// The same as in the environment.
    pub nonce: u64,
    /// The environment's file after its last change.
    pub file: Testimony,
}

/// How an opening finds an environment, before it changes anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Left {
    /// The epoch that it was in.
    pub epoch: Option<Epoch>,
    /// The nonce of a clean close.
    pub mark: Option<u64>,
    /// What lies beside it.
    pub witness: Option<Witness>,
    /// Its file; `None` if there is none.
    pub file: Option<Testimony>,
}

impl Left {
    /// The epoch to go on in: the stored one if the environment was closed cleanly and is the very file that was
    /// closed, a fresh one otherwise. The mark and the witness have to be gone before anything is written.
    pub fn epoch(&self, fresh: Epoch) -> Epoch {
        let is_proven = match (self.mark, self.witness, self.file) {
            (Some(_), _, _) if is_on(Mutation::WitnessAlwaysTrue) => true,
            (Some(nonce), Some(witness), Some(file)) => witness == Witness { nonce, file },
            (None, _, _) | (_, None, _) | (_, _, None) => false,
        };
        self.epoch.filter(|_| is_proven).unwrap_or(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Testimony = Testimony { inode: 3, changed_ns: 4 };
    const CLOSED: Left = Left {
        epoch: Some(Epoch(1)),
        mark: Some(7),
        witness: Some(Witness { nonce: 7, file: FILE }),
        file: Some(FILE),
    };

    #[track_caller]
    fn check(left: Left, is_resumed: bool) {
        assert_eq!(left.epoch(Epoch(2)), Epoch(if is_resumed { 1 } else { 2 }), "{left:?}");
    }

    #[test]
    fn an_environment_goes_on_only_where_everything_agrees() {
        check(CLOSED, true);
        check(Left { mark: None, ..CLOSED }, false);
        check(Left { mark: Some(6), ..CLOSED }, false);
        check(Left { witness: None, ..CLOSED }, false);
        check(Left { file: None, ..CLOSED }, false);
        check(Left { file: Some(Testimony { inode: 4, ..FILE }), ..CLOSED }, false);
        check(Left { file: Some(Testimony { changed_ns: 5, ..FILE }), ..CLOSED }, false);
        check(Left { epoch: None, ..CLOSED }, false);
    }
}
